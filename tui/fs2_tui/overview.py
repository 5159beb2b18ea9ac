"""The first pane: how it goes, in one look."""

from collections.abc import Sequence
from math import isfinite

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from fs2_tui.box import Box
from fs2_tui.look import STATE_COLOURS
from fs2_tui.pane import Pane
from fs2_tui.schedule import time_of_step
from fs2_tui.sparkline import sparkline
from fs2_tui.words import age, arrival, clock_time, eta_text, number
from fs2keras.rundir.columns import STEP_HEAD, STEP_TAIL, names
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.table import Table
from fs2keras.rundir.watch import Snapshot

_NO_LOSS = frozenset(names((*STEP_HEAD, *STEP_TAIL)))
RECENT_EVENTS = 6
WIDE, TALL = 100, 34  # columns and lines from which on the loss chart finds room below the boxes


class OverviewPane(Pane):
    """State, progress, losses, alerts, the machine and the last events of the main run; a line for each other run."""

    DEFAULT_CSS = """
    OverviewPane { overflow-y: auto; }
    OverviewPane > Horizontal { height: auto; }
    OverviewPane Vertical { height: auto; width: 1fr; }
    OverviewPane #alerts-box { border: round $error; border-title-color: $error; display: none; }
    OverviewPane #alerts-box.some { display: block; }
    OverviewPane #runs-box { display: none; }
    OverviewPane #runs-box.some { display: block; }
    OverviewPane #chart-box { height: 1fr; min-height: 10; border: round $primary-darken-2; padding: 0 1;
                              border-title-color: $primary; display: none; }
    OverviewPane.-tall #chart-box { display: block; }
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._snapshots: Sequence[Snapshot] = ()
        self._sparks: dict[tuple, tuple[int, str]] = {}

    def compose(self) -> ComposeResult:
        yield Box("Alerts", id="alerts-box")
        yield Box("Runs", id="runs-box")
        with Horizontal():
            with Vertical():
                yield Box("Progress", id="progress-box")
                yield Box("Losses", id="losses-box")
            with Vertical():
                yield Box("Recently", id="speed-box")
                yield Box("Machine", id="machine-box")
                yield Box("Last events", id="events-box")
        chart = Vertical(id="chart-box")
        chart.border_title = "Loss"
        yield chart

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshots = snapshots
        main = snapshots[0]
        self._show_alerts(main)
        self.query_one("#runs-box").set_class(len(snapshots) > 1, "some")
        if len(snapshots) > 1:
            self.query_one("#runs-box", Box).show(self._runs(snapshots))
        if main.problem and not main.summary:
            self.query_one("#progress-box", Box).show(Text(main.problem, style=self._colour("error")))
            return
        self.query_one("#progress-box", Box).show(self._progress(main))
        self.query_one("#losses-box", Box).show(self._losses(main))
        self.query_one("#speed-box", Box).show(self._recently(main))
        self.query_one("#machine-box", Box).show(self._machine(main))
        self.query_one("#events-box", Box).show(self._events(main))

        self._show_chart(snapshots)

    def on_resize(self) -> None:
        self.set_class(self.size.width >= WIDE and self.size.height >= TALL, "-tall")
        if self._snapshots:
            self.show(self._snapshots)

    def _show_chart(self, snapshots: Sequence[Snapshot]) -> None:
        """Where there is room; it is imported and made after the first picture."""
        if not self.has_class("-tall"):
            return
        box = self.query_one("#chart-box", Vertical)
        if not box.children:
            self.call_after_refresh(self._make_chart)
            return
        for chart in box.children:
            if chart.is_mounted:
                chart.show(snapshots)

    async def _make_chart(self) -> None:
        from fs2_tui.curves.loss_chart import LossChart

        box = self.query_one("#chart-box", Vertical)
        if not box.children:
            chart = LossChart()
            await box.mount(chart)
            chart.show(self._snapshots)

    def _colour(self, name: str) -> str:
        return self.app.theme_variables.get(name, "")

    # ---- boxes ----

    def _show_alerts(self, main: Snapshot) -> None:
        alerts = [alert for alert in main.alerts if alert.key not in self.app.dismissed]
        box = self.query_one("#alerts-box", Box)
        box.set_class(bool(alerts), "some")
        if not alerts:
            return
        text = Text()
        for index, alert in enumerate(alerts[:3]):
            style = self._colour("error" if alert.severity == "error" else "warning")
            text.append("\n" if index else "")
            text.append(f"{self.app.look.warning} ", style=style)
            text.append(alert.text)
        if len(alerts) > 3:
            text.append(f"\n{len(alerts) - 3} more: press 7", style="dim")
        box.show(text)
        box.border_subtitle = "d dismisses the first"

    def _progress(self, s: Snapshot) -> Group:
        summary, look = s.summary, self.app.look
        step, total = summary["step"], summary["total_steps"]
        text = Text()
        text.append(f"{look.dot} {summary['state']}", style=f"bold {self._colour(STATE_COLOURS[summary['state']][1:])}")
        text.append(f"  {summary['reason']}\n")
        if total:
            width = max(10, self._inner("#progress-box"))
            filled = round(width * min(1.0, step / total))
            text.append(look.full * filled, style=self._colour("primary"))
            text.append(look.empty * (width - filled) + "\n", style="dim")
            text.append(f"{100 * step / total:.1f} %", style="bold")
            text.append(f"  step {step:,} of {total:,}")
            text.append(f", epoch {summary['epoch']:,}\n" if summary["epoch"] is not None else "\n")
        text.rstrip()
        return Group(text, _pairs(self._facts(s)))

    def _facts(self, s: Snapshot) -> list[tuple[str, str]]:
        summary, look = s.summary, self.app.look
        facts = []
        times = arrival(s)
        if times:
            left = duration(times[0] - s.time)
            facts.append(("ends", f"{eta_text(s, look)}, in {left}"))
        if summary["elapsed_s"] is not None:
            facts.append(("trained", duration(summary["elapsed_s"])))
        if speed := self._speed(s):
            facts.append(("speed", speed))
        best = summary["best"]
        if best:
            facts.append(("best", f"validation loss {number(best['loss'])} at step {best['step']:,}"))
        upcoming = summary["next_checkpoint"]
        if upcoming and (when := time_of_step(s, upcoming)):
            facts.append(("next save", f"step {upcoming:,} at {clock_time(when, s.time)}"))
        if summary["resumed"]:
            facts.append(("resumed", {1: "once", 2: "twice"}.get(summary["resumed"], f"{summary['resumed']} times")))
        if not s.complete:
            facts.append(("reading", f"{100 * s.share_read:.0f} % of steps.csv"))
        return facts

    def _speed(self, s: Snapshot) -> str:
        parts = []
        if s.summary["steps_per_s"]:
            parts.append(f"{s.summary['steps_per_s']:.3g} steps/s now")
        if s.summary["elapsed_s"] and s.summary["step"]:
            parts.append(f"{s.summary['step'] / s.summary['elapsed_s']:.3g} over the run")
        return ", ".join(parts)

    def _losses(self, s: Snapshot) -> Grid | Text:
        losses = list(s.summary["losses"])
        if not losses:
            return Text("No steps yet. The first row of steps.csv comes after log_every steps.", style="dim")
        grid = Grid.grid(padding=(0, 1, 0, 0), expand=True)
        grid.add_column(no_wrap=True)
        for _ in range(3):
            grid.add_column(justify="right", no_wrap=True)
        grid.add_column(no_wrap=True, ratio=1)
        grid.add_row("", *(Text(word, style="dim") for word in ("now", "validation", "best")), "")
        width = max(8, self._inner("#losses-box") - 47)
        for name in losses:
            values = _column(s.validation, name)
            best = min((value for value in values if isfinite(value)), default=None)
            label = s.summary["columns"].get(name, {}).get("label", name)
            grid.add_row(
                Text(label[:18], style="bold" if name == "loss" else ""),
                number(s.steps.last(name)),
                number(values[-1] if len(values) else None),
                Text(number(best), style=self._colour("success")),
                Text(self._whole_spark(s, name, width), style=self._colour("primary")),
            )
        return grid

    def _recently(self, s: Snapshot) -> Grid | Text:
        grid = Grid.grid(padding=(0, 1, 0, 0), expand=True)
        grid.add_column(no_wrap=True, width=11)
        grid.add_column(justify="right", no_wrap=True, width=9)
        grid.add_column(no_wrap=True, ratio=1)
        width = max(8, self._inner("#speed-box") - 24)
        for name, label, unit in (
            ("steps_per_s", "steps/s", ""),
            ("data_wait_share", "data wait", " %"),
            ("grad_norm", "gradient", ""),
            ("learning_rate", "rate", ""),
        ):
            if name not in s.steps or not len(s.steps):
                continue
            values = _column(s.steps, name)[-400:]
            last = s.steps.last(name)
            scaled = None if last is None else last * (100 if unit else 1)
            grid.add_row(
                Text(label, style="dim"),
                f"{scaled:.3g}{unit}" if scaled is not None else "",
                Text(self._spark(values, width), style=self._colour("accent")),
            )
        return grid if grid.row_count else Text("Nothing measured yet.", style="dim")

    def _machine(self, s: Snapshot) -> Grid:
        facts = [(label, value) for label, value in _machine_facts(s) if value]
        if s.summary["skipped_rows"]:
            facts.append(("unreadable", f"{s.summary['skipped_rows']} rows of the CSV files"))
        return _pairs(facts)

    def _events(self, s: Snapshot) -> Text:
        if not s.events:
            return Text("None yet.", style="dim")
        text = Text(no_wrap=True, overflow="ellipsis")
        for event in reversed(s.events[-RECENT_EVENTS:]):
            text.append(f"{event['event']:<12}", style=self._colour("error") if event["event"] == "nan" else "")
            text.append(f"step {event['step']:>9,}  ")
            text.append(f"{age(event['time'])}\n", style="dim")
        text.rstrip()
        return text

    def _runs(self, snapshots: Sequence[Snapshot]) -> Grid:
        grid = Grid.grid(padding=(0, 2, 0, 0))
        for _ in range(6):
            grid.add_column(no_wrap=True, overflow="ellipsis")
        for index, s in enumerate(snapshots):
            summary = s.summary
            best = summary.get("best")
            last = s.steps.last("loss")
            grid.add_row(
                Text(f"{self.app.look.dot} {s.rundir.name}", style=self.app.look.run_colour(index)),
                summary.get("state", "unreadable"),
                f"step {summary.get('step', 0):,}",
                f"loss {number(last)}",
                f"best {number(best['loss'])} at {best['step']:,}" if best else "",
                eta_text(s, self.app.look),
            )
        return grid

    def _inner(self, selector: str) -> int:
        return self.query_one(selector).content_size.width

    def _whole_spark(self, s: Snapshot, name: str, width: int) -> str:
        """The sparkline of a whole column, made anew when a quarter of a bar has come, not for every row."""
        values, key = _column(s.steps, name), (s.rundir.path, name, width)
        rows, text = self._sparks.get(key, (-1, ""))
        if rows < 0 or not 0 <= len(values) - rows <= len(values) // (4 * width):
            text = self._spark(values, width)
            self._sparks[key] = len(values), text
        return text

    def _spark(self, values: Sequence[float], width: int) -> str:
        return sparkline(values, width, self.app.look.blocks)


def _pairs(facts: Sequence[tuple[str, str]]) -> Grid:
    """Labels and what they stand for; a long text goes on below itself."""
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style="dim", min_width=10)
    grid.add_column()
    for label, value in facts:
        grid.add_row(label, value)
    return grid


def _column(table: Table, name: str) -> Sequence[float]:
    if name not in table:  # a run of another family, or no row yet
        return ()
    return table[name]


def _machine_facts(s: Snapshot) -> list[tuple[str, str]]:
    summary, disk = s.summary, s.disk
    beat = summary["process"] or {}
    devices = summary["devices"] or ()
    rss = s.process.rss_bytes if s.process else beat.get("rss_bytes")
    cpu = s.process.cpu_percent if s.process and s.process.cpu_percent is not None else beat.get("cpu_percent")
    backend = f"{summary['backend']} on {', '.join(devices)}" if summary["backend"] else ""
    plural = "" if summary["checkpoints"] == 1 else "s"
    storage = f"{summary['checkpoints']} checkpoint{plural}, {file_size(summary['checkpoint_bytes'])}"
    growth = f"{file_size(disk.needed)} more" if disk and disk.needed else ""
    host = f"{summary['host']}, pid {summary['pid']}" if summary["host"] else ""
    usage = [f"cpu {cpu:.0f} %"] if cpu is not None else []
    usage += [f"memory {file_size(rss)}"] if rss else []
    usage += [f"gpu {beat['gpu_percent']:.0f} %"] if beat.get("gpu_percent") is not None else []
    free = f"{file_size(disk.free)}" if disk and disk.free is not None else ""
    return [
        ("runs on", backend),
        ("host", host if s.here or not host else f"{host} (not this machine)"),
        ("uses", ", ".join(usage)),
        ("heartbeat", age(beat.get("time"))),
        ("storage", storage),
        ("to come", growth),
        ("disk free", free),
    ]
