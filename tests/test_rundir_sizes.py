"""Sizes as people say them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.rundir.sizes import file_size

FACTORS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@pytest.mark.parametrize(
    ("bytes", "said"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (999, "999 B"),
        (999.7, "1.0 kB"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (33_795_508, "33.8 MB"),
        (1_200_000_000, "1.2 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_says_a_size(bytes, said):
    assert file_size(bytes) == said


@given(st.integers(0, 10**15))
@settings(deadline=None)
def test_what_is_said_is_near_and_short(bytes):
    number, unit = file_size(bytes).split(" ")
    assert float(number) * FACTORS[unit] == pytest.approx(bytes, rel=0.051, abs=0.5)
    assert len(number) <= 4
