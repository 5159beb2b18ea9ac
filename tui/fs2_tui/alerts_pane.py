"""What is wrong, or will be, each in a sentence with its evidence."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from fs2_tui.pane import Pane
from fs2_tui.scrollbars import use_plain_scrollbars
from fs2keras.rundir.watch import Snapshot


class AlertsPane(Pane):
    """The alerts of all runs; the dismissed ones stay in the list, dimmed, until the pane is told to forget them."""

    DEFAULT_CSS = """
    AlertsPane OptionList, AlertsPane OptionList:focus { height: 1fr; border: none; background: $background; }
    AlertsPane #no-alerts { display: none; color: $text-muted; }
    AlertsPane.empty #no-alerts { display: block; }
    AlertsPane.empty OptionList { display: none; }
    """
    BINDINGS = [
        Binding("enter", "toggle", "dismiss or recall"),
        Binding("u", "recall", "recall all"),
    ]

    def compose(self) -> ComposeResult:
        yield Static("No alert: nothing wrong is seen in the logs, the process or the disk.", id="no-alerts")
        yield OptionList()

    def on_mount(self) -> None:
        if not self.app.look.unicode:
            use_plain_scrollbars(self.query_one(OptionList))

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        entries = [(s, alert) for s in snapshots for alert in s.alerts]
        shown = [(s.rundir.name, alert, alert.key in self.app.dismissed) for s, alert in entries]
        self.set_class(not entries, "empty")
        if shown == getattr(self, "_shown", None):
            return
        self._shown = shown
        options = self.query_one(OptionList)
        at = options.highlighted
        options.clear_options()
        options.add_options([Option(self._line(*entry), id=str(index)) for index, entry in enumerate(shown)])
        if shown:
            options.highlighted = min(at or 0, len(shown) - 1)

    def _line(self, run: str, alert, dismissed: bool) -> Text:
        text = Text()
        colour = self.app.theme_variables.get("error" if alert.severity == "error" else "warning", "")
        text.append(f"{self.app.look.warning} {alert.severity}", style="dim" if dismissed else f"bold {colour}")
        text.append(f"  {run}  {alert.kind}{'  dismissed' if dismissed else ''}\n", style="dim")
        text.append(alert.text, style="dim" if dismissed else "")
        return text

    def on_option_list_option_selected(self) -> None:
        self.action_toggle()

    def action_toggle(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is None or not getattr(self, "_shown", None):
            return
        self.app.dismissed ^= {self._shown[at][1].key}
        self.app.snapshots = self.app.snapshots

    def action_recall(self) -> None:
        self.app.dismissed.clear()
        self.app.snapshots = self.app.snapshots
