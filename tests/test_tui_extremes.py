"""The extremes of blocks of rows give what looking at every row would."""

import math
from array import array
from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from fs2_tui.curves import extremes
from fs2_tui.curves.extremes import BLOCK, Extremes
from fs2keras.rundir.curves import decimate

odd = st.sampled_from([math.nan, math.inf, -math.inf])
values = st.one_of(st.floats(-1e6, 1e6, width=32), st.floats(-10, 10, width=32), odd)


@settings(max_examples=60)
@given(
    st.lists(values, min_size=1, max_size=40 * BLOCK),
    st.lists(st.integers(1, 400), max_size=6),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 60),
)
def test_buckets_are_those_of_decimate(numbers, portions, start, end, columns):
    y = array("f", numbers)
    x = array("d", [row * 3 + row % 2 for row in range(len(y))])
    found = Extremes()
    for portion in portions:
        found.extend(y, min(found.rows + portion, len(y)))
    found.extend(y, len(y))
    low, high = sorted((start * x[-1], end * x[-1]))
    first, after = bisect_left(x, low), len(x)
    expected = decimate(x[first:after], y[first:after], low, high, columns)
    original, extremes.FEW = extremes.FEW, 0  # however few rows: by blocks
    try:
        assert found.buckets(x, y, low, high, columns) == expected
    finally:
        extremes.FEW = original
    assert found.buckets(x, y, low, high, columns) == expected
    assert list(found.odd) == [row for row, value in enumerate(y) if not math.isfinite(value)]


def test_no_spike_is_lost_in_a_long_run():
    y = array("f", [1.0]) * 100_000
    y[54_321], y[54_400] = 99.0, -99.0
    x = array("d", range(len(y)))
    found = Extremes()
    found.extend(y, len(y))
    for low, high in [(0, 99_999), (50_000, 60_000), (54_300, 54_500)]:
        buckets = found.buckets(x, y, low, high, 300)
        assert max(bucket.high for bucket in buckets) == 99
        assert min(bucket.low for bucket in buckets) == -99


def test_rows_that_were_not_taken_in_are_not_looked_at():
    y, x = array("f", range(10)), array("d", range(10))
    found = Extremes()
    found.extend(y, 4)
    assert max(bucket.high for bucket in found.buckets(x, y, 0, 9, 5)) == 3
    assert Extremes().buckets(x, y, 0, 9, 5) == []


def test_rows_without_their_x_yet_are_not_looked_at():
    y, x = array("f", range(10)), array("d", range(6))
    found = Extremes()
    found.extend(y, 10)
    assert max(bucket.high for bucket in found.buckets(x, y, 0, 9, 5)) == 5
