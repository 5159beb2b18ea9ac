"""Recognisers, which write down what was said, and DNSMOS: neither must be installed.

A recogniser is an entry point of the group "fs2keras.recognisers", in any installed package:

    [project.entry-points."fs2keras.recognisers"]
    mine = "my_package:load"

load(language) returns a function (samples (S,) float32 in -1..1, sample rate in Hz) -> text. `moonshine` comes with
fs2keras and needs its package.
"""

import importlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points

import librosa
import numpy as np

from fs2keras.errors import CallError, UserError

RECOGNISERS = "fs2keras.recognisers"
_DNSMOS_RATE = 16000


@cache
def recogniser(name: str, language: str) -> Callable[[np.ndarray, int], str]:
    """The recogniser of that name, for that language. Raises CallError for an unknown name, UserError when its package
    is missing or does not know the language."""
    known = {entry.name: entry for entry in entry_points(group=RECOGNISERS)}
    if name not in known:
        raise CallError(f"{name!r} is no recogniser that is installed; there is {', '.join(sorted(known)) or 'none'}.")
    return known[name].load()(language)


def moonshine(language: str) -> Callable[[np.ndarray, int], str]:
    """Moonshine's smallest English model, which comes with its wheel and runs on a processor, without a network."""
    if not language.startswith("en"):
        raise UserError(f"The recogniser moonshine knows English, not {language!r}. Name another, or leave it out.")
    package = _package("moonshine_voice", "recogniser")
    transcriber = importlib.import_module("moonshine_voice.transcriber").Transcriber(
        package.get_model_path("tiny-en"), package.ModelArch.TINY
    )

    def write_down(samples: np.ndarray, sample_rate: int) -> str:
        transcript = transcriber.transcribe_without_streaming(samples.tolist(), sample_rate)
        return " ".join(line.text for line in transcript.lines)

    return write_down


@cache
def dnsmos() -> Callable[[np.ndarray, int], float]:
    """DNSMOS P.835's overall score (Reddy et al. 2022), 1 to 5, by the models in the wheel of speechmos: a
    function (samples, sample rate) -> score. Raises UserError when the package is missing."""
    package = _package("speechmos.dnsmos", "dnsmos")

    def score(samples: np.ndarray, sample_rate: int) -> float:
        samples = librosa.resample(samples.astype(np.float32), orig_sr=sample_rate, target_sr=_DNSMOS_RATE)
        return float(package.run(samples / max(1.0, np.abs(samples).max()), _DNSMOS_RATE)["ovrl_mos"])

    return score


def _package(name: str, extra: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{name.partition('.')[0]} is not installed. Run `pip install 'fs2keras[{extra}]'`.") from error
