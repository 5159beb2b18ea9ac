"""Plots as text, and the widget that shows them."""

import asyncio
import math
from array import array
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App

from fs2_tui.curves.chart import Chart, capacity, grid
from fs2_tui.curves.picture import Curve, Panel, View, nearest
from fs2_tui.curves.plot import draw
from fs2_tui.look import Look
from fs2_tui.palette import luminance, readable
from fs2keras.rundir.curves import decimate


def curve(y, x=None, kind="smooth", run=0, **more):
    x = array("d", x if x is not None else range(len(y)))
    y = array("f", y)
    odd = array("q", [row for row, value in enumerate(y) if not math.isfinite(value)])
    return Curve(kind, run, x, y, partial(decimate, x, y), odd=odd, **more)


def lines(picture):
    return ["".join(text for text, _ in line) for line in picture.lines]


def plot(*curves, width=60, height=16, x_max=99.0, title="", **view):
    return draw(Panel(tuple(curves), title), View(0, x_max, "step", **view), width, height)


def inks(picture, kind):
    """(column, row) in the picture of every character of an ink that is not blank."""
    found = []
    for row, line in enumerate(picture.lines):
        column = 0
        for text, ink in line:
            if ink and ink.kind == kind:
                found += [(column + i, row) for i, character in enumerate(text) if character != " "]
            column += len(text)
    return found


FALLING = [10 - i / 10 for i in range(100)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50),
    st.integers(1, 90),
    st.integers(1, 30),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.floats(-10, 60)),
)
def test_a_plot_of_anything_has_its_size_and_only_the_characters_allowed(y, width, height, log, unicode, cross):
    view = {"log": log, "unicode": unicode, "cross": cross, "cross_label": "12"}
    curves = [curve(y, kind="raw"), curve(y, marker="A", sparse=True), curve(y[::5], kind="validation", marker="o")]
    picture = plot(*curves, width=width, height=height, x_max=50.0, title="loss", **view)
    assert [len(line) for line in lines(picture)] == [width] * height
    assert unicode or all(line.isascii() for line in lines(picture))


def test_a_falling_curve_falls():
    picture = plot(curve(FALLING))
    found = inks(picture, "smooth")
    rows = [max(row for column, row in found if column == at) for at in sorted({column for column, _ in found})]
    assert rows == sorted(rows)
    assert len(rows) == picture.width


def test_axes_have_labels_where_their_values_are():
    picture = plot(curve(FALLING), width=70, height=24)
    text = lines(picture)
    for value in (0, 2, 4, 6, 8, 10):
        row = next(row for row, line in enumerate(text) if line.startswith(f"{value:>6}┤"))
        assert abs(row - picture.row(value)) <= 1
    labels = text[-1].split()
    assert labels[0] == "step"
    assert {"0", "20", "40", "60", "80"} <= set(labels)
    assert text[-1].index("40") - picture.left == pytest.approx(picture.column(40), abs=1)


def test_a_spike_is_marked_where_it_leaves_the_plot():
    y = list(FALLING)
    y[50] = 700.0
    picture = plot(curve(y, kind="raw"))
    assert picture.y.high < 30
    assert (picture.left + picture.column(50), picture.top) in inks(picture, "mark")
    assert picture.notes == ("▲ up to 700 at step 50",)
    assert not plot(curve(y, kind="raw"), whole=True).notes


def test_a_plunge_is_marked_at_the_bottom():
    y = [100 + i / 100 for i in range(100)]
    y[20] = -500.0
    picture = plot(curve(y, kind="raw"))
    assert (picture.left + picture.column(20), picture.top + picture.height - 1) in inks(picture, "mark")
    assert picture.notes == ("▼ down to -500 at step 20",)


def test_rows_without_a_number_are_marked_at_the_edges():
    y = list(FALLING)
    y[30], y[60], y[90] = math.nan, math.inf, -math.inf
    picture = plot(curve(y, kind="raw"))
    bottom = picture.top + picture.height - 1
    assert inks(picture, "odd") == [
        (picture.left + picture.column(60), picture.top),
        (picture.left + picture.column(30), bottom),
        (picture.left + picture.column(90), bottom),
    ]
    assert picture.notes == ("× 3 rows without a number, the first at step 30",)
    assert "1 row " in plot(curve([1.0, math.nan, 2.0], kind="raw"), x_max=2.0).notes[0]


