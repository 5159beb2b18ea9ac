"""Is the demo voice understood? python benchmarks/demo_cer.py runs/demo [--wavs FOLDER]. Prints one line of JSON.

Twenty sentences that are not in the demo corpus, and forty more, spoken by the run's last checkpoint, written down by
an offline recogniser (`pip install "fs2keras[recogniser]"`; its model comes with the wheel). Beside it stands the same
recogniser on espeak's own audio through the same mel-spectrogram and Griffin-Lim: what a perfect model of this corpus
would get.
"""

import argparse
import json
import platform
import statistics
from pathlib import Path

import numpy as np

from fs2keras.audio import mel, wav
from fs2keras.corpus.sentences import demo_sentences
from fs2keras.corpus.speaker import Speaker
from fs2keras.evaluation.metrics import character_error_rate
from fs2keras.evaluation.recognisers import recogniser
from fs2keras.rundir.runs import find_run
from fs2keras.voice import Voice

SENTENCES = (
    "The farmer sold his horses at the autumn market.",
    "She forgot her umbrella on the morning train.",
    "Please write your name at the top of the page.",
    "The river froze for the first time in twenty years.",
    "We watched the ships leave the harbour at sunset.",
    "My uncle repairs watches in a little shop downtown.",
    "There was a strange noise behind the kitchen door.",
    "The students finished the difficult exam before noon.",
    "He carried the heavy boxes up three flights of stairs.",
    "Bring some bread and cheese for the picnic tomorrow.",
    "The dog chased a squirrel around the old oak tree.",
    "A warm wind blew across the empty beach.",
    "They painted the bedroom walls a pale shade of green.",
    "The museum opens at nine and closes at five.",
    "I would rather stay at home than go to the party.",
    "Thunder rolled over the valley during the night.",
    "The judge listened carefully to both sides.",
    "Our neighbours are planning a trip to Norway.",
    "Two young foxes played in the tall grass.",
    "The final chapter of the book surprised everyone.",
)
# With twenty sentences chance moves the rate by three points either way; with sixty, by two.
MORE_SENTENCES = (
    "The baker sells fresh rolls every morning before seven.",
    "Her cousin works as a nurse in a large hospital.",
    "They built a small wooden house near the lake.",
    "I lost my keys somewhere between the bus and the bank.",
    "The teacher explained the problem again and again.",
    "We had soup and salad for lunch at the station.",
    "The plane landed ten minutes early in heavy rain.",
    "A stranger asked me for directions to the castle.",
    "My father taught me how to swim in the ocean.",
    "The band played until the last guest went home.",
    "She keeps a diary of everything she eats.",
    "The mountain road was closed because of the snow.",
    "He forgot to switch off the lights in the garage.",
    "The little boy was afraid of the barking dog.",
    "Our train leaves from platform number four.",
    "The gardener cut the roses in front of the window.",
    "It takes two hours to drive to the coast.",
    "The doctor told him to drink more water.",
    "There is a letter for you on the kitchen table.",
    "The price of coffee has gone up again.",
    "She painted the fence white and the door red.",
    "They sang songs around the fire all night.",
    "The bridge was built more than a century ago.",
    "I have never seen such a beautiful garden.",
    "The children made a snowman behind the school.",
    "He speaks five languages and plays the piano.",
    "The shop on the corner sells old records.",
    "Winter came early and stayed very long.",
    "We need a bigger table for the whole family.",
    "The cat sleeps on the sofa every afternoon.",
    "A loud bang woke everybody in the street.",
    "The captain ordered the crew to lower the sails.",
    "She bought a blue dress for the wedding.",
    "The film was so boring that half of us fell asleep.",
    "He put sugar in his tea instead of honey.",
    "The library is closed on public holidays.",
    "My sister collects stamps from distant countries.",
    "The police found the stolen car in the forest.",
    "We spent the summer on a farm in Ireland.",
    "The old man fed the pigeons in the park.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--wavs", type=Path, help="keep what was spoken in this folder")
    options = parser.parse_args()
    run = find_run(options.run)
    step, checkpoint = run.list_checkpoints()[-1]
    voice, speaker, write_down = Voice.load(checkpoint), Speaker("en-us"), recogniser("moonshine", "en-us")
    seen = set(demo_sentences(1000, 1))
    rows = []
    for number, sentence in enumerate((*SENTENCES, *MORE_SENTENCES)):
        assert sentence not in seen
        audio = {"voice": voice.speak(sentence).samples, "espeak": copy_synthesis(voice, speaker, sentence)}
        texts = {name: write_down(samples, voice.audio["sample_rate"]) for name, samples in audio.items()}
        rows.append({name: character_error_rate(sentence, text) for name, text in texts.items()} | {"heard": texts})
        if options.wavs:
            for name, samples in audio.items():
                wav.write(options.wavs / f"{number:02d}-{name}.wav", samples, voice.audio["sample_rate"])
    print(
        json.dumps(
            {
                "benchmark": "demo_cer",
                "step": step,
                "sentences": len(SENTENCES),
                "cer_voice": mean(rows[: len(SENTENCES)], "voice"),
                "cer_espeak_through_griffin_lim": mean(rows[: len(SENTENCES)], "espeak"),
                "cer_voice_all_60": mean(rows, "voice"),
                "cer_espeak_through_griffin_lim_all_60": mean(rows, "espeak"),
                "heard": {sentence: row["heard"]["voice"] for sentence, row in zip(SENTENCES, rows, strict=False)},
                "machine": platform.processor() or platform.machine(),
            },
            ensure_ascii=False,
        )
    )


def mean(rows: list[dict], name: str) -> float:
    return round(statistics.mean(row[name] for row in rows), 4)


def copy_synthesis(voice: Voice, speaker: Speaker, sentence: str) -> np.ndarray:
    """espeak's own audio, through the mel-spectrogram and Griffin-Lim of the voice."""
    audio = voice.audio
    samples = np.frombuffer(speaker.speak(sentence).pcm, np.int16).astype(np.float32) / 32768
    magnitude = mel.stft_magnitude(wav.scale_peak(samples, audio["peak"]), audio["fft"], audio["hop"], audio["window"])
    keys = ("sample_rate", "fft", "mels", "fmin", "fmax")
    return voice.waveform(mel.log_mel(magnitude, *(audio[key] for key in keys)))


if __name__ == "__main__":
    main()
