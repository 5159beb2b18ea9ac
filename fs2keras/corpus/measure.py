"""Features and alignment of every utterance, on all cores."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fs2keras.corpus import features, textgrid
from fs2keras.corpus.align import Aligned, align
from fs2keras.corpus.utterance import CorpusError, Utterance
from fs2keras.corpus.workers import on_all_cores
from fs2keras.errors import UserError
from fs2keras.recipe import Recipe, Text
from fs2keras.text import frontends


@dataclass(frozen=True, eq=False)
class Measured:
    """One utterance, its segments attached, with what was measured.

    `words`: its words and marks, each with its symbols, pauses that are not written left out. `aligned` is None where
    the alignment is still to be learned.
    """

    utterance: Utterance
    features: features.Features
    words: list[tuple[str, tuple[str, ...]]]
    aligned: Aligned | None


def measure_all(utterances: list[Utterance], recipe: Recipe) -> Iterator[tuple[Utterance, Measured | str]]:
    """Each utterance, in order, with its measures or the reason why it cannot be used.

    Raises UserError when a worker process dies.
    """
    results = on_all_cores(measure, [(utterance, recipe) for utterance in utterances], recipe.corpus.jobs)
    yield from zip(utterances, results, strict=True)


def measure(utterance: Utterance, recipe: Recipe) -> Measured | str:
    """One utterance measured, or the reason why it cannot be used."""
    audio = recipe.audio
    try:
        found, duration = features.compute(utterance.wav, audio)
        if recipe.alignment.source == "learned":
            return Measured(utterance, found, _pronounced(utterance, recipe.text), None)
        utterance = _with_segments(utterance, duration, recipe)
        symbols, durations, first, _ = textgrid.durations_in_frames(utterance.segments, audio.sample_rate, audio.hop)
        return Measured(utterance, found, _spoken(utterance), align(symbols, durations, first, found))
    except UserError as error:
        return str(error)


def _with_segments(utterance: Utterance, duration: float, recipe: Recipe) -> Utterance:
    """The utterance with its given alignment. Raises CorpusError where there is none, or one that cannot be used."""
    if recipe.alignment.source == "textgrid":
        path = Path(recipe.alignment.textgrids) / f"{utterance.id}.TextGrid"
        segments = textgrid.read_textgrid(path, duration, utterance.text)
        utterance = dataclasses.replace(utterance, segments=segments)
    if utterance.segments is None:
        raise CorpusError("no alignment: phones.tsv has no line for it")
    for segment in utterance.segments:
        if segment.symbol == textgrid.UNKNOWN:
            raise CorpusError(f"the aligner knew no pronunciation of the word at {segment.start:.2f} s (spn)")
    return utterance


def _spoken(utterance: Utterance) -> list[tuple[str, tuple[str, ...]]]:
    """The words of an aligned utterance; a given alignment does not part equal words in a row ("had had")."""
    words: list[tuple[str, tuple[str, ...]]] = []
    before = None
    for segment in utterance.segments or ():
        if segment.symbol != textgrid.PAUSE:
            if before is None or segment.starts_word or segment.word != before.word:
                words.append((segment.word, ()))
            words[-1] = (segment.word, (*words[-1][1], segment.symbol))
        before = None if segment.symbol == textgrid.PAUSE else segment
    return words


def _pronounced(utterance: Utterance, text: Text) -> list[tuple[str, tuple[str, ...]]]:
    """The words of a transcript as the frontend speaks them."""
    return [(word.text, word.symbols) for word in _frontend(text).words(utterance.text)]


@cache
def _frontend(text: Text):
    return frontends.build(text.frontend, text.language)
