"""The chapters of a report: what stands in it, and in which order."""

import shlex
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fs2keras.report import charts, inventory, prosody, resources, samples, scores, storage, words
from fs2keras.report.choice import evaluation_of_best
from fs2keras.report.curves import finite
from fs2keras.report.document import Block, Heading, Section, Table, Text
from fs2keras.report.evaluations import latest
from fs2keras.report.facts import Run
from fs2keras.report.figures import figure, is_number, when
from fs2keras.report.phases import Phase, phases
from fs2keras.report.times import Times, read_times
from fs2keras.rundir.eta import ROWS, seconds_per_step
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration

_BREAKS = 20  # of the longest ones are listed
_EVENTS = {"validating": "validation", "saving": "checkpoint", "sampling": "sample"}
_BREAK_WORDS = {
    "no process": "no process ran",
    "silent": "no heartbeat: the machine slept, or the process was suspended",
    "stuck": "the process trained, and no step was done",
}


def sections(runs: Sequence[Run], report: Callable[[str], None]) -> list[Section]:
    """The report on these runs; charts are only prepared, not drawn."""
    times = [read_times(run.beats, run.events, _pace(run)) for run in runs]
    found = [_phases(run) for run in runs]
    report("listening to the samples")
    heard = list(_samples(runs))
    report("taking the figures together")
    chapters = {
        "Summary": _summary(runs, times),
        "Losses": _losses(runs, found),
        "Validation against training": _gap(runs),
        "Speed": _speed(runs, times),
        "Learning rate and gradients": [charts.learning_rate(runs)] if _any_steps(runs) else [],
        "Storage": inventory.disk(runs, found),
        "Evaluation": _evaluation(runs) if _speaks(runs) else [],
        "Prosody and alignment": _prosody(runs) if _speaks(runs) else [],
        "Samples": heard,
        "Recipe": inventory.recipe(runs),
        "Machine and versions": inventory.machine(runs),
    }
    made = []
    for title, blocks in chapters.items():
        report(f"preparing: {title}")
        if there := [block for block in blocks if block]:
            made.append(Section(title.lower().replace(" ", "-"), title, there))
    return made


def _summary(runs: Sequence[Run], times: Sequence[Times]) -> Iterator[Block]:
    if len(runs) == 1:
        yield from words.summary(runs[0], times[0])
        return
    yield from (Text(sentence) for sentence in words.comparison(runs))
    yield _overview(runs)
    for run, mine in zip(runs, times, strict=True):
        yield Heading(run.label)
        yield from words.summary(run, mine)


def _overview(runs: Sequence[Run]) -> Table:
    heads = ("run", "state", "step", "loss", "lowest validation loss", "at step", "steps/s", "trained", "on disk")
    rows = []
    for run in runs:
        best, rates = run.best, finite(run.steps, "steps_per_s")
        rows.append(
            (
                run.label,
                run.state or "unknown",
                f"{run.step:,}",
                figure(run.steps.last("loss")),
                figure(best and best["loss"]),
                f"{best['step']:,}" if best else "",
                figure(float(np.median(rates)), 3) if len(rates) else "",
                duration(run.elapsed_s) if run.elapsed_s else "",
                file_size(sum(one.bytes for one in storage.kept(run))),
            )
        )
    return Table("The runs", heads, rows, frozenset(range(2, 9)))


def _losses(runs: Sequence[Run], found: Sequence[Sequence[Phase]]) -> Iterator[Block | None]:
    if not _any_steps(runs):
        yield Text("No step has been logged yet: steps.csv is empty.")
        return
    yield charts.loss(runs)
    for run, mine in zip(runs, found, strict=True):
        yield _phase_table(run, mine, len(runs) > 1)
    yield charts.parts(runs)


def _phases(run: Run) -> tuple[Phase, ...]:
    written = storage.checkpoint_bytes(run), storage.sample_bytes(run)
    return phases(run.steps, run.validation, *written, run.step, run.planned)


