"""The charts of a training: losses, speed, learning rate. Each takes the runs of the report, one or several."""

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from fs2keras.report import curves
from fs2keras.report.canvas import INK
from fs2keras.report.curves import Curve
from fs2keras.report.document import Chart
from fs2keras.report.facts import Run
from fs2keras.report.panels import Panel, draw, legend_faint, legend_line
from fs2keras.report.phases import phase_width

_STEPS = "optimiser steps"
_GAPS = 6  # parts of the loss that are shown against training
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def loss(runs: Sequence[Run]) -> Chart:
    """The loss in training and validation."""
    last, column = last_step(runs), "loss"
    if len(runs) > 1:
        panels = [
            Panel("in training", _STEPS, "loss", _of_each(runs, column, last), (0, last), log=True),
            Panel("in validation", _STEPS, "loss", _validations(runs, column), (0, last), log=True),
        ]
        caption = f"In training the mean {_over(runs)}. Lower is better."
        return _chart(
            "loss", "In training and validation", _alt(runs, column), caption, 3.3, panels, 2, legend_of(runs)
        )
    (run,) = runs
    best = run.best
    panel = Panel(
        "",
        _STEPS,
        run.title(column),
        _train_and_validation(run, column, last),
        (0, last),
        log=True,
        shades=_every_other(phase_width(run.planned), last),
        lines=[row["step"] for row in run.events if row.get("event") == "resumed"],
        rug=[checkpoint.step for checkpoint in run.snapshot.checkpoints],
        star=(best["step"], best["loss"]) if best else None,
    )
    legend = _legend_of_one(run)
    if best:
        label = f"lowest in validation, {best['loss']:.4g} at step {best['step']:,}"
        legend.append(Line2D([], [], label=label, marker="*", color=INK, markersize=8, linestyle="none"))
    caption = (
        f"Lower is better. The grey bands are the phases of the table below, {phase_width(run.planned):,} steps each; "
        "marks on the axis are checkpoints, a dotted vertical line is a resume."
    )
    return _chart("loss", "In training and validation", _alt(runs, column), caption, 3.6, [panel], 1, legend)


