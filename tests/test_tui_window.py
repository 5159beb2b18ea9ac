"""Zooming, panning and following on an x axis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2_tui.curves.window import Window

FIRST, LAST = 0.0, 1000.0
moves = st.lists(
    st.one_of(
        st.tuples(st.just("zoom"), st.floats(0.1, 4), st.floats(-100, 1100)),
        st.tuples(st.just("pan"), st.floats(-2, 2), st.just(0.0)),
        st.tuples(st.just("follow"), st.sampled_from([0.0, 1.0]), st.just(0.0)),
    ),
    max_size=20,
)


def moved(window, kind, number, around):
    if kind == "zoom":
        return window.zoomed(number, around, FIRST, LAST, 10)
    if kind == "pan":
        return window.panned(number, FIRST, LAST)
    return window.following(bool(number), FIRST, LAST)


@settings(deadline=None)
@given(moves)
def test_whatever_is_pressed_the_window_stays_on_the_axis(keys):
    window = Window()
    for key in keys:
        window = moved(window, *key)
        low, high = window.bounds(FIRST, LAST)
        assert FIRST - 1e-6 <= low < high <= LAST + 1e-6
        assert high - low >= 10 * (1 - 1e-6)


@settings(deadline=None)
@given(st.floats(0.1, 0.9), st.floats(0, 1000))
def test_zooming_leaves_the_value_where_it_is(factor, around):
    low, high = Window().zoomed(factor, around, FIRST, LAST, 1).bounds(FIRST, LAST)
    assert high - low == pytest.approx(1000 * factor)
    assert (around - low) / (high - low) == pytest.approx(around / 1000, abs=1e-6)


def test_zooming_out_ends_with_everything():
    window = Window().zoomed(0.5, 300, FIRST, LAST, 1)
    assert not window.everything
    assert window.zoomed(2, 300, FIRST, LAST, 1) == Window()


def test_a_window_at_the_end_follows_the_newest_row():
    window = Window().zoomed(0.25, LAST, FIRST, LAST, 1)
    assert window.follow
    assert window.bounds(FIRST, 2000) == (1750, 2000)
    away = window.panned(-1, FIRST, LAST)
    assert not away.follow
    assert away.bounds(FIRST, 2000) == (500, 750)
    assert away.panned(1, FIRST, LAST).follow


def test_follow_is_switched_off_and_on():
    fixed = Window().following(False, FIRST, LAST)
    assert fixed.bounds(FIRST, 5000) == (FIRST, LAST)
    assert fixed.following(True, FIRST, 5000).bounds(FIRST, 5000) == (4000, 5000)


def test_a_run_that_began_anew_is_seen_from_its_beginning():
    window = Window(600, 700, follow=False)
    assert window.bounds(0, 100) == (0, 100)
    assert Window(600, 700, follow=True).bounds(0, 50) == (0, 50)
