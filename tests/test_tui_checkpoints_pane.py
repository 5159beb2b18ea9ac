"""Checkpoints: the table, the retention rule, the forecast."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import DataTable
from tui_panes import MB, NOW, PaneApp, checkpoint, recipe, snapshot
from tui_pilot import drive, press, screen_text

from fs2_tui.checkpoints_pane import CheckpointsPane, decimals
from fs2_tui.retention import Rule, due_steps, fates
from fs2keras.rundir.eta import Eta
from fs2keras.rundir.forecast import Disk, disk

CHECKPOINTS = (checkpoint(250, 3.25), checkpoint(500, 2.125, best=True), checkpoint(750), checkpoint(1000, 2.5))


def run(checkpoints=CHECKPOINTS, free=10_000 * MB, **facts):
    """Every 250 steps until 4,000; a second a step."""
    shown = snapshot(
        record={"checkpoint_every": 250}, checkpoints=checkpoints, eta=Eta(2800.0, 2800.0, 2800.0), **facts
    )
    return replace(shown, disk=disk(checkpoints, shown.record, 1200, free))


def steps_shown(app):
    table = app.query_one(DataTable)
    return [int(str(table.get_cell_at((row, 0))).replace(",", "")) for row in range(table.row_count)]


def underlined(app):
    """The column on the screen that the rows are ordered by."""
    strips = app.screen._compositor.render_strips()
    return "".join(s.text for strip in strips for s in strip if s.style and s.style.underline).strip()


class TestRule:
    def test_in_words(self):
        assert str(Rule()) == "all are kept"
        assert str(Rule(1)) == "kept are the newest one, and the best"
        assert str(Rule(3, 1000)) == "kept are the newest 3, multiples of 1,000, and the best"

    def test_what_becomes_of_each(self):
        found = fates(CHECKPOINTS, Rule(keep_last=2, keep_every=1000), [1250, 1500, 1750])
        assert found == {
            250: "until step 1,250",
            500: "while the best",
            750: "until step 1,250",
            1000: "multiple of 1,000",
        }
        assert set(fates(CHECKPOINTS, Rule(), [1250]).values()) == {"yes"}
        assert set(fates(CHECKPOINTS, Rule(2), []).values()) == {"yes"}  # the run has ended: nothing is deleted
        assert fates(CHECKPOINTS, Rule(4), [1250, 1500])[1000] == "yes"  # still among the newest at the end

    @given(st.integers(1, 6), st.integers(0, 4), st.integers(1, 12), st.integers(0, 12))
    @settings(deadline=None)
    def test_agrees_with_what_the_trainer_deletes(self, keep_last, keep_every, there, coming):
        """The rule of training.checkpoint.prune, played through."""
        best = (there + 1) // 2
        kept = [
            s for s in range(1, there + 1) if s > there - keep_last or s == best or (keep_every and s % keep_every == 0)
        ]
        found = fates(
            [checkpoint(s, best=s == best) for s in kept],
            Rule(keep_last, keep_every),
            range(there + 1, there + coming + 1),
        )
        alive, deleted = list(kept), {}
        for now in range(there + 1, there + coming + 1):
            alive.append(now)
            for step in alive[:-keep_last]:
                if not ((keep_every and step % keep_every == 0) or step == best):
                    alive.remove(step)
                    deleted[step] = now
        for step in kept:
            expected = f"until step {deleted[step]:,}" if step in deleted else None
            assert found[step] == expected or (expected is None and not found[step].startswith("until"))

    def test_steps_that_will_write_one(self):
        assert due_steps({"checkpoint_every": 500, "total_steps": 1700}, 1000) == [1500, 1700]
        assert due_steps({"checkpoint_every": 500, "total_steps": 1500}, 999) == [1000, 1500]
        assert due_steps({"checkpoint_every": 500, "total_steps": 1500}, 1500) == []
        assert due_steps({"checkpoint_every": 500, "total_steps": 1500, "status": "finished"}, 0) == []
        assert due_steps({}, 0) == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("unicode", [True, False], ids=["unicode", "ascii"])
def test_shows_each_with_its_loss_and_the_totals(size, unicode):
    async def script(pilot):
        text = screen_text(pilot.app)
        assert steps_shown(pilot.app) == [1000, 750, 500, 250]
        lines = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
        assert lines["500"][2:] == ["30.0", "MB", "2.125", "★" if unicode else "*", "while", "the", "best"]
        assert lines["1,000"][2:] == ["30.0", "MB", "2.500", "until", "step", "1,500"]
        assert lines["750"][2:] == ["30.0", "MB", "until", "step", "1,250"]
        assert "4 checkpoints of 30.0 MB, 120 MB in all" in text
        assert "step 1,250 at" in text
        assert "in 50 s" in text
        assert "kept are the newest 2, and the best" in text
        if not unicode:
            assert text.isascii()

    drive(PaneApp(CheckpointsPane(), run(recipe=recipe(keep_last=2)), unicode=unicode), script, size)


def test_losses_have_the_same_decimals():
    assert decimals([12.5, 3.25]) == 3
    assert decimals([0.0123, 3.25]) == 5
    assert decimals([123456.0]) == 0
    assert decimals([0.0, 1e-30]) == 9
    assert decimals([]) == 3


def test_forecasts_the_end():
    async def script(pilot):
        text = screen_text(pilot.app)
        assert "12 more of 30.0 MB until the end" in text
        assert "16 checkpoints, 480 MB; 10.0 GB free" in text
        slow = replace(run(), eta=Eta(28_000.0, 1.0, 1.0))
        pilot.app.pane.show([slow])
        await pilot.pause()
        assert "46.3 MB an hour: 12 more" in screen_text(pilot.app)
        pilot.app.pane.show([replace(slow, eta=Eta(864_000.0, 1.0, 1.0))])
        await pilot.pause()
        assert "36.0 MB a day: 12 more" in screen_text(pilot.app)
        assert "full" not in screen_text(pilot.app)

    drive(PaneApp(CheckpointsPane(), run()), script)


def test_warns_in_time_of_a_full_disk():
    async def script(pilot):
        text = " ".join(screen_text(pilot.app).split())
        assert "The disk will be full at step 2,000" in text
        assert "360 MB more are needed and 100 MB are free" in text
        assert "--set train.keep_last=3" in text

    drive(PaneApp(CheckpointsPane(), run(free=100 * MB)), script, (80, 24))


def test_a_disk_that_does_not_grow():
    async def script(pilot):
        assert "each new one takes the place of an old one" in screen_text(pilot.app)

    shown = replace(run(recipe=recipe(keep_last=2)), disk=Disk(120 * MB, 30 * MB, 0, 30 * MB, None, False, None))
    drive(PaneApp(CheckpointsPane(), shown), script)


def test_o_orders_by_loss_and_the_cursor_stays_on_its_checkpoint():
    async def script(pilot):
        app = pilot.app
        await press(pilot, ["down", "down"])  # 500
        await press(pilot, ["o"])
        assert steps_shown(app) == [500, 1000, 250, 750]  # unknown losses last
        assert app.query_one(DataTable).cursor_row == 0
        assert underlined(app) == "validation"
        await press(pilot, ["down", "o"])
        assert underlined(app) == "step"
        assert steps_shown(app) == [1000, 750, 500, 250]
        assert app.query_one(DataTable).cursor_row == 0

    drive(PaneApp(CheckpointsPane(), run()), script)


def test_a_click_on_a_title_orders_by_it():
    async def script(pilot):
        titles = next(line for line in screen_text(pilot.app).splitlines() if "validation" in line)
        await pilot.click(DataTable, offset=(titles.index("validation"), 0))
        await pilot.pause()
        assert steps_shown(pilot.app) == [500, 1000, 250, 750]
        await pilot.click(DataTable, offset=(titles.index("validation"), 0))
        await pilot.pause()
        assert steps_shown(pilot.app)[0] == 500  # it is in that order already
        await pilot.click(DataTable, offset=(titles.index("step"), 0))
        await pilot.pause()
        assert steps_shown(pilot.app)[0] == 1000

    drive(PaneApp(CheckpointsPane(), run()), script)


def test_y_copies_the_path_of_the_row():
    async def script(pilot):
        await press(pilot, ["down", "y"])
        assert pilot.app.clipboard == str(Path("runs/mine/checkpoints/step-0000750.keras").absolute())

    drive(PaneApp(CheckpointsPane(), run()), script)


def test_new_data_leave_the_cursor_where_it_is_and_rebuild_only_what_changed(monkeypatch):
    async def script(pilot):
        pane, table = pilot.app.pane, pilot.app.query_one(DataTable)
        await press(pilot, ["down", "down"])
        built = []
        clear = DataTable.clear
        monkeypatch.setattr(DataTable, "clear", lambda self: (built.append(1), clear(self))[1])
        pane.show([replace(run(), time=NOW + 1)])
        assert not built
        pane.show([run((*CHECKPOINTS, checkpoint(1250, 2.25)))])
        await pilot.pause()
        assert built == [1]
        assert steps_shown(pilot.app) == [1250, 1000, 750, 500, 250]
        assert table.cursor_row == 3

    drive(PaneApp(CheckpointsPane(), run()), script)


def test_long_lists_keep_their_scroll_position():
    many = tuple(checkpoint(step) for step in range(10, 1000, 10))

    async def script(pilot):
        table = pilot.app.query_one(DataTable)
        await press(pilot, ["pagedown", "pagedown"])
        await pilot.wait_for_animation()
        top = table.scroll_offset.y
        assert top > 0
        pilot.app.pane.show([run((*many, checkpoint(1000)))])
        await pilot.pause()
        assert table.scroll_offset.y == top

    drive(PaneApp(CheckpointsPane(), run(many)), script, (80, 24))


def test_none_yet():
    async def script(pilot):
        text = screen_text(pilot.app)
        assert "no checkpoints yet; the first at step 1,250 at" in text
        await press(pilot, ["y"])
        assert [note.message for note in pilot.app._notifications] == ["There is no checkpoint yet."]

    drive(PaneApp(CheckpointsPane(), run(())), script)


def test_a_run_that_cannot_be_read():
    shown = replace(snapshot(problem="run.json is broken."), record={}, summary={})

    async def script(pilot):
        assert "run.json is broken." in screen_text(pilot.app)

    drive(PaneApp(CheckpointsPane(), shown), script)
