"""Candidates made exact, and scored, by the instantaneous frequency of their harmonics."""

from functools import lru_cache

import numpy as np
from numba import njit

_HARMONICS = 6
_LOWEST_SCORE = 2.5
_NEIGHBOUR = 0.05  # how far a candidate may be from all candidates of the frames beside it, relative

_compiled = njit(cache=True, error_model="numpy", nogil=True)


def refine(
    y: np.ndarray, rate: float, floor: float, ceiling: float, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Candidates (F, N) in Hz as samples (S,) have them, and their scores; 0 where the samples do not bear one out."""
    candidates, scores = candidates.copy(), np.zeros_like(candidates)
    _refine(y, rate, floor, ceiling, *_turns(rate, floor, ceiling), candidates, scores)
    return candidates, scores


@lru_cache(maxsize=1)
def _turns(rate: float, floor: float, ceiling: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of the phase at each sample, for each bin that `_refine` can want of a transform of 2**k samples:
    (K, bins, samples)."""
    longest = 2 * int(1.5 * rate / floor + 1) + 1
    sizes = 2 ** np.arange(3 + int(np.log2(longest)))
    bins = 2 + int(4 * _HARMONICS * (3 + 3 * ceiling / rate))  # a transform is at most four windows of three periods
    samples = np.arange(bins)[:, None] * np.arange(longest)
    angle = 2 * np.pi * (samples % sizes[:, None, None]) / sizes[:, None, None]
    return np.cos(angle), np.sin(angle)


@_compiled
def _refine(y, rate, floor, ceiling, cosines, sines, candidates, scores):
    """Replaces candidates (F, N) by what the samples (S,) around their frames say, and scores them."""
    longest = cosines.shape[2]
    window, x, slope = np.empty(longest + 2), np.empty(longest), np.empty(longest)
    for frame in range(candidates.shape[0]):
        for n in range(candidates.shape[1]):
            f0 = candidates[frame, n]
            if f0 == 0:
                continue
            length = _cut(y, frame * rate / 1000, int(1.5 * rate / f0 + 1), window, x, slope)
            size_log = 2 + int(np.log2(length))  # the transform has room for at least twice the samples
            found, score = _refined(f0, rate, 2**size_log, length, x, slope, cosines[size_log], sines[size_log])
            good = floor <= found <= ceiling and score >= _LOWEST_SCORE
            candidates[frame, n], scores[frame, n] = (found, score) if good else (0.0, 0.0)


@_compiled
def _cut(y, at, half, window, x, slope):
    """The 2 * half + 1 samples of `y` around sample `at`: into `x` under a Blackman window, into `slope` under the
    slope of that window; returns how many."""
    length = 2 * half + 1
    first = int(np.floor(at - half + 0.501)) - 1
    _window(window, length, first - at)
    for m in range(length):
        sample = y[min(max(first + m, 0), y.size - 1)]
        x[m], slope[m] = sample * window[m + 1], sample * (window[m] - window[m + 2]) / 2
    return length


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})  # sums in any order: SIMD
def _refined(f0, rate, size, length, x, slope, cosines, sines):
    """F0 as the harmonics of samples `x` have it, weighted by their amplitude, and a score: one over how far apart they
    are.

    The phase of the spectrum X at a bin turns with the frequency that is there: bin - Im(X' / X), with X' the spectrum
    of `slope`. The bin nearest to each harmonic counts.
    """
    harmonics = min(int(rate / 2 / f0), _HARMONICS)
    numerator = denominator = apart = 0.0
    for h in range(1, harmonics + 1):
        bin = int(f0 * size / rate * h + 0.5)
        xr = xi = dr = di = 0.0
        for m in range(length):
            xr += x[m] * cosines[bin, m]
            xi -= x[m] * sines[bin, m]
            dr += slope[m] * cosines[bin, m]
            di -= slope[m] * sines[bin, m]
        power = xr * xr + xi * xi
        frequency = bin * rate / size + (xr * di - xi * dr) / power * rate / 2 / np.pi if power > 0 else 0.0
        numerator += np.sqrt(power) * frequency
        denominator += np.sqrt(power) * h
        apart += abs(frequency / h - f0) / f0
    return numerator / (denominator + 1e-12), 1 / (apart / harmonics + 1e-12)


@_compiled
def _window(window, length, first):
    """Blackman window of `length` samples, `first` of which is so many samples before its middle, between zeros."""
    step = 2 * np.pi / length
    c, s, turn_c, turn_s = np.cos(first * step), np.sin(first * step), np.cos(step), np.sin(step)
    window[0] = window[length + 1] = 0
    for m in range(1, length + 1):
        window[m] = 0.34 + 0.5 * c + 0.16 * c * c
        c, s = c * turn_c - s * turn_s, s * turn_c + c * turn_s


@_compiled
def nearest(f0, candidates, allowed):
    """The last of the candidates (N,) that are nearest to F0, and how far it is; 0 where none is within `allowed`."""
    best, error = 0.0, allowed
    for candidate in candidates:
        apart = abs(f0 - candidate) / f0
        if candidate > 0 and apart <= error:
            best, error = candidate, apart
    return best, error


@_compiled
def reliable(candidates, scores):
    """Candidates and scores (F, N) without those that have no like in the frames beside theirs."""
    kept, kept_scores = candidates.copy(), scores.copy()
    for frame in range(1, candidates.shape[0] - 1):
        for n in range(candidates.shape[1]):
            f0 = candidates[frame, n]
            if f0 > 0:
                after = nearest(f0, candidates[frame + 1], 1.0)[1]
                if min(after, nearest(f0, candidates[frame - 1], 1.0)[1]) > _NEIGHBOUR:
                    kept[frame, n] = kept_scores[frame, n] = 0
    return kept, kept_scores
