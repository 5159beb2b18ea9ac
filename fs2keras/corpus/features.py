"""From a clip to its features, frame by frame, untrimmed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fs2keras.audio import energy, mel, pitch, wav
from fs2keras.recipe import Audio

VERSION = 1  # of the arithmetic below and in fs2keras.audio: raise it when the numbers change


@dataclass(frozen=True, eq=False)
class Features:
    """`mel` (T, M) float16 natural log; `energy` (T,) float32; `f0` (T,) float32 in Hz, 0 where unvoiced."""

    mel: np.ndarray
    energy: np.ndarray
    f0: np.ndarray


def compute(path: Path, audio: Audio) -> tuple[Features, float]:
    """The features of one clip, and its duration in seconds.

    Raises AudioError when the clip cannot be used.
    """
    samples = wav.scale_peak(wav.read(path, audio.sample_rate), audio.peak)
    magnitude = mel.stft_magnitude(samples, audio.fft, audio.hop, audio.window)
    log_mel = mel.log_mel(magnitude, audio.sample_rate, audio.fft, audio.mels, audio.fmin, audio.fmax)
    features = Features(
        log_mel.astype(np.float16),
        energy.energy(magnitude).astype(np.float32),
        pitch.f0(samples, audio.sample_rate, audio.hop, audio.pitch_floor, audio.pitch_ceiling).astype(np.float32),
    )
    return features, len(samples) / audio.sample_rate
