"""The checkpoints of a run: what each one is worth, what becomes of it, and whether the disk is large enough."""

from collections.abc import Sequence
from math import floor, log10

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import DataTable, Static

from fs2_tui import recipe
from fs2_tui.lines import labelled
from fs2_tui.pane import Pane
from fs2_tui.retention import Rule, due_steps, fates
from fs2_tui.schedule import is_running, next_step, time_of_step
from fs2_tui.scrollbars import use_plain_scrollbars
from fs2_tui.words import clock_time
from fs2keras.rundir.checkpoints import Checkpoint
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.watch import Snapshot

DAY_S = 86400
_COLUMNS = ("step", "written", "size", "validation", "best", "kept")
_RIGHT = frozenset({"step", "size", "validation"})


class CheckpointsPane(Pane):
    """Totals and the forecast above, a row for each checkpoint below."""

    DEFAULT_CSS = """
    CheckpointsPane #totals { height: auto; margin-bottom: 1; }
    CheckpointsPane DataTable { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    CheckpointsPane DataTable, CheckpointsPane DataTable:focus { background: $background;
                                                                 background-tint: $background 0%; }
    """
    BINDINGS = [Binding("o", "order", "order"), Binding("y", "copy", "copy path")]

    def __init__(self, **options):
        super().__init__(**options)
        self._snapshot: Snapshot | None = None
        self._by_loss = False
        self._rows: list[tuple[Checkpoint, tuple[str, ...]]] = []
        self._totals = Content("")

    def compose(self) -> ComposeResult:
        yield Static(id="totals")
        yield DataTable(cursor_type="row", cell_padding=2)

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for label in _COLUMNS:
            table.add_column(self._title(label), key=label)
        if not self.app.look.unicode:
            use_plain_scrollbars(table)

    def _title(self, label: str) -> Text:
        """A column's name, underlined when the rows are in its order."""
        style = "underline" if label == ("validation" if self._by_loss else "step") else ""
        return Text(label, style=style, justify="right" if label in _RIGHT else "left")

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshot = snapshots[0]
        self._draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self.children:  # no children: it comes up, or goes
            return
        totals = self._lines(snapshot)
        if not totals.is_same(self._totals):
            self._totals = totals
            self.query_one("#totals", Static).update(totals)
        rows = self._table_rows(snapshot)
        if rows != self._rows:
            self._fill(rows)

    # ---- the table ----

    def _table_rows(self, snapshot: Snapshot) -> list[tuple[Checkpoint, tuple[str, ...]]]:
        going_on = due_steps(snapshot.record, snapshot.summary.get("step") or 0)
        fate = fates(snapshot.checkpoints, rule_of(snapshot), going_on)
        ordered = sorted(snapshot.checkpoints, key=_loss_first if self._by_loss else _newest_first)
        star, losses = self.app.look.star, [c.loss for c in ordered if c.loss is not None]
        places = decimals(losses)
        return [
            (
                c,
                (
                    f"{c.step:,}",
                    clock_time(c.time, snapshot.time),
                    file_size(c.bytes),
                    "" if c.loss is None else f"{c.loss:.{places}f}",
                    star if c.best else "",
                    fate[c.step],
                ),
            )
            for c in ordered
        ]

    def _fill(self, rows: list[tuple[Checkpoint, tuple[str, ...]]]) -> None:
        """New rows in the table; the cursor stays on its checkpoint, and the view where it was."""
        table = self.query_one(DataTable)
        at = self._rows[table.cursor_row][0].step if self._rows and table.is_valid_row_index(table.cursor_row) else None
        top = table.scroll_offset.y
        self._rows = rows
        table.clear()
        for checkpoint, cells in rows:
            table.add_row(*self._styled(checkpoint, cells), key=str(checkpoint.step))
        steps = [checkpoint.step for checkpoint, _ in rows]
        table.move_cursor(row=steps.index(at) if at in steps else 0, scroll=False)
        table.scroll_to(y=top, animate=False)

    def _styled(self, checkpoint: Checkpoint, cells: tuple[str, ...]) -> list[Text]:
        colours = self.app.theme_variables
        styles = ["bold", "", "", "", "", "dim"]
        if checkpoint.best:
            styles[3] = styles[4] = f"bold {colours['success']}"
        if cells[-1].startswith("until"):
            styles[-1] = colours["warning"]
        return [
            Text(cell, style=style, justify="right" if label in _RIGHT else "left")
            for cell, style, label in zip(cells, styles, _COLUMNS, strict=True)
        ]

    # ---- the totals ----

    def _lines(self, snapshot: Snapshot) -> Content:
        if not snapshot.checkpoints:
            facts = [("stored", nothing_yet(snapshot), "")]
        else:
            facts = [("stored", _stored(snapshot), ""), ("growth", _growth(snapshot), "")]
        facts += [(*_at_the_end(snapshot), ""), ("rule", str(rule_of(snapshot)), "dim")]
        if snapshot.checkpoints:
            facts.insert(3, ("next", _next(snapshot), ""))
        if warning := _warning(snapshot):
            facts.append((f"{self.app.look.warning} full", warning, "$error"))
        return labelled([fact for fact in facts if fact[1]], self.query_one("#totals").size.width)

    # ---- keys ----

    def action_order(self) -> None:
        self._by_loss = not self._by_loss
        for label, column in zip(_COLUMNS, self.query_one(DataTable).ordered_columns, strict=True):
            column.label = self._title(label)
        if self._snapshot:
            self._fill(self._table_rows(self._snapshot))
        self.notify("The lowest validation loss first." if self._by_loss else "The newest first.", timeout=2)

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        by_loss = event.column_key.value == "validation"
        if by_loss != self._by_loss:
            self.action_order()

    def action_copy(self) -> None:
        row = self.query_one(DataTable).cursor_row
        if not 0 <= row < len(self._rows):
            self.notify("There is no checkpoint yet.")
            return
        path = str(self._rows[row][0].path.absolute())
        self.app.copy_to_clipboard(path)
        self.notify(path, title="Copied", timeout=5, markup=False)


