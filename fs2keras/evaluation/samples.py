"""`fs2keras samples`: many sentences spoken by one checkpoint, to listen to."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fs2keras.audio import mel
from fs2keras.audio.picture import save_spectrogram
from fs2keras.corpus.readers import wav_path
from fs2keras.corpus.store import Prepared
from fs2keras.errors import UserError
from fs2keras.evaluation.listening import Item, Sound, write_page
from fs2keras.evaluation.references import Excerpt
from fs2keras.progress import Progress
from fs2keras.voice import Voice

VOICE, RECORDING = "voice", "recording"
_ON_PAGE = 60  # sentences; the page holds its sounds, and grows by some 10 kB for each second


def write_samples(
    voice: Voice,
    sentences: Mapping[str, str],
    folder: Path,
    title: str,
    recordings: Callable[[str], np.ndarray | None],
    report: Callable[[str], None],
) -> tuple[Path, int]:
    """A wav and a spectrogram for each sentence (id -> text), and index.html to listen on; returns the page's path and
    how many were spoken.

    `recordings` gives the samples of an id's recording, or None. A sentence that cannot be spoken is left out, and the
    page says why. Raises UserError when none can.
    """
    items = []
    with Progress("sentences", len(sentences), report) as progress:
        for id, text in sentences.items():
            items.append(_spoken(voice, id, text, folder, recordings(id)))
            progress.advance()
    problems = {item.id: item.problem for item in items if item.problem}
    if len(problems) == len(items):
        raise UserError(f"None of the {len(items)} sentences can be spoken. {items[0].id}: {items[0].problem}")
    page = folder / "index.html"
    summary = [("sentences", f"{len(items):,}"), ("vocoder", "Griffin-Lim")]
    if len(items) > _ON_PAGE:
        summary.append(("on this page", f"the first {_ON_PAGE}; the others are wav files beside it"))
    systems = [VOICE, RECORDING] if any(len(item.sounds) > 1 for item in items) else [VOICE]
    write_page(page, title=title, summary=summary, systems=systems, items=items[:_ON_PAGE])
    for id, problem in problems.items():
        report(f"{id}: not spoken: {problem}")
    return page, len(items) - len(problems)


def _spoken(voice: Voice, id: str, text: str, folder: Path, recording: np.ndarray | None) -> Item:
    try:
        speech = voice.speak(text)
    except UserError as error:
        return Item(id, text, (), problem=str(error))
    speech.save(folder / f"{id}.wav")
    reference = None if recording is None else spectrogram(recording, voice.audio)
    settings = {"hop": speech.hop, "sample_rate": speech.sample_rate}
    save_spectrogram(folder / f"{id}.png", speech.mel, title=f"{id}: {text}", reference=reference, **settings)
    # Not speech.mel, which lacks the pauses between sentences: a picture must keep up with its sound.
    picture = spectrogram(speech.samples, voice.audio)
    sounds = [Sound(VOICE, speech.samples, speech.sample_rate, picture, (("length", f"{speech.seconds:.1f} s"),))]
    if recording is not None:
        facts = (("length", f"{len(recording) / speech.sample_rate:.1f} s"),)
        sounds.append(Sound(RECORDING, recording, speech.sample_rate, reference, facts))
    return Item(id, text, tuple(sounds))


def spectrogram(samples: np.ndarray, audio: Mapping[str, Any]) -> np.ndarray:
    """The log-mel (T, M) of samples (S,), with the settings of a voice."""
    magnitude = mel.stft_magnitude(samples, audio["fft"], audio["hop"], audio["window"])
    return mel.log_mel(magnitude, *(audio[key] for key in ("sample_rate", "fft", "mels", "fmin", "fmax")))


def recordings_of(prepared: Prepared, corpus: Path, audio: Mapping[str, Any]) -> Callable[[str], np.ndarray | None]:
    """The recording of an utterance of the corpus as its alignment trims it; None where its wav is not here."""

    def recording(id: str) -> np.ndarray | None:
        excerpt = Excerpt(wav_path(corpus, id), *prepared.span(id))
        return excerpt.samples(audio) if excerpt.path.is_file() else None

    return recording
