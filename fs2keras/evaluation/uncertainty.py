"""How far a mean over utterances may be from the one over all utterances there could be: bootstrap (Efron 1979)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

_AT_ONCE = 2**21  # numbers in memory, whatever the number of utterances


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, NaN where there was nothing to average; `count` utterances were there."""

    mean: float
    low: float
    high: float
    count: int

    def root(self) -> "Interval":
        """That of the square root, which turns a mean of squares into a root mean square."""
        return Interval(math.sqrt(self.mean), math.sqrt(self.low), math.sqrt(self.high), self.count)


def mean_interval(
    values: ArrayLike, weights: ArrayLike | None = None, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Mean of values (N,) with the interval that holds it with probability `level`: percentiles of the means of
    `resamples` samples of N utterances, drawn with replacement. The same input gives the same interval.

    Values (N, K) are K metrics of each utterance, and the sum of their K means is what is estimated. `weights` of the
    same shape, positive, make the means weighted ones, as for losses over the frames of a split. Utterances with a NaN
    are left out. Percentiles of few utterances are taken further out, as Student's t is further out than the normal
    distribution (the expanded percentiles of Hesterberg 2015, The American Statistician 69, section 4.3). A single one
    tells nothing of the others: low, high and mean are then the same.
    """
    values = np.asarray(values, float)
    values = values.reshape(len(values), math.prod(values.shape[1:]))
    weights = np.ones_like(values) if weights is None else np.asarray(weights, float).reshape(values.shape)
    known = ~np.isnan(values).any(axis=1)
    values, weights = values[known], weights[known]
    count = len(values)
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)

    weighted = values * weights

    def mean(rows: np.ndarray, axis: int = -1) -> np.ndarray:
        """Of samples (..., N) of rows; SciPy names the last axis, behind which the K metrics then lie."""
        return (weighted[rows].sum(axis - 1) / weights[rows].sum(axis - 1)).sum(-1)

    middle = float(mean(np.arange(count)))
    if count == 1:
        return Interval(middle, middle, middle, 1)
    low, high = scipy.stats.bootstrap(
        (np.arange(count),),
        mean,
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // values.size),
        vectorized=True,
        confidence_level=_expanded(level, count),
        method="percentile",
        rng=seed,
    ).confidence_interval
    return Interval(middle, float(low), float(high), count)


def _expanded(level: float, count: int) -> float:
    t = scipy.stats.t.isf((1 - level) / 2, count - 1)
    return 1 - 2 * float(scipy.stats.norm.sf(t * math.sqrt(count / (count - 1))))


def differences(
    scores: Callable[[np.ndarray], np.ndarray], count: int, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (C,) of C candidates measured on the same `count` utterances, and how far each of their differences may
    be from the true one, (C, C): all of them hold together with probability `level`, so also the difference to the
    best, which the same data have chosen.

    `scores` maps how often each utterance was drawn, (R, N), to scores (R, C). The errors of the resamples' differences
    are studentised and the largest of a resample is what counts (Tukey's studentised range, by bootstrap); as of a
    Student distribution, since the spread is that of few utterances. Infinite for a single one, which tells nothing.
    """
    found = scores(np.ones((1, count)))[0]
    if count == 1:
        return found, np.full((len(found), len(found)), math.inf)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    off = scores(draws.astype(float)) - found  # (R, C)
    spread = np.stack([np.std(off[:, [c]] - off, axis=0) for c in range(len(found))])  # (C, C), 0 where nothing differs
    known = np.where(spread > 0, spread, math.inf)
    largest = np.max([np.max(np.abs(off[:, [c]] - off) / known[c], axis=1) for c in range(len(found))], axis=0)
    tail = scipy.stats.norm.sf(np.quantile(largest, level))
    return found, scipy.stats.t.isf(tail, count - 1) * math.sqrt(count / (count - 1)) * spread


def paired_difference(
    a: ArrayLike, b: ArrayLike, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Mean of b - a over the same utterances in the same order, (N,) each; where either is NaN, it is left out.

    Far narrower than the difference of two intervals, because a hard sentence is hard for both.
    """
    return mean_interval(np.subtract(b, a), seed=seed, resamples=resamples, level=level)
