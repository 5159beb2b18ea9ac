"""From columns to curves."""

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.rundir.curves import Bucket, Smoother, XValues, decimate, smooth, x_at, x_values
from fs2keras.rundir.table import Table

VALUES = st.lists(st.floats(width=32), max_size=40)
TAME = st.floats(-1e6, 1e6, width=32)
WEIGHT = st.one_of(st.just(0.0), st.floats(0, 0.999))


def table_of(epochs=(), elapsed=(), steps=None) -> Table:
    table = Table(("step", "epoch", "elapsed_s", "loss"))
    epochs = list(epochs) or [0.0] * len(elapsed)
    elapsed = list(elapsed) or [0.0] * len(epochs)
    for i, (epoch, seconds) in enumerate(zip(epochs, elapsed, strict=True)):
        table.extend([steps[i] if steps else 10.0 * (i + 1), epoch, seconds, 0.5])
    return table


@given(
    points=st.lists(st.tuples(st.floats(0, 100), st.floats()), max_size=60),
    window=st.tuples(st.floats(-5, 105), st.floats(-5, 105)),
    columns=st.integers(1, 30),
)
@settings(deadline=None)
def test_every_extreme_stays_at_any_zoom(points, window, columns):
    points.sort(key=lambda point: point[0])
    (x_min, x_max), x, y = sorted(window), [x for x, _ in points], [y for _, y in points]
    buckets = decimate(x, y, x_min, x_max, columns)
    left = iter([value for place, value in points if x_min <= place <= x_max and math.isfinite(value)])
    assert all(before.column < after.column for before, after in pairwise(buckets))
    for bucket in buckets:
        begin, end = (x_min + (x_max - x_min) * ((bucket.column + i) / columns) for i in (0, 1))
        last = bucket.column == columns - 1
        inside = [
            value
            for place, value in points
            if begin <= place and (place < end or (last and place <= x_max)) and math.isfinite(value)
        ]
        assert bucket == Bucket(bucket.column, inside[0], min(inside), max(inside), inside[-1])
        assert [next(left) for _ in inside] == inside  # each point is in one bucket
    assert next(left, None) is None


