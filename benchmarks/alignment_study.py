"""What a learned alignment loses with less speech, with noise, and what it notices of a corrupted corpus.

    python benchmarks/alignment_study.py CORPUS TEXTGRIDS WORK [STUDY ...]

STUDY is minutes-5, minutes-10, minutes-20, noise-20, noise-10 or corrupt. CORPUS is laid out as LJSpeech, TEXTGRIDS
are the Montreal Forced Aligner's of its clips. Each study makes a corpus of its own in WORK (clips of that many minutes
from the front; white noise at that many decibels below the speech; 5 % of the transcripts swapped among each other and
2 % of the clips cut in half), runs `fs2keras align` on it, and compares words as benchmarks/alignment.py does.
Prints JSON, and adds it to results/alignment_study.json.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from alignment import summary, word_errors

from fs2keras.aligner.output import Aligned
from fs2keras.aligner.verdicts import TABLE, read_table
from fs2keras.corpus.textgrid import read_textgrid
from fs2keras.recipe import load

RESULTS = Path(__file__).parent / "results" / "alignment_study.json"
STUDIES = ("minutes-5", "minutes-10", "minutes-20", "noise-20", "noise-10", "corrupt")
SWAPPED, CUT = 0.05, 0.02  # shares of the clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpus", "textgrids", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("studies", nargs="*", default=list(STUDIES))
    options = parser.parse_args()
    for study in options.studies:
        result = run(study, options.corpus, options.textgrids, options.work / study)
        print(json.dumps({study: result}, indent=2), flush=True)
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(known | {study: result}, indent=2) + "\n")


def run(study: str, corpus: Path, textgrids: Path, work: Path) -> dict:
    """One study: its corpus, its alignment, its errors."""
    kind, _, number = study.partition("-")
    work.mkdir(parents=True, exist_ok=True)
    rows = [line.split("|") for line in (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    harmed: set[str] = set()
    made = work / "corpus"
    (made / "wavs").mkdir(parents=True, exist_ok=True)
    if kind == "minutes":
        rows = _first_minutes(rows, corpus, 60 * float(number))
    if kind == "corrupt":
        rows, harmed = _corrupted(rows, corpus, made)
    for id, *_ in rows:
        target = made / "wavs" / f"{id}.wav"
        if kind == "noise":
            _write_noisy(corpus / "wavs" / f"{id}.wav", target, float(number))
        elif not target.exists():
            target.symlink_to((corpus / "wavs" / f"{id}.wav").resolve())
    (made / "metadata.csv").write_text("".join("|".join(row) + "\n" for row in rows), encoding="utf-8")
    overrides = [f"corpus.path={made}", f"corpus.store={work / 'store'}", f"run.dir={work / 'runs'}"]
    overrides += ["corpus.max_quarantined=0.2"]
    begin = time.monotonic()
    words = [word for pair in overrides for word in ("--set", pair)]
    subprocess.run([sys.executable, "-m", "fs2keras.cli", "align", "ljspeech", *words], check=True, stdout=sys.stderr)
    seconds = time.monotonic() - begin
    result = {"clips": len(rows), "seconds": round(seconds), **_errors(load("ljspeech", overrides), textgrids, harmed)}
    return result | (_found(work / "store", harmed) if harmed else {})


def _first_minutes(rows: list[list[str]], corpus: Path, seconds: float) -> list[list[str]]:
    lengths = [soundfile.info(corpus / "wavs" / f"{id}.wav").duration for id, *_ in rows]
    return [row for row, end in zip(rows, np.cumsum(lengths), strict=True) if end <= seconds]


def _corrupted(rows: list[list[str]], corpus: Path, made: Path) -> tuple[list[list[str]], set[str]]:
    """Transcripts that changed places, clips that lost their second half, and the ids of both."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(rows))
    swapped = chosen[: round(SWAPPED * len(rows))]
    cut = chosen[len(swapped) : len(swapped) + round(CUT * len(rows))]
    changed = [list(row) for row in rows]
    for n, other in zip(swapped, np.roll(swapped, 1), strict=True):
        changed[n][1:] = rows[other][1:]
    for n in cut:
        id = rows[n][0]
        samples, rate = soundfile.read(corpus / "wavs" / f"{id}.wav")
        soundfile.write(made / "wavs" / f"{id}.wav", samples[: len(samples) // 2], rate, subtype="PCM_16")
    return changed, {rows[n][0] for n in (*swapped, *cut)}


def _write_noisy(source: Path, target: Path, decibels: float) -> None:
    samples, rate = soundfile.read(source)
    rng = np.random.default_rng(len(samples))
    noise = rng.standard_normal(len(samples)) * np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    noisy = samples + noise
    soundfile.write(target, noisy / max(1.0, np.abs(noisy).max()), rate, subtype="PCM_16")


def _errors(recipe, textgrids: Path, harmed: set[str]) -> dict:
    aligned = Aligned(recipe)
    errors = [
        word_errors(aligned.segments(id, aligned.duration(id)), read_textgrid(textgrids / f"{id}.TextGrid"))
        for id, kept in zip(aligned.alignment.ids, aligned.alignment.kept, strict=True)
        if kept and id not in harmed
    ]
    return {"kept": int(aligned.alignment.kept.sum()), "words": summary(np.concatenate(errors))}


def _found(store: Path, harmed: set[str]) -> dict:
    verdicts = read_table(store / TABLE)
    aside = {verdict.id for verdict in verdicts if verdict.reason}
    confidence = {verdict.id: verdict.confidence for verdict in verdicts}
    middle = float(np.median(list(confidence.values())))
    return {
        "harmed": len(harmed),
        "found": round(len(aside & harmed) / len(harmed), 3),
        "accused": round(len(aside - harmed) / (len(verdicts) - len(harmed)), 4),
        "confidence of the harmed, of the middle one's": sorted(round(confidence[id] / middle, 3) for id in harmed),
        "lowest of the others": sorted(round(c / middle, 3) for id, c in confidence.items() if id not in harmed)[:12],
    }


if __name__ == "__main__":
    main()
