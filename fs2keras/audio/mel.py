"""Short-time spectra: STFT magnitude and the log-mel spectrogram that the model predicts."""

from functools import lru_cache

import librosa
import numpy as np

from fs2keras.audio.wav import AudioError

# Quieter than this is silence; the log needs a floor (reference: log(max(x, 1e-5))).
FLOOR = 1e-5


def frame_count(samples: int, hop: int) -> int:
    """Number of frames T of a clip of S samples, centred framing."""
    return 1 + samples // hop


def stft_magnitude(samples: np.ndarray, fft: int, hop: int, window: int) -> np.ndarray:
    """Magnitude (T, F) of the centred STFT of samples (S,); T = 1 + S // hop, F = 1 + fft // 2.

    A Hann window of `window` samples, reflect padding of fft // 2 at both ends, no normalisation.

    Raises AudioError when the clip is shorter than one FFT.
    """
    if samples.shape[0] < fft:
        raise AudioError(f"the clip has {samples.shape[0]} samples, fewer than one FFT of {fft}: too short to use")
    spectrum = librosa.stft(samples, n_fft=fft, hop_length=hop, win_length=window, window="hann", pad_mode="reflect")
    return np.ascontiguousarray(np.abs(spectrum).T)


@lru_cache(maxsize=8)
def mel_basis(sample_rate: int, fft: int, mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Slaney mel filters (M, F), each of unit area in Hz. Read-only, since it is shared."""
    basis = librosa.filters.mel(sr=sample_rate, n_fft=fft, n_mels=mels, fmin=fmin, fmax=fmax, norm="slaney")
    basis.flags.writeable = False
    return basis


def log_mel(magnitude: np.ndarray, sample_rate: int, fft: int, mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Natural log of the mel spectrum (T, M), float32, of an STFT magnitude (T, F), floored at 1e-5."""
    mel = magnitude @ mel_basis(sample_rate, fft, mels, fmin, fmax).T
    return np.log(np.maximum(mel, FLOOR)).astype(np.float32)
