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
from importlib.metadata import EntryPoint, entry_points, version

import librosa
import numpy as np

from fs2keras.errors import CallError, UserError

RECOGNISERS = "fs2keras.recognisers"
_DNSMOS_RATE = 16000


@cache
def recogniser(name: str, language: str) -> Callable[[np.ndarray, int], str]:
    """The recogniser of that name, for that language. Raises CallError for an unknown name, UserError when its package
    is missing, does not know the language, or answers with anything but text."""
    try:
        write_down = _entry(name).load()(language)
    except (ImportError, AttributeError) as error:
        raise UserError(f"The recogniser {name} cannot be loaded: {error}. Install its package anew.") from error

    def checked(samples: np.ndarray, sample_rate: int) -> str:
        text = write_down(samples, sample_rate)
        if not isinstance(text, str):
            raise UserError(f"The recogniser {name} gave {text!r}, no text. Ask those who made it, or name another.")
        return text

    return checked


def identity(name: str) -> str:
    """The recogniser of that name with the version of its package: another may hear otherwise. Raises CallError."""
    package = _entry(name).dist
    return f"{name} ({package.name} {package.version})" if package else name


def _entry(name: str) -> EntryPoint:
    known = {entry.name: entry for entry in entry_points(group=RECOGNISERS)}
    if name not in known:
        raise CallError(f"{name!r} is no recogniser that is installed; there is {', '.join(sorted(known)) or 'none'}.")
    return known[name]


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


def dnsmos_version() -> str:
    """Of the package with its models. Raises UserError when it is missing."""
    _package("speechmos.dnsmos", "dnsmos")
    return f"speechmos {version('speechmos')}"


def _package(name: str, extra: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{name.partition('.')[0]} is not installed. Run `pip install 'fs2keras[{extra}]'`.") from error
