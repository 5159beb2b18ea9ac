"""Wav files: read strictly, written whole or not at all."""

from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from fs2keras.errors import UserError
from fs2keras.rundir.atomic import write_bytes

# Three steps of a 16-bit file: below this a clip holds no speech, and scaling it to a peak of 1 would give loud noise.
SILENCE = 1e-4


class AudioError(UserError):
    """A clip, or an array of samples, that cannot be used as speech."""


def read(path: str | Path, sample_rate: int) -> np.ndarray:
    """Samples of a mono file, float32 (S,), full scale = 1.

    Nothing is resampled or mixed down here: what the recipe says is what the corpus must be.

    Raises AudioError when the file is missing, unreadable, empty, silent, not mono, of another sample rate, or holds
    NaN or infinite samples.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path}: not a readable audio file ({error})") from error
    _check(path, samples, rate, sample_rate)
    return samples[:, 0]


def _check(path: Path, samples: np.ndarray, rate: int, sample_rate: int) -> None:
    if samples.shape[0] == 0:
        raise AudioError(f"{path}: empty, it holds no samples")
    if samples.shape[1] != 1:
        raise AudioError(
            f"{path}: {samples.shape[1]} channels, expected mono; convert it, e.g. `sox {path.name} -c 1 mono.wav`"
        )
    if rate != sample_rate:
        raise AudioError(
            f"{path}: {rate} Hz, but the recipe says audio.sample_rate = {sample_rate}; "
            "resample the corpus or change the recipe"
        )
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: {np.count_nonzero(~np.isfinite(samples))} samples are NaN or infinite")
    # The range, not the peak: a constant offset is silence too.
    if np.ptp(samples) < SILENCE:
        raise AudioError(f"{path}: silent, its samples differ by less than {SILENCE:g} of full scale")


def scale_peak(samples: np.ndarray, peak: float) -> np.ndarray:
    """Samples (S,) scaled so that the largest magnitude is `peak`; a peak of 0 leaves the level alone."""
    if peak == 0:
        return samples
    loudest = np.max(np.abs(samples))
    if loudest == 0:
        raise AudioError(f"all samples are zero: they cannot be scaled to a peak of {peak:g}")
    return (samples * (peak / loudest)).astype(np.float32)


def write(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write samples (S,) as 16-bit mono wav, atomically.

    Samples louder than full scale are scaled down together: a clipped wave crackles, a wrapped one bangs.

    Raises AudioError when the samples are empty, not one-dimensional or not finite, or the name does not end in .wav.
    """
    path = Path(path)
    samples = np.asarray(samples, dtype=np.float64)
    if path.suffix.lower() != ".wav":
        raise AudioError(f"{path}: only wav files are written; name it {path.stem or 'speech'}.wav")
    if samples.ndim != 1 or samples.size == 0:
        raise AudioError(f"{path}: expected one channel with at least one sample, got an array of {samples.shape}")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: {np.count_nonzero(~np.isfinite(samples))} samples are NaN or infinite; not written")
    samples = samples / max(1.0, np.max(np.abs(samples)))
    whole = BytesIO()
    soundfile.write(whole, np.round(samples * 32767).astype(np.int16), sample_rate, format="WAV", subtype="PCM_16")
    write_bytes(path, whole.getvalue())
