"""Where the time of a training went: what it did, when it stood still, and how it got on by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from fs2keras.report.figures import is_number
from fs2keras.rundir import clock
from fs2keras.rundir.statistics import SILENT_S
from fs2keras.rundir.tail import Rows

_SLOW = 10  # times the usual time of a step: then it stands still
_BEGINS = ("started", "resumed")


class Break(NamedTuple):
    """A time in which the training did not get on.

    `kind`: "no process", from the last sign of life to the next start; "silent", the process lived, but its heart did
    not beat (the machine slept, or was suspended); "stuck", it trained, and no step was done. `begin` in Unix seconds;
    `lost`: steps that were done before it and had to be done again.
    """

    kind: str
    begin: float
    seconds: float
    step: int
    lost: int = 0


class Sign(NamedTuple):
    """A moment in which the training gave a sign of life: a heartbeat, or the event of its start."""

    time: float
    step: int
    activity: str  # "started" or "resumed" for a start


@dataclass(frozen=True)
class Times:
    """The signs of life of a run in the order of their times, and the breaks between them."""

    signs: tuple[Sign, ...]
    breaks: tuple[Break, ...]

    def activities(self) -> dict[str, float]:
        """Seconds by what the process did, as its heartbeats say; the time of breaks is not in it."""
        spent: dict[str, float] = {}
        for before, after in pairwise(self.signs):
            seconds = after.time - before.time
            if before.activity not in _BEGINS and seconds <= SILENT_S:
                spent[before.activity] = spent.get(before.activity, 0.0) + seconds
        return dict(sorted(spent.items(), key=lambda item: -item[1]))

    def progress(self, points: int) -> tuple[np.ndarray, np.ndarray]:
        """Unix seconds and step of about so many heartbeats, the first and the last of each process among them."""
        beats = [sign for sign in self.signs if sign.activity not in _BEGINS]
        stride = max(1, len(beats) // points)
        edges = {i for i, (a, b) in enumerate(pairwise(beats)) if b.time - a.time > SILENT_S or b.step < a.step}
        kept = {*range(0, len(beats), stride), *edges, *(i + 1 for i in edges), *range(len(beats))[-1:]}
        return np.array([beats[i].time for i in sorted(kept)]), np.array([float(beats[i].step) for i in sorted(kept)])


def read_times(beats: Rows, events: Rows, seconds_per_step: float | None) -> Times:
    """What process.csv and events.csv say; `seconds_per_step` as it usually is."""
    found = _signs(beats, events)
    return Times(tuple(found), _breaks(found, seconds_per_step))


def _signs(beats: Rows, events: Rows) -> list[Sign]:
    rows = [(row, "activity") for row in beats]
    rows += [(row, "event") for row in events if row.get("event") in _BEGINS]
    found = [_sign(row, key) for row, key in rows]
    return sorted((sign for sign in found if sign), key=lambda sign: sign.time)


def _breaks(found: Sequence[Sign], seconds_per_step: float | None) -> tuple[Break, ...]:
    stops = []
    for i, (before, after) in enumerate(pairwise(found), 1):
        if after.time - before.time <= SILENT_S:
            continue
        begin = _start_after(found, i)
        kind = "no process" if begin else "silent"
        lost = max(0, before.step - begin.step) if begin else 0
        stops.append(Break(kind, before.time, after.time - before.time, before.step, lost))
    return tuple(sorted([*stops, *_stuck(found, seconds_per_step)], key=lambda stop: stop.begin))


def _sign(row: dict[str, Any], key: str) -> Sign | None:
    time, step = clock.to_unix(row.get("time")), row.get("step")
    if time is None or not is_number(step):
        return None
    return Sign(time, step, str(row.get(key) or ""))


def _start_after(found: Sequence[Sign], i: int) -> Sign | None:
    """The start that ended a silence, if one did: the heart of a process beats before that is written down."""
    for sign in found[i:]:
        if sign.activity in _BEGINS:
            return sign
        if sign.activity == "training" and sign.time - found[i].time > SILENT_S:
            return None
    return None


def _stuck(found: Sequence[Sign], seconds_per_step: float | None) -> list[Break]:
    """Times in which all heartbeats said that it trained, at the same step."""
    limit = max(SILENT_S, _SLOW * (seconds_per_step or 0.0))
    stops, since = [], None
    for before, after in pairwise(found):
        same = before.activity == after.activity == "training" and before.step == after.step
        if same and after.time - before.time <= SILENT_S:
            since = since or before
            continue
        if since and before.time - since.time > limit:
            stops.append(Break("stuck", since.time, before.time - since.time, since.step))
        since = None
    if since and found[-1].time - since.time > limit:
        stops.append(Break("stuck", since.time, found[-1].time - since.time, since.step))
    return stops
