"""Mean and standard deviation of pitch and energy over a corpus, and the range of the normalised values."""

import math

import numpy as np

from fs2keras.corpus.align import Aligned, edge_padded
from fs2keras.corpus.features import Features


class Moments:
    """Running mean, standard deviation (of the population) and range. Values that lie beyond 1.5 IQR of their own
    utterance are left out of the mean and the deviation, never out of the range (reference.md, Features)."""

    def __init__(self):
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._min, self._max = math.inf, -math.inf

    def update(self, values: np.ndarray) -> None:
        """Add the values (N,) of one utterance; merged as in Chan et al. 1979, which stays exact over long corpora."""
        values = np.asarray(values, np.float64)
        if not len(values):
            return
        self._min, self._max = min(self._min, values.min()), max(self._max, values.max())
        kept = without_outliers(values)
        mean, count = kept.mean(), self._count + len(kept)
        delta = mean - self._mean
        self._squares += ((kept - mean) ** 2).sum() + delta**2 * self._count * len(kept) / count
        self._mean += delta * len(kept) / count
        self._count = count

    def result(self) -> dict[str, float]:
        """mean and std in the unit of the values, min and max normalised by them."""
        if not self._count:
            raise ValueError("no values: a mean of nothing")
        # A constant would divide by zero; with 1 it normalises to 0.
        std = math.sqrt(self._squares / self._count) or 1.0
        return {
            "mean": float(self._mean),
            "std": std,
            "min": float((self._min - self._mean) / std),
            "max": float((self._max - self._mean) / std),
        }


def without_outliers(values: np.ndarray) -> np.ndarray:
    """The values (N,) that lie within 1.5 interquartile ranges of the quartiles."""
    low, high = np.percentile(values, [25, 75])
    margin = 1.5 * (high - low)
    return values[(values >= low - margin) & (values <= high + margin)]


class CorpusStatistics:
    """Moments of pitch (Hz) and energy, by phoneme and by frame."""

    def __init__(self):
        self._moments = {name: {"phoneme": Moments(), "frame": Moments()} for name in ("pitch", "energy")}

    def update(self, row: Aligned, features: Features) -> None:
        """Add the frames that one utterance uses. A phoneme of no frame has no value to count; F0 by frame is not
        interpolated, so unvoiced frames count as 0 Hz there."""
        spoken = row.durations > 0
        self._moments["pitch"]["phoneme"].update(row.pitch[spoken])
        self._moments["energy"]["phoneme"].update(row.energy[spoken])
        self._moments["pitch"]["frame"].update(edge_padded(features.f0, row.first, row.last))
        self._moments["energy"]["frame"].update(edge_padded(features.energy, row.first, row.last))

    def result(self) -> dict[str, dict[str, dict[str, float]]]:
        """{"pitch" | "energy": {"phoneme" | "frame": {"mean", "std", "min", "max"}}}"""
        return {name: {level: m.result() for level, m in levels.items()} for name, levels in self._moments.items()}
