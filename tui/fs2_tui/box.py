"""A frame with a title around something that is drawn again every second."""

from rich.console import RenderableType
from rich.segment import Segment, Segments
from textual.widgets import Static


class Box(Static):
    """Renders what it shows once, does nothing when that is what it showed before, and has the screen laid out anew
    only when the number of lines differs: a layout costs more than all the rest of a frame."""

    DEFAULT_CSS = """
    Box { border: round $primary-darken-2; border-title-color: $primary; padding: 0 1; height: auto; }
    """

    def __init__(self, title: str, **kwargs):
        super().__init__(**kwargs)
        self.border_title = title
        self._lines: list[list[Segment]] = []
        self._width = 0

    def show(self, content: RenderableType) -> None:
        width = self.content_size.width
        if not width:  # not laid out yet
            self.update(content)
            return
        console = self.app.console
        lines = console.render_lines(content, console.options.update_width(width), pad=False)
        if lines == self._lines and width == self._width:
            return
        layout = len(lines) != len(self._lines) or width != self._width
        self._lines, self._width = lines, width
        segments = [segment for line in lines for segment in (*line, Segment.line())]
        self.update(Segments(segments), layout=layout)
