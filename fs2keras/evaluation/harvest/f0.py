"""F0 by Harvest (Morise, Interspeech 2017), seven times as fast as WORLD's own program.

Three stages, a module each. A bank of narrow filters finds candidates (`candidates`); each, tried in the frames around
as well, is refined by the instantaneous frequency of its harmonics, and scored by how well these agree (`refinement`);
the best of each frame are joined to contours, which are cleaned, extended, merged and smoothed (`contours`).

WORLD's program takes 2 s of a processor for a sentence of LJSpeech, which an evaluation needs for three sounds of each.
It spends them on whole Fourier transforms of which six bins are wanted, on windows of which it takes every cosine, and
on FFTs of the whole sound. Here Numba compiles the refinement, with just those bins, when a machine first runs it, and
keeps the result on disk. What the paper leaves open is as in WORLD (constants, and how contours are extended and
merged), so that the two agree to rounding; tests compare them.
"""

import numpy as np
import scipy

from fs2keras.evaluation.harvest.candidates import filter_bank, runs, spread
from fs2keras.evaluation.harvest.contours import bridge, join, smooth
from fs2keras.evaluation.harvest.refinement import refine, reliable

_RATE = 8000.0  # Hz; samples are decimated to about this


def harvest(samples: np.ndarray, sample_rate: int, floor: float, ceiling: float) -> np.ndarray:
    """F0 (F,) in Hz, 0 where unvoiced, of samples (S,) at every millisecond from 0 on; F = 1 + 1000 S // rate."""
    y, rate = _decimate(samples, sample_rate)
    frames = int(1000.0 * samples.size / sample_rate) + 1
    candidates = spread(runs(filter_bank(y, rate, frames, floor, ceiling)))
    candidates, scores = reliable(*refine(y, rate, floor, ceiling, candidates))
    return smooth(bridge(join(candidates, scores)))


def _decimate(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Samples at about 8 kHz without their mean, and their rate."""
    factor = max(1, min(12, int(sample_rate / _RATE + 0.5)))
    y = samples.astype(np.float64)
    if factor > 1:
        lag = -(-140 // factor) * factor
        padded = np.pad(np.pad(y, lag, mode="edge"), 9, mode="reflect", reflect_type="odd")
        b, a = scipy.signal.cheby1(3, 0.05, 0.8 / factor)
        there = scipy.signal.lfilter(b, a, padded)
        back = scipy.signal.lfilter(b, a, there[::-1])[::-1][9:-9]
        last = (back.size - 1) % factor  # WORLD keeps the last sample, not the first
        y = back[lag + last :: factor][: -(-samples.size // factor)]
    return np.ascontiguousarray(y - y.mean()), sample_rate / factor