def test_a_log_axis_says_what_it_leaves_out():
    y = [0.0, -1.0] + [10.0 ** (i / 20 - 3) for i in range(98)]
    picture = plot(curve(y), log=True)
    assert picture.y.log
    assert picture.notes == ("values of 0 or less have no place on a log axis",)
    first = min(column for column, _ in inks(picture, "smooth")) - picture.left
    assert first in (0, 1)
    assert not plot(curve(y[2:]), log=True).notes


def test_a_log_axis_keeps_the_positive_values_of_a_column_that_also_holds_others():
    y = [0.0 if i % 2 else 5.0 for i in range(1000)]
    picture = plot(curve(y), x_max=999.0, log=True)
    assert len({column for column, _ in inks(picture, "smooth")}) == picture.width


def test_a_line_goes_on_to_the_edges_of_a_zoomed_plot():
    picture = draw(Panel((curve(FALLING),)), View(40.2, 40.8, "step"), 60, 16)
    columns = {column for column, _ in inks(picture, "smooth")}
    assert columns == set(range(picture.left, picture.left + picture.width))


def test_the_crosshair_is_at_its_x_with_a_ring_on_the_curve_and_a_label():
    picture = plot(curve(FALLING, kind="raw"), curve(FALLING), cross=50.0, cross_label="50")
    column = picture.left + picture.column(50)
    assert {at for at, _ in inks(picture, "cross")} == {column}
    assert inks(picture, "ring") == [(column, picture.top + picture.row(FALLING[50]))]
    assert lines(picture)[-1][column - 3 : column + 4].strip() == "50"
    assert not inks(plot(curve(FALLING), cross=150.0, cross_label="150"), "cross")


def test_validation_has_a_marker_at_each_point_or_at_some_when_they_are_many():
    few = plot(curve([5, 4, 3], [10, 50, 90], kind="validation", marker="o"))
    assert "".join(lines(few)).count("o") == 3
    many = plot(curve(FALLING, kind="validation", marker="o"))
    assert 4 <= "".join(lines(many)).count("o") <= 9


def test_runs_are_told_apart_without_colour():
    picture = plot(curve(FALLING, marker="A", sparse=True), curve(FALLING[::-1], run=1, marker="B", sparse=True))
    text = "".join(lines(picture))
    assert "A" in text
    assert "B" in text


def test_the_guide_is_dashed():
    guide, line = plot(curve([5.0] * 100, kind="guide")), plot(curve([5.0] * 100))
    assert 0 < len(inks(guide, "guide")) < len(inks(line, "smooth"))


def test_a_message_stands_in_the_middle():
    text = lines(draw(Panel(message="no steps yet: the first row comes after 10 steps"), View(), 30, 9))
    assert [line.strip() for line in text if line.strip()] == ["no steps yet: the first", "row comes after 10 steps"]
    assert not text[0].strip()


def test_labels_beside_the_crosshairs_are_not_cut_in_half():
    for x in range(0, 100, 7):
        text = lines(plot(curve(FALLING), cross=float(x), cross_label=str(x)))[-1].split()
        assert set(text) <= {"step", *map(str, range(0, 101, 10)), str(x)}
        assert str(x) in text


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.floats(-1e6, 1e6), st.integers(0, 40))
def test_the_nearest_row(x, value, rows):
    x = sorted(x)
    found = nearest(x, value, rows)
    known = x[:rows]
    assert found is None if not known else abs(known[found] - value) == min(abs(other - value) for other in known)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(20, 250), st.integers(5, 70))
def test_a_grid_holds_all_plots(panels, width, height):
    across, down = grid(panels, width, height)
    assert across * down >= panels
    assert capacity(width, height) >= 1


def test_as_many_plots_as_can_be_read():
    assert grid(6, 82, 34) == (2, 3)
    assert grid(6, 78, 17) == (2, 3)
    assert capacity(78, 17) == 6
    assert grid(1, 200, 50) == (1, 1)


