"""How long a training still takes, with an interval.

The time between two rows is split into the pace of the steps and pauses (validations, saves, samples, compilations).
The pace is a level that may drift and a trend that may go on; how much of either there is, is weighed by how well it
would have foretold the rows (a Kalman filter for each, weights by Bayes' rule). Pauses come back in their share, but
not a single very long one, nor those at the beginning.
"""

from collections.abc import Sequence
from itertools import pairwise, product
from math import exp, isfinite, log, sqrt
from statistics import fmean, median, variance
from typing import NamedTuple

ROWS = 1000  # the last rows that are worth giving; of more, every n-th is looked at
_FEWEST = 3  # intervals between rows; before that they may all be compilations
_RECENT = 50  # rows that say how fast it is now
_NEIGHBOURS = 25  # intervals that say together what a usual one is
_BLOCKS = 48  # means over so many blocks of intervals are filtered
_PARTS = 12  # pauses are counted in so many parts
# As shares of the pace: the standard deviation of what a whole run drifts, or changes from its first step to its last,
# each with its weight before anything is known.
_DRIFTS = ((0.0, 0.4), (0.05, 0.2), (0.15, 0.2), (0.5, 0.15), (1.5, 0.05))
_TRENDS = ((0.0, 0.3), (0.4, 0.7))
_LEVEL_SD = 0.05  # of the first level, beside the noise
_FASTEST = 0.2  # of the usual pace: no trend goes on beyond that
_Z = 1.45  # 1.28 for 80 % of a normal distribution; the tails here are thicker (tests/test_rundir_eta.py)


class Eta(NamedTuple):
    """Seconds of training time left, and an 80 % interval of it."""

    seconds: float
    low: float
    high: float


class _Interval(NamedTuple):
    """From one row to the next: steps, seconds, and how many of the seconds were a pause."""

    steps: float
    seconds: float
    pause: float = 0.0


