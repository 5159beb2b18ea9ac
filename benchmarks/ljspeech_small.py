"""Does ljspeech-small learn as fast as the reference? python benchmarks/ljspeech_small.py RUN [--picture ID PNG].

Prints one line of JSON: the validation losses of a run on the shared LJSpeech clips beside those of the PyTorch
implementation ming024/FastSpeech2 at the same size, features, split and batch 16 (measured once, on two cores; it
trained on all 373 clips, ours on the 346 without a word unknown to the aligner). --picture draws a validation sentence
spoken by the last checkpoint above the recording, from the store of the run's recipe.
"""

import argparse
import json
from pathlib import Path

from fs2keras import recipe as recipes
from fs2keras.rundir import record
from fs2keras.rundir.runs import find_run
from fs2keras.rundir.tail import read_rows

# step: total (mel + mel after postnet + pitch + energy + log duration), mel, mel after postnet
REFERENCE = {
    100: (9.92, 4.14, 2.79),
    200: (8.37, 3.42, 2.69),
    300: (6.09, 2.46, 1.69),
    400: (4.87, 1.65, 1.48),
    500: (4.12, 1.30, 1.18),
    700: (3.74, 0.98, 1.00),
    1000: (3.52, 0.866, 0.868),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--picture", nargs=2, metavar=("ID", "PNG"))
    options = parser.parse_args()
    run = find_run(options.run)
    facts, steps = record.read(run), read_rows(run.steps_csv)
    curve = {
        row["step"]: {k: round(v, 4) for k, v in row.items() if k != "step"} for row in read_rows(run.validation_csv)
    }
    both = {
        step: {
            "total": round(curve[step]["loss"] / total, 4),
            "mel": round(curve[step]["mel"] / mel, 4),
            "mel_postnet": round(curve[step]["mel_postnet"] / postnet, 4),
        }
        for step, (total, mel, postnet) in REFERENCE.items()
        if step in curve
    }
    print(
        json.dumps(
            {
                "benchmark": "ljspeech_small",
                "backend": facts["versions"],
                "devices": facts["devices"],
                "precision": recipes.load(run.recipe).train.precision,
                "median_steps_per_s": sorted(row["steps_per_s"] for row in steps)[len(steps) // 2],
                "validation": curve,
                "ratio_to_reference": both,
            }
        )
    )
    if options.picture:
        draw(run, *options.picture)


def draw(run, utterance: str, png: str) -> None:
    from fs2keras.audio.picture import save_spectrogram
    from fs2keras.corpus.prepare import ensure
    from fs2keras.voice import Voice

    recipe = recipes.load(run.recipe)
    prepared, (step, checkpoint) = ensure(recipe), run.list_checkpoints()[-1]
    speech = Voice.load(checkpoint).speak(prepared.text(utterance))
    save_spectrogram(
        Path(png),
        speech.mel,
        hop=recipe.audio.hop,
        sample_rate=recipe.audio.sample_rate,
        title=f"{utterance} (not trained on), {step:,} steps: {prepared.text(utterance)}",
        reference=prepared.example(utterance)["mel"],
    )


if __name__ == "__main__":
    main()
