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
from fs2keras.evaluation.catalogue import BY_NAME, METRICS, TEACHER_FORCED, Metric
from fs2keras.evaluation.uncertainty import Interval, mean_interval
from fs2keras.rundir.atomic import write_text

FORMAT = 1
WORST = 10  # utterances named for each metric
SIDES = ("voice", "floor", "recording")
LOSSES = ("mel", "mel_postnet", "pitch", "energy", "log_duration_mse")


@dataclass
class Evaluation:
    """The metrics of one checkpoint on one split.

    `head`: run, step, checkpoint, split, made, vocoder, recogniser where one was asked, and `key`, which is another
    where figures would be. For each utterance a dict: text, voice, floor and recording (metric -> value), weights,
    prosody, heard, failed.
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

    def forget(self, *names: str) -> None:
        """Some metrics of all utterances, of every side, and what was heard: they are measured anew."""
        for mine in self.utterances.values():
            for part in (*SIDES, "weights"):
                mine[part] = {name: value for name, value in mine.get(part, {}).items() if name not in names}
            mine.pop("heard", None)

    def failed(self, id: str) -> str:
        """Why the voice could not speak an utterance, or ""."""
        return self.utterances.get(id, {}).get("failed", "")

    def lacks(self, id: str, names: Iterable[str]) -> bool:
        """Whether one of these metrics has still to be measured of an utterance that can be spoken."""
        wanted = {name for name in names if BY_NAME[name].mode == TEACHER_FORCED or not self.failed(id)}
        return not wanted <= self.utterances.get(id, {}).get("voice", {}).keys()

    def value(self, id: str, side: str, name: str) -> float | None:
        """The value of a metric for one utterance, None where it has none."""
        mine = self.utterances[id].get(side, {})
        if name == "loss":
            parts = [mine.get(part) for part in LOSSES]
            return sum(parts) if all(map(is_number, parts)) else None
        return mine.get(name)

    def interval(self, side: str, metric: Metric, ids: Iterable[str] | None = None) -> Interval | None:
        """Its mean with a 95 % interval, of some utterances or of all. Losses are means over the elements of the split,
        as in validation.csv; the others over utterances."""
        names = LOSSES if metric.name == "loss" else (metric.name,)
        chosen = [self.utterances[id] for id in (self.utterances if ids is None else ids)]
        rows = [u for u in chosen if all(is_number(u.get(side, {}).get(name)) for name in names)]
        if not rows:
            return None
        values = [[u[side][name] ** (2 if metric.is_root else 1) for name in names] for u in rows]
        weights = [[u.get("weights", {}).get(name, 1) if side == "voice" else 1 for name in names] for u in rows]
        found = mean_interval(values, weights)
        return found.root() if metric.is_root else found

    def worst(self, metric: Metric) -> list[tuple[str, float]]:
        """(id, value) of up to ten utterances, the worst first; none where neither low nor high is better."""
        values = ((id, self.value(id, "voice", metric.name)) for id in self.utterances)
        known = [(id, value) for id, value in values if is_number(value)] if metric.better else []
        return sorted(known, key=lambda pair: pair[1], reverse=metric.better == "lower")[:WORST]

    def _metrics(self) -> dict[str, dict[str, Any]]:
        """Every metric that was measured, as the file has it."""
        found = {}
        for metric in METRICS:
            sides = {side: _as_dict(self.interval(side, metric)) for side in SIDES}
            if sides["voice"]:
                about = {key: getattr(metric, key) for key in ("label", "unit", "mode", "better")}
                found[metric.name] = {**about, **sides, "worst": self.worst(metric)}
        return found

    def write(self, path: Path) -> None:
        """The JSON at `path`, and beside it a CSV with a row for each utterance; both atomically."""
        whole = {"format": FORMAT, **self.head, "metrics": self._metrics(), "utterances": self.utterances}
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
            cells = [f"{value:.6g}" if is_number(value) else "" for value in values]
            table.writerow([id, *cells, mine.get("failed", ""), mine.get("text", "")])
        return text.getvalue()


def is_number(value: Any) -> bool:
    """Whether a value was measured: neither missing nor NaN."""
    return isinstance(value, (int, float)) and math.isfinite(value)


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