def test_a_spike_among_many():
    x, y = array("d", range(1, 200_001)), array("f", [0.5]) * 200_000
    y[123_456], y[10], y[77_777] = 9.0, math.nan, -math.inf
    buckets = decimate(x, y, 1, 200_000, 400)
    assert [bucket.column for bucket in buckets] == list(range(400))
    assert [bucket.column for bucket in buckets if bucket.high == 9] == [123_456 * 400 // 200_000]
    assert {bucket.low for bucket in buckets} == {0.5}
    (near,) = decimate(x, y, 123_457, 123_457, 400)
    assert near[1:] == (9, 9, 9, 9)


@pytest.mark.parametrize(
    ("x", "y", "window"),
    [
        ([], [], (0, 1)),
        ([1, 2], [], (0, 9)),
        ([1, 2], [3, 4], (5, 9)),
        ([1, 2], [3, 4], (1.2, 1.8)),
        ([1, 2], [3, 4], (2, 1)),
        ([1, 2], [math.nan, math.inf], (0, 9)),
    ],
)
def test_nothing_to_draw(x, y, window):
    assert decimate(x, y, *window, 5) == []


def test_values_that_are_not_there_yet_are_left_out():
    assert decimate([1, 2, 3], [5, 6], 0, 4, 1) == [Bucket(0, 5, 5, 6, 6)]


@given(values=VALUES, weight=WEIGHT)
@settings(deadline=None)
def test_smoothing_is_a_mean_with_falling_weights(values, weight):
    values = [value if abs(value) < 1e30 else math.nan for value in values]
    found = smooth(values, weight)
    assert len(found) == len(values)
    finite = []
    for value, mean in zip(values, found, strict=True):
        if math.isnan(value):
            assert math.isnan(mean)
            continue
        finite.append(value)
        weights = [weight**age for age in reversed(range(len(finite)))]
        expected = math.fsum(map(math.prod, zip(weights, finite, strict=True))) / math.fsum(weights)
        assert mean == pytest.approx(expected, rel=1e-5, abs=1e-6 * max(map(abs, finite)) + 1e-44)


def test_smoothing_by_hand():
    assert smooth([1.0, math.inf, 3.0, 3.0], 0.5).tolist()[2:] == pytest.approx([7 / 3, 19 / 7])
    assert math.isnan(smooth([1.0, math.inf], 0.5)[1])
    assert smooth([0.1, 0.7, 0.3], 0).tolist() == array("f", [0.1, 0.7, 0.3]).tolist()
    assert smooth(array("f", [0.1] * 500), 0.99).tolist() == array("f", [0.1] * 500).tolist()
    assert smooth([], 0.9).tolist() == []


@pytest.mark.parametrize("weight", [-0.1, 1.0, 1.5, math.nan])
def test_weights_that_are_none(weight):
    with pytest.raises(ValueError, match="weight is"):
        Smoother(weight)


@given(losses=st.lists(TAME, min_size=1, max_size=30), pieces=st.lists(st.integers(1, 9), max_size=12))
@settings(deadline=None)
def test_smoothing_goes_on_where_it_was(losses, pieces):
    table, smoother, step = Table(("step", "loss")), Smoother(0.9), 0
    for size in pieces:
        for loss in losses[step : step + size]:
            step += 1
            table.extend([step, loss])
        assert smoother.update(table["loss"]).tolist() == smooth(table["loss"], 0.9).tolist()
    table.cut_from(step // 2 + 1)
    table.extend([step + 1, 7.0])
    assert smoother.update(table["loss"]).tolist() == smooth(table["loss"], 0.9).tolist()
    other = array("f", [1.0, 2.0])
    assert smoother.update(other).tolist() == smooth(other, 0.9).tolist()
    del other[1]
    assert smoother.update(other).tolist() == [1.0]


def test_old_rows_are_not_smoothed_again():
    class Values(list):
        def __getitem__(self, place):
            taken.append(found := super().__getitem__(place))
            return found

    taken, values, smoother = [], Values([1.0, 2.0]), Smoother(0.5)
    smoother.update(values)
    values.append(3.0)
    assert smoother.update(values).tolist() == smooth([1.0, 2.0, 3.0], 0.5).tolist()
    assert taken == [[1.0, 2.0], [3.0]]


def test_steps_are_an_axis():
    table = table_of(epochs=[0, 0, 1])
    assert x_values(table, "step") is table["step"]


@given(elapsed=st.lists(st.one_of(st.floats(0, 1e7), st.sampled_from([math.nan, math.inf, -1.0])), max_size=30))
@settings(deadline=None)
def test_hours_never_fall(elapsed):
    found = x_values(table_of(elapsed=elapsed), "hours")
    highest = 0.0
    for hours, seconds in zip(found, elapsed, strict=True):
        if math.isfinite(seconds):
            highest = max(highest, seconds / 3600)
        assert hours == highest


@given(length=st.integers(1, 60), every=st.integers(1, 25), rows=st.integers(1, 80), begin=st.integers(0, 50))
@settings(deadline=None)
def test_rows_are_spread_within_their_epoch(length, every, rows, begin):
    """The trainer writes the epoch of the last step: (step - 1) // length."""
    steps = [float(every * (begin + i + 1)) for i in range(rows)]
    epochs = [(step - 1) // length for step in steps]
    found = x_values(table_of(epochs=epochs, steps=steps), "epoch")
    if epochs[-1] == 0:  # nobody knows yet how long it is
        assert list(found) == epochs
        return
    assert all(
        epoch <= x * (1 + 1e-12) and x <= (epoch + 1) * (1 + 1e-12) for epoch, x in zip(epochs, found, strict=True)
    )
    ratios = [x / step for x, step in zip(found, steps, strict=True)]
    assert max(ratios) == pytest.approx(min(ratios))


def test_the_length_of_an_epoch_is_found_exactly():
    steps = [float(step) for step in range(10, 4001, 10)]
    found = x_values(table_of(epochs=[(step - 1) // 22 for step in steps], steps=steps), "epoch")
    assert list(found) == [step / 22 for step in steps]


def test_half_a_step_in_an_epoch_with_accumulation():
    steps = [float(step) for step in range(1, 800)]
    found = x_values(table_of(epochs=[(2 * step - 1) // 25 for step in steps], steps=steps), "epoch")
    assert found[-1] == pytest.approx(steps[-1] / 12.5, rel=1e-3)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([0, 1, 2, 3, 3, 3, 3, 3, 3], [0, 1, 2, 3, 3, 3, 3, 3, 3]),
        ([0, 5, 2, 6, 6, 6], [0, 5, 5, 6, 6, 6]),
        ([-1, 0, 0, 1], [0, 0, 0, 1]),
        ([math.nan, 1, math.nan, 2], [0, 1, 1, 2]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_epochs_of_unequal_length_are_taken_as_they_are(epochs, expected):
    assert list(x_values(table_of(epochs=epochs), "epoch")) == expected


@given(
    elapsed=st.lists(st.floats(0, 1e6), min_size=2, max_size=40),
    pieces=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    axis=st.sampled_from(["step", "epoch", "hours"]),
)
@settings(deadline=None)
def test_an_axis_goes_on_where_it_was(elapsed, pieces, axis):
    whole, growing, axis_of = table_of(elapsed=elapsed), table_of(), XValues(axis)
    row = 0
    for size in pieces:
        for seconds in elapsed[row : row + size]:
            growing.extend([10.0 * (row + 1), row // 4, seconds, 0.5])
            row += 1
        assert list(axis_of.update(growing)) == list(x_values(growing, axis))
    growing.cut_from(20)
    growing.extend([25, 1, 7.0, 0.5])
    assert list(axis_of.update(growing)) == list(x_values(growing, axis))
    assert list(axis_of.update(whole)) == list(x_values(whole, axis))


def test_a_table_without_the_column_has_no_such_axis():
    table = Table(("step", "loss"))
    table.extend([1, 0.5])
    for axis in ("epoch", "hours"):
        assert len(x_values(table, axis)) == 0
        assert len(x_at([1], table["step"], x_values(table, axis))) == 0
    assert len(x_values(Table(), "step")) == 0


def test_other_steps_are_found_between_the_rows():
    steps, hours = [10, 20, 40], [1.0, 2.0, 2.5]
    assert list(x_at([0, 5, 10, 15, 20, 30, 40, 99], steps, hours)) == [0, 0.5, 1, 1.5, 2, 2.25, 2.5, 2.5]
    assert list(x_at([0, 5], [0, 10], [0.0, 1.0])) == [0, 0.5]
    assert list(x_at([5], [], [])) == []


@given(
    elapsed=st.lists(st.floats(0, 1e6), min_size=1, max_size=20).map(sorted),
    at=st.lists(st.integers(0, 300), max_size=20),
)
@settings(deadline=None)
def test_other_steps_keep_their_order_and_rows_are_where_they_are(elapsed, at):
    table = table_of(elapsed=elapsed)
    hours = x_values(table, "hours")
    assert x_at(table["step"], table["step"], hours).tolist() == pytest.approx(list(hours))
    found = list(x_at(sorted(at), table["step"], hours))
    assert all(before <= after * (1 + 1e-12) for before, after in pairwise(found))
