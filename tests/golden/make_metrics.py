"""The sounds of the metrics' golden tests, and how metrics.json was made.

    python -m venv v
    v/bin/pip install "setuptools<80" cython "numpy==2.4.6" "pysptk==1.0.1" "pyworld==0.3.5" \
        "torch==2.11.0" "torchaudio==2.11.0"
    v/bin/python tests/golden/make_metrics.py

Features come from the programs that the metrics are named after: pysptk's mcep as in ESPnet's evaluate_mcd.py,
torchaudio's MFCC as in fairseq's batch_mel_cepstral_distortion, pyworld's Harvest as in ESPnet's evaluate_f0.py. The
path is searched here, by the definition. None of our code is used.
"""

import json
from pathlib import Path

import numpy as np

RATE = 22050
EVERY = 8  # frames of a feature from one that is kept to the next
ORDERS = {16000: (23, 0.42), 22050: (34, 0.45), 24000: (34, 0.46), 44100: (39, 0.53), 48000: (39, 0.55)}
FFT, HOP = 1024, 256
NUMBERS = Path(__file__).with_name("metrics.json")


def vowel(seconds: float, hertz: tuple[float, float], formants: tuple[float, ...], seed: int, rate: int = RATE):
    """A vowel whose pitch glides from one frequency to another, with a little noise; 16-bit samples (S,) in -1..1."""
    glide = np.linspace(*hertz, int(seconds * rate))
    phase = 2 * np.pi * np.cumsum(glide) / rate
    samples = np.zeros(glide.size)
    for k in range(1, int(0.4 * rate / max(hertz)) + 1):
        gain = sum(1 / (1 + ((k * glide - formant) / 120) ** 2) for formant in formants) + 0.02 / k
        samples += gain * np.sin(k * phase + k * k)
    samples *= 0.5 / np.abs(samples).max() * np.sin(np.linspace(0.05, np.pi - 0.05, glide.size))
    samples += 1e-3 * np.random.default_rng(seed).standard_normal(glide.size)
    return np.round(samples * 32768) / 32768


def breath(seconds: float, seed: int, rate: int = RATE):
    """Noise without a pitch, as of an s; samples as above."""
    noise = np.random.default_rng(seed).standard_normal(int(seconds * rate))
    return np.round(0.02 * np.diff(noise, prepend=0) * 32768) / 32768


def sounds(rate: int = RATE) -> dict[str, np.ndarray]:
    """Two sounds of the same parts in other lengths, pitches and timbres; the first begins in digital silence."""
    first = [np.zeros(int(0.1 * rate)), vowel(0.5, (110, 190), (700, 1200, 2600), 1, rate), breath(0.2, 2, rate)]
    first += [vowel(0.4, (210, 160), (300, 2300, 3000), 3, rate)]
    second = [breath(0.1, 4, rate), vowel(0.6, (120, 230), (750, 1100, 2500), 5, rate), breath(0.15, 6, rate)]
    second += [vowel(0.35, (220, 150), (350, 2200, 3100), 7, rate)]
    return {"first": np.concatenate(first), "second": np.concatenate(second)}


def sptk(samples: np.ndarray, rate: int) -> np.ndarray:
    import pysptk

    order, alpha = ORDERS[rate]
    samples, window = samples * 32768, pysptk.sptk.hamming(FFT)
    frames = [samples[at : at + FFT] * window for at in range(0, samples.size - FFT + 1, HOP)]
    return np.stack([pysptk.sptk.mcep(frame, order, alpha, eps=1e-6, etype=1) for frame in frames])


def torchaudio_mfcc(samples: np.ndarray) -> np.ndarray:
    import torch
    import torchaudio

    window, hop = int(0.05 * RATE), int(0.0125 * RATE)
    kwargs = {"n_fft": window, "win_length": window, "hop_length": hop, "f_min": 20, "n_mels": 80}
    transform = torchaudio.transforms.MFCC(RATE, n_mfcc=13, log_mels=True, melkwargs=kwargs)
    return transform(torch.from_numpy(samples.astype(np.float32))).T.numpy().astype(float)


def harvest(samples: np.ndarray) -> np.ndarray:
    """At the middles of the frames of `sptk`: the first is at sample 512, the third of Harvest's."""
    import pyworld

    found, times = pyworld.harvest(samples, RATE, f0_floor=40, f0_ceil=800, frame_period=1000 * HOP / RATE)
    wanted = np.arange(0, samples.size - FFT + 1, HOP) + FFT / 2
    nearest = np.abs(times[:, None] - wanted / RATE).argmin(axis=0)
    np.testing.assert_allclose(times[nearest], wanted / RATE, atol=1e-9)
    return found[nearest]


def cheapest_path(costs: np.ndarray) -> tuple[list[int], list[int]]:
    """From the first pair to the last, cell by cell."""
    total = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    total[0, 0] = 0
    for i in range(costs.shape[0]):
        for j in range(costs.shape[1]):
            total[i + 1, j + 1] = costs[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    i, j = costs.shape
    path = [(i - 1, j - 1)]
    while (i, j) != (1, 1):
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: total[at])
        path.append((i - 1, j - 1))
    return tuple(list(side) for side in zip(*path[::-1], strict=True))


def metrics(cepstra: list, mfccs: list, f0s: list) -> dict[str, float]:
    distances = np.linalg.norm(cepstra[0][:, None] - cepstra[1], axis=-1)
    i, j = cheapest_path(distances)
    rms = np.sqrt(np.mean((mfccs[0][:, None] - mfccs[1]) ** 2, axis=-1))
    a, b = f0s[0][i], f0s[1][j]
    both = (a > 0) & (b > 0)
    return {
        "mcd_espnet": 10 * np.sqrt(2) / np.log(10) * distances[i, j].mean(),
        "mcd_fairseq": rms[cheapest_path(rms)].mean(),
        "log_f0_rmse": np.sqrt(np.mean(np.log(a[both] / b[both]) ** 2)),
        "f0_rmse": np.sqrt(np.mean((a[both] - b[both]) ** 2)),
        "vuv_error": np.mean((a > 0) != (b > 0)),
    }


def main() -> None:
    pair = sounds()
    cepstra = {name: sptk(samples, RATE) for name, samples in pair.items()}
    mfccs = {name: torchaudio_mfcc(samples) for name, samples in pair.items()}
    f0s = {name: harvest(samples) for name, samples in pair.items()}
    numbers = {
        "mel_cepstrum": {name: values[::EVERY] for name, values in cepstra.items()},
        "mel_cepstrum_by_rate": {str(rate): sptk(sounds(rate)["second"], rate)[:: 6 * EVERY] for rate in ORDERS},
        "mfcc": {name: values[::EVERY] for name, values in mfccs.items()},
        "f0": f0s,
        "metrics": metrics(*(list(features.values()) for features in (cepstra, mfccs, f0s))),
    }
    NUMBERS.write_text(json.dumps(rounded(numbers), separators=(",", ":")).replace('],"', '],\n"') + "\n")


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return np.round(np.asarray(value, float), 5).tolist()


if __name__ == "__main__":
    main()
