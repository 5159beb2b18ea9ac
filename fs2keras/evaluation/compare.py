"""`fs2keras compare`: the same sentences from several checkpoints or runs, side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fs2keras.audio import wav
from fs2keras.errors import CallError, UserError
from fs2keras.evaluation.catalogue import FREE_RUNNING, METRICS, Metric
from fs2keras.evaluation.evaluate import evaluate, name_of, open_corpus
from fs2keras.evaluation.judging import Wanted, judges_of, rates, scores
from fs2keras.evaluation.listening import Item, Sound, Table, write_page
from fs2keras.evaluation.results import Evaluation, is_number
from fs2keras.evaluation.samples import RECORDING, recordings_of, spectrogram
from fs2keras.evaluation.uncertainty import paired_difference
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe
from fs2keras.rundir.layout import RunDir
from fs2keras.voice import Voice

_ON_PAGE = 30  # sentences
_FEWEST = 6  # utterances: that all of five are better happens by chance more often than once in twenty times


@dataclass(frozen=True)
class System:
    """One of the voices that are compared."""

    name: str
    run: RunDir
    recipe: Recipe
    checkpoint: Path


def compare(
    systems: Sequence[System],
    folder: Path,
    *,
    split: str = "validation",
    sentences: Mapping[str, str] | None = None,
    wanted: Wanted | None = None,
    blind: bool = False,
    report: Callable[[str], None] = print,
) -> tuple[Path, list[Table]]:
    """Speaks, measures and writes `folder`/index.html with wavs beside it; returns the page and its tables.

    Args:
        systems: the first one is what the others are compared with.
        folder: to write to.
        split: of the first one's corpus, spoken and measured against its recordings, unless there are sentences.
        sentences: id -> text, to be spoken instead; measured is then what needs no recording.
        wanted: a recogniser and DNSMOS, if asked for.
        blind: the page hides who is who until the listener has chosen.
        report: takes one line at a time.

    Raises:
        CallError: fewer than two systems, or twice the same.
        UserError: as `evaluate` and `Voice.load` do.
    """
    names = [system.name for system in systems]
    if len(systems) < 2 or len(set(names)) < len(names):
        raise CallError(f"Compare at least two different voices, RUN or RUN@STEP; these are {', '.join(names)}.")
    if sentences:
        items, tables = _said(systems, sentences, wanted or Wanted(), folder, report)
    else:
        items, tables = _measured(systems, split, wanted, folder, report)
    page = folder / "index.html"
    reference = None if sentences else RECORDING
    summary = [("voices", ", ".join(names)), ("sentences", f"{len(items):,}")]
    if len(items) > _ON_PAGE:
        summary.append(("on this page", f"the first {_ON_PAGE}; the others are wav files beside it"))
    write_page(
        page,
        title="Which voice is better?" if blind else "Voices compared",
        summary=summary,
        systems=[*names, reference] if reference else names,
        items=items[:_ON_PAGE],
        tables=tables,
        blind=blind,
        reference=reference,
    )
    return page, tables


def _said(
    systems, sentences: Mapping[str, str], wanted: Wanted, folder: Path, report
) -> tuple[list[Item], list[Table]]:
    sounds: dict[str, list[Sound]] = {id: [] for id in sentences}
    problems = dict.fromkeys(sentences, "")
    evaluations = {system.name: Evaluation({}) for system in systems}
    with Progress("sentences", len(sentences) * len(systems), report) as progress:
        for system in systems:
            voice = Voice.load(system.checkpoint)
            judges = judges_of(wanted, voice.language)
            for id, text in sentences.items():
                try:
                    speech = voice.speak(text)
                    speech.save(folder / _file_name(system.name) / f"{id}.wav")
                except UserError as error:
                    problems[id] += f"{system.name}: {error} "
                    evaluations[system.name].add(id, failed=str(error))
                else:
                    values = rates(speech.symbols, speech.durations, voice.audio)
                    for ask in judges.values():
                        values |= scores(ask(speech.samples, speech.sample_rate), text)
                    evaluations[system.name].add(id, voice=values)
                    sounds[id].append(_sound(system.name, speech.samples, voice.audio, values))
                progress.advance()
    items = [Item(id, text, tuple(sounds[id]), problems[id].strip()) for id, text in sentences.items()]
    return items, _tables(evaluations)


def _measured(systems, split: str, wanted, folder: Path, report) -> tuple[list[Item], list[Table]]:
    first = systems[0]
    prepared = open_corpus(first.recipe, split)
    evaluations = {}
    for system in systems:
        report(f"{system.name}: {system.checkpoint}")
        # Measured on the first one's corpus: the same recordings for all.
        evaluations[system.name] = evaluate(
            system.run,
            first.recipe,
            system.checkpoint,
            split,
            modes=[FREE_RUNNING],
            wanted=wanted,
            output=folder / _file_name(system.name),
            wavs=True,
            report=report,
        )
    audio = first.recipe.audio
    settings = {name: getattr(audio, name) for name in audio.__dataclass_fields__}
    recording = recordings_of(prepared, Path(first.recipe.corpus.path), settings)
    items = []
    for id in prepared.ids(split):
        sounds, problem = [], ""
        for system in systems:
            mine = evaluations[system.name].utterances[id]
            if mine.get("failed"):
                problem += f"{system.name}: {mine['failed']} "
                continue
            name = name_of(system.run, system.checkpoint, split)
            path = folder / _file_name(system.name) / name / f"{id}.wav"
            sounds.append(_sound(system.name, wav.read(path, audio.sample_rate), settings, mine["voice"]))
        real = recording(id)
        if real is not None:
            values = evaluations[first.name].utterances[id].get("recording", {})
            sounds.append(_sound(RECORDING, real, settings, values))
        items.append(Item(id, prepared.text(id), tuple(sounds), problem.strip()))
    prepared.close()
    return items, _tables(evaluations)


def _sound(name: str, samples: np.ndarray, audio: dict, values: Mapping[str, float]) -> Sound:
    facts = [("length", f"{len(samples) / audio['sample_rate']:.1f} s")]
    facts += [
        (metric.name, f"{values[metric.name]:.{metric.digits}f} {metric.unit}".strip())
        for metric in METRICS
        if metric.mode == FREE_RUNNING and values.get(metric.name) is not None
    ]
    return Sound(name, samples, audio["sample_rate"], spectrogram(samples, audio), tuple(facts))


def _tables(evaluations: Mapping[str, Evaluation]) -> list[Table]:
    """Means over the utterances that all voices spoke, and the paired difference of each to the first with its 95 %
    interval; beside them the floor and the recordings, where there are any."""
    (first, base), *others = evaluations.items()
    every = {id for found in evaluations.values() for id in found.utterances}
    ids = [id for id in base.utterances if all(not found.failed(id) for found in evaluations.values())]
    sides = [side for side in ("floor", "recording") if any(base.utterances[id].get(side) for id in ids)]
    head = ["metric", "unit", "better", *sides, first]
    head += [cell for name, _ in others for cell in (name, "difference (95 %)")]
    rows = []
    for metric in METRICS:
        both = [
            id for id in ids if all(is_number(found.value(id, "voice", metric.name)) for found in evaluations.values())
        ]
        if metric.mode != FREE_RUNNING or not both:
            continue
        cells = [_mean(base, side, metric, both) for side in (*sides, "voice")]
        for _, found in others:
            cells += [_mean(found, "voice", metric, both), _difference(base, found, metric, both)]
        rows.append((metric.name, metric.unit, metric.better or "near the recording's", *cells))
    if not rows:  # nobody could speak any of them
        return []
    of = f"{len(ids)}" if len(ids) == len(every) else f"{len(ids)} of {len(every)}, which all could speak"
    caption = f"Free-running, means over the same utterances ({of}); differences to the first are paired"
    return [Table(caption, tuple(head), tuple(rows))]


def _mean(evaluation: Evaluation, side: str, metric: Metric, ids: Sequence[str]) -> str:
    found = evaluation.interval(side, metric, ids)
    return f"{found.mean:.{metric.digits}f}" if found else ""


def _difference(base: Evaluation, other: Evaluation, metric: Metric, ids: Sequence[str]) -> str:
    a, b = ([found.value(id, "voice", metric.name) for id in ids] for found in (base, other))
    apart = paired_difference(a, b)
    numbers = "{:+.{d}f} ({:+.{d}f} to {:+.{d}f})".format(apart.mean, apart.low, apart.high, d=metric.digits)
    if not metric.better:
        return numbers
    if apart.low <= 0 <= apart.high or apart.count < _FEWEST:
        return f"{numbers}, may be chance"
    return f"{numbers}, {'better' if (apart.mean < 0) == (metric.better == 'lower') else 'worse'}"


def _file_name(system: str) -> str:
    return system.replace("/", "_")