def eta(steps: Sequence[float], elapsed: Sequence[float], total: int) -> Eta | None:
    """Training time left after the last row until step `total`; None when the rows do not tell yet.

    Args:
        steps: the step of each row, rising.
        elapsed: training time at each row in seconds; downtime is not in it, pauses are.
        total: the last step of the run.
    """
    points = _points(steps, elapsed)
    if points and points[-1][0] >= total:
        return Eta(0.0, 0.0, 0.0)
    intervals = _split_pauses(_intervals(points))
    if len(intervals) < _FEWEST:
        return None
    left = total - points[-1][0]
    pace, pace_sd = _pace(_pieces(intervals, max(4, len(intervals) // _BLOCKS)), left, total)
    pause, pause_sd = _pauses(_pieces(intervals, max(1, len(intervals) // _PARTS)), left)
    seconds = left * (pace + pause)
    spread = exp(_Z * min(1.0, sqrt(pace_sd**2 + pause_sd**2) / (pace + pause)))
    return Eta(seconds, seconds / spread, seconds * spread)


def seconds_per_step(steps: Sequence[float], elapsed: Sequence[float]) -> float | None:
    """How long a step takes now, pauses left out; None when the rows do not tell."""
    recent = _intervals(_points(steps[-_RECENT:], elapsed[-_RECENT:]))
    return median(interval.seconds / interval.steps for interval in recent) if recent else None


def _points(steps: Sequence[float], elapsed: Sequence[float]) -> list[tuple[float, float]]:
    """Step and time of at most about ROWS rows, the last one among them."""
    stride = max(1, -(-len(steps) // ROWS))
    first = (len(steps) - 1) % stride
    points = zip(steps[first::stride], elapsed[first::stride], strict=True)
    return [(step, seconds) for step, seconds in points if isfinite(step) and isfinite(seconds)]


def _intervals(points: list[tuple[float, float]]) -> list[_Interval]:
    found = [_Interval(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    return [interval for interval in found if interval.steps > 0 and interval.seconds > 0]


def _split_pauses(intervals: list[_Interval]) -> list[_Interval]:
    """The same, with what of each one's time is a pause: the part beyond the usual for its steps, if that is much."""
    return [interval for piece in _pieces(intervals, _NEIGHBOURS) for interval in _mark(piece)] if intervals else []


def _mark(neighbours: list[_Interval]) -> list[_Interval]:
    paces = [interval.seconds / interval.steps for interval in neighbours]
    fast = sorted(paces)[len(paces) // 4]  # pauses only add, and where shapes are compiled most intervals have one
    steady = [pace for pace in paces if pace <= 1.3 * fast]
    usual = median(steady)
    noise = 1.4826 * median(abs(pace - usual) for pace in steady)
    limit = usual + min(max(5 * noise, 0.3 * usual), 1.5 * usual)
    return [
        interval._replace(pause=interval.seconds - usual * interval.steps) if pace > limit else interval
        for interval, pace in zip(neighbours, paces, strict=True)
    ]


def _pieces(intervals: list[_Interval], size: int) -> list[list[_Interval]]:
    """As many equal pieces as hold at least `size` intervals each; one at least."""
    count = max(1, len(intervals) // size)
    cuts = [len(intervals) * i // count for i in range(count + 1)]
    return [intervals[a:b] for a, b in pairwise(cuts)]


def _steps(intervals: list[_Interval]) -> float:
    return sum(interval.steps for interval in intervals)


def _pace(blocks: list[list[_Interval]], left: float, total: float) -> tuple[float, float]:
    """Mean seconds a step over the steps that are left, pauses left out, and the standard deviation of that."""
    widths = [_steps(block) / total for block in blocks]
    paces = [sum(i.seconds - i.pause for i in block) / _steps(block) for block in blocks]
    scale = median(paces)
    levels = [pace / scale for pace in paces]
    noise = _noise(levels)
    weights, means, variances = [], [], []
    for (drift, drift_weight), (trend, trend_weight) in product(_DRIFTS, _TRENDS):
        likelihood, mean, var = _foretell(levels, widths, left / total, noise, drift**2, trend**2)
        weights.append(log(drift_weight * trend_weight) + likelihood)
        means.append(mean)
        variances.append(var)
    weights = [exp(weight - max(weights)) for weight in weights]
    weights = [weight / sum(weights) for weight in weights]
    mean = sum(w * m for w, m in zip(weights, means, strict=True))
    var = sum(w * (v + (m - mean) ** 2) for w, m, v in zip(weights, means, variances, strict=True))
    return max(mean, _FASTEST) * scale, sqrt(var) * scale


def _noise(levels: list[float]) -> float:
    """The variance of a level that is no change of pace, from neighbours and so that a few outliers do not matter."""
    if len(levels) < 3:
        return 0.1**2
    return max((1.4826 * median(abs(b - a) for a, b in pairwise(levels))) ** 2 / 2, 0.003**2)


def _foretell(
    levels: list[float], widths: list[float], left: float, noise: float, drift: float, trend: float
) -> tuple[float, float, float]:
    """How likely the levels are with this drift and trend; and the mean level over what is left, with its variance.

    A Kalman filter over level and slope, in units of the whole run: `widths` and `left` are shares of its steps,
    `noise`, `drift` and `trend` variances. An outlier counts as one of Student's t, and pulls no more than 3 sigma do.
    """
    level, slope = levels[0], 0.0
    level_var, both, slope_var = noise + _LEVEL_SD**2, 0.0, trend
    likelihood = 0.0
    for width, seen in zip(widths[1:], levels[1:], strict=True):
        level += slope * width
        level_var += width * (2 * both + width * slope_var + drift)
        both += width * slope_var
        error, var = seen - level, level_var + noise
        likelihood -= 0.5 * log(var) + 2.5 * log(1 + error**2 / (4 * var))
        var = max(var, error**2 / 9)
        level += level_var / var * error
        slope += both / var * error
        slope_var -= both**2 / var
        both -= level_var * both / var
        level_var -= level_var**2 / var
    half = left / 2
    var = level_var + 2 * half * both + half**2 * slope_var + drift * left / 3
    # The noise of neighbouring blocks is alike (another program, long sentences), so it evens out later.
    return likelihood, level + half * slope, var + 3 * noise * fmean(widths) / max(left, fmean(widths))


def _pauses(parts: list[list[_Interval]], left: float) -> tuple[float, float]:
    """Mean seconds of pauses a step over the steps that are left, and the standard deviation of that."""
    shares = _after_start([sum(i.pause for i in part) / _steps(part) for part in parts])
    if len(shares) < 2:
        return 0.0, sum(shares) / 2
    *others, most = sorted(shares)
    if most > 3 * others[-1]:  # no other is as long
        pace = sum(i.seconds - i.pause for part in parts for i in part) / sum(map(_steps, parts))
        very_long = most > 0.1 * pace * len(parts)
        shares = others if very_long else [*others, min(most, 3 * others[-1] or most)]
    if len(shares) < 2:
        return 0.0, 0.0
    width = sum(map(_steps, parts)) / len(parts)
    return fmean(shares), 1.25 * sqrt(variance(shares) * (1 / len(shares) + width / (left + width)))


def _after_start(shares: list[float]) -> list[float]:
    """Without the first ones until one has no pause: what is compiled at the beginning is not compiled again."""
    if len(shares) < 4:
        return shares
    quiet = next((i for i in range(1 + max(3, len(shares) // 2)) if not shares[i]), 0)
    return shares[max(1, quiet) :]