def rule_of(snapshot: Snapshot) -> Rule:
    """The retention rule of the run's recipe."""
    return Rule(*(recipe.count(snapshot.recipe, "train", key) for key in ("keep_last", "keep_every")))


def decimals(losses: Sequence[float]) -> int:
    """Decimals that show four digits of the lowest loss; the same for all, so that they can be compared at a glance."""
    lowest = min((abs(loss) for loss in losses if loss), default=1.0)
    return max(0, min(9, 3 - floor(log10(lowest))))


def nothing_yet(snapshot: Snapshot) -> str:
    """That there are none, and when the first one comes."""
    if not snapshot.summary:
        return snapshot.problem or "there is nothing to read yet"
    coming = _next(snapshot)
    return f"no checkpoints yet; the first at {coming}" if coming else "no checkpoints"


def _newest_first(checkpoint: Checkpoint) -> float:
    return -checkpoint.step


def _loss_first(checkpoint: Checkpoint) -> tuple[float, float]:
    return (checkpoint.loss if checkpoint.loss is not None else float("inf"), -checkpoint.step)


def _stored(snapshot: Snapshot) -> str:
    count, sizes = len(snapshot.checkpoints), {file_size(c.bytes) for c in snapshot.checkpoints}
    total = file_size(sum(c.bytes for c in snapshot.checkpoints))
    if count == 1:
        return f"1 checkpoint, {total}"
    each = f" of {sizes.pop()}" if len(sizes) == 1 else ""
    return f"{count:,} checkpoints{each}, {total} in all"


def _growth(snapshot: Snapshot) -> str:
    """How much will be added, and how fast at this pace."""
    disk, total = snapshot.disk, snapshot.summary.get("total_steps")
    if disk is None or not is_running(snapshot) or not total:
        return ""
    if not disk.expected_files:
        return "none: each new one takes the place of an old one"
    text = f"{disk.expected_files:,} more of {file_size(disk.bytes_each)} until the end"
    end = time_of_step(snapshot, total)
    seconds = end - snapshot.time if end else 0
    added = disk.expected_files * disk.bytes_each
    if seconds > DAY_S:
        return f"{file_size(added * DAY_S / seconds)} a day: {text}"
    return f"{file_size(added * 3600 / seconds)} an hour: {text}" if seconds > 3600 else text


def _at_the_end(snapshot: Snapshot) -> tuple[str, str]:
    disk = snapshot.disk
    if disk is None:
        return "", ""
    free = f"{file_size(disk.free)} free" if disk.free is not None else ""
    if not due_steps(snapshot.record, snapshot.summary.get("step") or 0):
        return "disk", free
    files = len(snapshot.checkpoints) + disk.expected_files
    used = file_size(disk.used + disk.expected_files * disk.bytes_each)
    text = f"{files:,} checkpoint{'s' if files != 1 else ''}, {used}"
    return "at the end", f"{text}; {free}" if free else text


def _next(snapshot: Snapshot) -> str:
    if not is_running(snapshot):
        return ""
    coming = next_step(snapshot, snapshot.record.get("checkpoint_every") or 0)
    if coming is None:
        return ""
    when = time_of_step(snapshot, coming)
    return f"step {coming:,}" + (
        f" at {clock_time(when, snapshot.time)}, in {duration(when - snapshot.time)}" if when else ""
    )


def _warning(snapshot: Snapshot) -> str:
    """That the disk will be full, when, and what to do about it."""
    disk = snapshot.disk
    if disk is None or not disk.short or disk.full_at_step is None:
        return ""
    when = time_of_step(snapshot, disk.full_at_step)
    at = f", {clock_time(when, snapshot.time)}" if when else ""
    return (
        f"The disk will be full at step {disk.full_at_step:,}{at}: {file_size(disk.needed)} more are needed and "
        f"{file_size(disk.free)} are free. Make room, or keep fewer: stop the run, and run it again with "
        "--set train.keep_last=3"
    )
