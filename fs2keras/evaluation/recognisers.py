"""Recognisers that write down what was said, and judges of its quality: plug-ins, none of which must be installed.

A plug-in is an entry point of the group "fs2keras.recognisers" or "fs2keras.judges", in any installed package:

    [project.entry-points."fs2keras.recognisers"]
    mine = "my_package:load"

load(language) returns a function (samples (S,) float32 in -1..1, sample rate in Hz) -> text; a judge's load() one of
the same arguments -> a number. `moonshine` and `dnsmos` come with fs2keras and need their packages.
"""

import importlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points

import librosa
import numpy as np

from fs2keras.errors import CallError, UserError

RECOGNISERS, JUDGES = "fs2keras.recognisers", "fs2keras.judges"
_DNSMOS_RATE = 16000


@cache
def recogniser(name: str, language: str) -> Callable[[np.ndarray, int], str]:
    """The recogniser of that name, for that language. Raises CallError for an unknown name, UserError when its package
    is missing or does not know the language."""
    return _plug_in(RECOGNISERS, name)(language)


@cache
def judge(name: str) -> Callable[[np.ndarray, int], float]:
    """The judge of quality of that name. Raises as `recogniser` does."""
    return _plug_in(JUDGES, name)()


def _plug_in(group: str, name: str) -> Callable:
    known = {entry.name: entry for entry in entry_points(group=group)}
    if name not in known:
        kind = group.rpartition(".")[2].removesuffix("s")
        raise CallError(f"{name!r} is no {kind} that is installed; there is {', '.join(sorted(known)) or 'none'}.")
    return known[name].load()


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


def dnsmos() -> Callable[[np.ndarray, int], float]:
    """DNSMOS P.835's overall score (Reddy et al. 2022), 1 to 5, by the models in the wheel of speechmos."""
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
