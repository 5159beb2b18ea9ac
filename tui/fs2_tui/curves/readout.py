"""What stands in words above and below the chart. Pure: it knows no Textual."""

from collections.abc import Iterable, Sequence
from math import isfinite

from fs2_tui.curves import guide
from fs2_tui.curves.axes import count, number
from fs2_tui.curves.picture import nearest
from fs2_tui.curves.run_curves import RunCurves
from fs2keras.rundir.curves import Axis
from fs2keras.rundir.statistics import duration

Part = tuple[str, str]  # a text and what it is: title, label, value, warning, or run:0, run:1, ...
Facts = dict[str, str]

LESS_NEEDED = ("after", "epoch", "smooth", "train")


def head(
    title: Sequence[Part],
    legend: Sequence[Part],
    words: Sequence[tuple[str, str]],
    said: Sequence[str],
    separator: str,
    width: int,
) -> list[list[Part]]:
    """Title and legend; the settings with their keys, and what there is to say, beside them or below."""
    settings: list[Part] = []
    for key, word in words:
        settings += [(separator, "label")] if settings else []
        settings += [(key, "key"), (f" {word}", "label")]
    text = separator.join(said)[:width]
    lines = [beside(title, legend, width), beside(settings, [(text, "warning")], width)]
    return lines if len(text) + _length(settings) + 2 <= width else [*lines, [(text, "warning")]]


def beside(left: Sequence[Part], right: Sequence[Part], width: int) -> list[Part]:
    """One line: `left`, and `right` at the end of it as far as there is room, whole parts only."""
    room = width - _length(left) - 2
    kept = list(right)
    while kept and _length(kept) > room:
        kept.pop()
    return [*left, (" " * (width - _length(left) - _length(kept)), ""), *kept]


def _length(parts: Iterable[Part]) -> int:
    return sum(len(text) for text, _ in parts)


def row_at(run: RunCurves, axis: Axis, x: float | None) -> int | None:
    """The row of a run that is nearest to x, or its newest; None when it has none."""
    rows = len(run.steps)
    if not rows:
        return None
    return rows - 1 if x is None else nearest(run.x(axis), x, rows)


def facts(run: RunCurves, row: int, column: str) -> Facts:
    """Label -> value of a row: step, epoch, training time, then the column's value, smoothed, and its validation."""
    steps = run.steps
    found = {"step": count(steps["step"][row])}
    if "epoch" in steps and isfinite(steps["epoch"][row]):
        found["epoch"] = count(steps["epoch"][row])
    if "elapsed_s" in steps and isfinite(steps["elapsed_s"][row]):
        found["after"] = duration(steps["elapsed_s"][row])
    values, smoothed = run.values(column)
    if row < len(values):
        found["train"] = number(values[row])
    if row < len(smoothed):
        found["smooth"] = number(smoothed[row])
    validation = run.validation
    if column in validation and (at := nearest(validation["step"], steps["step"][row], len(validation))) is not None:
        found["validation"] = f"{number(validation[column][at])} at {count(validation['step'][at])}"
    return found


def table(rows: Sequence[tuple[str, str, Facts]], width: int) -> list[list[Part]]:
    """A line for each run (marker, name, facts), what belongs together standing below each other. Where there is no
    room for all, what is less needed is left out."""
    names = max((len(name) for _, name, _ in rows), default=0) + 4 if len(rows) > 1 else 0
    labels = list(dict.fromkeys(label for _, _, found in rows for label in found))
    widths = {label: max(len(found.get(label, "")) for _, _, found in rows) for label in labels}
    for less in LESS_NEEDED:
        if names + sum(len(label) + widths[label] + 3 for label in labels) - 2 > width and less in labels:
            labels.remove(less)
    lines = []
    for index, (marker, name, found) in enumerate(rows):
        parts = [(f"{marker} {name}".ljust(names), f"run:{index}")] if names else []
        for label in labels:
            parts.append((f"{label} " if label in found else " " * (len(label) + 1), "label"))
            parts.append((f"{found.get(label, ''):<{widths[label]}}  ", "value"))
        lines.append(parts)
    return lines


def guide_sentence(run: RunCurves, row: int, column: str) -> str:
    """What the reference says about this row's loss."""
    if column not in guide.COLUMNS:
        return f"the {guide.LABEL} is known for the mel loss only: choose mel or mel after postnet"
    values, smoothed = run.values(column)
    values = smoothed if len(smoothed) else values
    if row >= len(values) or values[row] != values[row]:
        return f"this row has no mel loss to hold against the {guide.LABEL}"
    return guide.compared(run.steps["step"][row], values[row])
