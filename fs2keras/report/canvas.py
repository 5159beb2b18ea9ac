"""Where charts are drawn: an area in inches, and how it looks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FONT = "DejaVu Sans"
WIDTH = 10.0  # inches of a chart on the page
INK, FAINT, RULE, PANEL, PAPER = "#1a1a1a", "#5c5c5c", "#cccccc", "#f0f0f0", "#fefefe"
# Told apart with any kind of colour blindness, and in grey by their dashes. No meaning is carried by colour alone.
SERIES = ("#0072b2", "#c04f00", "#00795c", "#a0458c", "#3a9bd5", "#b07d00", "#7a1f2b", "#555555")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (7, 2, 1.5, 2)), (0, (10, 3)), (0, (3, 1.5, 1, 1.5, 1, 1.5)))
DASHES += ((0, (1, 3)), (0, (12, 2, 4, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xxx", "---", "|||", "+++", "ooo")


@dataclass(frozen=True)
class Area:
    """A rectangle of a figure, in inches from the figure's upper left corner."""

    figure: Figure
    left: float
    top: float
    width: float
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose frame is this rectangle, in inches from the area's upper left corner."""
        whole_width, whole_height = self.figure.get_size_inches()
        x, bottom = self.left + left, self.top + top + height
        box = (x / whole_width, 1 - bottom / whole_height, width / whole_width, height / whole_height)
        return self.figure.add_axes(box)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point in inches from the area's upper left corner, as a share of the figure."""
        whole_width, whole_height = self.figure.get_size_inches()
        return (self.left + x) / whole_width, 1 - (self.top + y) / whole_height

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """A text, by default with its upper left corner at this point."""
        self.figure.text(*self.point(x, y), text, **{"va": "top", "color": INK, **style})


@contextmanager
def style(size: float) -> Iterator[None]:
    """How everything of a report is drawn; `size` of the type in points."""
    settings = {
        "font.size": size,
        "font.family": FONT,
        "text.parse_math": False,  # a dollar in a sentence is money
        "text.color": INK,
        "axes.facecolor": "none",
        "axes.edgecolor": FAINT,
        "axes.labelcolor": FAINT,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": size,
        "axes.titlelocation": "left",
        "axes.titlecolor": INK,
        "axes.labelsize": 0.92 * size,
        "axes.xmargin": 0.0,
        "grid.color": RULE,
        "grid.linewidth": 0.4,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelsize": 0.88 * size,
        "ytick.labelsize": 0.88 * size,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 0.92 * size,
        "figure.facecolor": "none",
        "svg.fonttype": "none",  # text stays text
        "pdf.fonttype": 42,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a box stands in its place
        yield
