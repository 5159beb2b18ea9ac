"""The curves: every column of the runs, smoothed, zoomed, compared, read out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from fs2_tui.curves import navigation
from fs2_tui.curves.chart import Chart, capacity
from fs2_tui.curves.column_list import ColumnList
from fs2_tui.curves.drawables import Drawable, drawables
from fs2_tui.curves.readout import Part
from fs2_tui.curves.run_curves import RunCurves
from fs2_tui.curves.scene import Scene
from fs2_tui.curves.settings import Settings, suited_weight
from fs2_tui.curves.window import Window
from fs2_tui.palette import Palette
from fs2_tui.pane import Pane
from fs2keras.rundir.watch import Snapshot

NARROW, BROAD = 90, 150  # characters: no list of columns below the one, a wider list from the other on
PORTION = 25_000  # rows that are prepared in one go, about 10 ms
PAUSE_S = 0.01  # between portions
PORTIONS_A_DRAWING = 8
WHEEL = 1.25  # one notch of the mouse wheel zooms by so much
COLUMN, SMOOTHING, ZOOM, CROSSHAIR = (  # a space: the compact footer leaves none between a group and the next key
    Binding.Group(f"{name} ", compact=True) for name in ("column", "smooth", "zoom", "crosshair")
)


class CurvesPane(Pane):
    """A list of the columns, and the highlighted one as a chart, or its group as small ones."""

    DEFAULT_CSS = """
    CurvesPane > Horizontal { height: 1fr; }
    CurvesPane ColumnList { width: 36; margin-right: 1; }
    CurvesPane.-no-list ColumnList { display: none; }
    CurvesPane.-broad ColumnList { width: 48; }
    CurvesPane #curves-head { height: auto; }
    CurvesPane #curves-readout { height: auto; max-height: 40%; }
    """
    BINDINGS: ClassVar = [
        Binding("up,k", "column(-1)", "column", group=COLUMN),
        Binding("down,j", "column(1)", "column", group=COLUMN),
        Binding("left_square_bracket", "smooth(-1)", "smoothing", group=SMOOTHING),
        Binding("right_square_bracket", "smooth(1)", "smoothing", group=SMOOTHING),
        Binding("m", "toggle('many')", "group"),
        Binding("plus,equals_sign", "zoom(0.5)", "zoom", group=ZOOM),
        Binding("minus", "zoom(2.0)", "zoom", group=ZOOM),
        Binding("left", "cross(-1)", "crosshair", group=CROSSHAIR),
        Binding("right", "cross(1)", "crosshair", group=CROSSHAIR),
        Binding("s", "toggle('raw')", "raw curve", show=False),
        Binding("y", "toggle('log')", "log y", show=False),
        Binding("x", "next_axis", "x axis", show=False),
        Binding("ctrl+left", "cross(-10)", "crosshair in bigger steps", show=False),
        Binding("ctrl+right", "cross(10)", "crosshair in bigger steps", show=False),
        Binding("shift+left,h", "pan(-0.2)", "pan", show=False),
        Binding("shift+right,l", "pan(0.2)", "pan", show=False),
        Binding("escape", "clear", "no crosshair", show=False),
        Binding("0", "reset", "show everything", show=False),
        Binding("f", "follow", "follow the newest row", show=False),
        Binding("g", "toggle('guide')", "200k reference", show=False),
        Binding("a", "toggle('whole')", "fit y to far values too", show=False),
    ]

    settings: reactive[Settings] = reactive(Settings, init=False)

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self._snapshots: Sequence[Snapshot] = ()
        self._runs: list[RunCurves] = []  # one for each snapshot
        self._columns: list[Drawable] = []
        self._shown: list[str] = []
        self._pinned = False  # the crosshair stays when the mouse leaves
        self._weighed = False  # a smoothing that suits the run's length has been chosen
        self._due = False
        self._filling, self._portions = False, 0  # whether a next portion is due, and how many there were

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield ColumnList()
            with Vertical():
                yield Static(id="curves-head")
                yield Chart()
                yield Static(id="curves-readout")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw_soon())

    # ---- data ----

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        known = {before.rundir.path: run for before, run in zip(self._snapshots, self._runs, strict=True)}
        self._runs = [known.pop(snapshot.rundir.path, None) or RunCurves() for snapshot in snapshots]
        self._snapshots = snapshots
        for index, (run, snapshot) in enumerate(zip(self._runs, snapshots, strict=True)):
            run.index = index
            run.show(snapshot.steps, snapshot.validation)
        self._columns = drawables(snapshots)
        names = [column.name for column in self._columns]
        if not self._weighed and snapshots[0].complete and len(snapshots[0].steps):
            self._weighed = True
            self._change(weight=suited_weight(len(snapshots[0].steps)))
        if names and self.settings.column not in names:
            self._change(column="loss" if "loss" in names else names[0])
        self._draw_soon()

    def _change(self, **changes) -> None:
        self.settings = replace(self.settings, **changes)

    def watch_settings(self) -> None:
        self._draw_soon()

    def on_resize(self) -> None:
        self.set_class(self.size.width < NARROW, "-no-list")
        self.set_class(self.size.width >= BROAD, "-broad")

    def _draw_soon(self) -> None:
        """Draw once, whatever changes until then."""
        if not self._due and self.is_mounted:
            self._due = True
            self.call_next(self._draw)

    # ---- drawing ----

    def _draw(self) -> None:
        self._due = False
        if not self._snapshots or not self.is_attached:
            return
        chart = self.query_one(Chart)
        scene = Scene(self._snapshots, self._runs, self._columns, self.settings, self.app.look)
        shown = scene.shown(capacity(*chart.size))
        self._shown = [column.name for column in shown]
        self._prepare()
        chart.show(scene.panels(shown), scene.view())
        width = chart.size.width
        self._write("#curves-head", scene.head(shown, chart.notes, width, self.has_class("-no-list")))
        self._write("#curves-readout", scene.readout(width))
        columns = self.query_one(ColumnList)
        columns.highlighted = self.settings.column
        columns.show(self._columns, {column.name: scene.runs[0].last(column.name) for column in self._columns})

    def _prepare(self) -> bool:
        """Smooth the next rows of what is drawn, of a long run a portion at a time, so that keys are heard meanwhile;
        True when that was the last portion."""
        left = PORTION
        for run in self._runs:
            left -= run.advance(self._shown, self.settings.weight, max(left, 0))
        if left <= 0 and not self._filling:
            self._filling = True
            self.set_timer(PAUSE_S, self._prepare_on)
        return left > 0

    def _prepare_on(self) -> None:
        self._filling = False
        self._portions += 1
        if self._prepare() or self._portions % PORTIONS_A_DRAWING == 0:
            self._draw_soon()

    def _write(self, selector: str, lines: Sequence[Sequence[Part]]) -> None:
        """Put lines of words into a Static; the screen is laid out anew only when their number may differ."""
        static = self.query_one(selector, Static)
        static.update(self._content(lines), layout=static.size.height != len(lines))

    def _content(self, lines: Sequence[Sequence[Part]]) -> Content:
        palette = Palette(self)
        styles = {
            "title": f"bold {palette.text.hex6}",
            "key": f"bold {palette.shade(0.85).hex6}",
            "label": palette.shade(0.6).hex6,
            "value": f"bold {palette.text.hex6}",
            "warning": palette.named("warning").hex6,
            "": "",
        }
        for index in range(max(len(self._runs), 2)):
            styles[f"run:{index}"] = f"bold {palette.run(index).hex6}"
        return Content("\n").join(Content.assemble(*[(text, styles[kind]) for text, kind in line]) for line in lines)

    # ---- keys ----

    def action_column(self, by: int) -> None:
        names = [column.name for column in self._columns]
        if names:
            self._change(column=names[(names.index(self.settings.column) + by) % len(names)])

    def action_smooth(self, by: int) -> None:
        self._weighed = True
        self.settings = self.settings.smoother(by)

    def action_toggle(self, name: str) -> None:
        self._change(**{name: not getattr(self.settings, name)})

    def action_next_axis(self) -> None:
        self.settings = navigation.over_next_axis(self.settings, self._runs)

    def action_zoom(self, factor: float) -> None:
        self.settings = navigation.zoomed(self.settings, self._runs, factor)

    def action_pan(self, share: float) -> None:
        self.settings = navigation.panned(self.settings, self._runs, share)

    def action_follow(self) -> None:
        self.settings = navigation.follow_toggled(self.settings, self._runs)

    def action_reset(self) -> None:
        self._change(window=Window())

    def action_clear(self) -> None:
        self._pinned = False
        self._change(cross=None)

    def action_cross(self, characters: int) -> None:
        self._pinned = True
        share = characters / self.query_one(Chart).plot_width
        self.settings = navigation.crosshair(self.settings, self._runs, share)

    # ---- mouse ----

    def on_chart_pointed(self, message: Chart.Pointed) -> None:
        if message.clicked:
            self._pinned = True
            if message.panel < len(self._shown):
                self._change(column=self._shown[message.panel])
        elif self._pinned:
            return
        self._change(cross=message.x)

    def on_chart_resized(self) -> None:
        self._draw_soon()

    def on_chart_left(self) -> None:
        if not self._pinned:
            self._change(cross=None)

    def on_chart_scrolled(self, message: Chart.Scrolled) -> None:
        factor = 1 / WHEEL if message.closer else WHEEL
        self.settings = navigation.zoomed(self.settings, self._runs, factor, message.x)

    def on_chart_dragged(self, message: Chart.Dragged) -> None:
        self.action_pan(-message.share)

    def on_column_list_chosen(self, message: ColumnList.Chosen) -> None:
        self._change(column=message.name)
