"""The list of what can be drawn: the columns of the runs by group, each with its last value."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fs2_tui.curves.axes import number
from fs2_tui.curves.drawables import Drawable

VALUE_WIDTH = 9
UNIT_WIDTH = 5


class ColumnList(Widget):
    """Headings and columns, one highlighted. A click on a column is told as `Chosen`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "column-list--heading",
        "column-list--column",
        "column-list--unit",
        "column-list--highlight",
    }
    DEFAULT_CSS = """
    ColumnList { height: 1fr; border-right: solid $panel; padding: 0 1 0 0; }
    ColumnList > .column-list--heading { color: $text-muted; text-style: bold; }
    ColumnList > .column-list--unit { color: $text-muted; }
    ColumnList > .column-list--highlight { background: $primary 30%; color: $foreground; text-style: bold; }
    """

    highlighted: reactive[str] = reactive("")

    class Chosen(Message):
        """A column was clicked."""

        def __init__(self, name: str):
            super().__init__()
            self.name = name

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self._lines: list[Drawable | str] = []  # a column, a heading, or "" for an empty line
        self._values: dict[str, float | None] = {}

    def show(self, columns: Sequence[Drawable], values: dict[str, float | None]) -> None:
        """The columns in their order, and their last values."""
        lines: list[Drawable | str] = []
        for column in columns:
            if not lines or isinstance(lines[-1], Drawable) and lines[-1].group != column.group:
                lines += [""] * bool(lines) + [column.group]
            lines.append(column)
        if (lines, values) != (self._lines, self._values):
            self._lines, self._values = lines, values
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        width, index = self.size.width, y + self._first_line()
        line = self._lines[index] if index < len(self._lines) else ""
        if not isinstance(line, Drawable):
            return self._strip([(line, "heading")], width)
        highlighted = line.name == self.highlighted
        pointer = (">" if not self.app.look.unicode else "▸") if highlighted else " "
        value = number(self._values.get(line.name))
        room = width - 2 - VALUE_WIDTH
        unit = " " * (UNIT_WIDTH + 1) if room >= 18 + UNIT_WIDTH else ""
        if unit and len(line.unit) <= UNIT_WIDTH:
            unit = f" {line.unit:<{UNIT_WIDTH}}"
        label = _shortened(line.label, room - len(unit), self.app.look.ellipsis)
        parts = [(f"{pointer} {label:<{room - len(unit)}}{value:>{VALUE_WIDTH}}", "column"), (unit, "unit")]
        return self._strip([(text, "highlight" if highlighted else kind) for text, kind in parts], width)

    def _strip(self, parts: Sequence[tuple[str, str]], width: int) -> Strip:
        segments = [Segment(text, self.get_component_rich_style(f"column-list--{kind}")) for text, kind in parts]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _first_line(self) -> int:
        """Which line is at the top, so that the highlighted one is seen."""
        height = self.size.height
        at = next((i for i, line in enumerate(self._lines) if _name(line) == self.highlighted), 0)
        return max(0, min(at - height // 2, len(self._lines) - height))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self._first_line()
        if index < len(self._lines) and (name := _name(self._lines[index])):
            self.post_message(self.Chosen(name))


def _name(line: Drawable | str) -> str:
    return line.name if isinstance(line, Drawable) else ""


def _shortened(text: str, width: int, ellipsis: str) -> str:
    return text if len(text) <= width else text[: max(width - len(ellipsis), 0)].rstrip() + ellipsis
