"""Evaluations as tables, and as curves where several checkpoints were evaluated."""

from collections.abc import Sequence
from math import floor, log10

import numpy as np

from fs2keras.report.charts import legend_of
from fs2keras.report.curves import Curve
from fs2keras.report.document import Chart, Table
from fs2keras.report.evaluations import Evaluation, Interval, Metric
from fs2keras.report.facts import Run
from fs2keras.report.figures import when
from fs2keras.report.panels import Panel, draw
from fs2keras.rundir import clock

_HINTS = {
    "teacher-forced": "teacher-forced: given the durations, pitch and energy of the recording",
    "free-running": "free-running: given the text alone",
}
_MAIN = ("mcd_espnet", "mel_postnet")  # by which the worst utterances are named
_CHARTED = 9
_DIGITS = 3


def of_one(evaluation: Evaluation, which: str = "") -> Table:
    """All metrics of one evaluation; `which` one it is, where there are others."""
    heads = ("metric", "mean", "95 % interval", "floor", "recording", "unit", "better")
    rows: list[tuple[str, ...]] = []
    for mode, metrics in _by_mode(evaluation.metrics).items():
        rows.append((_HINTS.get(mode, mode or "other"),))
        for metric in metrics:
            sides = [_mean(metric, interval) for interval in (metric.floor, metric.recording)]
            low, high = (number(metric, value) for value in metric.voice[1:3])
            label = f"{metric.label} [{metric.name}]"
            rows.append(
                (label, number(metric, metric.voice.mean), f"{low} to {high}", *sides, metric.unit, metric.direction)
            )
    title = f"On {evaluation.split}, {evaluation.place}" + (f": {which}" if which else "")
    return Table(title, heads, rows, frozenset({1, 3, 4}))


def side_by_side(runs: Sequence[Run], found: Sequence[Evaluation | None], title: str) -> Table:
    """An evaluation of each run that has one; with the floor, where it is the same for all."""
    known = [one for one in found if one]
    floors = not unlike(runs, found)
    order = list(dict.fromkeys(metric.name for one in known for metric in one.metrics))
    metrics = [{metric.name: metric for metric in one.metrics} if one else {} for one in found]
    places = [f", {one.place}" if one else "" for one in found]
    heads = (
        "metric",
        *(f"{run.label}{place}" for run, place in zip(runs, places, strict=True)),
        *(["floor"] if floors else []),
        "unit",
        "better",
    )
    rows: list[tuple[str, ...]] = []
    firsts = tuple(next(mine[name] for mine in metrics if name in mine) for name in order)
    for mode, members in _by_mode(firsts).items():
        rows.append((_HINTS.get(mode, mode or "other"),))
        for first in members:
            cells = [_with_interval(mine.get(first.name)) for mine in metrics]
            if floors:
                same = next((mine[first.name].floor for mine in metrics if _has_floor(mine, first.name)), None)
                cells.append(_mean(first, same))
            rows.append((f"{first.label} [{first.name}]", *cells, first.unit, first.direction))
    return Table(title, heads, rows, frozenset(range(1, len(runs) + 1 + floors)))


def unlike(runs: Sequence[Run], found: Sequence[Evaluation | None]) -> str:
    """In what the evaluations were made in different ways, so that their figures cannot be compared; "" in nothing."""
    known = [(run.label, one) for run, one in zip(runs, found, strict=True) if one]
    corpora = {label: str(one.key["corpus"])[:8] for label, one in known if one.key.get("corpus")}
    vocoders = {label: one.vocoder for label, one in known}
    counts = {label: f"{len(one.texts):,}" for label, one in known}
    parts = []
    if len({str(one.key["corpus"]) for _, one in known if one.key.get("corpus")}) > 1:
        parts.append(f"on different corpora ({_each(corpora)})")
    if len({frozenset(one.texts) for _, one in known}) > 1:
        parts.append(f"on different utterances ({_each(counts)} of them)")
    if len(set(vocoders.values())) > 1:
        parts.append(f"through different vocoders ({_each(vocoders)})")
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else ""


def _each(values: dict[str, str]) -> str:
    return ", ".join(f"{label}: {value}" for label, value in values.items())


def _has_floor(metrics: dict[str, Metric], name: str) -> bool:
    return name in metrics and metrics[name].floor is not None