def parts(runs: Sequence[Run]) -> Chart | None:
    """The parts of the loss, where it has any."""
    last, columns = last_step(runs), [column for column in runs[0].losses if column != "loss"]
    if not columns:
        return None
    panels = []
    for column in columns:
        lines = _of_each(runs, column, last) if len(runs) > 1 else _train_and_validation(runs[0], column, last)
        panels.append(Panel(runs[0].title(column), _STEPS, "", lines, (0, last), log=True))
    wide = min(3, len(panels))
    caption = "What the loss is the sum of. Lower is better."
    if len(runs) > 1:
        caption += f" In training, the mean {_over(runs)}."
    alt = "Parts of the loss over the steps: " + ", ".join(runs[0].name_of(column) for column in columns)
    legend = legend_of(runs) if len(runs) > 1 else _legend_of_one(runs[0])
    return _chart("parts", "Parts of the loss", alt, caption, 2.3 * -(-len(panels) // wide) + 0.3, panels, wide, legend)


def gap(runs: Sequence[Run]) -> Chart | None:
    """Validation against training."""
    last = last_step(runs)
    if len(runs) > 1:
        lines = {"loss": [curves.gap(run.steps, run.validation, "loss", i) for i, run in enumerate(runs)]}
    else:
        lines = {column: [curves.gap(runs[0].steps, runs[0].validation, column)] for column in runs[0].losses[:_GAPS]}
    values = np.concatenate([line.y[np.isfinite(line.y)] for mine in lines.values() for line in mine] or [[]])
    if not len(values):
        return None
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.05 * (high - low) or 1.0
    panels = [
        Panel(
            runs[0].name_of(column),
            _STEPS,
            "above training (%)",
            mine,
            (0, last),
            (low - margin, high + margin),
            levels=[(0.0, "")],
        )
        for column, mine in lines.items()
    ]
    caption = (
        "By how much each validation is above the mean in training since the one before. In training dropout makes the "
        "task harder, so a young model is below 0; where the line rises and keeps rising, it learns by heart."
    )
    alt = "Difference between validation and training in per cent over the steps: " + ", ".join(lines)
    legend, wide = legend_of(runs) if len(runs) > 1 else [], min(3, len(panels))
    return _chart("gap", "", alt, caption, 2.1 * -(-len(panels) // wide) + 0.4, panels, wide, legend)


def throughput(runs: Sequence[Run]) -> Chart:
    """How fast it was, step by step."""
    last = last_step(runs)
    wanted = {"steps_per_s": "steps/s", "frames_per_s": "valid mel frames/s", "data_wait_share": "waiting for data (%)"}
    panels = []
    for column, label in wanted.items():
        lines = _of_each(runs, column, last, raw=len(runs) == 1)
        if column == "data_wait_share":
            lines = [_times(line, 100) for line in lines]
        panels.append(Panel(label, _STEPS, "", lines, (0, last), from_zero=True))
    caption = ""
    if any(curves.smoothed_over(len(run.steps)) > 1 for run in runs):
        caption = f"The line is the mean {_over(runs)}" + ("; behind it every value. " if len(runs) == 1 else ". ")
    caption += "Steps and frames a second: higher is better; waiting for data: lower is better."
    alt = "Steps a second, mel frames a second and share of the time spent waiting for data over the steps"
    legend = legend_of(runs) if len(runs) > 1 else []
    return _chart("throughput", "Throughput", alt, caption, 2.6, panels, 3, legend)


def learning_rate(runs: Sequence[Run]) -> Chart:
    """Learning rate and gradient norm."""
    last = last_step(runs)
    rates = [curves.column(run.steps, "learning_rate", last, i, raw=False) for i, run in enumerate(runs)]
    power = _power([line.y for line in rates])
    clip = runs[0].recipe("train").get("clip")
    shared = len({run.recipe("train").get("clip") for run in runs}) == 1 and isinstance(clip, (int, float))
    panels = [
        Panel(
            "learning rate",
            _STEPS,
            f"10{str(-power).translate(_SUPERSCRIPT)}" if power else "",
            [_times(line, 10.0**power) for line in rates],
            (0, last),
            from_zero=True,
        ),
        Panel(
            "gradient norm before clipping",
            _STEPS,
            "norm",
            _of_each(runs, "grad_norm", last, raw=len(runs) == 1),
            (0, last),
            log=True,
            levels=[(float(clip), f"clipped above {clip:g}")] if shared else [],
        ),
    ]
    caption = "The norm of all gradients together, before it is cut to train.clip; it should neither jump nor fade."
    alt = "Learning rate and gradient norm over the steps"
    legend = legend_of(runs) if len(runs) > 1 else []
    return _chart("learning-rate", "", alt, caption, 2.7, panels, 2, legend)


def last_step(runs: Sequence[Run]) -> int:
    """The step up to which the charts reach."""
    return max(1, *(run.step for run in runs), 1)


def legend_of(runs: Sequence[Run]) -> list[Line2D]:
    """The runs, as the charts of several runs show them."""
    return [legend_line(_short(run.label), i) for i, run in enumerate(runs)]


def _chart(name, title, alt, caption, height, panels, columns, legend) -> Chart:
    return Chart(name, title, alt, caption, height, lambda area: draw(area, panels, columns, legend))


def _of_each(runs: Sequence[Run], column: str, last: int, raw: bool = False) -> list[Curve]:
    return [curves.column(run.steps, column, last, i, raw=raw) for i, run in enumerate(runs)]


def _validations(runs: Sequence[Run], column: str) -> list[Curve]:
    return [curves.points(run.validation, column, i) for i, run in enumerate(runs)]


def _train_and_validation(run: Run, column: str, last: int) -> list[Curve]:
    return [curves.column(run.steps, column, last, 0), curves.points(run.validation, column, 1)]


def _legend_of_one(run: Run) -> list[Line2D]:
    rows = curves.smoothed_over(len(run.steps))
    legend = [legend_line(f"training, mean {_over([run])}" if rows > 1 else "training", 0)]
    if rows > 1:
        legend.append(legend_faint("every training value", 0))
    if len(run.validation):
        legend.append(legend_line("validation", 1, dots=len(run.validation) <= 60))
    return legend


def _over(runs: Sequence[Run]) -> str:
    """Over how many steps the smooth lines take the mean."""
    spans = set()
    for run in runs:
        rows = curves.smoothed_over(len(run.steps))
        every = float(np.median(np.diff(run.steps["step"]))) if len(run.steps) > 1 else 1.0
        spans.add(max(1, round(rows * every)))
    low, high = min(spans), max(spans)
    return f"of {low:,} steps" if low == high else f"of {low:,} to {high:,} steps"


def _every_other(width: int, last: int) -> list[tuple[float, float]]:
    return [(begin, min(begin + width, last)) for begin in range(width, last, 2 * width)]


def _times(line: Curve, factor: float) -> Curve:
    raw = line.raw and (line.raw[0], *(part * factor for part in line.raw[1:]))
    if raw and line.raw[1] is line.raw[2]:
        raw = (raw[0], raw[1], raw[1])
    return Curve(line.x, line.y * factor, line.series, line.label, raw, line.dots, line.steps)


def _power(values: Sequence[np.ndarray]) -> int:
    """By which power of ten small numbers are multiplied so that they are easy to read."""
    finite = np.concatenate([part[np.isfinite(part)] for part in values])
    highest = float(finite.max()) if len(finite) else 0.0
    return int(np.ceil(-np.log10(highest))) if 0 < highest < 0.1 else 0


def _short(label: str) -> str:
    return label if len(label) <= 28 else f"{label[:13]}…{label[-14:]}"


def _alt(runs: Sequence[Run], column: str) -> str:
    sentences = []
    for run in runs:
        line = curves.column(run.steps, column, 1, raw=False)
        finite = line.y[np.isfinite(line.y)]
        if len(finite):
            sentences.append(
                f"{run.label}: the loss goes from {finite[0]:.4g} to {finite[-1]:.4g} by step {run.step:,}."
            )
    return " ".join(sentences) or "No loss was written yet."
