"""The process behind the main run: who it is, whether it lives, what it uses."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fs2_tui.gauges import draw_gauges
from fs2_tui.lines import labelled
from fs2_tui.pane import Pane
from fs2_tui.scrollbars import use_plain_scrollbars
from fs2_tui.usage import gauges, span, who
from fs2keras.rundir.watch import Snapshot

MOST_ROWS = 3  # of a bar


class ProcessPane(Pane):
    """Two boxes; the bars grow with the terminal."""

    DEFAULT_CSS = """
    ProcessPane VerticalScroll { scrollbar-size-vertical: 1; }
    ProcessPane Static { border: round $primary-darken-2; border-title-color: $primary; padding: 0 1; height: auto;
                         border-subtitle-color: $text-muted; }
    ProcessPane.-ascii Static { border: ascii $primary-darken-2; }
    """

    def __init__(self, **options):
        super().__init__(**options)
        self._snapshot: Snapshot | None = None
        self._shown: dict[str, Content] = {}

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for name, title in (("who", "Who"), ("uses", "Uses")):
                box = Static(id=name)
                box.border_title = title
                yield box

    def on_mount(self) -> None:
        if not self.app.look.unicode:
            self.add_class("-ascii")
            use_plain_scrollbars(self.query_one(VerticalScroll))

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshot = snapshots[0]
        self._draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self.children or not self.query_one("#uses").content_size.width:
            return
        box = self.query_one("#uses", Static)
        identity = labelled(who(snapshot), box.content_size.width)
        self._put("who", identity)
        found = gauges(snapshot)
        # Bars as high as leaves both boxes, with their borders, in sight.
        left = self.content_size.height - len(identity.split("\n")) - 4
        rows = max(1, min(MOST_ROWS, left // max(1, len(found))))
        used = draw_gauges(found, box.content_size.width, rows, self.app.look)
        self._put("uses", used or Content.styled("Nothing measured yet: the first heartbeat comes soon.", "dim"))
        box.border_title = "Uses" if snapshot.process else "Used, as logged"
        box.border_subtitle = span(snapshot)

    def _put(self, name: str, content: Content) -> None:
        """Only what changed is drawn again."""
        before = self._shown.get(name)
        if before is None or not content.is_same(before):
            self._shown[name] = content
            self.query_one(f"#{name}", Static).update(content)
