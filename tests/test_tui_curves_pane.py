"""The curves pane: its keys, its words, and what it shows when there is little to show."""

import asyncio
import math

import pytest
from textual.app import App

from fs2_tui.curves import navigation, readout
from fs2_tui.curves.chart import Chart
from fs2_tui.curves.column_list import ColumnList
from fs2_tui.curves.drawables import drawables
from fs2_tui.curves.pane import CurvesPane
from fs2_tui.curves.run_curves import RunCurves
from fs2_tui.curves.settings import WEIGHTS, Settings, suited_weight
from fs2_tui.curves.window import Window
from fs2_tui.look import Look
from fs2keras.rundir.columns import Column, as_json, step_columns
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.watch import Snapshot

LOSSES = (
    Column("loss", "loss", "", "loss", "lower"),
    Column("mel", "mel", "L1, log magnitude", "loss", "lower"),
    Column("pitch", "pitch", "squared", "loss", "lower"),
)
COLUMNS = ("step", "epoch", "elapsed_s", "loss", "mel", "pitch", "learning_rate", "grad_norm")
RECIPE = "[train]\nlog_every = 25\n"


def steps_table(rows=100, every=10):
    table = Table(COLUMNS)
    for i in range(1, rows + 1):
        mel = 0.7 + 4 * math.exp(-i / 30)
        table.extend([i * every, i // 10, i * 36.0, 2.5 * mel, mel, 1 + mel / 10, 1e-5 * i, 3.0])
    return table


def snapshot(name="alpha", rows=100, **facts):
    validation = Table(("step", "loss", "mel", "pitch"))
    for step in range(100, rows * 10 + 1, 100):
        validation.extend([step, 3.0, 1.2, 1.3])
    known = {"record": {"columns": as_json(step_columns(LOSSES))}, "recipe": RECIPE}
    return Snapshot(RunDir(name), steps=steps_table(rows), validation=validation, **known | facts)


class PaneApp(App):
    CSS = "CurvesPane { height: 1fr; }"

    def __init__(self, look=None):
        super().__init__()
        self.look = look or Look()

    def compose(self):
        yield CurvesPane()

    def on_mount(self):
        self.query_one(Chart).focus()


def with_pane(body, *snapshots, size=(120, 36), look=None):
    async def run():
        app = PaneApp(look)
        async with app.run_test(size=size) as pilot:
            pane = app.query_one(CurvesPane)
            pane.show(snapshots)
            await pilot.pause(0.05)
            await body(pilot, pane)

    asyncio.run(run())


def text(app):
    """The screen as text."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


async def press(pilot, *keys):
    await pilot.press(*keys)
    await pilot.pause(0.02)


def test_it_shows_the_loss_the_list_and_the_newest_values():
    async def body(pilot, pane):
        seen = text(pilot.app)
        assert pane.settings.column == "loss"
        for word in ("loss", "optimiser", "gradient norm", "progress", "training time", "━ train", "● validation"):
            assert word in seen
        assert "step 1,000  epoch 10  train 2.107  smooth 2.119  validation 3 at 1,000" in seen
        assert "[ ] smoothing 0.5 · s raw · x step · y linear · f follow" in seen

    with_pane(body, snapshot())


def test_the_columns_are_walked_through_with_the_arrows():
    async def body(pilot, pane):
        names = [column.name for column in drawables([snapshot()])]
        assert names == ["loss", "mel", "pitch", "learning_rate", "grad_norm", "epoch", "elapsed_s"]
        await press(pilot, "down")
        assert pane.settings.column == "mel"
        assert "mel  L1, log magnitude" in text(pilot.app)
        await press(pilot, "j", "k", "up", "up")
        assert pane.settings.column == names[-1]
        await press(pilot, "down")
        assert pane.settings.column == "loss"

    with_pane(body, snapshot())


def test_smoothing_keys():
    async def body(pilot, pane):
        assert pane.settings.weight == suited_weight(100)
        await press(pilot, "right_square_bracket")
        assert pane.settings.weight == 0.8
        assert "smoothing 0.8" in text(pilot.app)
        pane.show([snapshot(rows=5000)])
        assert pane.settings.weight == 0.8, "what was chosen by hand stays"
        await press(pilot, *["left_square_bracket"] * 9)
        assert pane.settings.weight == 0
        seen = text(pilot.app)
        assert "no smoothing" in seen
        assert " smooth " not in seen
        await press(pilot, *["right_square_bracket"] * 9)
        assert pane.settings.weight == max(WEIGHTS)

    with_pane(body, snapshot())


def test_toggles():
    async def body(pilot, pane):
        chart = pane.query_one(Chart)
        await press(pilot, "s")
        assert "no raw" in text(pilot.app)
        assert [curve.kind for curve in chart.panels[0].curves] == ["smooth", "validation"]
        await press(pilot, "s", "y")
        assert "y log" in text(pilot.app)
        assert chart.pictures[0][2].y.log
        await press(pilot, "y", "a")
        assert chart.view.whole
        assert "far values too" in text(pilot.app)

    with_pane(body, snapshot())


def test_the_x_axes_keep_what_is_in_view():
    async def body(pilot, pane):
        chart = pane.query_one(Chart)
        await press(pilot, "left", "ctrl+left", "ctrl+left", "plus", "plus")
        run, step = RunCurves(), pane.settings.cross
        run.show(steps_table(), Table())
        row = list(run.x("step")).index(step)
        for axis in ("epoch", "hours", "step"):
            await press(pilot, "x")
            assert chart.view.x_title == axis
            assert pane.settings.cross == pytest.approx(run.x(axis)[row])
            assert chart.view.x_min < pane.settings.cross < chart.view.x_max
            assert axis in text(pilot.app).splitlines()[-2]

    with_pane(body, snapshot())


def test_zoom_pan_follow_and_reset():
    async def body(pilot, pane):
        chart = pane.query_one(Chart)
        await press(pilot, "plus")
        assert (chart.view.x_min, chart.view.x_max) == (500, 1000)
        assert "0 zoomed" in text(pilot.app)
        await press(pilot, "h")
        assert (chart.view.x_min, chart.view.x_max) == (400, 900)
        assert "f fixed" in text(pilot.app)
        await press(pilot, "shift+right", "l")
        assert chart.view.x_max == 1000
        pane.show([snapshot(rows=200)])
        await pilot.pause(0.05)
        assert (chart.view.x_min, chart.view.x_max) == (1500, 2000), "it follows the newest row"
        await press(pilot, "f")
        pane.show([snapshot(rows=300)])
        await pilot.pause(0.05)
        assert (chart.view.x_min, chart.view.x_max) == (1500, 2000)
        await press(pilot, "minus", "equals_sign", "0")
        assert (chart.view.x_min, chart.view.x_max) == (0, 3000)

    with_pane(body, snapshot())


def test_the_crosshair_reads_out_all_at_its_x():
    async def body(pilot, pane):
        await press(pilot, "left")
        assert pane.settings.cross == 1000, "it appears at the newest row"
        await press(pilot, "left")
        assert pane.settings.cross == 990
        await press(pilot, "ctrl+left", "right")
        step = pane.settings.cross
        seen = text(pilot.app)
        loss = 2.5 * (0.7 + 4 * math.exp(-step / 300))
        assert f"step {step:,.0f}  epoch {step // 100:.0f}" in seen
        assert f"train {loss:.3f}" in seen
        assert "◉" in seen
        await press(pilot, "escape")
        assert pane.settings.cross is None
        assert "step 1,000" in text(pilot.app)

    with_pane(body, snapshot())


def test_every_row_can_be_reached_when_zoomed_in():
    async def body(pilot, pane):
        await press(pilot, "left", *["plus"] * 5)
        seen = []
        for _ in range(8):
            seen.append(pane.settings.cross)
            await press(pilot, "left")
        assert seen == [1000 - 10 * i for i in range(8)]
        view = pane.query_one(Chart).view
        assert view.x_min <= pane.settings.cross <= view.x_max, "the window goes with it"

    with_pane(body, snapshot())


def test_the_group_as_small_charts():
    async def body(pilot, pane):
        await press(pilot, "m")
        chart = pane.query_one(Chart)
        assert [panel.title for panel in chart.panels] == ["loss", "mel", "pitch"]
        await press(pilot, "down")
        assert [panel.selected for panel in chart.panels] == [False, True, False]
        await press(pilot, "left", "ctrl+left")
        assert len({picture.column(pane.settings.cross) for _, _, picture in chart.pictures}) == 1
        assert text(pilot.app).count("◉") == 3
        await press(pilot, "down", "down")
        assert [panel.title for panel in chart.panels] == ["learning rate", "gradient norm before clipping"]
        await press(pilot, "m")
        assert len(chart.panels) == 1

    with_pane(body, snapshot())


def test_a_large_group_is_shown_a_page_at_a_time():
    many = {f"c{i}": {"label": f"part {i}", "group": "parts"} for i in range(20)}
    table = Table(("step", *many))
    for step in range(1, 50):
        table.extend([step] + [step / 10] * 20)

    async def body(pilot, pane):
        await press(pilot, "m")
        chart = pane.query_one(Chart)
        assert all(picture.height for _, _, picture in chart.pictures)
        assert "1 to 6 of 20" in text(pilot.app)
        await press(pilot, *["down"] * 7)
        assert [panel.title for panel in chart.panels if panel.selected] == ["part 7"]
        assert "7 to 12 of 20" in text(pilot.app)

    with_pane(body, Snapshot(RunDir("many"), record={"columns": many}, steps=table), size=(80, 20))


def test_the_guide_answers_in_words():
    async def body(pilot, _pane):
        await press(pilot, "g")
        assert "known for the mel loss only" in text(pilot.app)
        await press(pilot, "down", "left")
        seen = text(pilot.app)
        assert "at step 1,000 the 200k reference was near 5.69 (6.00 at 0, 1.60 at 25,000), this" in seen
        assert "run has 0.85: better" in seen
        assert "╌╌ 200k reference" in seen
        await press(pilot, "g")
        assert "reference" not in text(pilot.app)

    with_pane(body, snapshot())


def test_several_runs_have_a_line_a_marker_and_a_name_each():
    async def body(pilot, pane):
        lines = text(pilot.app).splitlines()
        assert "● alpha  ■ beta" in lines[0]
        assert [line for line in lines if "● alpha" in line and "step 1,000" in line]
        assert [line for line in lines if "■ beta" in line and "step 600" in line]
        await press(pilot, "left")
        assert {curve.run for curve in pane.query_one(Chart).panels[0].curves} == {0, 1}
        assert pane.query_one(Chart).panels[0].curves[-1].run == 0, "the main run is in front"

    with_pane(body, snapshot(), snapshot("beta", rows=60))


def test_a_narrow_terminal_hides_the_list_and_says_where_in_it_the_column_is():
    async def body(pilot, pane):
        assert not pane.query_one(ColumnList).display
        assert "2 of 7" in text(pilot.app).splitlines()[0] or "1 of 7" in text(pilot.app).splitlines()[0]
        assert pane.query_one(Chart).size.width == 78
        await pilot.resize_terminal(120, 40)
        await pilot.pause(0.05)
        assert pane.query_one(ColumnList).display
        assert "1 of 7" not in text(pilot.app)
        assert pane.query_one(Chart).pictures[0][2].width > 50

    with_pane(body, snapshot(), size=(80, 20))


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (10, 3), (200, 60)])
def test_any_size_is_drawn(size):
    async def body(pilot, _pane):
        await press(pilot, "m", "left", "g", "m")
        assert len(text(pilot.app).splitlines()) == size[1]

    with_pane(body, snapshot(), size=size)


def test_ascii_everywhere():
    async def body(pilot, _pane):
        await press(pilot, "m", "g", "left", "down")
        assert text(pilot.app).replace("│", "|").isascii(), "but for the line beside the list, which is Textual's"

    with_pane(body, snapshot(), snapshot("beta"), look=Look(unicode=False))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "ansi-light"])
def test_other_themes_and_no_colour(theme, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def body(pilot, _pane):
        pilot.app.theme = theme
        await pilot.pause(0.05)
        await press(pilot, "m")
        assert "━ train" in text(pilot.app)

    with_pane(body, snapshot())


def test_what_is_awaited_is_said():
    cases = [
        (Snapshot(RunDir("new"), recipe=RECIPE), "no steps yet: the first row comes after 25 steps"),
        (Snapshot(RunDir("new"), recipe="[train\n"), "no steps yet: the first row comes after log_every steps"),
        (Snapshot(RunDir("new"), problem="run: cannot be read (no permission)."), "run: cannot be read"),
        (snapshot(complete=False, share_read=0.43), "reading 43 %"),
    ]
    for given, said in cases:

        async def body(pilot, _pane, said=said):
            await press(pilot, "left", "plus", "x", "m", "g", "down", "f")
            assert said in text(pilot.app)

        with_pane(body, given)


def test_a_column_without_numbers_says_so():
    table = Table(("step", "gpu"))
    for step in range(5):
        table.extend([step, math.nan])

    async def body(pilot, _pane):
        assert "no numbers in this column yet" in text(pilot.app)

    with_pane(body, Snapshot(RunDir("run"), steps=table))


def test_a_spike_and_a_nan_are_said_above_the_chart():
    broken = snapshot(rows=300)
    broken.steps.extend([3010, 30, 9999.0, 900.0, math.nan, 1.0, 1e-3, 3.0])

    async def body(pilot, _pane):
        assert "▲ up to 900 at step 3,010" in text(pilot.app)
        await press(pilot, "down")
        assert "× 1 row without a number, the first at step 3,010" in text(pilot.app)

    with_pane(body, broken)


def test_columns_are_found_without_run_json():
    table = Table(("step", "my_metric"))
    table.extend([1, 5.0])

    async def body(pilot, pane):
        assert pane.settings.column == "my_metric"
        assert "my metric" in text(pilot.app)

    with_pane(body, Snapshot(RunDir("bare"), steps=table))
    assert drawables([Snapshot(RunDir("odd"), record={"columns": {"x": None}}, steps=table)])[0].name == "my_metric"


def test_the_mouse_points_pins_and_chooses():
    async def body(pilot, pane):
        picture = pane.query_one(Chart).pictures[0][2]
        await pilot.hover(Chart, (picture.left + picture.column(500), 8))
        assert pane.settings.cross == pytest.approx(500, abs=20)
        await pilot.hover(ColumnList, (3, 2))
        await pilot.pause()
        assert pane.settings.cross is None, "a crosshair that only hovered goes with the mouse"
        await pilot.click(Chart, (picture.left + picture.column(300), 8))
        await pilot.hover(ColumnList, (3, 2))
        assert pane.settings.cross == pytest.approx(300, abs=20)
        await pilot.click(ColumnList, (3, 2))
        await pilot.pause()
        assert pane.settings.column == "mel"
        await press(pilot, "m")
        await pilot.click(Chart, (20, pane.query_one(Chart).pictures[2][1] + 2))
        await pilot.pause()
        assert pane.settings.column == "pitch"

    with_pane(body, snapshot())


def test_a_long_run_is_filled_in_by_portions(monkeypatch):
    monkeypatch.setattr("fs2_tui.curves.pane.PORTION", 500)

    async def body(pilot, pane):
        for _ in range(100):
            await pilot.pause(0.02)
            if len(pane.query_one(Chart).panels[0].curves[0].y) == 6000:
                break
        assert [len(curve.y) for curve in pane.query_one(Chart).panels[0].curves[:2]] == [6000, 6000]

    with_pane(body, snapshot(rows=6000))


def test_a_run_that_began_anew_is_drawn_anew():
    async def body(pilot, pane):
        await press(pilot, "left", "plus", "plus", "h")
        pane.show([snapshot(rows=20)])
        await pilot.pause(0.05)
        view = pane.query_one(Chart).view
        assert view.x_max <= 200
        assert len(pane.query_one(Chart).panels[0].curves[0].y) == 20

    with_pane(body, snapshot())


def test_the_next_run_becomes_the_main_one_and_a_run_may_be_there_twice():
    async def body(pilot, pane):
        pane.show([snapshot("beta", rows=60), snapshot("alpha")])
        await pilot.pause(0.05)
        assert "● beta  ■ alpha" in text(pilot.app).splitlines()[0]
        pane.show([snapshot("beta", rows=60), snapshot("beta", rows=60), snapshot("gamma")])
        await pilot.pause(0.05)
        assert "● beta  ■ beta  ▲ gamma" in text(pilot.app).splitlines()[0]
        assert len(pane.query_one(Chart).panels[0].curves) == 9

    with_pane(body, snapshot(), snapshot("beta", rows=60))


def test_settings_go_round_and_stop_at_their_ends():
    settings = Settings()
    assert settings.smoother(99).weight == WEIGHTS[-1]
    assert settings.smoother(-99).weight == 0
    assert [suited_weight(rows) for rows in (10, 1000, 10_000, 10**6)] == [0.5, 0.8, 0.9, 0.97]


def test_navigation_without_any_rows():
    runs = [RunCurves()]
    for change in (navigation.over_next_axis, navigation.follow_toggled):
        assert change(Settings(), runs)
    assert navigation.crosshair(Settings(), runs, 0.1).cross is None
    assert navigation.zoomed(Settings(), [], 0.5).window == Window()
    assert navigation.panned(Settings(), [], 0.5).window == Window()


def test_what_is_less_needed_leaves_the_readout_first():
    found = {
        "step": "100",
        "epoch": "1",
        "after": "5 min",
        "train": "1.234",
        "smooth": "1.230",
        "validation": "2 at 90",
    }
    for width, absent in [(80, set()), (70, {"after"}), (58, {"after", "epoch"}), (45, {"after", "epoch", "smooth"})]:
        (line,) = readout.table([("", "run", found)], width)
        labels = {text.strip() for text, kind in line if kind == "label"}
        assert labels == set(found) - absent
        assert len("".join(text for text, _ in line).rstrip()) <= width


def test_the_head_never_is_wider_than_it_may_be():
    words = Settings().words()
    for width in (40, 60, 90):
        for said in ([], ["reading 43 %"], ["something long " * 9]):
            for line in readout.head(
                [("loss", "title")], [("  a", "run:0"), ("  b" * 30, "run:1")], words, said, " · ", width
            ):
                assert len("".join(text for text, _ in line)) <= max(width, 57)
