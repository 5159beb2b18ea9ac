"""Frequencies at which a narrow filter's output crosses zero as often as the filter's own."""

from functools import lru_cache

import numpy as np
import scipy
from numba import njit

_OCTAVE = 40  # filters
_NUTTALL = (0.355768, 0.487396, 0.144232, 0.012604)
_RUN = 10  # filters that must agree
_SPREAD = 3  # frames to either side in which a candidate is tried too
_BLOCK = 4096  # samples that are filtered at once

_compiled = njit(cache=True, error_model="numpy", nogil=True)


def filter_bank(y: np.ndarray, rate: float, frames: int, floor: float, ceiling: float) -> np.ndarray:
    """Frequency (C, F) of each filter's output in each frame, 0 where it is not near the filter's own."""
    centres, kernels, reach = _kernels(rate, floor, ceiling)
    step = _BLOCK - 2 * reach
    blocks = -(-y.size // step)
    padded = np.pad(y, (reach - 1, reach + 1 + blocks * step - y.size))  # WORLD's filters run one sample ahead
    spectra = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _BLOCK)[::step])
    found = np.zeros((centres.size, frames))
    for channel, centre in enumerate(centres):
        filtered = scipy.fft.irfft(spectra * kernels[channel], _BLOCK)[:, reach : reach + step].ravel()[: y.size]
        _track(filtered, rate, max(floor, 0.9 * centre), min(ceiling, 1.1 * centre), found[channel])
    return found


@lru_cache(maxsize=1)
def _kernels(rate: float, floor: float, ceiling: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Frequencies (C,) of the filters, their spectra (C, F), real because they are symmetric around 0, and how many
    samples they reach to either side."""
    lowest, highest = 0.9 * floor, 1.1 * ceiling
    centres = lowest * 2 ** (np.arange(1, 2 + int(np.log2(highest / lowest) * _OCTAVE)) / _OCTAVE)
    kernels = np.zeros((centres.size, _BLOCK))
    for kernel, centre in zip(kernels, centres, strict=True):
        half = int(2 * rate / centre + 0.5)
        i = np.arange(-half, half + 1)
        kernel[i] = scipy.signal.windows.general_cosine(i.size, _NUTTALL) * np.cos(2 * np.pi * centre * i / rate)
    return centres, scipy.fft.rfft(kernels).real, int(2 * rate / centres[0] + 0.5)


@_compiled
def _track(signal, rate, lowest, highest, found):
    """Mean of the frequencies between crossings of zero, downwards and upwards, of a signal (S,) and of its slope,
    into `found` (F,) where it lies from `lowest` to `highest`."""
    total = np.zeros(found.size)
    down, up = np.empty(signal.size), np.empty(signal.size)
    for values in (signal, signal[1:] - signal[:-1]):
        downs = ups = 0
        for i in range(1, values.size):
            before, here = values[i - 1], values[i]
            if before > 0 and here <= 0:
                down[downs] = (i - before / (here - before)) / rate
                downs += 1
            elif before < 0 and here >= 0:
                up[ups] = (i - before / (here - before)) / rate
                ups += 1
        if min(downs, ups) < 4:
            return
        _add_frequency(down[:downs], total)
        _add_frequency(up[:ups], total)
    for frame in range(found.size):
        if lowest <= total[frame] / 4 <= highest:
            found[frame] = total[frame] / 4


@_compiled
def _add_frequency(times, total):
    """Adds to `total` (F,) how often something happens a second that happens at `times` (N,): straight lines between
    the middles of the intervals, and beyond them."""
    k = 0
    middle, after = (times[0] + times[1]) / 2, (times[1] + times[2]) / 2
    for frame in range(total.size):
        at = frame / 1000.0
        while k < times.size - 3 and at >= after:
            k += 1
            middle, after = after, (times[k + 1] + times[k + 2]) / 2
        first, second = 1 / (times[k + 1] - times[k]), 1 / (times[k + 2] - times[k + 1])
        total[frame] += first + (at - middle) / (after - middle) * (second - first)


@_compiled
def runs(found):
    """Candidates (F, N) of each frame: means over runs of filters (C, F) that found something."""
    channels, frames = found.shape
    candidates = np.zeros((frames, 1 + channels // _RUN))
    most = 0
    for frame in range(frames):
        count = run = 0
        total = 0.0
        for channel in range(1, channels):
            here = found[channel, frame] if channel < channels - 1 else 0.0
            if here > 0:
                run += 1
                total += here
            else:
                if run >= _RUN:
                    candidates[frame, count] = total / run
                    count += 1
                run, total = 0, 0.0
        most = max(most, count)
    return candidates[:, :most]


def spread(candidates: np.ndarray) -> np.ndarray:
    """Candidates (F, N) with those of the frames around, (F, 7 N)."""
    padded = np.pad(candidates, ((_SPREAD, _SPREAD), (0, 0)))
    frames = candidates.shape[0]
    shifts = [0, *range(-1, -_SPREAD - 1, -1), *range(1, _SPREAD + 1)]
    return np.concatenate([padded[_SPREAD + s :][:frames] for s in shifts], axis=1)
