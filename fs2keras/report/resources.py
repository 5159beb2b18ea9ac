"""The charts of what a training takes: time by the clock, the disk, processor and memory."""

from collections.abc import Sequence

import numpy as np

from fs2keras.report import curves, storage
from fs2keras.report.charts import last_step, legend_of
from fs2keras.report.curves import Curve
from fs2keras.report.document import Chart
from fs2keras.report.facts import Run
from fs2keras.report.figures import is_number
from fs2keras.report.panels import Panel, draw, legend_bar, legend_line
from fs2keras.report.phases import Phase
from fs2keras.report.times import Times
from fs2keras.rundir import clock

_POINTS = 600
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_USES = {
    "cpu_percent": ("processor (%, 100 for each core)", 1.0),
    "rss_bytes": ("memory (GB)", 1e9),
    "gpu_percent": ("GPU (%)", 1.0),
    "gpu_memory_bytes": ("GPU memory (GB)", 1e9),
}


def progress(runs: Sequence[Run], times: Sequence[Times]) -> Chart | None:
    """Steps by the clock, with the times in which nothing was done."""
    known = [(i, found) for i, found in enumerate(times) if found.signs]
    if not known:
        return None
    lines, shades = [], []
    for i, found in known:
        unix, steps = found.progress(_POINTS)
        lines.append(Curve((unix - found.signs[0].time) / 3600, steps, i))
    if len(runs) == 1:
        begin = times[0].signs[0].time
        ends = [(stop.begin - begin, stop.begin + stop.seconds - begin) for stop in times[0].breaks]
        shades = [(a / 3600, b / 3600) for a, b in ends]
    longest = max((float(line.x[-1]) for line in lines if len(line.x)), default=0.0)
    unit, word = _time_unit(longest)
    lines = [Curve(line.x / unit, line.y, line.series) for line in lines]
    shades = [(a / unit, b / unit) for a, b in shades]
    panel = Panel("", f"{word} since it began", "step", lines, (0, longest / unit), from_zero=True, shades=shades)
    caption = "By the clock, from the heartbeats: a straight line is a steady pace"
    caption += "; in the grey bands no process ran or nothing got on." if len(runs) == 1 else "."
    alt = f"Step by {word} since the beginning"
    legend = legend_of(runs) if len(runs) > 1 else []
    return Chart("progress", "Progress by the clock", alt, caption, 2.6, lambda area: draw(area, [panel], 1, legend))


def disk(runs: Sequence[Run], phases: Sequence[Sequence[Phase]]) -> Chart | None:
    """Bytes of checkpoints and samples by phase, and how they add up."""
    grown = [storage.growth(run) for run in runs]
    if not any(written.max() > 0 for _, written, _ in grown):
        return None
    last = last_step(runs)
    size, unit = _unit(max(float(written.max()) for _, written, _ in grown))
    if len(runs) > 1:
        lines = [Curve(steps, left / size, i, steps=True) for i, (steps, _, left) in enumerate(grown)]
        panels = [Panel("", "optimiser steps", f"checkpoints kept ({unit})", lines, (0, last), from_zero=True)]
        legend, caption = legend_of(runs), "What the checkpoints of each run take on the disk."
    else:
        panels, legend = [_by_phase(phases[0], last), _cumulative(grown[0], last, size, unit)], []
        caption = (
            "Left: what was written in each phase. Right: all checkpoints written until then, and what is left of them."
        )
    alt = "Bytes written by phase and in all, over the steps"
    return Chart(
        "disk",
        "What was written, and what is left",
        alt,
        caption,
        2.6,
        lambda area: draw(area, panels, len(panels), legend),
    )


def machine(runs: Sequence[Run]) -> Chart | None:
    """Processor and memory by the clock."""
    panels = []
    found = [_uses(run) for run in runs]
    longest = max((float(hours[-1]) for hours, _ in found if len(hours)), default=0.0)
    unit, word = _time_unit(longest)
    for name, (label, scale) in _USES.items():
        lines = []
        for i, (hours, values) in enumerate(found):
            there = np.isfinite(values[name])
            if there.any():
                x, y = hours[there] / unit, values[name][there] / scale
                lines.append(curves.smoothed(x, y, float(x[-1]), i, raw=len(runs) == 1))
        if lines:
            panels.append(Panel(label, f"{word} since it began", "", lines, (0, longest / unit), from_zero=True))
    if not panels:
        return None
    legend = legend_of(runs) if len(runs) > 1 else []
    caption = "From the heartbeats, one every ten seconds."
    alt = "Over the time: " + ", ".join(panel.title for panel in panels)
    wide = min(2, len(panels))
    height = 2.4 * -(-len(panels) // wide)
    return Chart("machine", "Processor and memory", alt, caption, height, lambda area: draw(area, panels, wide, legend))


def _by_phase(phases: Sequence[Phase], last: int) -> Panel:
    highest = max((phase.bytes + phase.sample_bytes for phase in phases), default=0)
    size, unit = _unit(highest)
    bars = [(p.first, p.last, ((0, p.bytes / size), (1, p.sample_bytes / size))) for p in phases]
    legend = [legend_bar("checkpoints", 0), legend_bar("samples", 1)]
    label = f"written ({unit})"
    return Panel("by phase", "optimiser steps", label, [], (0, last), bars=bars, from_zero=True, legend=legend)


def _cumulative(grown: tuple[np.ndarray, np.ndarray, np.ndarray], last: int, size: float, unit: str) -> Panel:
    steps, written, left = grown
    lines, legend = [Curve(steps, written / size, 0, steps=True)], []
    if (left < written).any():
        lines.append(Curve(steps, left / size, 1, steps=True))
        legend = [legend_line("written", 0), legend_line("kept", 1)]
    label = f"checkpoints ({unit})"
    return Panel("cumulative", "optimiser steps", label, lines, (0, last), from_zero=True, legend=legend)


def _uses(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Hours since the first heartbeat, rising, and the columns of process.csv; NaN where a cell is empty."""
    rows = [(time, row) for row in run.beats if (time := clock.to_unix(row.get("time"))) is not None]
    rows.sort(key=lambda pair: pair[0])
    hours = np.array([time for time, _ in rows])
    hours = (hours - hours[0]) / 3600 if len(hours) else hours
    return hours, {name: np.array([_number(row.get(name)) for _, row in rows], dtype=float) for name in _USES}


def _time_unit(hours: float) -> tuple[float, str]:
    """The unit of an axis that is so many hours long, in hours, and its name."""
    if hours > 72:
        return 24.0, "days"
    return (1.0, "hours") if hours > 2 else (1 / 60, "minutes")


def _number(cell: object) -> float:
    return float(cell) if is_number(cell) else np.nan


def _unit(bytes: float) -> tuple[float, str]:
    return next(((size, unit) for size, unit in _UNITS if bytes >= size), (1.0, "B"))
