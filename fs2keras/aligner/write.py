"""From the aligner's paths to alignment-learned.h5, with a verdict on each utterance."""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from fs2keras.aligner.paths import Found, find_paths
from fs2keras.aligner.task import AlignerTask
from fs2keras.aligner.verdicts import SOURCE, TABLE, Verdict, judge, set_aside, write_table
from fs2keras.corpus.align import Aligned, align
from fs2keras.corpus.alignment_file import Alignment, collect, write_alignment
from fs2keras.corpus.pauses import place
from fs2keras.corpus.quarantine import Quarantine
from fs2keras.corpus.statistics import CorpusStatistics
from fs2keras.corpus.utterance import CorpusError
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe

_LONGEST_END = 0.1  # seconds of silence that a final mark takes, as in the demo corpus


def write(recipe: Recipe, task: AlignerTask, model: keras.Model, report: Callable[[str], None]) -> Alignment:
    """Aligns every utterance of the store; writes the alignment, its table and the quarantine.

    Raises UserError when more utterances are left out than corpus.max_quarantined allows.
    """
    corpus, folder = task.corpus, task.corpus.store.path.parent
    rows, verdicts = {}, []
    for verdict, aligned in _all(recipe, task, model, report):
        verdicts.append(verdict)
        rows[verdict.id] = aligned
    verdicts = set_aside(verdicts, recipe.alignment.least_confidence)
    write_table(folder / TABLE, verdicts)
    _quarantine(recipe, corpus.ids, verdicts, folder)
    alignment = _collect(settings(recipe), corpus, [(v, rows[v.id]) for v in verdicts if rows[v.id] is not None])
    write_alignment(folder, alignment)
    kept = int(alignment.kept.sum())
    report(f"Aligned {kept:,} utterances, set {len(verdicts) - kept:,} aside; {folder / TABLE} begins with the worst.")
    return alignment


def settings(recipe: Recipe) -> dict[str, Any]:
    """What of the recipe an alignment depends on, besides the store."""
    alignment = recipe.alignment
    return {key: getattr(alignment, key) for key in ("steps", "shortest_pause", "least_confidence")}


def _all(recipe, task, model, report) -> Iterator[tuple[Verdict, Aligned | None]]:
    """Each utterance with its verdict, and its alignment where it has one."""
    with Progress("aligned", len(task.corpus.ids), report) as progress:
        for found in find_paths(model, task.batches_of(task.corpus.ids)):
            yield _align(found, task.corpus, recipe)
            progress.advance()


def _align(found: Found, corpus, recipe: Recipe) -> tuple[Verdict, Aligned | None]:
    store, number = corpus.store, corpus.number(found.id)
    words, per_second = store.words(number), recipe.audio.sample_rate / recipe.audio.hop
    verdict = judge(found, words, 1 / per_second)
    if found.starts is None:
        return verdict, None
    placed = place(
        words,
        found.starts,
        found.ends,
        store.frames(number),
        shortest_pause=round(recipe.alignment.shortest_pause * per_second),
        longest_end=round(_LONGEST_END * per_second),
    )
    try:
        return verdict, align(placed.symbols, placed.durations, placed.first, store.features(number))
    except CorpusError as error:
        return Verdict(found.id, verdict.confidence, verdict.worst, str(error)), None


def _quarantine(recipe: Recipe, ids: list[str], verdicts: list[Verdict], folder) -> None:
    """Those that were set aside join the ones that could not be prepared; an earlier alignment's are forgotten."""
    quarantine, prepared = Quarantine.read(folder), set(ids)
    quarantine.reasons = {id: reason for id, reason in quarantine.reasons.items() if id not in prepared}
    total = len(quarantine.reasons) + len(ids)
    for verdict in verdicts:
        if verdict.reason:
            quarantine.add(verdict.id, verdict.reason)
    path = quarantine.write(folder)
    quarantine.check(total, recipe.corpus.max_quarantined, path)


def _collect(settings: dict, corpus, rows: list[tuple[Verdict, Aligned]]) -> Alignment:
    kept, statistics = [not verdict.reason for verdict, _ in rows], CorpusStatistics()
    for (verdict, aligned), is_kept in zip(rows, kept, strict=True):
        if is_kept:
            statistics.update(aligned, corpus.store.features(corpus.number(verdict.id)))
    return collect(
        SOURCE,
        corpus.store.fingerprint,
        [verdict.id for verdict, _ in rows],
        [aligned for _, aligned in rows],
        corpus.store.symbols,
        statistics.result(),
        confidence=[verdict.confidence for verdict, _ in rows],
        kept=kept,
        settings=settings,
    )
