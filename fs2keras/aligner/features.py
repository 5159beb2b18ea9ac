"""What the aligner hears: cepstra with their changes over time, and the mel itself, both normalised over the corpus."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.fft import dct

from fs2keras.aligner.config import CEPSTRA

_QUIETEST = 0.08  # share of a corpus's frames that is taken for silence to begin with
_SPREAD = 0.01  # smallest variance of a cluster, in units of the corpus's


def cepstra(mel: np.ndarray) -> np.ndarray:
    """Cepstra of a log-mel (T, M), their slopes, and the slopes of those: (T, SIZE) float32.

    Gaussians with independent dimensions fit the cosine transform of a spectrum, whose coefficients hardly correlate.
    Slopes are the regression over five frames (HTK book, equation 5.16), the first and last frame repeated.
    """
    static = dct(mel.astype(np.float32), type=2, norm="ortho", axis=1)[:, :CEPSTRA]
    slope = _slope(static)
    return np.concatenate([static, slope, _slope(slope)], axis=1)


def _slope(x: np.ndarray) -> np.ndarray:
    p = np.pad(x, ((2, 2), (0, 0)), mode="edge")
    return (2 * (p[4:] - p[:-4]) + p[3:-1] - p[1:-3]) / 10


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Mean and deviation of cepstra (SIZE,) and mel (M,), and the Gaussians that silence begins with: means and
    log variances (K, SIZE), of normalised cepstra."""

    cepstra: tuple[np.ndarray, np.ndarray]
    mel: tuple[np.ndarray, np.ndarray]
    pauses: tuple[np.ndarray, np.ndarray]

    def __call__(self, mel: np.ndarray) -> dict[str, np.ndarray]:
        """A log-mel (T, M) as the model takes it: cepstra (T, SIZE) and mel (T, M), float32."""
        return {"cepstra": _normal(cepstra(mel), *self.cepstra), "mel": _normal(mel, *self.mel)}


def normalisation(mels: Iterable[np.ndarray], pauses: int, seed: int) -> Normalisation:
    """The normalisation of a corpus, from some of its log-mels (T, M)."""
    mels = [mel.astype(np.float32) for mel in mels]
    mel, all_cepstra = np.concatenate(mels), np.concatenate([cepstra(one) for one in mels])
    moments = [(x.mean(0), x.std(0) + 1e-6) for x in (all_cepstra, mel)]
    loudness = mel.mean(1)
    quiet = _normal(all_cepstra[loudness <= np.quantile(loudness, _QUIETEST)], *moments[0])
    means, label = kmeans2(quiet, min(pauses, len(quiet)), minit="++", rng=np.random.default_rng(seed))
    means = np.concatenate([means, np.repeat(means[:1], pauses - len(means), axis=0)])  # of a corpus of few frames
    clusters = [quiet[label == k] if (label == k).sum() > 1 else quiet for k in range(pauses)]
    log_variances = np.log(np.stack([cluster.var(0) for cluster in clusters]) + _SPREAD)
    return Normalisation(*moments, (means.astype(np.float32), log_variances.astype(np.float32)))


def _normal(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    return ((x - mean) / std).astype(np.float32)
