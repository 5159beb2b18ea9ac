"""What of a sound the free-running metrics compare."""

from dataclasses import dataclass

import numpy as np

from fs2keras.evaluation import cepstrum, metrics
from fs2keras.evaluation.warping import warp


@dataclass(frozen=True, eq=False)
class Heard:
    """Mel-cepstrum (T, 35), MFCCs (U, 13) and F0 (T,) in Hz, 0 where unvoiced, of one sound."""

    cepstrum: np.ndarray
    mfcc: np.ndarray
    f0: np.ndarray


def hear(samples: np.ndarray, sample_rate: int) -> Heard:
    """Analyses samples (S,) in -1..1."""
    return Heard(
        cepstrum.mel_cepstrum(samples, sample_rate),
        cepstrum.mfcc(samples, sample_rate),
        cepstrum.f0(samples, sample_rate),
    )


def compare(voice: Heard, recording: Heard) -> dict[str, float]:
    """The free-running metrics that need two sounds; F0 is compared on the path of the mel-cepstra."""
    path = warp(voice.cepstrum, recording.cepstrum)
    return {
        "mcd_espnet": metrics.mcd_espnet(voice.cepstrum, recording.cepstrum, path),
        "mcd_fairseq": metrics.mcd_fairseq(voice.mfcc, recording.mfcc),
        "log_f0_rmse": metrics.log_f0_rmse(voice.f0, recording.f0, path),
        "f0_rmse": metrics.f0_rmse(voice.f0, recording.f0, path),
        "vuv_error": metrics.vuv_error(voice.f0, recording.f0, path),
    }
