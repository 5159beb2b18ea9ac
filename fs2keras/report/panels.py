"""Charts made of panels beside and below each other, on common margins, with one legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from fs2keras.report.canvas import DASHES, FAINT, HATCHES, INK, MARKERS, PANEL, PAPER, SERIES, Area
from fs2keras.report.curves import Curve

# Inches.
_LEFT, _LEFT_BARE, _RIGHT, _BOTTOM = 0.75, 0.55, 0.3, 0.5  # bare: without a label
_TITLE, _NO_TITLE = 0.3, 0.1  # above a panel
_HANDLE, _SPACING = 3.2, 1.5  # of a legend: a line, and between two columns; as shares of the type size
_ROUND = [1, 2, 2.5, 5, 10]
_LOG_FROM = 4.0  # when the highest value is so many times the lowest


@dataclass(frozen=True)
class Panel:
    """Curves over an axis. `x_range` and `y_range` are shown, or what the curves cover.

    `shades`: begin and end of grey bands; `lines`: x of dotted vertical lines; `rug`: x of small marks on the axis;
    `star`: x and y of one point that stands out; `levels`: y of horizontal lines, with a label for each; `bars`: begin,
    end, and series and height of each part, from below. `legend`: of this panel alone. `log`: logarithmic where the
    values reach far enough; `from_zero`: otherwise from 0 on.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    bars: Sequence[tuple[float, float, Sequence[tuple[int, float]]]] = ()
    log: bool = False
    from_zero: bool = False
    shades: Sequence[tuple[float, float]] = ()
    lines: Sequence[float] = ()
    rug: Sequence[float] = ()
    star: tuple[float, float] | None = None
    levels: Sequence[tuple[float, str]] = ()
    legend: Sequence[Artist] = ()


