"""Thousands of styled lines, of which only those in sight are drawn."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions

from fs2_tui.scrollbars import use_plain_scrollbars

LABEL = 12  # cells of a label before its text


class Line(NamedTuple):
    """A line of text; what does not fit into the width goes on below, `indent` cells from the left."""

    content: Content
    indent: int = 0


class Lines(ScrollView, can_focus=True):
    """Lines that wrap and scroll. When others take their place, what is in sight stays where it is; a widget that
    stands at its first line (or its last one, with `end` in `show`) stays there, and so follows what is new."""

    ALLOW_SELECT = True
    DEFAULT_CSS = """
    Lines { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    def __init__(self, **options):
        super().__init__(**options)
        self._lines: Sequence[Line] = ()
        self._rows: list[tuple[int, int, int]] = []  # line, and from where to where in its text
        self._width = 0
        self._follows_end = False
        self._strips: dict[int, Strip] = {}

    def on_mount(self) -> None:
        if not self.app.look.unicode:
            use_plain_scrollbars(self)

    def show(self, lines: Sequence[Line], *, end: bool = False) -> None:
        """Put these lines in the place of those before. `end`: what is new comes last."""
        at_edge = self._at_edge
        top = self._rows[self.scroll_offset.y][0] if self.scroll_offset.y < len(self._rows) else 0
        before, self._lines = self._lines, tuple(lines)
        fresh, self._follows_end = not before or end != self._follows_end, end
        self._wrap()
        if fresh or at_edge:
            self._go_to_edge()
        else:
            self._go_to_line(_same_line(before, top, self._lines))

    @property
    def _at_edge(self) -> bool:
        return self.scroll_offset.y >= self.max_scroll_y if self._follows_end else self.scroll_offset.y == 0

    def _go_to_edge(self) -> None:
        self.scroll_to(y=self.max_scroll_y if self._follows_end else 0, animate=False, force=True, immediate=True)

    def _go_to_line(self, index: int) -> None:
        row = next((row for row, (line, _, _) in enumerate(self._rows) if line >= index), 0)
        self.scroll_to(y=row, animate=False, force=True, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            at_edge = self._at_edge
            top = self._rows[self.scroll_offset.y][0] if self.scroll_offset.y < len(self._rows) else 0
            self._wrap()
            if at_edge:
                self._go_to_edge()
            else:
                self._go_to_line(top)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def _wrap(self) -> None:
        self._width = width = self.scrollable_content_region.width
        self._rows = [
            (index, start, end)
            for index, line in enumerate(self._lines)
            for start, end in breaks(line.content.plain, width, line.indent)
        ]
        self._strips.clear()
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        if row >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        selection = self.text_selection
        span = selection.get_span(row) if selection else None
        if span is None and row in self._strips:
            return self._strips[row]
        content = self._row(row)
        if span is not None:
            start, end = span
            style = Style.from_styles(self.screen.get_component_styles("screen--selection"))
            content = content.stylize(style, start, len(content.plain) if end == -1 else end)
        strip = self._draw(content).apply_offsets(0, row)
        if span is None:
            self._strips[row] = strip
        return strip

    def _row(self, row: int) -> Content:
        index, start, end = self._rows[row]
        line = self._lines[index]
        return line.content[start:end].pad_left(hanging(line.indent, self._width) if start else 0)

    def _draw(self, content: Content) -> Strip:
        width, style = self.size.width, self.visual_style
        # The rows are cut to the width already: no further wrapping.
        options = RenderOptions(self._get_style, {"text_wrap": "nowrap", "text_overflow": "clip"})
        strips = content.render_strips(width, 1, style, options)
        return strips[0].adjust_cell_length(width, style.rich_style) if strips else Strip.blank(width, style.rich_style)

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        return selection.extract("\n".join(self._row(row).plain for row in range(len(self._rows)))), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


def labelled(facts: Iterable[tuple[str, str, str]], width: int) -> Content:
    """Facts (label, text, style) below each other, what does not fit into the width under the text it belongs to."""
    rows = []
    for label, text, style in facts:
        content = Content.assemble((f"{label:<{LABEL}}", "dim"), (text, style))
        cuts = breaks(content.plain, width, LABEL)
        rows += [content[start:end].pad_left(hanging(LABEL, width) if start else 0) for start, end in cuts]
    return Content("\n").join(rows)


def hanging(indent: int, width: int) -> int:
    """The indent of rows that go on; none where it would leave less than half of the width."""
    return indent if indent <= width // 2 else 0


@lru_cache(maxsize=4096)
def breaks(text: str, width: int, indent: int) -> tuple[tuple[int, int], ...]:
    """Where to cut a text into rows of `width` cells, all but the first `indent` cells shorter: (start, end) of each.

    Between words where that is possible; the blanks there are in no row.
    """
    if width <= 0 or cell_len(text) <= width:
        return ((0, len(text)),)
    indent = hanging(indent, width)
    rows, start = [], 0
    while start < len(text):
        room = width - (indent if start else 0)
        end = start + _fitting(text, start, room)
        if end < len(text) and text[end] != " " and (blank := text.rfind(" ", start + 1, end)) > 0:
            end = blank
        rows.append((start, end))
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    return tuple(rows)


def _fitting(text: str, start: int, room: int) -> int:
    """How many characters from `start` on fit into so many cells; at least one."""
    count = cells = 0
    for character in text[start:]:
        cells += cell_len(character)
        if cells > room:
            break
        count += 1
    return max(1, count)


def _same_line(before: Sequence[Line], index: int, after: Sequence[Line]) -> int:
    """Where the line that was at `index` is now; the nearest one when there are several, `index` when there is none."""
    text = before[index].content.plain
    same = [i for i, line in enumerate(after) if line.content.plain == text]
    return min(same, key=lambda i: abs(i - index), default=min(index, max(0, len(after) - 1)))