def _phase_table(run: Run, found: Sequence[Phase], named: bool) -> Table | None:
    if not found:
        return None
    heads = ("steps", "loss at start", "at end", "per 1,000 steps", "validation", "time")
    heads += ("checkpoints", "their size", "cumulative", "samples")
    rows = [
        (
            f"{phase.first:,} to {phase.last:,}",
            figure(phase.start),
            figure(phase.end),
            "" if phase.change is None else f"{phase.change:+.3g}",
            figure(phase.validation),
            "" if phase.seconds is None else duration(phase.seconds),
            f"{phase.checkpoints}",
            file_size(phase.bytes),
            file_size(phase.bytes_until),
            file_size(phase.sample_bytes),
        )
        for phase in found
    ]
    title = "Phases" + (f" of {run.label}" if named else "")
    title += ": the loss in training at a border is the median around it; sizes are of what was written, removed or not"
    return Table(title, heads, rows, frozenset(range(1, 10)))


def _gap(runs: Sequence[Run]) -> list[Block]:
    if chart := charts.gap(runs):
        return [chart]
    return [Text("There is no validation yet to compare with: validation.csv is empty.")]


def _speed(runs: Sequence[Run], times: Sequence[Times]) -> Iterator[Block | None]:
    if _any_steps(runs):
        yield charts.throughput(runs)
    yield resources.progress(runs, times)
    for run, mine in zip(runs, times, strict=True):
        of = f", {run.label}" if len(runs) > 1 else ""
        if spent := mine.activities():
            yield _spent(run, spent, of)
        else:
            yield Text(f"process.csv{of} has no heartbeats: where the time went is not known.")
        if mine.breaks:
            yield _breaks(mine, of)


def _spent(run: Run, spent: dict[str, float], of: str) -> Table:
    whole = sum(spent.values()) or 1.0
    rows = []
    for activity, seconds in spent.items():
        each = _seconds_of(run, _EVENTS.get(activity))
        times = (f"{len(each)}", f"{np.median(each):.1f} s") if each else ("", "")
        rows.append((activity, duration(seconds), f"{100 * seconds / whole:.1f} %", *times))
    heads = ("activity", "time", "share", "times", "each (median)")
    return Table(f"Where the time went{of}, by the heartbeats", heads, rows, frozenset({1, 2, 3, 4}))


def _seconds_of(run: Run, event: str | None) -> list[float]:
    """How long each event of this name took."""
    found = [row.get("seconds") for row in run.events if event and row.get("event") == event]
    return [value for value in found if is_number(value) and value > 0]


def _breaks(times: Times, of: str) -> Table:
    longest = sorted(times.breaks, key=lambda stop: -stop.seconds)[:_BREAKS]
    rows = [
        (when(stop.begin), f"{stop.step:,}", duration(stop.seconds), _BREAK_WORDS[stop.kind], f"{stop.lost:,}")
        for stop in sorted(longest, key=lambda stop: stop.begin)
    ]
    title = f"Stalls and interruptions{of}"
    if len(times.breaks) > _BREAKS:
        title += f", the {_BREAKS} longest of {len(times.breaks)}"
    return Table(title, ("from", "at step", "for", "what", "steps done again"), rows, frozenset({1, 2, 4}))


def _evaluation(runs: Sequence[Run]) -> Iterator[Block | None]:
    yield from (Text((f"{run.label}: " if len(runs) > 1 else "") + str(run.choice)) for run in runs if run.choice)
    splits = list(dict.fromkeys(split for run in runs for split in latest(run.evaluations)))
    if not splits:
        yield Text(f"Not evaluated yet. These figures are made by: {_evaluate(runs[0])}")
        return
    for split in splits:
        if len(runs) > 1:
            yield from _several_on(runs, split)
        else:
            yield from _one_on(runs[0], split)
    yield Text(
        "The floor is copy-synthesis: the recording's own mel spectrogram through the same vocoder. No voice can be "
        "expected to do better than that. Intervals are 95 %, by bootstrap over utterances."
    )


