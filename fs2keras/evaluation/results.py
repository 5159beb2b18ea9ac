"""An evaluation as a file: what was measured of each utterance, and what it comes to."""

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fs2keras.errors import UserError
from fs2keras.evaluation.catalogue import BY_NAME, METRICS, Metric
from fs2keras.evaluation.uncertainty import Interval, mean_interval
from fs2keras.rundir.atomic import write_text

FORMAT = 1
WORST = 10  # utterances named for each metric
SIDES = ("voice", "floor", "recording")
LOSSES = ("mel", "mel_postnet", "pitch", "energy", "log_duration_mse")


@dataclass
class Evaluation:
    """The metrics of one checkpoint on one split.

    `head`: run, step, checkpoint, split, made, vocoder, and `key`, which is another where figures would be. For each
    utterance a dict: text, voice, floor and recording (metric -> value), weights, prosody, heard, failed.
    """

    head: dict[str, Any]
    utterances: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Evaluation | None":
        """The evaluation in a file, None where there is none. UserError when it is damaged or of a newer format."""
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
            if whole["format"] > FORMAT:
                raise UserError(f"{path}: has format {whole['format']}. Upgrade: pip install -U fs2keras")
            utterances = whole.pop("utterances")
            del whole["metrics"], whole["format"]
            return cls(whole, utterances)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: is no evaluation ({error}). Delete it and evaluate again.") from error

    def add(self, id: str, **parts: Any) -> None:
        """More of one utterance; metrics join the ones that it has."""
        mine = self.utterances.setdefault(id, {})
        for name, value in parts.items():
            mine[name] = mine.get(name, {}) | value if isinstance(value, dict) else value

    def lacks(self, id: str, names: Iterable[str]) -> bool:
        """Whether one of these metrics has still to be measured of an utterance that can be spoken."""
        mine = self.utterances.get(id, {})
        forced = [name for name in names if BY_NAME[name].mode == "teacher-forced"]
        wanted = forced if mine.get("failed") else names
        return not set(wanted) <= mine.get("voice", {}).keys()

    def value(self, id: str, side: str, name: str) -> float | None:
        """The value of a metric for one utterance, None where it has none."""
        mine = self.utterances[id].get(side, {})
        if name == "loss" and mine.keys() >= set(LOSSES):
            return sum(mine[part] for part in LOSSES)
        return mine.get(name)

    def interval(self, side: str, metric: Metric) -> Interval | None:
        """Its mean with a 95 % interval. Losses are means over the elements of the split, as in validation.csv; the
        others over utterances."""
        names = LOSSES if metric.name == "loss" else (metric.name,)
        rows = [u for u in self.utterances.values() if set(names) <= u.get(side, {}).keys()]
        rows = [u for u in rows if all(_is_number(u[side][name]) for name in names)]
        if not rows:
            return None
        values = [[u[side][name] ** (2 if metric.is_root else 1) for name in names] for u in rows]
        weights = [[u.get("weights", {}).get(name, 1) if side == "voice" else 1 for name in names] for u in rows]
        found = mean_interval(values, weights)
        return found.root() if metric.is_root else found

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Every metric that was measured, as the file has it."""
        return {metric.name: self._summary(metric) for metric in METRICS if self.interval("voice", metric)}

    def _summary(self, metric: Metric) -> dict[str, Any]:
        values = {id: self.value(id, "voice", metric.name) for id in self.utterances}
        ranked = sorted(
            (pair for pair in values.items() if _is_number(pair[1])),
            key=lambda pair: pair[1],
            reverse=metric.better != "higher",
        )
        return {
            **{key: getattr(metric, key) for key in ("label", "unit", "mode", "better")},
            **{side: _as_dict(self.interval(side, metric)) for side in SIDES},
            "worst": [[id, round(value, 4)] for id, value in ranked[:WORST]] if metric.better else [],
        }

    def write(self, path: Path) -> None:
        """The JSON at `path`, and beside it a CSV with a row for each utterance; both atomically."""
        whole = {"format": FORMAT, **self.head, "metrics": self.metrics(), "utterances": self.utterances}
        write_text(path.with_suffix(".csv"), self._csv())
        write_text(path, json.dumps(_finite(whole), indent=1, ensure_ascii=False) + "\n")

    def _csv(self) -> str:
        columns = [
            (side, metric.name)
            for metric in METRICS
            for side in SIDES
            if any(self.value(id, side, metric.name) is not None for id in self.utterances)
        ]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        heads = [name if side == "voice" else f"{name}_of_{side}" for side, name in columns]
        table.writerow(["utterance", *heads, "failed", "text"])
        for id, mine in self.utterances.items():
            values = [self.value(id, side, name) for side, name in columns]
            cells = [f"{value:.6g}" if _is_number(value) else "" for value in values]
            table.writerow([id, *cells, mine.get("failed", ""), mine.get("text", "")])
        return text.getvalue()


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _as_dict(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    numbers = {key: round(getattr(interval, key), 5) for key in ("mean", "low", "high")}
    return numbers | {"count": interval.count}


def _finite(value: Any) -> Any:
    """JSON has no NaN: what could not be measured is null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
