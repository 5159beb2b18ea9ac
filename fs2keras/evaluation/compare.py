"""`fs2keras compare`: the same sentences from several checkpoints or runs, side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fs2keras.audio import wav
from fs2keras.errors import CallError, UserError
from fs2keras.evaluation.catalogue import METRICS
from fs2keras.evaluation.evaluate import evaluate, open_corpus
from fs2keras.evaluation.judging import Wanted
from fs2keras.evaluation.listening import Item, Sound, Table, write_page
from fs2keras.evaluation.results import Evaluation
from fs2keras.evaluation.samples import RECORDING, recordings_of, spectrogram
from fs2keras.evaluation.uncertainty import mean_interval
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe
from fs2keras.rundir.layout import RunDir
from fs2keras.voice import Voice

_ON_PAGE = 30  # sentences


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
        sentences: id -> text, to be spoken instead; nothing is measured then, there being no recordings.
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
        items, tables = _said(systems, sentences, folder, report), []
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


def _said(systems, sentences: Mapping[str, str], folder: Path, report) -> list[Item]:
    sounds: dict[str, list[Sound]] = {id: [] for id in sentences}
    problems = dict.fromkeys(sentences, "")
    with Progress("sentences", len(sentences) * len(systems), report) as progress:
        for system in systems:
            voice = Voice.load(system.checkpoint)
            for id, text in sentences.items():
                try:
                    speech = voice.speak(text)
                    speech.save(folder / _file_name(system.name) / f"{id}.wav")
                    sounds[id].append(_sound(system.name, speech.samples, voice.audio, {}))
                except UserError as error:
                    problems[id] += f"{system.name}: {error} "
                progress.advance()
    return [Item(id, text, tuple(sounds[id]), problems[id].strip()) for id, text in sentences.items()]


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
            modes=["free-running"],
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
            path = folder / _file_name(system.name) / f"{system.checkpoint.stem}-{split}" / f"{id}.wav"
            sounds.append(_sound(system.name, wav.read(path, audio.sample_rate), settings, mine["voice"]))
        real = recording(id)
        if real is not None:
            sounds.append(_sound(RECORDING, real, settings, {}))
        items.append(Item(id, prepared.text(id), tuple(sounds), problem.strip()))
    prepared.close()
    return items, [_table(evaluations)]


def _sound(name: str, samples: np.ndarray, audio: dict, values: Mapping[str, float]) -> Sound:
    facts = [("length", f"{len(samples) / audio['sample_rate']:.1f} s")]
    facts += [
        (metric.name, f"{values[metric.name]:.{metric.digits}f} {metric.unit}".strip())
        for metric in METRICS
        if metric.mode == "free-running" and values.get(metric.name) is not None
    ]
    return Sound(name, samples, audio["sample_rate"], spectrogram(samples, audio), tuple(facts))


def _table(evaluations: Mapping[str, Evaluation]) -> Table:
    """Means, and the paired difference of each to the first, with its 95 % interval."""
    (first, base), *others = evaluations.items()
    head = ("metric", "unit", "better", first, *(cell for name, _ in others for cell in (name, "difference (95 %)")))
    rows = []
    for metric in METRICS:
        means = {name: found.interval("voice", metric) for name, found in evaluations.items()}
        if metric.mode != "free-running" or not all(means.values()):
            continue
        cells = [f"{means[first].mean:.{metric.digits}f}"]
        for name, found in others:
            cells += [f"{means[name].mean:.{metric.digits}f}", _difference(base, found, metric)]
        rows.append((metric.name, metric.unit, metric.better or "near the recording's", *cells))
    return Table("Free-running, means over the same utterances; differences to the first are paired", head, tuple(rows))


def _difference(base: Evaluation, other: Evaluation, metric) -> str:
    pairs = [(base.value(id, "voice", metric.name), other.value(id, "voice", metric.name)) for id in base.utterances]
    apart = mean_interval([[b - a] for a, b in pairs if a is not None and b is not None])
    numbers = "{:+.{d}f} ({:+.{d}f} to {:+.{d}f})".format(apart.mean, apart.low, apart.high, d=metric.digits)
    if not metric.better:
        return numbers
    if apart.low <= 0 <= apart.high:
        return f"{numbers}, may be chance"
    return f"{numbers}, {'better' if (apart.mean < 0) == (metric.better == 'lower') else 'worse'}"


def _file_name(system: str) -> str:
    return system.replace("/", "_")
