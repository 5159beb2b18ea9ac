"""A training in phases of equal length, so that one can say where it made its progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import log, log10

import numpy as np

from fs2keras.rundir.table import Table

_PHASES = 8  # about so many of a short run
_LONG = 100_000  # planned steps from which a run is a long one
_WIDTH, _MOST = 25_000, 40  # steps of a phase of a long run, as long as there are not more phases than these
_AROUND = 0.02  # of a phase: so far around a border the values count that say how high the loss was there


@dataclass(frozen=True)
class Phase:
    """The steps after `first` until `last`.

    `start` and `end` are the loss at its borders, `change` what it changed in a thousand steps; `validation` is the
    last loss that was measured on the validation split in it; None where there is none. `seconds` of training time,
    `checkpoints` written in it and their `bytes`, `bytes_until` with those of the phases before it, and the
    `sample_bytes` of what was spoken.
    """

    first: int
    last: int
    start: float | None
    end: float | None
    validation: float | None
    seconds: float | None
    checkpoints: int
    bytes: int
    bytes_until: int
    sample_bytes: int

    @property
    def change(self) -> float | None:
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start) / (self.last - self.first) * 1000


def phase_width(planned: int) -> int:
    """Steps of a phase of a run of so many: 25,000, so that runs can be compared row by row, finished or not; of more
    than a million a multiple of that; of less than 100,000 about an eighth, as a round number: 100 of 900."""
    if planned >= _LONG:
        widths = (_WIDTH * factor * 10**power for power in count() for factor in (1, 2, 4))
        return next(width for width in widths if planned <= _MOST * width)
    wanted = max(1.0, planned / _PHASES)
    power = 10 ** int(log10(wanted))
    near = [round(power * factor) for factor in (1, 2, 2.5, 5, 10) if power * factor == round(power * factor)]
    return min(near, key=lambda width: abs(log(width / wanted)))


def phases(
    steps: Table,
    validation: Table,
    checkpoints: Mapping[int, int],
    samples: Mapping[int, int],
    reached: int,
    planned: int,
    column: str = "loss",
) -> tuple[Phase, ...]:
    """The phases of a run that has reached a step of those planned, the last one as long as it has lasted.

    `checkpoints` and `samples` are bytes by step; the loss is the median of the values around a border, within a
    fiftieth of a phase, or the nearest one, if it is not half a phase away.
    """
    width = phase_width(max(planned, reached))
    borders = [*range(0, reached, width), reached] if reached > 0 else []
    level, elapsed = _levels(steps, column, borders, width), _elapsed(steps, borders)
    validated = _column(validation, column)
    found, until = [], 0
    for i, (first, last) in enumerate(zip(borders, borders[1:], strict=False)):
        inside = validated[1][(validated[0] > first) & (validated[0] <= last)]
        written, spoken = (
            [size for step, size in sizes.items() if first < step <= last] for sizes in (checkpoints, samples)
        )
        until += sum(written)
        found.append(
            Phase(
                first,
                last,
                level[i],
                level[i + 1],
                float(inside[-1]) if len(inside) else None,
                elapsed[i + 1] - elapsed[i] if elapsed else None,
                len(written),
                sum(written),
                until,
                sum(spoken),
            )
        )
    return tuple(found)


def _column(table: Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a column, where they are finite."""
    if column not in table:
        return np.empty(0), np.empty(0)
    steps, values = np.array(table["step"]), np.array(table[column], dtype=float)
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def _levels(table: Table, column: str, borders: Sequence[int], width: int) -> list[float | None]:
    steps, values = _column(table, column)
    found: list[float | None] = []
    for border in borders:
        distance = np.abs(steps - border)
        near = distance <= max(_AROUND * width, distance.min(initial=np.inf))
        known = near & (distance <= width / 2)
        found.append(float(np.median(values[known])) if known.any() else None)
    return found


def _elapsed(table: Table, borders: Sequence[int]) -> list[float]:
    steps, seconds = _column(table, "elapsed_s")
    return [float(value) for value in np.interp(borders, [0, *steps], [0, *seconds])] if len(steps) else []
