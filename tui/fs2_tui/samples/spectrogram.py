"""A spectrogram with its title, its time axis and, while it is played, a mark where the sound is."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

_LABEL = 9  # cells from one label of the axis to the next, at least
_TITLE_ROWS = _AXIS_ROWS = 1


@dataclass(frozen=True)
class Drawing:
    """A picture drawn for one size. `seconds` is what its width shows, None when it has its own axes in it; `problem`
    says why there is none."""

    lines: tuple[Strip, ...] = ()
    columns: int = 0
    seconds: float | None = None
    problem: str = ""


class Spectrogram(Widget):
    """Draws what it is given; who decodes pictures is not its business."""

    DEFAULT_CSS = "Spectrogram { width: 1fr; height: 1fr; }"

    drawing: reactive[Drawing] = reactive(Drawing())
    heading: reactive[Content] = reactive(Content(""))
    position: reactive[float | None] = reactive(None, repaint=False)  # seconds, while it is played

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that a picture can have."""
        return self.size.width, max(0, self.size.height - _TITLE_ROWS - _AXIS_ROWS)

    def render_line(self, y: int) -> Strip:
        drawing = self.drawing
        if y == 0:
            return self._text(self.heading)
        if drawing.problem:
            return self._text(Content.styled(drawing.problem, "$warning"), y - 2) if y > 1 else self._text(Content(""))
        row = y - _TITLE_ROWS
        if row < len(drawing.lines):
            line = self._with_mark(drawing.lines[row].apply_style(self.rich_style))
            return line.adjust_cell_length(self.size.width, self.rich_style)
        if row == len(drawing.lines) and drawing.seconds:
            axis = time_axis(drawing.columns, drawing.seconds, self.app.look.unicode)
            return self._text(Content.styled(axis, "dim"))
        return Strip.blank(self.size.width, self.rich_style)

    def watch_position(self, before: float | None, now: float | None) -> None:
        """Only the mark's columns are drawn again: a whole picture many times a second is too much for SSH."""
        columns = {self._column(before), self._column(now)}
        if len(columns) == 2:
            height = len(self.drawing.lines)
            self.refresh(*[Region(column, _TITLE_ROWS, 1, height) for column in columns if column is not None])

    def _column(self, seconds: float | None) -> int | None:
        if seconds is None or not self.drawing.seconds or not self.drawing.columns:
            return None
        return min(self.drawing.columns - 1, int(self.drawing.columns * seconds / self.drawing.seconds))

    def _with_mark(self, line: Strip) -> Strip:
        column = self._column(self.position)
        if column is None:
            return line
        mark = Segment("│" if self.app.look.unicode else "|", Style(color="#ffffff", bgcolor="#000000", bold=True))
        return Strip.join([line.crop(0, column), Strip([mark], 1), line.crop(column + 1)])

    def _text(self, content: Content, row: int = 0) -> Strip:
        """A row of a text, which wraps."""
        width, style = self.size.width, self.rich_style
        strips = Visual.to_strips(self, content, width, None, self.visual_style)
        return strips[row].adjust_cell_length(width, style) if row < len(strips) else Strip.blank(width, style)


def time_axis(columns: int, seconds: float, unicode: bool = True) -> str:
    """Marks with their times for a picture so many cells wide, the unit at the first one."""
    if columns < 1 or seconds <= 0:
        return ""
    step = _round_step(_LABEL * seconds / columns)
    axis = ""
    for index in range(int(seconds / step) + 1):
        column = round(columns * index * step / seconds)
        label = f"{'╵' if unicode else '|'}{index * step:.6g}{'' if index else ' s'}"
        if column + cell_len(label) <= columns:
            axis = axis.ljust(column) + label
    return axis


def _round_step(least: float) -> float:
    """The smallest of 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50 ... that is not below `least`."""
    decade = 0.1
    while True:
        for factor in (1, 2, 5):
            if decade * factor >= least:
                return decade * factor
        decade *= 10
