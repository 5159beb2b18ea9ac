"""How long `fs2keras evaluate` takes for as many utterances as LJSpeech's own splits have.

    python benchmarks/evaluation.py RUN CORPUS TEXTGRIDS WORK [--utterances 512]

RUN is a training of ljspeech-small on ARPAbet phones, as benchmarks/learned_durations.py leaves one; CORPUS is laid out
as LJSpeech, TEXTGRIDS are MFA's of its clips. Where it has fewer clips, some come twice, under another name. They are
prepared in WORK (which is not timed), and evaluated there twice in processes of their own: once from nothing, once with
what was heard in the recordings kept, as for each further checkpoint.
Prints JSON, seconds and ratios to the time that the sound lasts and to that of pyworld's Harvest of it on one core;
also writes it to results/evaluation.json. Thirteen minutes on two cores.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyworld
import soundfile

from fs2keras.corpus.prepare import prepare, splits_of
from fs2keras.corpus.store import Prepared
from fs2keras.recipe import load

RESULTS = Path(__file__).parent / "results" / "evaluation.json"
TIMED = 16  # clips of which Harvest is timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("run", "corpus", "textgrids", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--utterances", type=int, default=512)
    options = parser.parse_args()
    overrides = _make_corpus(options)
    recipe = load("ljspeech-small", overrides)
    corpus = Prepared.open(prepare(recipe), "textgrid", splits_of(recipe))
    ids = corpus.ids("train")
    seconds = sum(last - first for first, last in map(corpus.span, ids)) * recipe.audio.hop / recipe.audio.sample_rate
    shutil.rmtree(corpus.folder / "references", ignore_errors=True)
    taken = {}
    for name in ("first", "second"):
        output = options.work / name
        shutil.rmtree(output, ignore_errors=True)
        taken[name] = _evaluate(options.run, output, overrides)
    harvest = _harvest(options.work / "corpus" / "wavs")
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "backend": os.environ.get("KERAS_BACKEND", "jax"),
        "utterances": len(ids),
        "seconds_of_sound": round(seconds),
        "seconds": {name: round(value) for name, value in taken.items()},
        "to_duration_of_sound": {name: round(value / seconds, 3) for name, value in taken.items()},
        "to_harvest_on_one_core": {name: round(value / seconds / harvest, 2) for name, value in taken.items()},
    }
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def _make_corpus(options) -> list[str]:
    """The clips, again and again until there are enough; all but the first are the split "train"."""
    corpus, textgrids = options.work / "corpus", options.work / "textgrids"
    for folder in (corpus / "wavs", textgrids):
        folder.mkdir(parents=True, exist_ok=True)
    rows = [line.split("|") for line in (options.corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if '"spn"' not in (options.textgrids / f"{row[0]}.TextGrid").read_text()]  # no phones
    made = []
    for k, (id, *texts) in enumerate(itertools.islice(itertools.cycle(rows), options.utterances + 1)):
        name = f"{id}-{k // len(rows)}"
        made.append("|".join([name, *texts]))
        shutil.copyfile(options.corpus / "wavs" / f"{id}.wav", corpus / "wavs" / f"{name}.wav")
        shutil.copyfile(options.textgrids / f"{id}.TextGrid", textgrids / f"{name}.TextGrid")
    (corpus / "metadata.csv").write_text("\n".join(made) + "\n", encoding="utf-8")
    (corpus / "validation.txt").write_text(made[0].split("|")[0] + "\n", encoding="utf-8")
    return [
        f"corpus.path={corpus}",
        "corpus.validation=validation.txt",
        f"corpus.store={options.work / 'store'}",
        "alignment.source=textgrid",
        f"alignment.textgrids={textgrids}",
        "text.frontend=arpabet",
    ]


def _evaluate(run: Path, output: Path, overrides: list[str]) -> float:
    words = [word for pair in overrides for word in ("--set", pair)]
    begin = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "fs2keras.cli", "evaluate", run, "--split", "train", "-o", output, *words],
        check=True,
        stdout=sys.stderr,
    )
    return time.monotonic() - begin


def _harvest(wavs: Path) -> float:
    """Seconds of one core for each second of sound."""
    clips = [soundfile.read(path) for path in sorted(wavs.glob("*.wav"))[:TIMED]]
    begin = time.process_time()
    for samples, rate in clips:
        pyworld.harvest(samples, rate, f0_floor=40.0, f0_ceil=800.0)
    return (time.process_time() - begin) / sum(samples.size / rate for samples, rate in clips)


if __name__ == "__main__":
    main()
