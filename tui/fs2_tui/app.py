"""The app: a header, one pane at a time, the footer; a thread that watches the runs."""

import importlib
import signal
import time
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Event

from textual import work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer
from textual.worker import get_current_worker

from fs2_tui.header import RunHeader, TabBar
from fs2_tui.look import Look
from fs2_tui.messages import Updated
from fs2_tui.overview import OverviewPane
from fs2_tui.pane import Pane
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.watch import RunWatch, Snapshot

# key, name, title, where the pane lives: it is imported when it is first shown
PANES = (
    ("1", "overview", "Overview", "fs2_tui.overview:OverviewPane"),
    ("2", "curves", "Curves", "fs2_tui.curves.pane:CurvesPane"),
    ("3", "checkpoints", "Checkpoints", "fs2_tui.checkpoints_pane:CheckpointsPane"),
    ("4", "samples", "Samples", "fs2_tui.samples.pane:SamplesPane"),
    ("5", "process", "Process", "fs2_tui.process_pane:ProcessPane"),
    ("6", "events", "Events", "fs2_tui.events_pane:EventsPane"),
    ("7", "alerts", "Alerts", "fs2_tui.alerts_pane:AlertsPane"),
)
_ASCII_KEYS = {"↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter", "␣": "space", "⌫": "backspace"}
POLL_S = 1.0
FILL_S = 0.25  # how often what has been read is drawn while a long file fills in


