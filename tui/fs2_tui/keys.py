"""Every key that works now, and what it does."""

from collections.abc import Mapping

from rich.table import Table as Grid
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from fs2_tui.scrollbars import use_plain_scrollbars


class KeysScreen(ModalScreen[None]):
    """A list of the bindings that were active when `?` was pressed, those of the pane first."""

    DEFAULT_CSS = """
    KeysScreen { align: center middle; }
    KeysScreen > VerticalScroll { width: 72; max-width: 96%; height: auto; max-height: 90%; border: round $primary;
                                  background: $surface; padding: 0 2; }
    """
    BINDINGS = [
        Binding("escape,q,question_mark", "dismiss", "close", show=False),
    ]

    def __init__(self, bindings: Mapping[str, ActiveBinding]):
        super().__init__()
        self._active = bindings

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static(self._grid())

    def on_mount(self) -> None:
        if not self.app.look.unicode:
            use_plain_scrollbars(self.query_one(VerticalScroll))

    def _grid(self) -> Grid:
        grid = Grid.grid(padding=(0, 3, 0, 0))
        actions: dict[tuple[bool, str], list[str]] = {}
        for active in self._active.values():
            binding = active.binding
            if binding.description and not binding.system:
                everywhere = isinstance(active.node, (App, Screen))
                actions.setdefault((everywhere, binding.description), []).append(self.app.get_key_display(binding))
        for (everywhere, description), keys in sorted(actions.items(), key=lambda item: item[0][0]):
            grid.add_row(Text(" ".join(keys), style="bold"), Text(description, style="dim" if everywhere else ""))
        return grid