def worst(evaluation: Evaluation) -> Table | None:
    """The worst utterances by the first of the main metrics that was measured."""
    ranked = {metric.name: metric for metric in evaluation.metrics if metric.worst}
    if not ranked:
        return None
    metric = next((ranked[name] for name in _MAIN if name in ranked), next(iter(ranked.values())))
    rows = [(id, number(metric, value), evaluation.texts.get(id, "")) for id, value in metric.worst]
    title = f"Worst utterances of {evaluation.split} by {metric.name}, at {evaluation.place}"
    return Table(
        title, ("utterance", metric.name + (f" ({metric.unit})" if metric.unit else ""), "text"), rows, frozenset({1})
    )


def over_steps(runs: Sequence[Run], split: str) -> Chart | None:
    """Each metric over the checkpoints that were evaluated; None where no run has two of them."""
    found = [[one for one in run.evaluations if one.split == split and one.step is not None] for run in runs]
    if max(map(len, found)) < 2:
        return None
    names = list(dict.fromkeys(metric.name for ones in found for one in ones for metric in one.metrics))
    # Free-running ones first: they are nearer to what is heard.
    order = [metric for ones in found for one in ones for metric in one.metrics]
    modes = {metric.name: metric.mode for metric in order}
    names.sort(key=lambda name: modes[name] != "free-running")
    floors = not unlike([run for run, ones in zip(runs, found, strict=True) for _ in ones], sum(found, []))
    panels = [_panel(found, name, floors) for name in names[:_CHARTED]]
    height = 2.2 * -(-len(panels) // 3) + 0.3
    caption = "Means over the split with their 95 % intervals"
    caption += "; dashed: the floor (copy-synthesis), or the recordings." if floors else "."
    alt = f"Metrics over the evaluated checkpoints, on {split}"
    legend = legend_of(runs) if len(runs) > 1 else []
    title = f"Metrics by checkpoint, on {split}"
    return Chart(f"scores-{split}", title, alt, caption, height, lambda area: draw(area, panels, 3, legend))


def about(evaluation: Evaluation) -> str:
    """What was evaluated, where and when, in a sentence."""
    made = evaluation.made
    text = f"{evaluation.run}, {evaluation.place}: measured on {len(evaluation.texts):,} utterances of "
    text += f"{evaluation.split} through {evaluation.vocoder}"
    if made.get("machine"):
        text += f", on {made['machine']}"
    if (time := clock.to_unix(made.get("time"))) is not None:
        text += f", {when(time)}"
    if evaluation.failed:
        text += f"; {evaluation.failed:,} of them could not be spoken"
    return f"{text}."


def number(metric: Metric, value: float) -> str:
    """A value of this metric, to three digits of its mean."""
    scale = abs(metric.voice.mean)
    digits = min(4, max(0, _DIGITS - 1 - floor(log10(scale)))) if scale > 0 else _DIGITS
    return f"{value:,.{digits}f}"


def _panel(found: Sequence[Sequence[Evaluation]], name: str, floors: bool) -> Panel:
    lines, first = [], None
    for i, ones in enumerate(found):
        metrics = [(one.step, metric) for one in ones for metric in one.metrics if metric.name == name]
        if not metrics:
            continue
        first = first or metrics[-1][1]
        x = np.array([step for step, _ in metrics], dtype=float)
        mean, low, high = (np.array([metric.voice[k] for _, metric in metrics]) for k in range(3))
        lines.append(Curve(x, mean, i, raw=(x, low, high), dots=True))
    sides = {"floor": first.floor} if first.better else {"recording": first.recording}
    levels = [(interval.mean, side) for side, interval in sides.items() if interval and floors]
    ends = [float(edge) for line in lines for edge in (line.x.min(), line.x.max())]
    margin = 0.04 * (max(ends) - min(ends)) or 1.0
    title = f"{name} ({first.unit})" if first.unit else name
    x_range, better = (min(ends) - margin, max(ends) + margin), f"better: {first.direction}"
    return Panel(title, "optimiser steps", better, lines, x_range, levels=levels)


def _by_mode(metrics: Sequence[Metric]) -> dict[str, list[Metric]]:
    modes: dict[str, list[Metric]] = {}
    for metric in metrics:
        modes.setdefault(metric.mode, []).append(metric)
    return modes


def _mean(metric: Metric, interval: Interval | None) -> str:
    return number(metric, interval.mean) if interval else ""


def _with_interval(metric: Metric | None) -> str:
    if metric is None:
        return ""
    mean, low, high = (number(metric, value) for value in metric.voice[:3])
    return f"{mean} ({low} to {high})"
