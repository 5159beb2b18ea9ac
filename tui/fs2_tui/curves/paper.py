"""The curves on paper: every plot as lines, points and texts on a white page. Pure: it knows no file format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from fs2_tui.curves import navigation
from fs2_tui.curves.axes import Scale, fitted, labels, number, reach
from fs2_tui.curves.drawables import Drawable
from fs2_tui.curves.picture import Curve
from fs2_tui.curves.run_curves import RunCurves
from fs2keras.rundir.curves import Axis, Bucket

PLOT = 400, 260  # pixels of one plot with its labels
PLOTS_ACROSS = 3
MARGIN, LEFT, TOP, BOTTOM = 16, 52, 30, 36  # pixels around the page; in a plot: the labels of y, its title, those of x
HEAD = 34  # pixels of the page's title
MOST_DISCS = 60  # in one curve
TEXT, SMALL = 13, 11
BLACK, GREY, FAINT = "#222222", "#666666", "#e4e4e4"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f")  # dark on white
PAPER = "#ffffff"

Point = tuple[float, float]


class Stroke(NamedTuple):
    points: list[Point]
    colour: str
    width: float


class Disc(NamedTuple):
    at: Point
    radius: float
    colour: str


class Word(NamedTuple):
    """A text whose baseline begins at a point, or has its middle or end there (`anchor` start, middle, end)."""

    at: Point
    text: str
    size: int = SMALL
    anchor: str = "start"
    colour: str = GREY
    bold: bool = False


@dataclass
class Page:
    """Shapes in the order in which they are drawn; pixels from the upper left corner."""

    width: int
    height: int
    shapes: list[Stroke | Disc | Word] = field(default_factory=list)


def lay_out(runs: Sequence[tuple[str, RunCurves]], columns: Sequence[Drawable], axis: Axis) -> Page:
    """A plot for each column, with the runs (name, curves) over each other."""
    across = min(PLOTS_ACROSS, len(columns))
    width, height = across * PLOT[0] + 2 * MARGIN, ceil(len(columns) / across) * PLOT[1] + 2 * MARGIN + HEAD
    page = Page(width, height)
    _write_legend(page, [name for name, _ in runs])
    for index, column in enumerate(columns):
        left = MARGIN + index % across * PLOT[0]
        top = MARGIN + HEAD + index // across * PLOT[1]
        _Plot(page, left, top, [run for _, run in runs], axis).draw(column)
    return page


def colour_of(run: int, kind: str, runs: int) -> str:
    """One run: its validation has a colour of its own; several: a run's curves share one."""
    return SERIES[1 if runs == 1 and kind == "validation" else run % len(SERIES)]


def paler(colour: str) -> str:
    """The colour of a raw curve under a smoothed one."""
    return "#" + "".join(f"{(int(colour[i : i + 2], 16) + 2 * 255) // 3:02x}" for i in (1, 3, 5))


def _write_legend(page: Page, names: Sequence[str]) -> None:
    x, y = float(MARGIN), MARGIN + TEXT
    for run, name in enumerate(names):
        colour = colour_of(run, "smooth", len(names))
        page.shapes.append(Stroke([(x, y - 4), (x + 18, y - 4)], colour, 2.5))
        page.shapes.append(Word((x + 24, y), name, TEXT, colour=BLACK, bold=True))
        x += 24 + (len(name) + 3) * TEXT * 0.62
    page.shapes.append(Disc((x + 4, y - 4), 3.5, colour_of(0, "validation", len(names)) if len(names) == 1 else GREY))
    page.shapes.append(Word((x + 14, y), "validation", TEXT, colour=BLACK))


class _Plot:
    """One plot on the page."""

    def __init__(self, page: Page, left: float, top: float, runs: Sequence[RunCurves], axis: Axis):
        self.page, self.runs, self.axis = page, runs, axis
        self.left, self.right = left + LEFT, left + PLOT[0] - MARGIN
        self.top, self.bottom = top + TOP, top + PLOT[1] - BOTTOM
        self.x = Scale(*navigation.bounds(runs, axis))

    def draw(self, column: Drawable) -> None:
        pixels = int(self.right - self.left)
        curves = [c for run in reversed(self.runs) for c in run.curves(column.name, self.axis, True, 1, True)]
        found = [(curve, curve.buckets(self.x.low, self.x.high, pixels)) for curve in curves]
        self.y = fitted(reach([b.low for b in buckets], [b.high for b in buckets]) for _, buckets in found)
        self._axes(column)
        for curve, buckets in found:
            self._curve(curve, buckets)
        self._note([buckets for _, buckets in found])

    def _at(self, x: float, y: float) -> Point:
        """The pixel of a value; what lies beyond the plot is put on its edge."""
        across, up = self.x.place(x), min(max(self.y.place(y), 0.0), 1.0)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def _axes(self, column: Drawable) -> None:
        shapes = self.page.shapes
        ticks = self.y.ticks(6)
        for tick, text in zip(ticks, labels(ticks), strict=True):
            y = self._at(self.x.low, tick)[1]
            shapes.append(Stroke([(self.left, y), (self.right, y)], FAINT, 1))
            shapes.append(Word((self.left - 6, y + 4), text, anchor="end"))
        ticks = self.x.ticks(6)
        for tick, text in zip(ticks, labels(ticks, short=True), strict=True):
            shapes.append(Word((self._at(tick, self.y.low)[0], self.bottom + 15), text, anchor="middle"))
        shapes.append(Stroke([(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)], GREY, 1))
        shapes.append(Word((self.right, self.bottom + 28), self.axis, anchor="end"))
        title = column.label + (f"  ({column.unit})" if column.unit else "")
        shapes.append(Word((self.left, self.top - 10), title, TEXT, colour=BLACK, bold=True))

    def _curve(self, curve: Curve, buckets: list[Bucket]) -> None:
        colour = colour_of(curve.run, curve.kind, len(self.runs))
        per_pixel = (self.x.high - self.x.low) / (self.right - self.left)
        points: list[Point] = []
        for bucket in buckets:
            x = self.x.low + (bucket.column + 0.5) * per_pixel
            values = dict.fromkeys((bucket.first, bucket.low, bucket.high, bucket.last))
            points += [self._at(x, value) for value in values]
        if curve.kind == "raw":
            colour = paler(colour)
        if len(points) > 1:
            self.page.shapes.append(Stroke(points, colour, {"smooth": 2.0, "validation": 1.0}.get(curve.kind, 1.0)))
        if curve.kind == "validation" or len(points) == 1:
            self.page.shapes += [Disc(point, 2.5, colour) for point in points[:: ceil(len(points) / MOST_DISCS) or 1]]

    def _note(self, found: list[list[Bucket]]) -> None:
        highest = max((bucket.high for buckets in found for bucket in buckets), default=0.0)
        if highest > self.y.high:
            self.page.shapes.append(Word((self.right, self.top + 10), f"up to {number(highest)}", anchor="end"))
