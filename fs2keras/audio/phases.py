"""A sound from nothing but the magnitudes of its short-time spectrum: fast Griffin-Lim.

Griffin and Lim 1984; Perraudin, Balazs and Søndergaard 2013. The same as librosa's to rounding, as tests show, in half
the time: frames lie one behind the other in memory, and SciPy transforms several at once.
"""

import numpy as np
import scipy


def sound_of(
    magnitude: np.ndarray, window: np.ndarray, hop: int, iterations: int, momentum: float, random: np.random.RandomState
) -> np.ndarray:
    """Samples ((T - 1) * hop,), float32, whose centred STFT under a window (N,) has nearly this magnitude (T, N/2 + 1).

    Begins with random phases, and puts in their place those that the sound of it has, again and again; `momentum`
    leaps beyond them, 0 is plain Griffin-Lim. T must be such that (T - 1) * hop >= N.
    """
    frames, fft = magnitude.shape[0], window.size
    scale = _overlapping(np.broadcast_to(np.square(window), (frames, fft)), hop)
    # Where hardly a window reaches, at both ends, nothing is known.
    scale = np.divide(1, scale, out=np.zeros_like(scale), where=scale > np.finfo(np.float32).tiny)
    turns = random.random_sample(magnitude.shape[::-1]).T  # as librosa draws them
    spectrum = magnitude * np.exp(2j * np.pi * turns).astype(np.complex64)
    before = np.zeros_like(spectrum)
    for _ in range(iterations):
        samples = _samples(spectrum, window, hop, scale)
        samples[: fft // 2] = samples[-(fft // 2) :] = 0  # a sound is silent before and after
        rebuilt = _spectrum(samples, window, hop)
        spectrum = rebuilt - momentum / (1 + momentum) * before
        spectrum /= np.abs(spectrum) + np.finfo(np.float32).tiny
        spectrum *= magnitude
        before = rebuilt
    return _samples(spectrum, window, hop, scale)[fft // 2 : fft // 2 + (frames - 1) * hop]


def _spectrum(samples: np.ndarray, window: np.ndarray, hop: int) -> np.ndarray:
    """STFT (T, N/2 + 1) of samples that begin half a window before the sound and end half a window after it."""
    return scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, window.size)[::hop] * window)


def _samples(spectrum: np.ndarray, window: np.ndarray, hop: int, scale: np.ndarray) -> np.ndarray:
    """The samples whose STFT is nearest to a spectrum (T, N/2 + 1) in the sense of least squares."""
    return _overlapping(scipy.fft.irfft(spectrum, window.size) * window, hop) * scale


def _overlapping(frames: np.ndarray, hop: int) -> np.ndarray:
    """Sum ((T - 1) * hop + N,) of frames (T, N) that begin a hop apart."""
    count, length = frames.shape
    parts = -(-length // hop)  # of a frame, a hop long each
    frames = np.pad(frames, ((0, 0), (0, parts * hop - length)))
    total = np.zeros((count + parts - 1, hop), np.float32)
    for part in range(parts):
        total[part : part + count] += frames[:, part * hop : (part + 1) * hop]
    return total.ravel()[: (count - 1) * hop + length]
