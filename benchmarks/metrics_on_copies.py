"""What the free-running metrics say of recordings beside changed copies of themselves.

    python benchmarks/metrics_on_copies.py CORPUS [--clips 10]

CORPUS is laid out as LJSpeech; clips are taken evenly from its list. The copies: the recording itself; all of it twice
as quiet; half a second of silence before it; without what is above 8 kHz, the highest that a mel of the recipes holds;
taken apart and put together again by WORLD, as it was and three semitones higher; a tenth slower at the same pitch;
through its mel and Griffin-Lim, the floor of every evaluation; and another sentence in its place.
Prints JSON, the mean of each metric over the clips, and writes it to results/metrics_on_copies.json. A minute and a
half on two cores.
"""

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pyworld
import scipy

from fs2keras.audio import wav
from fs2keras.audio.mel import log_mel, stft_magnitude
from fs2keras.audio.vocode import vocode
from fs2keras.corpus.readers import wav_path
from fs2keras.corpus.workers import on_all_cores
from fs2keras.evaluation.hearing import compare, hear
from fs2keras.recipe import Audio

RESULTS = Path(__file__).parent / "results" / "metrics_on_copies.json"
SEMITONES, SLOWER = 3, 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=10)
    options = parser.parse_args()
    lines = (options.corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()
    ids = [line.split("|")[0] for line in lines]
    ids = [ids[k] for k in np.linspace(0, len(ids) - 1, options.clips + 1).astype(int)]
    calls = [(wav_path(options.corpus, id), wav_path(options.corpus, other)) for id, other in itertools.pairwise(ids)]
    found = list(on_all_cores(measure, calls, worthwhile=2))
    means = {
        copy: {metric: round(float(np.nanmean([one[copy][metric] for one in found])), 3) for metric in values}
        for copy, values in found[0].items()
    }
    result = {"corpus": options.corpus.name, "clips": options.clips, "mean": means}
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measure(path: Path, other: Path) -> dict[str, dict[str, float]]:
    """Copy -> metric -> value, of one recording."""
    audio = Audio()
    rate = audio.sample_rate
    samples, another = (wav.scale_peak(wav.read(one, rate), audio.peak) for one in (path, other))
    heard = hear(samples, rate)
    copies = {name: change(samples, rate) for name, change in COPIES.items()}
    magnitude = stft_magnitude(samples, audio.fft, audio.hop, audio.window)
    mel = log_mel(magnitude, rate, audio.fft, audio.mels, audio.fmin, audio.fmax)
    copies["copy-synthesis"] = vocode([mel], vars(audio))
    copies["another sentence"] = another
    return {name: compare(hear(copy, rate), heard) for name, copy in copies.items()}


def low_passed(samples: np.ndarray, rate: int) -> np.ndarray:
    return scipy.signal.sosfiltfilt(scipy.signal.butter(10, 8000, fs=rate, output="sos"), samples)


def resynthesised(samples: np.ndarray, rate: int, semitones: float = 0) -> np.ndarray:
    samples = samples.astype(np.float64)
    f0, times = pyworld.harvest(samples, rate)
    envelope, noise = pyworld.cheaptrick(samples, f0, times, rate), pyworld.d4c(samples, f0, times, rate)
    return pyworld.synthesize(f0 * 2 ** (semitones / 12), envelope, noise, rate)


COPIES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "itself": lambda samples, rate: samples,
    "half as loud": lambda samples, rate: samples / 2,
    "silence before": lambda samples, rate: np.concatenate([np.zeros(rate // 2), samples]),
    "low-passed at 8 kHz": low_passed,
    "WORLD": resynthesised,
    f"WORLD, {SEMITONES} semitones higher": lambda samples, rate: resynthesised(samples, rate, SEMITONES),
    f"{SLOWER} times as long": lambda samples, rate: librosa.effects.time_stretch(samples, rate=1 / SLOWER),
}


if __name__ == "__main__":
    main()
