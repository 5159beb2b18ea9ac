"""Values of a process with how they went lately: a line each, or a few lines where there is room."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from fs2_tui.look import Look

_LABEL, _VALUE, _LEAST = 12, 10, 8  # widths of the label, the value, and the narrowest bars


class Gauge(NamedTuple):
    """`value` now and `detail` beside it; `history` is drawn from its lowest, or from 0, to its highest value, its
    peaks or its dips kept where many values share a bar."""

    label: str
    value: str
    detail: str = ""
    history: Sequence[float] = ()
    say: Callable[[float], str] = "{:.3g}".format
    from_zero: bool = True
    dips: bool = False
    style: str = "bold"


def draw_gauges(gauges: Sequence[Gauge], width: int, rows: int, look: Look) -> Content:
    """The gauges below each other, with bars `rows` lines high, in `width` cells."""
    ranges = [_range(gauge, look) for gauge in gauges]
    details = max((cell_len(gauge.detail) for gauge in gauges), default=0) + 2
    left = width - _LABEL - _VALUE - 4 - max(map(cell_len, ranges), default=0)
    if left - details < _LEAST:  # no place for all: the bars are worth more than the details
        details = 0
    lines = []
    for gauge, words in zip(gauges, ranges, strict=True):
        lines += _gauge(gauge, words, details, left - details, rows, look)
    return Content("\n").join(lines)


def _gauge(gauge: Gauge, words: str, details: int, room: int, rows: int, look: Look) -> list[Content]:
    head = [(f"{gauge.label:<{_LABEL}}", "dim"), (f"{gauge.value:>{_VALUE}}  ", gauge.style)]
    head += [(f"{gauge.detail:<{details}}", "dim")] if details else []
    if not words or room < 1:
        return [Content.assemble(*head)]
    blank = [(" " * (_LABEL + _VALUE + 2 + details), "")]
    drawn = bars(gauge.history, room, rows, look.blocks, *_ends(gauge), keep=min if gauge.dips else max)
    return [
        Content.assemble(*(blank if row else head), (line, "$primary"), ("" if row else f"  {words}", "dim"))
        for row, line in enumerate(drawn)
    ]


def _ends(gauge: Gauge) -> tuple[float, float]:
    finite = [value for value in gauge.history if isfinite(value)]
    return 0.0 if gauge.from_zero else min(finite), max(finite)


def _range(gauge: Gauge, look: Look) -> str:
    """From where to where the bars go; "" when there are none."""
    if not any(map(isfinite, gauge.history)):
        return ""
    low, high = map(gauge.say, _ends(gauge))
    if gauge.from_zero:
        return f"up to {high}"
    return high if low == high else f"{low} {'–' if look.unicode else '-'} {high}"


def bars(
    values: Sequence[float],
    width: int,
    rows: int,
    blocks: str,
    low: float,
    high: float,
    keep: Callable[[Iterable[float]], float] = max,
) -> list[str]:
    """`width` bars in `rows` lines of characters, the upper line first; each bar is the highest (`keep`) value of its
    share. `blocks` goes from empty to full. No bar where nothing is finite.

    The highest bar ends a little below the upper edge, which parts it from what stands above.
    """
    full = len(blocks) - 1
    most = rows * full - 1
    levels = []
    for i in range(width):
        first = len(values) * i // width
        share = values[first : max(first + 1, len(values) * (i + 1) // width)]
        finite = [value for value in share if isfinite(value)]
        level = (keep(finite) - low) / (high - low) if finite and high > low else 0.5
        levels.append(max(1, round(most * min(1.0, level))) if finite else 0)
    return [
        "".join(blocks[max(0, min(full, level - full * row))] for level in levels) for row in range(rows - 1, -1, -1)
    ]
