"""What is heard in one utterance of a voice. Worker processes run it: it imports no keras, which takes seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fs2keras.audio import wav
from fs2keras.audio.vocode import vocode
from fs2keras.evaluation import metrics, recognisers
from fs2keras.evaluation.hearing import compare, hear
from fs2keras.evaluation.references import Recording, opinions, reference
from fs2keras.text.symbols import is_pause


@dataclass(frozen=True, eq=False)
class Uttered:
    """A text as a voice speaks it: log-mels (T, M) of its sentences, all its symbols and their durations in frames; or
    none, and why it cannot be spoken."""

    text: str
    mels: list[np.ndarray] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    failed: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is measured besides the signal: by which recogniser, if any, and whether DNSMOS is asked."""

    recogniser: str | None = None
    dnsmos: bool = False

    @property
    def metrics(self) -> set[str]:
        return ({"cer", "wer"} if self.recogniser else set()) | ({"dnsmos"} if self.dnsmos else set())


@dataclass(frozen=True)
class Spoken:
    """One utterance: metrics of the voice, of the copy-synthesis (floor) and of the recording itself; `heard`, what the
    recogniser wrote down of each; `failed`, why the voice could not speak it, or ""."""

    voice: dict[str, float]
    floor: dict[str, float]
    recording: dict[str, float]
    heard: dict[str, str]
    failed: str = ""


def judge(
    uttered: Uttered,
    recording: Recording,
    recorded: dict[str, float],
    language: str,
    audio: dict[str, Any],
    wanted: Wanted,
    own: Path | None,
) -> Spoken:
    """One utterance beside its recording, whose rates are `recorded`; the voice's wav is written to `own`.

    Raises AudioError when the recording cannot be read.
    """
    rate = audio["sample_rate"]
    heard, floor = reference(recording, audio)
    results = {"voice": {}, "floor": dict(floor), "recording": dict(recorded)}
    sound = vocode(uttered.mels, audio) if not uttered.failed else None
    if sound is not None:
        results["voice"] = compare(hear(sound, rate), heard)
        results["voice"] |= rates(uttered.symbols, np.array(uttered.durations), audio)
        if own:
            wav.write(own, sound, rate)
    written = {}
    for name, ask in judges_of(wanted, language).items():
        answers = opinions(recording, audio, name, ask)
        if sound is not None:
            answers["voice"] = ask(sound, rate)
        for side, answer in answers.items():
            results[side] |= scores(answer, uttered.text)
            if isinstance(answer, str):
                written[side] = answer
    return Spoken(**results, heard=written, failed=uttered.failed)


def rates(symbols: Sequence[str], durations: np.ndarray, audio: dict[str, Any]) -> dict[str, float]:
    """Speaking rate and share of pauses of symbols (P,) with these durations (P,) in frames."""
    pauses, seconds = np.array([is_pause(s) for s in symbols]), durations * (audio["hop"] / audio["sample_rate"])
    return {
        "speaking_rate": metrics.speaking_rate(pauses, seconds),
        "pause_share": metrics.pause_share(pauses, seconds),
    }


def judges_of(wanted: Wanted, language: str) -> dict[str, Callable[[np.ndarray, int], str | float]]:
    """Who is asked -> a function (samples, sample rate) -> words or a score. The names tell version and language, which
    an answer depends on. Raises UserError when one is not there."""
    judges = {}
    if wanted.recogniser:
        name = f"{recognisers.identity(wanted.recogniser)} {language}"
        judges[name] = recognisers.recogniser(wanted.recogniser, language)
    if wanted.dnsmos:
        judges[f"dnsmos ({recognisers.dnsmos_version()})"] = recognisers.dnsmos()
    return judges


def scores(answer: str | float, text: str) -> dict[str, float]:
    """The metrics that a judge's answer comes to, of a voice that was given the text."""
    if isinstance(answer, str):
        return {
            "cer": metrics.character_error_rate(text, answer),
            "wer": metrics.word_error_rate(text, answer),
        }
    return {"dnsmos": answer}
