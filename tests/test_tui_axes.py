"""What an axis shows, where its ticks are and how they are labelled."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fs2_tui.curves.axes import Scale, fitted, labels, linear_ticks, log_ticks, number, reach

values = st.floats(-1e9, 1e9)
positive = st.floats(1e-9, 1e9)


def whole(low, high, log=False):
    return fitted([(low, high)], log)


@settings(deadline=None)
@given(values, values)
def test_ticks_are_round_within_the_axis_and_no_more_than_asked(a, b):
    low, high = sorted((a, b))
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1e-6))
    for most in range(1, 12):
        ticks = linear_ticks(low, high, most)
        assert len(ticks) <= most
        slack = 1e-6 * (high - low)
        assert all(low - slack <= tick <= high + slack for tick in ticks)
        if len(ticks) > 1:
            step = ticks[1] - ticks[0]
            mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
            assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 1e-3


@settings(deadline=None)
@given(values, values)
def test_an_axis_with_room_for_eight_ticks_has_three_at_least(a, b):
    low, high = sorted((a, b))
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1e-6))
    assert len(linear_ticks(low, high, 8)) >= 3


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1000, 6, ["0", "200", "400", "600", "800", "1,000"]),
        (0, 200_000, 5, ["0", "50,000", "100,000", "150,000", "200,000"]),
        (0.72, 0.91, 5, ["0.75", "0.80", "0.85", "0.90"]),
        (0, 3.5e-4, 5, ["0", "1e-4", "2e-4", "3e-4"]),
        (-1, 1, 3, ["-1", "0", "1"]),
        (0, 3e7, 4, ["0", "10M", "20M", "30M"]),
    ],
)
def test_labels_as_people_write_them(low, high, most, expected):
    assert labels(linear_ticks(low, high, most)) == expected


def test_short_labels_for_narrow_plots():
    assert labels([0, 50_000, 100_000], short=True) == ["0", "50k", "100k"]
    assert labels([0, 2_500, 5_000], short=True) == ["0", "2,500", "5,000"]
    assert labels([10_000, 12_500], short=True) == ["10.0k", "12.5k"]


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
def test_no_two_ticks_have_the_same_label(low, span, most):
    texts = labels(linear_ticks(low, low + span, most))
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 1000, ["1", "10", "100", "1,000"]),
        (0.8, 21, ["1", "2", "5", "10", "20"]),
        (0.72, 0.91, ["0.75", "0.80", "0.85", "0.90"]),
        (1e-6, 1e-3, ["1e-6", "1e-5", "1e-4", "1e-3"]),
    ],
)
def test_log_ticks(low, high, expected):
    assert labels(log_ticks(low, high, 6)) == expected


@settings(deadline=None)
@given(positive, positive)
def test_log_ticks_are_within_the_axis_and_no_more_than_asked(a, b):
    low, high = sorted((a, b))
    assume(high > low * 1.001)
    for most in (1, 3, 8):
        ticks = log_ticks(low, high, most)
        assert len(ticks) <= most
        assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)


@settings(deadline=None)
@given(values, values, values, st.booleans())
def test_a_scale_places_and_finds_again(a, b, value, log):
    low, high = sorted((abs(a) + 1e-3, abs(b) + 1e-3)) if log else sorted((a, b))
    assume(high - low > 1e-3 * max(abs(low), abs(high)) + 1e-9)
    scale = Scale(low, high, log)
    assert scale.place(low) == pytest.approx(0, abs=1e-9)
    assert scale.place(high) == pytest.approx(1)
    inside = min(max(abs(value) if log else value, low), high)
    assert scale.value(scale.place(inside)) == pytest.approx(inside, rel=1e-5, abs=1e-5 * (high - low))


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=60))
def test_with_whole_every_value_is_on_the_axis(found):
    scale = fitted([reach(found, found, whole=True)])
    assert scale.low <= min(found)
    assert max(found) <= scale.high
    assert scale.low < scale.high


@settings(deadline=None)
@given(st.lists(positive, min_size=1, max_size=60))
def test_a_log_axis_has_bounds_above_zero_around_its_values(found):
    scale = fitted([reach(found, found, log=True, whole=True)], log=True)
    assert 0 < scale.low <= min(found)
    assert max(found) <= scale.high


def test_a_spike_does_not_flatten_the_rest():
    curve = [2 - i / 200 for i in range(200)]
    calm = fitted([reach(curve, curve)])
    spiked = curve[:50] + [500.0] + curve[50:]
    scale = fitted([reach(spiked, spiked)])
    assert scale.high < 4
    assert scale.low <= 1 <= calm.high <= scale.high
    assert fitted([reach(spiked, spiked, whole=True)]).high > 500
    assert fitted([reach(spiked, spiked, log=True)], log=True).high < 50


def test_a_fall_that_takes_its_time_is_shown_from_its_beginning():
    curve = [2.3 + 17 * math.exp(-i / 30) for i in range(100)]
    assert fitted([reach(curve, curve)]).high >= 19.3


def test_a_curve_that_is_flat_but_for_a_few_columns_shows_these():
    curve = [1.0] * 100 + [5.0]
    assert fitted([reach(curve, curve)]).high >= 5


def test_several_curves_are_all_on_the_axis():
    scale = fitted([reach([1.0, 2.0], [1.0, 2.0]), None, reach([40.0], [40.0])])
    assert scale.low <= 1
    assert scale.high >= 40


def test_nothing_to_show_still_makes_an_axis():
    assert reach([], []) is None
    assert reach([math.nan], [math.inf]) is None
    assert reach([-1.0, 0.0], [-1.0, 0.0], log=True) is None
    assert fitted([None]) == Scale(0, 1)
    assert fitted([], log=True).low > 0


@pytest.mark.parametrize("value", [0.0, 3.0, -2e-4, 1e8])
def test_one_value_gets_room_above_and_below(value):
    scale = whole(value, value)
    assert scale.low < value < scale.high or (value == 0 and scale.low <= 0 < scale.high)


def test_an_axis_that_would_begin_near_zero_begins_there():
    assert whole(0.8, 19).low == 0
    assert whole(8, 19).low > 0
    assert whole(-0.5, 19).low < -0.5


def test_bounds_do_not_move_with_each_new_value():
    assert len({whole(0.0, 10 + i / 100) for i in range(20)}) <= 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.0, "0"),
        (45.0, "45"),
        (1.23456, "1.235"),
        (19.168, "19.17"),
        (4517.23, "4,517"),
        (45170.3, "45,170"),
        (0.00123456, "0.001235"),
        (3.4938e-4, "3.494e-4"),
        (1.25e9, "1.25e9"),
        (-0.5, "-0.5000"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_have_four_digits(value, text):
    assert number(value) == text


@settings(deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True, width=32))
def test_a_number_is_short_enough_for_the_list(value):
    assert len(number(value)) <= 10
