"""Energy, as FastSpeech 2 defines it."""

import numpy as np


def energy(magnitude: np.ndarray) -> np.ndarray:
    """L2 norm over the bins of each frame: STFT magnitude (T, F) -> energy (T,), float32."""
    return np.linalg.norm(magnitude, axis=1).astype(np.float32)
