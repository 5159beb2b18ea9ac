"""What is drawn: curves, panels, how they are seen, and the picture that comes of it. Pure: it knows no Textual."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from fs2_tui.curves.axes import Scale
from fs2keras.rundir.curves import Bucket

Point = tuple[float, float]

LEVELS = {"guide": 0, "raw": 1, "cross": 2, "validation": 3, "smooth": 4}  # what is drawn in front of what


class Ink(NamedTuple):
    """What a stretch of text shows, for whoever colours it; `run` is the index of the run."""

    kind: str
    run: int = 0


class Glyphs(NamedTuple):
    """The characters of a plot besides its curves."""

    above: str
    below: str
    odd: str
    grid: str
    cross: str
    corner: str
    axis: str
    tick: str
    side: str
    wall: str
    selected: str


UNICODE = Glyphs("▲", "▼", "×", "·", "◉", "└", "─", "┴", "┤", "│", "▸")
ASCII = Glyphs("^", "v", "x", ".", "@", "+", "-", "+", "+", "|", ">")


@dataclass(frozen=True)
class Curve:
    """The rows of one curve, and how to get at them: `buckets(x_min, x_max, columns)` as `decimate` gives them.

    `kind` is one of LEVELS. `marker` stands at its points, or with `sparse` only here and there, to tell runs apart.
    `odd` are the rows that hold no finite number, `glyph` is what its line is made of in ASCII.
    """

    kind: str
    run: int
    x: Sequence[float]
    y: Sequence[float]
    buckets: Callable[[float, float, int], list[Bucket]]
    odd: Sequence[int] = ()
    marker: str = ""
    sparse: bool = False
    glyph: str = ""

    @property
    def ink(self) -> Ink:
        return Ink(self.kind, self.run)

    @property
    def rows(self) -> int:
        """How many rows can be looked at: x may be ahead of y, whose rows are prepared in portions."""
        return min(len(self.x), len(self.y))

    def neighbours(self, x_min: float, x_max: float) -> tuple[Point | None, Point | None]:
        """The last point (x, y) before x_min and the first one after x_max; None where there is none."""
        before, after = bisect_left(self.x, x_min, 0, self.rows) - 1, bisect_right(self.x, x_max, 0, self.rows)
        found = [(self.x[row], self.y[row]) if 0 <= row < self.rows else None for row in (before, after)]
        return tuple(point if point and isfinite(point[1]) else None for point in found)


@dataclass(frozen=True)
class Panel:
    """What one plot shows. `message` stands in its middle instead of it when there is nothing to draw."""

    curves: tuple[Curve, ...] = ()
    title: str = ""
    value: str = ""
    selected: bool = False
    message: str = ""


@dataclass(frozen=True)
class View:
    """How all plots are seen: the range of x, what y shows, where the crosshair is and what it is labelled."""

    x_min: float = 0.0
    x_max: float = 1.0
    x_title: str = ""
    x_whole: bool = True  # x counts something, so only whole numbers get a label
    log: bool = False
    whole: bool = False  # y shows every value, far ones too
    cross: float | None = None
    cross_label: str = ""
    unicode: bool = True

    @property
    def glyphs(self) -> Glyphs:
        return UNICODE if self.unicode else ASCII


Line = list[tuple[str, Ink | None]]


@dataclass
class Picture:
    """A drawn plot: its lines, where in them the plot itself is, and what it could not show (`notes`)."""

    lines: list[Line]
    left: int = 0
    top: int = 0
    width: int = 0
    height: int = 0
    x: Scale = field(default_factory=lambda: Scale(0.0, 1.0))
    y: Scale = field(default_factory=lambda: Scale(0.0, 1.0))
    notes: tuple[str, ...] = ()

    def row(self, value: float) -> int:
        """The row of the plot that this y value is in."""
        return min(max(int((1 - self.y.place(value)) * self.height), 0), self.height - 1)

    def column(self, x: float) -> int:
        """The column of the plot that this x value is in."""
        return min(max(int(self.x.place(x) * self.width), 0), self.width - 1)


def nearest(x: Sequence[float], value: float, rows: int) -> int | None:
    """Which of the first `rows` rows has the nearest x; None when there are none."""
    rows = min(rows, len(x))
    if rows <= 0:
        return None
    row = min(bisect_left(x, value, 0, rows), rows - 1)
    return row - 1 if row and value - x[row - 1] <= x[row] - value else row
