"""The evaluations of a run as `fs2keras evaluate` left them in RUN/evaluation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fs2keras.report.figures import is_number

FORMAT = 1
PROSODY = ("durations", "pitch", "energy")
_SPLITS = ("validation", "test", "train")
_NEWER = "has format {format}, this fs2keras knows {ours}. Upgrade: pip install -U fs2keras"


class Interval(NamedTuple):
    """A mean over utterances and its 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Metric:
    """What an evaluation says about one metric; `floor` is copy-synthesis, `recording` the recording itself."""

    name: str
    label: str
    unit: str
    mode: str
    better: str  # "lower", "higher", or "" where it should be near the recording's
    voice: Interval
    floor: Interval | None
    recording: Interval | None
    worst: tuple[tuple[str, float], ...]

    @property
    def direction(self) -> str:
        """Which way is better."""
        return self.better or "near the recording"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One checkpoint on one split. `prosody`: utterance -> name -> (predicted, true), a value for each phoneme; `key`
    tells checkpoint and corpus from others; `is_best`: of the run's best.keras."""

    run: str
    step: int | None
    checkpoint: str
    split: str
    vocoder: str
    made: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    texts: Mapping[str, str]
    failed: int
    prosody: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]
    key: Mapping[str, Any]
    is_best: bool

    @property
    def digest(self) -> str | None:
        """SHA-256 of the checkpoint."""
        found = self.key.get("checkpoint")
        return found if isinstance(found, str) else None

    @property
    def place(self) -> str:
        return f"step {self.step:,}" if self.step is not None else self.checkpoint


def read_evaluations(folder: Path) -> tuple[tuple[Evaluation, ...], list[str]]:
    """All evaluations in a folder, by split and step; and a sentence for each file that is none."""
    found, problems = [], []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
            if whole["format"] > FORMAT:
                problems.append(f"{path}: {_NEWER.format(format=whole['format'], ours=FORMAT)}")
            else:
                found.append(_evaluation(whole, path.stem))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            problems.append(f"{path}: is no evaluation ({error}). Delete it, and run fs2keras evaluate again.")
    return tuple(sorted(found, key=_order)), problems


def latest(evaluations: tuple[Evaluation, ...]) -> dict[str, Evaluation]:
    """Split -> the evaluation of the highest step; of a file without a step where there is no other."""
    known = {one.split: one for one in evaluations if one.step is None}
    known |= {one.split: one for one in evaluations if one.step is not None}
    return dict(sorted(known.items(), key=lambda item: _order(item[1])))


def _order(one: Evaluation) -> tuple:
    known = _SPLITS.index(one.split) if one.split in _SPLITS else len(_SPLITS)
    return known, one.split, one.step is None, one.step or 0


def _evaluation(whole: Mapping[str, Any], name: str) -> Evaluation:
    utterances, step = whole.get("utterances") or {}, whole.get("step")
    metrics = [_metric(name, about) for name, about in whole["metrics"].items()]
    return Evaluation(
        run=str(whole.get("run") or ""),
        step=step if isinstance(step, int) and is_number(step) else None,
        checkpoint=str(whole.get("checkpoint", "")),
        split=str(whole["split"]),
        vocoder=str(whole.get("vocoder") or "unknown"),
        made=whole["made"] if isinstance(whole.get("made"), dict) else {},
        metrics=tuple(metric for metric in metrics if metric),
        texts={id: str(mine.get("text", "")) for id, mine in utterances.items()},
        failed=sum(bool(mine.get("failed")) for mine in utterances.values()),
        prosody={id: pairs for id, mine in utterances.items() if (pairs := _prosody(mine.get("prosody") or {}))},
        key=whole["key"] if isinstance(whole.get("key"), dict) else {},
        is_best=name == f"best-{whole['split']}",  # one from elsewhere has more in its name
    )


def _metric(name: str, about: Mapping[str, Any]) -> Metric | None:
    voice = _interval(about.get("voice"))
    if voice is None:
        return None
    words = {key: str(about.get(key) or "") for key in ("unit", "mode", "better")}
    worst = tuple((str(id), float(value)) for id, value in about.get("worst") or ())
    sides = {side: _interval(about.get(side)) for side in ("floor", "recording")}
    return Metric(name, str(about.get("label") or name), voice=voice, worst=worst, **words, **sides)


def _interval(about: Mapping[str, Any] | None) -> Interval | None:
    if not about:
        return None
    mean, low, high = (float(about[key]) for key in ("mean", "low", "high"))
    return Interval(mean, low, high, int(about.get("count", 0))) if all(map(is_number, (mean, low, high))) else None


def _prosody(raw: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pairs of equal length, only the phonemes where both are numbers."""
    found = {}
    for name in PROSODY:
        predicted, true = (np.asarray(raw.get(key) or (), dtype=float) for key in (name, f"true_{name}"))
        if predicted.ndim == 1 and len(predicted) == len(true) > 0:
            known = [is_number(a) and is_number(b) for a, b in zip(predicted, true, strict=True)]
            found[name] = predicted[known], true[known]
    return {name: pair for name, pair in found.items() if len(pair[0])}