def test_colours_stand_out_from_light_and_dark():
    from textual.color import Color

    for background in (Color(255, 255, 255), Color(18, 18, 18), Color(120, 120, 120)):
        for name in Look().series:
            light, dark = sorted((luminance(readable(Color.parse(name), background)), luminance(background)))[::-1]
            assert (light + 0.05) / (dark + 0.05) >= 3 or background == Color(120, 120, 120)


class ChartApp(App):
    CSS = "Screen { layout: vertical; }"

    def __init__(self, look=None):
        super().__init__()
        self.look, self.heard = look or Look(), []

    def compose(self):
        yield Chart()

    def on_chart_pointed(self, message):
        self.heard.append(("pointed", round(message.x), message.panel, message.clicked))

    def on_chart_scrolled(self, message):
        self.heard.append(("scrolled", round(message.x), message.closer))

    def on_chart_dragged(self, message):
        self.heard.append(("dragged", message.share))

    def on_chart_left(self):
        self.heard.append(("left",))


def with_chart(body, size=(80, 24), look=None):
    async def run():
        app = ChartApp(look)
        async with app.run_test(size=size) as pilot:
            chart = app.query_one(Chart)
            chart.show([Panel((curve(FALLING),), "loss")], View(0, 99, "step"))
            await pilot.pause()
            await body(app, pilot, chart)

    asyncio.run(run())


def shown(chart):
    return ["".join(segment.text for segment in chart.render_line(y)) for y in range(chart.size.height)]


def test_the_widget_fills_its_size_also_after_resizing():
    async def body(_app, pilot, chart):
        for width, height in ((80, 24), (120, 40), (30, 8), (10, 3)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert [len(line) for line in shown(chart)] == [width] * height

    with_chart(body)


def test_only_lines_that_changed_are_drawn_again():
    async def body(_app, _pilot, chart):
        refreshed = []
        chart.refresh = lambda *regions, **_: refreshed.extend(region.y for region in regions)
        chart.show([Panel((curve(FALLING),), "loss")], View(0, 99, "step"))
        assert refreshed == []
        chart.show([Panel((curve(FALLING),), "loss", "1.2")], View(0, 99, "step"))
        assert refreshed == [0]

    with_chart(body)


def test_the_mouse_points_clicks_scrolls_and_drags():
    async def body(app, pilot, chart):
        picture = chart.pictures[0][2]
        at = (picture.left + picture.column(50), 10)
        await pilot.hover(Chart, at)
        assert app.heard[-1] == ("pointed", 50, 0, False)
        await pilot.click(Chart, at)
        assert app.heard[-1] == ("pointed", 50, 0, True)
        await pilot.mouse_down(Chart, at)
        app.heard.clear()
        await pilot.hover(Chart, (at[0] + 9, 10))
        await pilot.mouse_up(Chart, (at[0] + 9, 10))
        assert app.heard == [("dragged", pytest.approx(9 / picture.width))]

    with_chart(body)


def test_the_wheel_zooms():
    from textual.events import MouseScrollDown, MouseScrollUp

    async def body(app, pilot, chart):
        column = chart.pictures[0][2].left + chart.pictures[0][2].column(20)
        for kind in (MouseScrollUp, MouseScrollDown):
            chart.post_message(kind(chart, column, 5, 0, 0, 0, False, False, False, column, 5))
        await pilot.pause()
        assert app.heard == [("scrolled", 20, True), ("scrolled", 20, False)]

    with_chart(body)


def test_several_panels_share_the_room():
    async def body(_app, _pilot, chart):
        chart.show([Panel((curve(FALLING),), f"column {i}") for i in range(5)], View(0, 99, "step"))
        text = "\n".join(shown(chart))
        assert all(f"column {i}" in text for i in range(5))

    with_chart(body, (100, 30))


def test_without_colours_it_draws_the_same_characters(monkeypatch):
    texts = []

    async def body(_app, _pilot, chart):
        texts.append(shown(chart))

    with_chart(body)
    monkeypatch.setenv("NO_COLOR", "1")
    with_chart(body)
    assert texts[0] == texts[1]


def test_ascii_is_nothing_but_ascii():
    async def body(_app, _pilot, chart):
        chart.show([Panel((curve(FALLING),), "loss")], View(0, 99, "step", cross=5.0, unicode=False))
        assert all(line.isascii() for line in shown(chart))

    with_chart(body, look=Look(unicode=False))
