"""Run directories and evaluations that the tests of the report read."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fs2keras.audio.picture import save_spectrogram
from fs2keras.rundir import record
from fs2keras.rundir.columns import EVENT_COLUMNS, PROCESS_COLUMNS, Column, as_json, names, step_columns
from fs2keras.rundir.layout import RunDir

LOSSES = (Column("loss", "loss", "", "loss", "lower"), Column("mel", "mel", "L1", "loss", "lower"))
SENTENCE = 'A <b>bold</b> sentence & "more" of it.'
RECIPE = f"""kind = "fastspeech2"
[run]
name = "small"
[corpus]
path = "corpus"
[train]
steps = 400  # a comment
clip = 1.0
[samples]
sentences = [{json.dumps(SENTENCE)}]
"""


def run_at(folder: Path, **fields: Any) -> RunDir:
    """A run directory with a recipe and a run.json: finished, on another machine, unless `fields` say otherwise."""
    run = RunDir(folder)
    run.path.mkdir(parents=True)
    run.recipe.write_text(RECIPE, encoding="utf-8")
    known = {"kind": "fastspeech2", "status": "finished", "pid": 1, "process_start_time": "0", "host": "elsewhere"}
    known |= {"backend": "jax", "versions": {"keras": "3.15.1"}, "devices": ["cpu:0"], "total_steps": 400}
    known |= {"checkpoint_every": 100, "parameters": 2_700_000, "columns": as_json(step_columns(LOSSES))}
    record.write(run, **known | fields)
    return run


def write_steps(run: RunDir, steps: Sequence[int], loss: Sequence[float], seconds_each: float = 2.0) -> None:
    """steps.csv: `loss` at these steps, all of it the mel part."""
    rows = [
        (step, 0, step * seconds_each, value, value, 1e-3 * step / 400, 2.0, 1 / seconds_each, 4000.0, 0.01)
        for step, value in zip(steps, loss, strict=True)
    ]
    write_csv(run.steps_csv, names(step_columns(LOSSES)), rows)


def write_validation(run: RunDir, steps: Sequence[int], loss: Sequence[float]) -> None:
    write_csv(run.validation_csv, ("step", "loss", "mel"), [(s, v, v) for s, v in zip(steps, loss, strict=True)])


def write_events(run: RunDir, *rows: tuple) -> None:
    """events.csv; each row is minutes after noon, step, event, and perhaps detail, bytes, seconds."""
    whole = [(at(row[0]), *row[1:], *("", 0, 0.0)[len(row) - 3 :]) for row in rows]
    write_csv(run.events_csv, names(EVENT_COLUMNS), whole)


def write_beats(run: RunDir, *spans: tuple[float, float, int, int, str]) -> None:
    """process.csv: a beat every ten seconds from one minute to another, the step rising from one to another."""
    rows = []
    for begin, end, first, last, activity in spans:
        count = round((end - begin) * 6)
        for i in range(count + 1):
            step = first + (last - first) * i // max(1, count)
            rows.append((at(begin + i / 6), step, activity, 150.0, 2_000_000_000, 0, 0, "", ""))
    write_csv(run.process_csv, names(PROCESS_COLUMNS), rows)


def write_checkpoint(run: RunDir, step: int, size: int) -> None:
    run.checkpoints.mkdir(exist_ok=True)
    run.checkpoint(step).write_bytes(b"0" * size)


def write_sample(run: RunDir, step: int, name: str = "01", picture: bool = True) -> None:
    """A wav, and the png that `fit` writes."""
    folder = run.sample_folder(step)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(step)
    soundfile.write(folder / f"{name}.wav", rng.uniform(-0.5, 0.5, 6615), 22050)
    if picture:
        mel = rng.normal(size=(26, 80))
        save_spectrogram(folder / f"{name}.png", mel, hop=256, sample_rate=22050, title=SENTENCE)


def write_evaluation(
    run: RunDir, step: int | None, split: str = "validation", mcd: float = 8.0, phonemes: int = 6
) -> Path:
    """RUN/evaluation/step-NNNNNNN-SPLIT.json as `fs2keras evaluate` writes it."""

    def around(mean: float) -> dict[str, float]:
        return {"mean": mean, "low": 0.9 * mean, "high": 1.1 * mean, "count": 2}

    def metric(label, unit, mode, better, mean, floor=None, recording=None):
        sides = {"voice": around(mean), "floor": floor and around(floor), "recording": recording and around(recording)}
        worst = [["LJ-2", 1.5 * mean], ["LJ-1", mean]] if better else []
        return {"label": label, "unit": unit, "mode": mode, "better": better, **sides, "worst": worst}

    metrics = {
        "mel_postnet": metric("mel after postnet", "", "teacher-forced", "lower", 0.65),
        "mcd_espnet": metric("mel-cepstral distortion", "dB", "free-running", "lower", mcd, floor=4.0),
        "speaking_rate": metric("phonemes a second", "1/s", "free-running", "", 13.0, recording=12.0),
    }
    true = np.arange(1.0, phonemes + 1)
    prosody = {"durations": true + 1, "true_durations": true, "pitch": 100 - true, "true_pitch": true}
    prosody |= {"energy": 2 * true, "true_energy": true}
    utterances = {
        id: {"text": SENTENCE, "voice": {"mcd_espnet": mcd}, "prosody": {k: v.tolist() for k, v in prosody.items()}}
        for id in ("LJ-1", "LJ-2")
    }
    utterances["LJ-2"]["failed"] = "too long"
    head = {"format": 1, "run": run.name, "step": step, "checkpoint": "best.keras", "split": split}
    made = {"time": "2026-11-22T23:10:00Z", "machine": "a machine", "backend": "jax", "seconds": 41.2}
    whole = head | {"made": made, "vocoder": "griffin-lim", "metrics": metrics, "utterances": utterances}
    name = "best" if step is None else f"step-{step:07d}"
    path = run.path / "evaluation" / f"{name}-{split}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def whole_run(folder: Path) -> RunDir:
    """A finished run of 400 steps with everything: two processes, checkpoints, samples, evaluations."""
    run = run_at(folder)
    steps = np.arange(10, 401, 10)
    write_steps(run, steps, 10 * np.exp(-steps / 200) + 1)
    validated = np.arange(50, 401, 50)
    write_validation(run, validated, 10 * np.exp(-validated / 200) + 1.2)
    write_events(
        run,
        (0, 0, "started"),
        (4, 100, "checkpoint", "step-0000100.keras", 3000, 0.5),
        (4, 100, "sample", "step-0000100", 500, 1.0),
        (30, 180, "resumed"),
        (40, 400, "checkpoint", "step-0000400.keras", 3000, 0.7),
        (40, 400, "sample", "step-0000400", 500, 1.0),
        (40, 400, "finished"),
    )
    write_beats(run, (0, 10, 0, 200, "training"), (29, 30, 180, 180, "starting"), (30.2, 40, 180, 400, "training"))
    for step in (100, 400):
        write_checkpoint(run, step, 3000)
        write_sample(run, step)
    write_evaluation(run, 100, mcd=9.0)
    write_evaluation(run, 400)
    return run


def at(minutes: float) -> str:
    """So many minutes after noon, as the run's files have it."""
    seconds = round(60 * minutes, 3)
    return f"2026-11-22T{12 + int(seconds // 3600):02d}:{int(seconds // 60) % 60:02d}:{seconds % 60:06.3f}Z"


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
