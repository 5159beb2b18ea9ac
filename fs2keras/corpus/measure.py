"""Features and alignment of every utterance, on all cores."""

import dataclasses
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from fs2keras.corpus import features, textgrid
from fs2keras.corpus.align import Aligned, align
from fs2keras.corpus.utterance import Utterance
from fs2keras.errors import UserError
from fs2keras.recipe import Recipe

_TOO_FEW_FOR_PROCESSES = 32  # starting workers takes seconds, an utterance a twentieth of one


@dataclass(frozen=True, eq=False)
class Measured:
    """One utterance, its segments attached, with what was measured. `words` (P,) names the word of each symbol."""

    utterance: Utterance
    features: features.Features
    aligned: Aligned
    words: list[str]


def measure_all(utterances: list[Utterance], recipe: Recipe) -> Iterator[tuple[Utterance, Measured | str]]:
    """Each utterance, in order, with its measures or the reason why it cannot be used.

    Raises UserError when a worker process dies.
    """
    jobs = recipe.corpus.jobs or joblib.cpu_count()
    if jobs == 1 or len(utterances) < _TOO_FEW_FOR_PROCESSES:
        results = (measure(utterance, recipe) for utterance in utterances)
        yield from zip(utterances, results, strict=True)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
            joblib.delayed(_measure_for)(os.getpid(), utterance, recipe) for utterance in utterances
        )
        try:
            yield from zip(utterances, results, strict=True)
        except TerminatedWorkerError as error:
            raise UserError(
                "A process that measures the corpus was killed, most likely for want of memory. Use fewer with "
                f"--set corpus.jobs={max(1, jobs // 2)}."
            ) from error


def _measure_for(parent: int, utterance: Utterance, recipe: Recipe) -> Measured | str:
    """`measure` in a worker process that ends with its parent: loky's own would wait for a killed one forever."""
    _watch(parent)
    return measure(utterance, recipe)


@cache
def _watch(parent: int) -> None:
    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def measure(utterance: Utterance, recipe: Recipe) -> Measured | str:
    """One utterance measured, or the reason why it cannot be used."""
    audio = recipe.audio
    try:
        found, duration = features.compute(utterance.wav, audio)
        if recipe.alignment.source == "textgrid":
            path = Path(recipe.alignment.textgrids) / f"{utterance.id}.TextGrid"
            segments = textgrid.read_textgrid(path, duration, utterance.text)
            utterance = dataclasses.replace(utterance, segments=segments)
        if utterance.segments is None:
            return "no alignment: phones.tsv has no line for it"
        for segment in utterance.segments:
            if segment.symbol == textgrid.UNKNOWN:
                return f"the aligner knew no pronunciation of the word at {segment.start:.2f} s (spn)"
        symbols, durations, first, words = textgrid.durations_in_frames(
            utterance.segments, audio.sample_rate, audio.hop
        )
        return Measured(utterance, found, align(symbols, durations, first, found), words)
    except UserError as error:
        return str(error)
