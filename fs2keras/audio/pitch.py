"""Fundamental frequency by WORLD's DIO, refined by StoneMask (Morise et al. 2016)."""

import numpy as np
import pyworld

from fs2keras.audio.mel import frame_count
from fs2keras.audio.wav import AudioError


def f0(samples: np.ndarray, sample_rate: int, hop: int, floor: float = 71.0, ceiling: float = 800.0) -> np.ndarray:
    """Fundamental frequency (T,) in Hz of samples (S,), float32, 0 where unvoiced; T as for the spectrogram.

    Searched from `floor` to `ceiling` Hz; the defaults are WORLD's.
    """
    samples = samples.astype(np.float64)
    frame_period = 1000.0 * hop / sample_rate
    rough, times = pyworld.dio(samples, sample_rate, f0_floor=floor, f0_ceil=ceiling, frame_period=frame_period)
    refined = pyworld.stonemask(samples, rough, times, sample_rate)
    # DIO counts frames in floating-point milliseconds, so it can be one off.
    frames = frame_count(samples.shape[0], hop)
    return np.pad(refined[:frames], (0, max(0, frames - refined.shape[0]))).astype(np.float32)


def interpolate_unvoiced(f0: np.ndarray) -> np.ndarray:
    """F0 (T,) with its unvoiced frames (0) filled linearly; the ends hold the first and last voiced value.

    Raises AudioError when no frame is voiced.
    """
    voiced = np.flatnonzero(f0)
    if voiced.size == 0:
        raise AudioError(f"no voiced frame among {f0.shape[0]}: its pitch is unknown")
    return np.interp(np.arange(f0.shape[0]), voiced, f0[voiced]).astype(np.float32)