def draw(area: Area, panels: Sequence[Panel], columns: int, legend: Sequence[Artist] = ()) -> None:
    """Draws the panels row by row; the legend above all of them."""
    rows = -(-len(panels) // columns)
    margin = _LEFT if any(panel.y_label for panel in panels) else _LEFT_BARE
    top = draw_legend(area, legend, margin) if legend else 0.0
    title = _TITLE if any(panel.title for panel in panels) else _NO_TITLE
    width, height = area.width / columns, (area.height - top) / rows
    for i, panel in enumerate(panels):
        left, upper = i % columns * width + margin, top + i // columns * height + title
        axes = area.axes(left, upper, width - margin - _RIGHT, height - title - _BOTTOM)
        draw_panel(axes, panel)


def draw_legend(area: Area, handles: Sequence[Artist], left: float) -> float:
    """Draws a legend at the area's upper edge, from `left` on; its height. In inches."""
    size = rcParams["legend.fontsize"] / 72
    columns = _legend_columns([handle.get_label() for handle in handles], size, area.width - left)
    area.figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=area.point(left, 0.04),
        ncols=columns,
        borderaxespad=0.0,
        borderpad=0.0,
        columnspacing=_SPACING,
        handlelength=_HANDLE,
        labelcolor=INK,
    )
    return 0.08 + 1.6 * size * -(-len(handles) // columns)


def _legend_columns(labels: Sequence[str], size: float, room: float) -> int:
    """The most columns that have room; matplotlib fills one after the other."""
    for columns in range(len(labels), 1, -1):
        rows = -(-len(labels) // columns)
        longest = [max(map(len, labels[i : i + rows])) for i in range(0, len(labels), rows)]
        if sum(size * (_HANDLE + 0.8 + _SPACING + 0.58 * count) for count in longest) <= room:
            return columns
    return 1


def legend_line(label: str, series: int, dots: bool = False) -> Line2D:
    """The line of a series as the legend shows it."""
    look = _look(series, dots)
    return Line2D([], [], label=label, **look)


def legend_bar(label: str, series: int) -> Patch:
    return Patch(label=label, **_filling(series))


def legend_faint(label: str, series: int) -> Line2D:
    return Line2D([], [], label=label, color=SERIES[series], linewidth=6, alpha=0.22, solid_capstyle="butt")


def draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, pad=4)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    for begin, end in panel.shades:
        axes.axvspan(begin, end, color=PANEL, linewidth=0, zorder=0)
    for curve in panel.curves:
        _draw_curve(axes, curve)
    for begin, end, parts in panel.bars:
        _draw_bar(axes, begin, end, parts)
    for x in panel.lines:
        axes.axvline(x, color=FAINT, linestyle=(0, (1, 2)), linewidth=0.9)
    for y, label in panel.levels:
        axes.axhline(y, color=FAINT, linestyle=(0, (6, 2)), linewidth=0.9)
        if label:
            box = {"boxstyle": "square,pad=0.1", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.8}
            look = {"ha": "right", "color": FAINT, "bbox": box, "fontsize": "small"}
            axes.annotate(label, (1, y), (-2, 3), ("axes fraction", "data"), "offset points", **look)
    if panel.star:
        axes.plot(*panel.star, marker="*", color=INK, markersize=9, linestyle="none", clip_on=False, zorder=5)
    if len(panel.rug):
        ground = axes.get_xaxis_transform()
        axes.plot(panel.rug, [0] * len(panel.rug), "|", color=INK, markersize=7, transform=ground, clip_on=False)
    _scale(axes, panel)
    if panel.legend:
        axes.legend(handles=list(panel.legend), loc="upper left", ncols=len(panel.legend), borderaxespad=0.1)
    if not panel.bars and not any(np.isfinite(curve.y).any() for curve in panel.curves):
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center", color=FAINT)


def _draw_curve(axes: Axes, curve: Curve) -> None:
    colour = SERIES[curve.series]
    if curve.raw:
        x, low, high = curve.raw
        if low is high:
            axes.plot(x, low, color=colour, linewidth=0.7, alpha=0.45)
        else:
            axes.fill_between(x, low, high, color=colour, alpha=0.22, linewidth=0)
    where = "steps-post" if curve.steps else "default"
    axes.plot(curve.x, curve.y, drawstyle=where, **_look(curve.series, curve.dots))


def _draw_bar(axes: Axes, begin: float, end: float, parts: Sequence[tuple[int, float]]) -> None:
    below = 0.0
    for series, height in parts:
        axes.bar(begin, height, 0.94 * (end - begin), below, align="edge", **_filling(series))
        below += height


def _filling(series: int) -> dict:
    return {"facecolor": SERIES[series], "alpha": 0.75, "hatch": HATCHES[series], "edgecolor": PAPER, "linewidth": 0}


def _look(series: int, dots: bool) -> dict:
    look = {"color": SERIES[series], "linestyle": DASHES[series], "linewidth": 1.5}
    return look | ({"marker": MARKERS[series], "markersize": 3.2} if dots else {})


def _scale(axes: Axes, panel: Panel) -> None:
    shown = [curve.y for curve in panel.curves] + [
        part for curve in panel.curves if curve.raw for part in curve.raw[1:]
    ]
    shown += [np.array([sum(height for _, height in parts)]) for *_, parts in panel.bars]
    values = np.concatenate([*(part[np.isfinite(part)] for part in shown), [y for y, _ in panel.levels]])
    if panel.x_range and panel.x_range[1] > panel.x_range[0]:
        axes.set_xlim(*panel.x_range)
    width = axes.get_position().width * axes.figure.get_size_inches()[0]
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.55)), steps=_ROUND))
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    height = axes.get_position().height * axes.figure.get_size_inches()[1]
    axes.yaxis.set_major_formatter(FuncFormatter(_number))
    if panel.y_range:
        axes.set_ylim(*panel.y_range)
    if panel.log and len(values) and values.min() > 0 and values.max() / values.min() >= _LOG_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator(_log_ticks(values.min(), values.max(), max(2, int(height / 0.3)))))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_number))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(max(2, int(height / 0.35)), steps=_ROUND))
        if panel.from_zero and len(values) and values.min() >= 0:
            axes.set_ylim(0, (1.3 if panel.legend else 1.08) * values.max() or 1)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers on a logarithmic axis, as many as have room."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{factor}e{decade}") for decade in decades for factor in factors]
        ticks = [tick for tick in ticks if 0.97 * low <= tick <= 1.03 * high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: -(-len(ticks) // most)]


def _number(value: float, _position: int = 0) -> str:
    """12,500  0.05  1e−5"""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e7):
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")