class MonitorApp(App):
    """Watches runs and draws them. `rundirs` empty means: ask with the picker, which lists those in `runs_dir`."""

    TITLE = "fs2-tui"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (150, "-very-wide")]
    BINDINGS = [
        *[Binding(key, f"pane('{name}')", title, show=False) for key, name, title, _ in PANES],
        Binding("d", "dismiss_alert", "dismiss alert", show=False),
        Binding("r", "next_run", "next run", show=False),
        Binding("O", "pick", "open runs"),
        Binding("T", "next_theme", "theme", show=False),
        Binding("question_mark", "help", "keys", key_display="?"),
        Binding("q", "quit", "quit"),
    ]

    snapshots: reactive[tuple[Snapshot, ...]] = reactive((), always_update=True)
    pane = "overview"

    def __init__(
        self,
        rundirs: Sequence[RunDir] = (),
        runs_dir: str = "runs",
        look: Look | None = None,
        *,
        bell: bool = False,
        desktop: bool = False,
        on_alert: str = "",
        poll_s: float = POLL_S,
    ):
        super().__init__()
        self.look = look or Look()
        self.runs_dir = runs_dir
        self.dismissed: set[str] = set()
        self._told: set[str] | None = None  # alerts that were there at the start are shown, not announced
        self._bell, self._desktop, self._on_alert = bell, desktop, on_alert
        self._poll_s = poll_s
        self._watches = [RunWatch(rundir) for rundir in rundirs]
        if not self.look.unicode:
            self.add_class("-ascii")

    def compose(self) -> ComposeResult:
        yield RunHeader(self.look)
        yield TabBar([(key, name, title) for key, name, title, _ in PANES])
        yield ContentSwitcher(OverviewPane(id="overview"), initial="overview", id="panes")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        if not self.is_headless:  # else the terminal would stay as the app had it
            for name in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(name, lambda *_: self.call_later(self.exit))
        if self._watches:
            self.watch_runs([watch.rundir for watch in self._watches])
        else:
            self.action_pick()

    # ---- watching ----

    def watch_runs(self, rundirs: Sequence[RunDir]) -> None:
        """Watch these runs from now on, the first as the main one."""
        self._watches = [RunWatch(rundir) for rundir in rundirs]
        self._told = None
        self.snapshots = tuple(watch.poll() for watch in self._watches)  # at once: the tail only, milliseconds
        self._poll_forever(self._watches)

    @work(thread=True, exclusive=True, group="watch")
    def _poll_forever(self, watches: Sequence[RunWatch]) -> None:
        worker = get_current_worker()
        while not worker.is_cancelled:
            if any(watch.filling for watch in watches):
                self._fill(watches, worker.cancelled_event)
            else:
                worker.cancelled_event.wait(self._poll_s)
            snapshots = [watch.poll() for watch in watches]
            if not worker.is_cancelled:
                self.post_message(Updated(snapshots))

    def _fill(self, watches: Sequence[RunWatch], cancelled: Event) -> None:
        """Read on in long files until it is time to draw; the drawing thread gets its share in between."""
        end = time.monotonic() + FILL_S
        while time.monotonic() < end and any(watch.filling for watch in watches):
            for watch in watches:
                watch.read_on()
            if cancelled.wait(0.005):
                return

    def on_updated(self, message: Updated) -> None:
        by_run = {snapshot.rundir.path: snapshot for snapshot in message.snapshots}
        if by_run.keys() == {watch.rundir.path for watch in self._watches}:
            self.snapshots = tuple(by_run[watch.rundir.path] for watch in self._watches)

    def watch_snapshots(self) -> None:
        if not self.snapshots or not self.screen_stack or not (headers := self.screen_stack[0].query(RunHeader)):
            return  # not drawn yet, or leaving
        headers.first().show(self.snapshots)
        self._tabs().alerts = len(self.open_alerts())
        for pane in self.screen_stack[0].query(Pane):
            if pane.id == self.pane and pane.is_mounted:
                pane.show(self.snapshots)
        self._announce()

    def _tabs(self) -> TabBar:
        return self.screen_stack[0].query_one(TabBar)  # also while a dialogue is in front

    # ---- panes ----

    async def action_pane(self, name: str) -> None:
        """Show a pane; it is imported and made when it is first asked for."""
        self.pane = name
        self._tabs().active = name
        switcher = self.screen_stack[0].query_one("#panes", ContentSwitcher)
        if not switcher.query(f"#{name}"):
            module, _, attribute = next(where for _, known, _, where in PANES if known == name).partition(":")
            await switcher.add_content(getattr(importlib.import_module(module), attribute)(id=name))
        self._reveal(switcher.query_one(f"#{name}", Pane))

    def _reveal(self, pane: Pane) -> None:
        if pane.id != self.pane or not pane.is_mounted:
            return
        self.screen_stack[0].query_one("#panes", ContentSwitcher).current = pane.id
        if self.snapshots:
            pane.show(self.snapshots)
        focusable = (widget for widget in pane.walk_children() if widget.focusable)
        if first := next(focusable, pane if pane.focusable else None):
            first.focus()

    # ---- alerts ----

    def open_alerts(self) -> list[tuple[Snapshot, "object"]]:
        """(snapshot, alert) of all runs, without the dismissed ones."""
        return [(s, alert) for s in self.snapshots for alert in s.alerts if alert.key not in self.dismissed]

    def action_dismiss_alert(self) -> None:
        if not (alerts := self.open_alerts()):
            self.notify("There is no alert.")
            return
        self.dismissed.add(alerts[0][1].key)
        self.snapshots = self.snapshots

    def _announce(self) -> None:
        alerts = self.open_alerts()
        keys = {alert.key for _, alert in alerts}
        if self._told is None:
            self._told = keys
            return
        for snapshot, alert in alerts:
            if alert.key not in self._told:
                self._tell(snapshot, alert)
        self._told |= keys

    def _tell(self, snapshot: Snapshot, alert) -> None:
        from fs2_tui import notify

        self.notify(alert.text, title=snapshot.rundir.name, severity=alert.severity, timeout=20)
        if self._bell:
            self.bell()
        if self._desktop and self._driver:
            self._driver.write(notify.desktop_notification(f"{snapshot.rundir.name}: {alert.text}"))
        if self._on_alert:
            self._tell_outside(notify.facts_of(snapshot, alert))

    @work(thread=True, group="tell")
    def _tell_outside(self, facts: dict) -> None:
        from fs2_tui import notify

        if problem := notify.tell(self._on_alert, facts):
            self.call_from_thread(self.notify, problem, severity="error", timeout=20)

    # ---- other commands ----

    def get_key_display(self, binding: Binding) -> str:
        display = super().get_key_display(binding)
        if self.look.unicode:
            return display
        return display if display.isascii() else "/".join(_ASCII_KEYS.get(key, key) for key in display)

    def action_next_run(self) -> None:
        if len(self._watches) < 2:
            self.notify("One run is watched. Press O to open others beside it.")
            return
        self._watches = [*self._watches[1:], self._watches[0]]
        self.snapshots = (*self.snapshots[1:], self.snapshots[0])

    def action_pick(self) -> None:
        from fs2_tui.picker import Picker

        def chosen(rundirs: Sequence[RunDir] | None) -> None:
            if rundirs:
                self.watch_runs(rundirs)
            elif not self._watches:
                self.exit()

        shown = [watch.rundir for watch in self._watches]
        self.push_screen(Picker(self.runs_dir, shown, self.look), chosen)

    def action_next_theme(self) -> None:
        names = sorted(self.available_themes)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.notify(f"theme {self.theme}", timeout=2)

    def action_help(self) -> None:
        from fs2_tui.keys import KeysScreen

        self.push_screen(KeysScreen(self.screen.active_bindings))

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for active in screen.active_bindings.values():
            binding, node = active.binding, active.node
            if binding.description and not binding.system and binding.action != "command_palette":
                name = binding.description[0].upper() + binding.description[1:]
                key = self.get_key_display(binding)
                yield SystemCommand(name, f"key {key}", partial(self.run_action, binding.action, node))
