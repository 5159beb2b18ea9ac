"""The two lines above every pane: how the run is doing, and which panes there are."""

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from fs2_tui.look import STATE_COLOURS, Look
from fs2_tui.words import clock_time, eta_text
from fs2keras.rundir.watch import Snapshot

_SHORT = {"Checkpoints": "Ckpts"}


class RunHeader(Static):
    """State, name, progress and time of arrival of the main run, in one line."""

    DEFAULT_CSS = "RunHeader { height: 1; background: $panel; padding: 0 1; }"

    def __init__(self, look: Look):
        super().__init__()
        self.look = look
        self._snapshots: Sequence[Snapshot] = ()

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshots = snapshots
        self.update(self._line(self.content_size.width or 78), layout=False)

    def on_resize(self) -> None:
        if self._snapshots:
            self.update(self._line(self.content_size.width), layout=False)

    def _line(self, width: int) -> Text:
        snapshot, others = self._snapshots[0], len(self._snapshots) - 1
        summary = snapshot.summary
        state = summary.get("state", "unreadable")
        colours = self.app.theme_variables
        colour = colours.get(STATE_COLOURS.get(state, "$error")[1:], "")
        text = Text(no_wrap=True, overflow="crop")
        text.append(f"{self.look.dot} {state}", style=f"bold {colour}")
        text.append(f"  {snapshot.rundir.name}", style="bold")
        if others:
            text.append(f" +{others}", style="dim")
        if summary.get("total_steps"):
            text.append(f"   {summary['step']:,} / {summary['total_steps']:,}")
            text.append(f"  {100 * summary['step'] / summary['total_steps']:.1f} %")
        arrival = eta_text(snapshot, self.look)
        now = clock_time(snapshot.time)
        room = width - text.cell_len - len(now) - 3
        if arrival and len(arrival) + 5 <= room:
            text.append(f"   ends {arrival}" if state != "finished" else f"   {arrival}")
        text.append(" " * max(1, width - text.cell_len - len(now)))
        text.append(now, style="dim")
        return text


class TabBar(Static):
    """The panes and their keys; a click opens one."""

    DEFAULT_CSS = """
    TabBar { height: 1; background: $surface; padding: 0 1; link-style: none; link-style-hover: reverse;
             link-color: $text-muted; link-background: $surface; }
    """

    active: reactive[str] = reactive("overview")
    alerts: reactive[int] = reactive(0)

    def __init__(self, tabs: Sequence[tuple[str, str, str]]):
        super().__init__()
        self._tabs = tabs

    def render(self) -> str:
        return "".join(self._tab(*tab) for tab in self._tabs)

    def _tab(self, key: str, name: str, title: str) -> str:
        label = title if self.size.width >= 84 else _SHORT.get(title, title)
        if name == "alerts" and self.alerts:
            label += f" ({self.alerts})"
        style = "not dim" if name != self.active else "bold reverse"
        if name == "alerts" and self.alerts and name != self.active:
            style = "bold $error"
        return f"[{style}][@click=app.pane('{name}')] {key} {label} [/][/]"
