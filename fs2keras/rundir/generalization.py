"""What the validation curve says beside the training curve: over-fitting, or no progress any more."""

from bisect import bisect_right
from itertools import accumulate
from math import isfinite, sqrt
from statistics import fmean, median
from typing import NamedTuple

from fs2keras.rundir.table import Table

_FEWEST = 4  # validations after the minimum
FEWEST = 2 + 1 + _FEWEST  # validations that may show over-fitting: before the minimum, it, and after it
_SHARE = 5  # a level is the mean of a fifth of the validations
_RISE = 0.02  # of the level: less is no matter
_FALL, _CLEAR_FALL = 0.05, 0.2  # of the training level; with a clear fall the rise needs less proof
_SIGMAS = 2.5  # with ten validations; more are more chances to be wrong
_FEW = 15  # validations; with more, noise that lasts for several of them can be told from a trend
_SAMPLE = 1000  # training rows that make a mean
_PLATEAU = 12  # validations before there is talk of one
_NO_BETTER = 0.002  # of the level


class Overfitting(NamedTuple):
    """One column that rises on the validation split while it falls in training.

    `best` and `value` are its values in validation at `best_step` and now (`step`), `training_then` and `training_now`
    its means in training over the validations before these.
    """

    column: str
    best_step: int
    best: float
    step: int
    value: float
    training_then: float
    training_now: float


class Plateau(NamedTuple):
    """The lowest validation loss was `best`, at `best_step`; now it is `step`, and much time has passed."""

    best_step: int
    best: float
    step: int


def overfitting(steps: Table, validation: Table, column: str) -> Overfitting | None:
    """Whether `column` has risen in validation since its minimum, beyond noise, while it fell in training.

    The level of the last validations is compared with that around the minimum, since the minimum itself is a lucky
    value; and the rise with the noise, and with what the curve rose before and fell since without meaning it.
    """
    points = _finite(validation, column)
    values = [value for _, value in points]
    lowest = min(range(len(values)), key=values.__getitem__, default=0)
    after = len(values) - 1 - lowest
    if after < _FEWEST or lowest < 2 or column not in steps:
        return None
    width = min(2 * after // 3, max(3, len(values) // _SHARE))
    first = max(0, lowest - width // 2)
    rise = fmean(values[-width:]) - fmean(values[first : first + width])
    usual = 2 * max(_largest_rise(values[: lowest + 1], width), _largest_rise(values[:lowest:-1], width))
    if rise < max(usual, _RISE * abs(values[-1])):
        return None
    then = _training(steps, column, points[first - 1][0] if first else 0, points[first + width - 1][0])
    now = _training(steps, column, points[-width - 1][0], points[-1][0])
    if then is None or now is None or now > (1 - _FALL) * then:
        return None
    sigmas = _SIGMAS * (len(values) / 10) ** 0.3 + (now > (1 - _CLEAR_FALL) * then)
    if rise < sigmas * _noise(values, width) * sqrt(2 / width):
        return None
    (best_step, best), (step, value) = points[lowest], points[-1]
    return Overfitting(column, int(best_step), best, int(step), value, then, now)


def plateau(validation: Table, column: str, total: int | None) -> Plateau | None:
    """Whether `column` has not improved in validation for a third of the steps so far, and a tenth of all."""
    points = _finite(validation, column)
    if len(points) < _PLATEAU:
        return None
    step = points[-1][0]
    recent = [value for at, value in points if at > step * 2 / 3]
    before = [value for at, value in points if step / 3 < at <= step * 2 / 3]
    if len(recent) < _FEWEST or len(before) < _FEWEST:
        return None
    best_step, best = min(points, key=lambda point: point[1])
    better = median(recent) < median(before) - _NO_BETTER * abs(median(before))
    if best_step > step * 2 / 3 or better or step - best_step < (total or step) / 10:
        return None
    return Plateau(int(best_step), best, int(step))


def _finite(table: Table, column: str) -> list[tuple[float, float]]:
    if column not in table:
        return []
    return [(step, value) for step, value in zip(table["step"], table[column], strict=True) if isfinite(value)]


def _training(steps: Table, column: str, first: float, last: float) -> float | None:
    """The mean of a training column after step `first` until `last`; None when there is no row."""
    a, b = bisect_right(steps["step"], first), bisect_right(steps["step"], last)
    values = [value for value in steps[column][a : b : max(1, (b - a) // _SAMPLE)] if isfinite(value)]
    return fmean(values) if values else None


def _largest_rise(values: list[float], width: int) -> float:
    """How much the mean of `width` values has ever risen: by that much it comes and goes."""
    sums = [0.0, *accumulate(values)]
    means = [(b - a) / width for a, b in zip(sums, sums[width:], strict=False)]
    return max((mean - low for mean, low in zip(means, accumulate(means, min), strict=True)), default=0.0)


def _noise(values: list[float], width: int) -> float:
    """The standard deviation of a value around the curve, from what bends it: robust, and blind to its slope."""
    found = []
    for lag in (1,) if len(values) < _FEW else (1, width // 2):
        bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[lag:], values[2 * lag :], strict=False)]
        found.append(1.4826 * median(bends) / sqrt(6))
    return max(found)
