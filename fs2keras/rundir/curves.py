"""From columns to curves: x axes, smoothing, and as few points as a chart has columns."""

import itertools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf, isfinite
from typing import Literal, NamedTuple

from fs2keras.rundir.table import Table

Axis = Literal["step", "epoch", "hours"]
_COLUMN = {"step": "step", "epoch": "epoch", "hours": "elapsed_s"}
_SAMPLED = 500  # rows from which the length of an epoch is told


class Bucket(NamedTuple):
    """The points of a curve in one column of a chart: the first and the last value, the lowest and the highest."""

    column: int
    first: float
    low: float
    high: float
    last: float


def decimate(x: Sequence[float], y: Sequence[float], x_min: float, x_max: float, columns: int) -> list[Bucket]:
    """The points with x_min <= x <= x_max in `columns` columns of equal width; a column without points is left out.

    `x` must not fall, and may be longer than `y`. Values that are not finite are skipped. A point on a border belongs
    to the column on its right, one at x_max to the last column. Every extreme is the extreme of its column, so none is
    lost at any zoom.
    """
    stop = bisect_right(x, x_max)
    start = bisect_left(x, x_min, 0, stop)
    buckets = []
    for column in range(columns):
        end = stop
        if column < columns - 1:
            end = bisect_left(x, x_min + (x_max - x_min) * ((column + 1) / columns), start, stop)
        values = list(y[start:end])
        if not isfinite(sum(values)):
            values = [value for value in values if isfinite(value)]
        if values:
            buckets.append(Bucket(column, values[0], min(values), max(values), values[-1]))
        start = end
    return buckets


def smooth(values: Sequence[float], weight: float) -> array:
    """Exponential moving average without a bias towards the start: each value weighs `weight` times the one after it.

    `weight` is at least 0 (no smoothing) and below 1. Values that are not finite are skipped, and NaN in the result.
    """
    return Smoother(weight).update(values)


class Smoother:
    """`smooth` for values that grow: only the new ones cost time."""

    def __init__(self, weight: float):
        if not 0 <= weight < 1:
            raise ValueError(f"weight is {weight}, expected 0 <= weight < 1")
        self.weight = weight
        self._start_over(())

    def update(self, values: Sequence[float]) -> array:
        """All of `values`, smoothed. The same sequence as before must only have grown, as a table's columns do; another
        one is smoothed anew. The array that is returned grows with the next call."""
        if values is not self._values or len(values) < len(self._smoothed):
            self._start_over(values)
        mean, weights, weight, smoothed = self._mean, self._weights, self.weight, []
        for value in values[len(self._smoothed) :]:
            if value - value == 0:  # finite
                weights = weights * weight + 1
                mean += (value - mean) / weights
                smoothed.append(mean)
            else:
                smoothed.append(float("nan"))
        self._mean, self._weights = mean, weights
        self._smoothed.fromlist(smoothed)
        return self._smoothed

    def _start_over(self, values: Sequence[float]) -> None:
        self._values, self._smoothed = values, array("f")
        self._mean = self._weights = 0.0


def x_values(table: Table, axis: Axis) -> Sequence[float]:
    """Where the rows of `table` are on an axis: their step, their epoch, or the hours of training. They never fall.

    Within an epoch the rows are spread evenly, once the first one is over and if all are equally long. Empty when the
    table has not the column.
    """
    return XValues(axis).update(table)


class XValues:
    """`x_values` for a table that grows: only the new rows cost time."""

    def __init__(self, axis: Axis):
        self.axis: Axis = axis
        self._start_over(array("d"))

    def update(self, table: Table) -> Sequence[float]:
        """The x of all rows. The array that is returned may grow with the next call."""
        if _COLUMN[self.axis] not in table:
            return array("d")
        steps = table["step"]
        if self.axis == "step":
            return steps
        epoch_steps = _steps_per_epoch(steps, table["epoch"]) if self.axis == "epoch" else None
        if steps is not self._steps or epoch_steps != self._epoch_steps:
            self._start_over(steps, epoch_steps)
        begin = len(self._x)
        if epoch_steps:
            self._x.extend([step / epoch_steps for step in steps[begin:]])
        else:
            unit = 3600 if self.axis == "hours" else 1
            self._x.extend(_rising(table[_COLUMN[self.axis]][begin:], unit, self._x[-1] if self._x else 0.0))
        return self._x

    def _start_over(self, steps: array, epoch_steps: float | None = None) -> None:
        self._steps, self._epoch_steps, self._x = steps, epoch_steps, array("d")


def x_at(at: Sequence[float], steps: Sequence[float], x: Sequence[float]) -> array:
    """Where steps of validations, checkpoints or samples are on the axis on which the rows with `steps` are at `x`.

    Between two rows in proportion, with step 0 at 0; beyond the last row where that is. Empty when `x` is.
    """
    count = min(len(steps), len(x))
    found = array("d")
    for step in at if count else ():
        after = bisect_left(steps, step, 0, count)
        if after == count:
            found.append(x[count - 1])
            continue
        low, low_x = (steps[after - 1], x[after - 1]) if after else (0.0, 0.0)
        share = (step - low) / (steps[after] - low) if steps[after] > low else 1.0
        found.append(low_x + share * (x[after] - low_x))
    return found


def _rising(values: Sequence[float], unit: float, least: float) -> list[float]:
    """`values` in another unit; where they fall or are no number, the highest one before is repeated."""
    values = [value / unit for value in values]
    if isfinite(sum(values)) and sorted([least, *values]) == [least, *values]:  # quick when they are in order
        return values
    finite = (value if isfinite(value) else least for value in values)
    return list(itertools.accumulate(finite, max, initial=least))[1:]


def _steps_per_epoch(steps: Sequence[float], epochs: Sequence[float]) -> float | None:
    """How many steps an epoch has; None when none is over yet, or when they are not equally long.

    Epoch e ends with step (e + 1) * the length, so each row gives a lower and an upper bound of it.
    """
    count = min(len(steps), len(epochs))
    low, high = 0.0, inf
    for row in itertools.chain(range(0, count, 1 + count // _SAMPLED), range(max(0, count - _SAMPLED), count)):
        step, epoch = steps[row], epochs[row]
        if not epoch >= 0:
            return None
        low = max(low, step / (epoch + 1))
        high = min(high, step / epoch) if epoch else high
    if not 0 <= low <= high < inf or not high:
        return None
    middle = (low + high) / 2
    whole = round(middle)
    return whole if whole and low <= whole <= high else middle