def _one_on(run: Run, split: str) -> Iterator[Block | None]:
    """The latest evaluation of a run on a split, and that of the checkpoint which was chosen as best."""
    shown, best = latest(run.evaluations)[split], evaluation_of_best(run.evaluations, run.choice, split)
    yield scores.of_one(shown, "chosen as best" if shown is best else "")
    yield Text(scores.about(shown))
    if best and best is not shown:
        name = f", {run.choice.name}" if best.step is None and run.choice else ""
        yield scores.of_one(best, f"chosen as best{name}")
        yield Text(scores.about(best))
    elif run.choice and not best:
        yield Text(f"What was chosen as best is not evaluated on {split}: {_evaluate(run, split)} --checkpoint best")
    yield scores.over_steps([run], split)
    yield scores.worst(shown)


def _several_on(runs: Sequence[Run], split: str) -> Iterator[Block | None]:
    """The latest evaluations of several runs on a split, and those of their best checkpoints where they are others."""
    shown = [latest(run.evaluations).get(split) for run in runs]
    best = [evaluation_of_best(run.evaluations, run.choice, split) for run in runs]
    tables = {"latest evaluation of each": shown}
    if any(one and one not in shown for one in best):
        tables["what was chosen as best of each"] = best
    for which, found in tables.items():
        yield scores.side_by_side(runs, found, f"On {split}: mean (95 % interval), {which}")
        if unlike := scores.unlike(runs, found):
            yield Text(
                f"They were measured {unlike}: do not compare them, and they have no floor in common.", warns=True
            )
        yield from (Text(scores.about(one)) for one in found if one)
    for run, one in zip(runs, shown, strict=True):
        if not one:
            yield Text(f"{run.label} is not evaluated on {split}: {_evaluate(run, split)}", warns=True)
    yield scores.over_steps(runs, split)


def _evaluate(run: Run, split: str = "validation") -> str:
    """The command that evaluates a run."""
    command = f"fs2keras evaluate {shlex.quote(str(run.rundir.path))}"
    return command if split == "validation" else f"{command} --split {shlex.quote(split)}"


def _prosody(runs: Sequence[Run]) -> Iterator[Block | None]:
    known = [next((one for one in latest(run.evaluations).values() if one.prosody), None) for run in runs]
    for i, (run, evaluation) in enumerate(zip(runs, known, strict=True)):
        if evaluation:
            label = f"{run.label}, " if len(runs) > 1 else ""
            label += f"{evaluation.split}, {evaluation.place}"
            yield prosody.scatter(evaluation, f"scatter-{i}", label)
            if len(runs) == 1:
                yield prosody.contours(evaluation, "contours", label, run.hop_s)
    if not any(known):
        command = _evaluate(runs[0])
        yield Text(f"Predicted against true pitch, energy and durations are drawn from an evaluation: {command}")


def _samples(runs: Sequence[Run]) -> Iterator[Block]:
    budget = samples.Budget(samples.MOST_BYTES)
    found = samples.blocks(runs, budget)
    yield from found
    if budget.refused:
        yield Text(f"{budget.refused} sounds were left out, as the page would have become too large.")
    if not found:
        yield Text("There are no samples: the recipe names no sentences, or the first ones are still to come.")


def _pace(run: Run) -> float | None:
    """Seconds of a step, as it usually is."""
    if "elapsed_s" not in run.steps:
        return None
    return seconds_per_step(run.steps["step"][-ROWS:], run.steps["elapsed_s"][-ROWS:])


def _speaks(runs: Sequence[Run]) -> bool:
    """Whether there is a voice among them: an aligner is judged by the report of `fs2keras align`."""
    return any(run.evaluations or run.snapshot.record.get("kind") != "aligner" for run in runs)


def _any_steps(runs: Sequence[Run]) -> bool:
    return any(len(run.steps) for run in runs)
