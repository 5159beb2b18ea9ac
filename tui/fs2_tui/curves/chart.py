"""The chart: one plot, or several side by side, as lines of text."""

from collections.abc import Sequence
from math import ceil, log

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from fs2_tui.curves.picture import Ink, Panel, Picture, View
from fs2_tui.curves.plot import draw
from fs2_tui.palette import Palette

SMALLEST = 36, 5  # characters: width and height of one plot among several
GAP = 2
RAW = 0.5  # how much of its colour a raw curve keeps under a smoothed one
SHADES = {
    "grid": 0.22,
    "guide": 0.5,
    "cross": 0.5,
    "axis": 0.6,
    "message": 0.7,
    "x title": 0.6,
    "title": 0.8,
    "value": 0.8,
}


class Chart(Widget, can_focus=True):
    """Draws panels, all over the same range of x. The mouse is told to the parent as messages; it decides nothing."""

    DEFAULT_CSS = "Chart { width: 1fr; height: 1fr; }"

    class Pointed(Message):
        """The mouse is at this x over a panel; `clicked` when its button was pressed and not moved."""

        def __init__(self, x: float, panel: int, clicked: bool):
            super().__init__()
            self.x, self.panel, self.clicked = x, panel, clicked

    class Resized(Message):
        """It has another size: what stands around it may have to be written anew."""

    class Left(Message):
        """The mouse has left the plots."""

    class Scrolled(Message):
        """The wheel was turned at this x: zoom in (`closer`) or out."""

        def __init__(self, x: float, closer: bool):
            super().__init__()
            self.x, self.closer = x, closer

    class Dragged(Message):
        """The plot was pulled by this share of its width, to the right when above 0."""

        def __init__(self, share: float):
            super().__init__()
            self.share = share

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.panels: Sequence[Panel] = ()
        self.view = View()
        self.pictures: list[tuple[int, int, Picture]] = []  # left, top, what is drawn there
        self._strips: list[Strip] = []
        self._styles: dict[Ink | None, Style] = {}
        self._drag_from: int | None = None
        self._dragged = False

    def show(self, panels: Sequence[Panel], view: View) -> None:
        """Draw these panels now. Only the lines that differ from before are sent to the terminal."""
        self.panels, self.view = panels, view
        before, self._strips = self._strips, self._draw()
        width = self.size.width
        if len(before) != len(self._strips):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, self._strips, strict=True)) if old != new]
        if changed:
            self.refresh(*[Region(0, y, width, 1) for y in changed])

    @property
    def notes(self) -> tuple[str, ...]:
        """What the selected plot, or the only one, could not show, in sentences."""
        several = len(self.panels) > 1
        found = zip(self.panels, self.pictures, strict=False)
        return next((picture.notes for panel, (_, _, picture) in found if panel.selected or not several), ())

    @property
    def plot_width(self) -> int:
        """Characters from the left to the right end of a plot's x axis, at least 1."""
        return max((picture.width for _, _, picture in self.pictures), default=0) or 1

    def render_line(self, y: int) -> Strip:
        if not self._strips:
            self._strips = self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self) -> None:
        self.show(self.panels, self.view)
        self.post_message(self.Resized())

    # ---- drawing ----

    def _draw(self) -> list[Strip]:
        width, height = self.size
        self.pictures, self._styles, self._palette = [], {}, Palette(self)
        if not width or not height or not self.panels:
            return []
        across, down = grid(len(self.panels), width, height)
        cell_width, cell_height = (width - GAP * (across - 1)) // across, height // down
        strips = []
        for row in range(down):
            panels = self.panels[row * across : (row + 1) * across]
            drawn = [draw(panel, self.view, cell_width, cell_height) for panel in panels]
            for index, picture in enumerate(drawn):
                self.pictures.append((index * (cell_width + GAP), row * cell_height, picture))
            for line in range(cell_height):
                strips.append(self._strip([picture.lines[line] for picture in drawn], width))
        return strips + [Strip.blank(width, self._style(None))] * (height - len(strips))

    def _strip(self, lines: Sequence[list[tuple[str, Ink | None]]], width: int) -> Strip:
        segments = []
        for line in lines:
            segments += [Segment(text, self._style(ink)) for text, ink in line if text]
            segments.append(Segment(" " * GAP, self._style(None)))
        return Strip(segments).adjust_cell_length(width, self._style(None))

    def _style(self, ink: Ink | None) -> Style:
        if ink not in self._styles:
            self._styles[ink] = self._styled(ink)
        return self._styles[ink]

    def _styled(self, ink: Ink | None) -> Style:
        """Raw curves, grid and axes lie between the background and what they are drawn for."""
        palette, (kind, run) = self._palette, ink or ("", 0)
        if kind in ("smooth", "raw", "validation", "mark", "ring"):
            colour = palette.run(self._colour_index(kind, run))
            if kind == "raw" and any(curve.kind == "smooth" for panel in self.panels for curve in panel.curves):
                colour = palette.background.blend(colour, RAW)
            return _style(colour, palette, bold=kind in ("smooth", "ring", "validation"))
        if kind == "cursor":
            return Style(color=palette.text.rich_color, bgcolor=palette.ground, reverse=True)
        if kind == "odd":
            return _style(palette.named("error"), palette, bold=True)
        return _style(palette.shade(SHADES.get(kind, 1.0)), palette, bold=kind == "selected")

    def _colour_index(self, kind: str, run: int) -> int:
        """One run: its validation has a colour of its own; several: a run's curves share one."""
        alone = all(curve.run == 0 for panel in self.panels for curve in panel.curves)
        return 1 if alone and kind == "validation" else run

    # ---- mouse ----

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self._drag_from, self._dragged = event.x, False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag_from is None:
            self._point(event.x, event.y, clicked=False)
        elif event.x != self._drag_from:
            self._dragged = True
            self.post_message(self.Dragged((event.x - self._drag_from) / self.plot_width))
            self._drag_from = event.x

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._drag_from is not None:
            self._drag_from = None
            self.release_mouse()
            if not self._dragged:
                self._point(event.x, event.y, clicked=True)

    def on_leave(self) -> None:
        self.post_message(self.Left())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(event, closer=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(event, closer=False)

    def _scroll(self, event: events.MouseEvent, closer: bool) -> None:
        if found := self._at(event.x, event.y):
            event.stop()
            self.post_message(self.Scrolled(found[1], closer))

    def _point(self, x: int, y: int, clicked: bool) -> None:
        if found := self._at(x, y):
            self.post_message(self.Pointed(found[1], found[0], clicked))

    def _at(self, x: int, y: int) -> tuple[int, float] | None:
        """The panel under the mouse, and the x value there."""
        for index, (left, top, picture) in enumerate(self.pictures):
            column, row = x - left - picture.left, y - top
            if 0 <= column < picture.width and 0 <= row < len(picture.lines):
                return index, picture.x.value((column + 0.5) / picture.width)
        return None


def capacity(width: int, height: int) -> int:
    """How many plots can be seen at once."""
    return max((width + GAP) // (SMALLEST[0] + GAP), 1) * max(height // SMALLEST[1], 1)


def grid(panels: int, width: int, height: int) -> tuple[int, int]:
    """(columns, rows) for so many plots: all of them seen, and shaped as the room allows."""
    best = (1, panels)
    for across in range(1, panels + 1):
        shape = across, ceil(panels / across)
        if across == 1 or _cell(shape, width, height)[0] >= SMALLEST[0]:
            best = min(best, shape, key=lambda shape: _oddness(_cell(shape, width, height)))
    return best


def _cell(shape: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    return (width - GAP * (shape[0] - 1)) // shape[0], height // shape[1]


def _oddness(cell: tuple[int, int]) -> float:
    """How far a plot is from being three times as wide as it is high, in characters twice as high as wide."""
    return abs(log(max(cell[0], 1) / max(cell[1], 0.5) / 6))


def _style(colour: Color, palette: Palette, bold: bool = False) -> Style:
    return Style(color=colour.rich_color, bgcolor=palette.ground, bold=bold)
