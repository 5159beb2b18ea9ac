"""What is heard in a sound: SPTK's mel-cepstrum, F0 on its frames, and fairseq's MFCCs."""

from functools import lru_cache

import librosa
import numpy as np
import scipy

from fs2keras.evaluation.harvest.f0 import harvest

FFT, HOP = 1024, 256  # samples of a frame of the mel-cepstrum, and from one frame to the next, as ESPnet's
F0_FLOOR, F0_CEILING = 40.0, 800.0  # Hz, as ESPnet's
MFCCS, BANDS, LOWEST = 13, 80, 20.0  # as fairseq's; Hz

# Order and all-pass constant for each sample rate in Hz, as ESPnet chooses them.
_WARPING = {16000: (23, 0.42), 22050: (34, 0.45), 24000: (34, 0.46), 44100: (39, 0.53), 48000: (39, 0.55)}
_EPSILON = 1e-6  # added to the power spectrum: SPTK's etype 1
_ITERATIONS, _TOLERANCE = 30, 1e-3  # SPTK's, at the most and relative
_MFCC_FLOOR = 1e-6  # added to the mel spectrum: torchaudio's


def mel_cepstrum(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mel-cepstrum (T, order + 1), float32, of finite samples (S,) in -1..1, as ESPnet's evaluate_mcd.py measures it.

    Log amplitude of 16-bit samples as sum_k c_k cos(k w), w the frequency warped by an all-pass filter, fitted so that
    the power spectrum over its square is nearest to 1 in the sense of the unbiased log spectrum (Tokuda, Kobayashi,
    Masuko, Imai, ICSLP 1994): SPTK's mcep with etype 1, eps 1e-6. At 22,050 Hz the order is 34 and alpha .45; ESPnet
    has settings for 16, 24, 44.1 and 48 kHz too, and another rate takes those of the nearest.

    Frame i covers samples 256 i to 256 i + 1023 under a symmetric Hamming window of unit energy. No frame reaches
    beyond an end, so a sound of fewer than 1,024 samples has none.
    """
    order, alpha = _WARPING[min(_WARPING, key=lambda rate: abs(rate - sample_rate))]
    if samples.shape[0] < FFT:
        return np.zeros((0, order + 1), "float32")
    window = np.hamming(FFT)
    window /= np.sqrt(np.square(window).sum())
    frames = np.lib.stride_tricks.sliding_window_view(_sixteen_bits(samples), FFT)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * window))) + _EPSILON
    return _fit(power, order, alpha).astype(np.float32)


def f0(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """F0 (T,) in Hz, float32, 0 where unvoiced, at the middles of the mel-cepstrum's frames: WORLD's Harvest (Morise,
    Interspeech 2017) from 40 to 800 Hz, as in ESPnet's evaluate_f0.py.

    That script has F0 from the first sample on, and a path over mel-cepstra of WORLD's own. Here F0 is where
    `mel_cepstrum` has its frames, whose first has its middle two hops after the first sample, and shares their path.
    """
    if samples.shape[0] < FFT:
        return np.zeros(0, "float32")
    found = harvest(_sixteen_bits(samples) / 32768, sample_rate, F0_FLOOR, F0_CEILING)
    middles = (np.arange(_frame_count(samples)) + FFT // 2 // HOP) * 1000 * HOP / sample_rate  # ms, as F0 is
    return found[np.minimum(found.size - 1, (middles + 0.5).astype(int))].astype(np.float32)


def mfcc(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """MFCCs (U, 13), float32, of samples (S,) in -1..1, as fairseq's batch_mel_cepstral_distortion has torchaudio make.

    Orthonormal cosine transform of the natural log of 80 mel bands of power (HTK's scale, triangles of height 1, from
    20 Hz up) plus 1e-6, in centred frames: 50 ms Hann, 12.5 ms hop, reflected at the ends. A sound shorter than a
    window has none.
    """
    window, hop = int(0.05 * sample_rate), int(0.0125 * sample_rate)
    if samples.shape[0] < window:
        return np.zeros((0, MFCCS), "float32")
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float32),
        sr=sample_rate,
        n_fft=window,
        hop_length=hop,
        pad_mode="reflect",
        n_mels=BANDS,
        fmin=LOWEST,
        htk=True,
        norm=None,
    )
    return scipy.fft.dct(np.log(mel.T + _MFCC_FLOOR), norm="ortho")[:, :MFCCS]


def _sixteen_bits(samples: np.ndarray) -> np.ndarray:
    """Samples as a 16-bit file holds them, float64: ESPnet reads files, whose rounding is heard where it is silent."""
    return np.clip(np.round(samples.astype(np.float64) * 32768), -32768, 32767)


def _frame_count(samples: np.ndarray) -> int:
    return 1 + (samples.shape[0] - FFT) // HOP


def _fit(power: np.ndarray, order: int, alpha: float) -> np.ndarray:
    """Mel-cepstra (T, order + 1) of power spectra (T, F): Newton's method, all frames at once.

    The gradient is r_k - (-alpha)^k and the Hessian r_|i-j| + r_(i+j), with r_k the mean over frequency of
    cos(k w) times the power that is left when the spectrum of the cepstra is taken out. A frame is done, as in SPTK,
    when r_0 settles.
    """
    cosines, means, initial = _bases(order, alpha)
    k = np.arange(order + 1)
    toeplitz, hankel, whole = np.abs(k[:, None] - k), k[:, None] + k, (-alpha) ** k
    log_amplitude = np.log(power) / 2
    cepstra, settled = log_amplitude @ initial, log_amplitude @ means[:, 0]
    active = np.arange(power.shape[0])
    for iteration in range(1, _ITERATIONS + 1):
        r = (power[active] * np.exp(-2 * cepstra[active] @ cosines)) @ means
        if iteration > 1:
            moving = np.abs(r[:, 0] - settled[active]) >= _TOLERANCE * np.abs(r[:, 0])
            settled[active] = r[:, 0]
            active, r = active[moving], r[moving]
        if active.size == 0:
            break
        step = np.linalg.solve(r[:, toeplitz] + r[:, hankel], (r[:, k] - whole)[..., None])
        cepstra[active] += step[..., 0]
    return cepstra


@lru_cache(maxsize=2)
def _bases(order: int, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines of the warped frequency (order + 1, F); (F, 2 order + 1), which takes means over frequency of a spectrum
    times each cosine; (F, order + 1), which takes the mel-cepstrum of a log amplitude."""
    angle = np.linspace(0, np.pi, FFT // 2 + 1)
    warped = angle + 2 * np.arctan2(alpha * np.sin(angle), 1 - alpha * np.cos(angle))
    cosines = np.cos(np.arange(2 * order + 1)[:, None] * warped)
    share = np.full(angle.shape, 2 / FFT)  # of a bin in a mean over all FFT bins: the inner ones stand for two
    share[[0, -1]] = 1 / FFT
    density = (1 - alpha**2) / (1 + alpha**2 - 2 * alpha * np.cos(angle))  # of the warped frequency
    initial = 2 * share * density * cosines[: order + 1]
    initial[0] /= 2
    return cosines[: order + 1], (share * cosines).T, initial.T
