"""Does FastSpeech 2 learn as well from learned durations as from the Montreal Forced Aligner's?

    python benchmarks/learned_durations.py CORPUS TEXTGRIDS WORK [--steps 1000] [--precision mixed_bfloat16]

CORPUS is laid out as LJSpeech, with a validation.txt; TEXTGRIDS are MFA's of its clips. ljspeech-small is trained
twice, on the same clips, ARPAbet phones, split and seed: once with the durations of the TextGrids, once with those
that `fs2keras align` finds from the phones alone. An hour on two cores, where nothing else runs; the same command goes
on.
Prints JSON: the validation losses of both, and the ratio of their means over the last three validations, since those
of a dozen clips wobble; also writes it to results/learned_durations.json.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from fs2keras.alignment import align
from fs2keras.corpus.alignment_file import alignment_path
from fs2keras.corpus.prepare import prepare
from fs2keras.recipe import load
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows

RESULTS = Path(__file__).parent / "results" / "learned_durations.json"
LAST = 3  # validations that are averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpus", "textgrids", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--precision", default="mixed_bfloat16")
    options = parser.parse_args()
    curves = {}
    for name in ("mfa", "learned"):
        overrides = _overrides(options, name)
        _prepare(load("ljspeech-small", overrides), is_learned=name == "learned")
        words = [word for pair in overrides for word in ("--set", pair)]
        subprocess.run(
            [sys.executable, "-m", "fs2keras.cli", "fit", "ljspeech-small", *words], check=True, stdout=sys.stderr
        )
        curves[name] = list(read_rows(RunDir(options.work / "runs" / name).validation_csv))
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "backend": os.environ.get("KERAS_BACKEND", "jax"),
        "precision": options.precision,
        "validation": {
            name: {row["step"]: {key: round(row[key], 4) for key in ("loss", "mel", "mel_postnet")} for row in rows}
            for name, rows in curves.items()
        },
        "learned_to_mfa": {
            key: round(_mean(curves["learned"], key) / _mean(curves["mfa"], key), 4)
            for key in ("loss", "mel", "mel_postnet")
        },
    }
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def _overrides(options, name: str) -> list[str]:
    return [
        f"corpus.path={options.corpus}",
        "corpus.validation=validation.txt",
        "corpus.max_quarantined=0.1",
        f"corpus.store={options.work / 'stores' / name}",
        "alignment.source=textgrid",
        f"alignment.textgrids={options.textgrids}",
        "text.frontend=arpabet",
        f"run.dir={options.work / 'runs'}",
        f"run.name={name}",
        f"train.steps={options.steps}",
        f"train.precision={options.precision}",
        "train.validate_every=100",
        "samples.sentences=[]",
    ]


def _prepare(recipe, *, is_learned: bool) -> None:
    """The store. For learned durations, what the aligner finds takes the place of what the TextGrids say."""
    folder = prepare(recipe)
    learned, given = alignment_path(folder, "learned"), alignment_path(folder, "textgrid")
    if is_learned and not learned.exists():
        align(recipe)
        shutil.copy(learned, given)


def _mean(rows: list[dict], key: str) -> float:
    return sum(row[key] for row in rows[-LAST:]) / LAST


if __name__ == "__main__":
    main()
