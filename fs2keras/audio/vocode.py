"""From the spectrograms of one sentence after another to one sound."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fs2keras.audio.griffin_lim import griffin_lim

VOCODER = "griffin-lim"
PAUSE = 0.2  # seconds between the sentences of a longer text
_KEYS = ("sample_rate", "fft", "hop", "window", "fmin", "fmax")


def vocode(mels: Sequence[np.ndarray], audio: Mapping[str, Any]) -> np.ndarray:
    """Samples (S,), float32 in -1..1, of the log-mels (T, M) of a text's sentences, by Griffin-Lim.

    audio: the settings of the recipe's [audio] that Griffin-Lim takes.

    Raises AudioError as `griffin_lim` does.
    """
    samples = unlimited(mels, audio)
    return samples / max(1.0, np.abs(samples).max())  # a voice that has not learned yet may shout


def unlimited(mels: Sequence[np.ndarray], audio: Mapping[str, Any]) -> np.ndarray:
    """As `vocode`, as loud as the spectrograms say: beyond 1 is what a file could not hold."""
    pause = np.zeros(round(PAUSE * audio["sample_rate"]), "float32")
    settings = {key: audio[key] for key in _KEYS}
    pieces = [piece for mel in mels for piece in (griffin_lim(mel, **settings), pause)]
    return np.concatenate(pieces[:-1])
