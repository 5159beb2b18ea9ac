"""Numeric columns of a CSV."""

import csv
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows, read_rows

COLUMNS = ("epoch", "step", "loss")


def single(value: float) -> float:
    """What is left of a number in four bytes."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def same(found, expected) -> bool:
    return list(map(repr, found)) == list(map(repr, expected))


def later_rows_win(rows):
    kept = []
    for row in rows:
        kept = [other for other in kept if other[1] < row[1]] + [row]
    return kept


def assert_holds(table, rows):
    """`rows` of COLUMNS, those of an own step only."""
    assert len(table) == len(rows)
    assert same(table["epoch"], [row[0] for row in rows])
    assert same(table["step"], [row[1] for row in rows])
    assert same(table["loss"], [single(row[2]) for row in rows])


def test_a_table_of_rows():
    rows = Rows(
        [
            {"step": 1, "loss": 0.5, "detail": "7", "mel": None},
            {"step": 2.0, "loss": "rubbish", "detail": "8", "mel": 10**400},
            {"step": "three", "loss": 1, "detail": "", "mel": 1},
            {"step": None, "loss": 1, "detail": "", "mel": 1},
            {"step": 2**40 + 1, "loss": math.inf, "detail": "", "mel": 1},
        ],
        columns=("step", "loss", "detail", "mel"),
    )
    table = Table.from_rows(rows)
    assert table.columns == ("step", "loss", "mel")
    assert same(table["step"], [1.0, 2.0, 2.0**40 + 1])
    assert same(table["loss"], [0.5, math.nan, math.inf])
    assert same(table["mel"], [math.nan, math.nan, 1.0])
    assert "loss" in table
    assert "detail" not in table
    with pytest.raises(KeyError):
        table["detail"]


def test_a_file_without_steps_or_without_rows_makes_an_empty_table(tmp_path):
    (tmp_path / "a.csv").write_text("time,event\n2026,started\n")
    for table in (Table(), Table.from_rows(Rows()), Table.from_rows(read_rows(tmp_path / "a.csv"))):
        assert (len(table), table.columns, table.last("step")) == (0, (), None)
    assert len(Table.from_rows(Rows(columns=("step", "loss")))) == 0


@pytest.mark.parametrize("columns", [("loss",), ("step", "loss", "loss")])
def test_columns_that_make_no_table(columns):
    with pytest.raises(ValueError, match="loss"):
        Table(columns)


def test_few_bytes_a_row():
    table = Table(("step", "epoch", "elapsed_s", *"abcdefghijkl"))
    assert sum(table[column].itemsize for column in table.columns) == 72


STEPS = st.integers(0, 12).map(float)
ROWS = st.lists(st.tuples(st.floats(), STEPS, st.floats()), max_size=25)


@given(rows=ROWS, pieces=st.lists(st.integers(1, 6), min_size=25, max_size=25))
@settings(deadline=None)
def test_steps_rise_and_later_rows_win(rows, pieces):
    table, left = Table(COLUMNS), rows
    for size in pieces:
        table.extend([cell for row in left[:size] for cell in row])
        left = left[size:]
    assert_holds(table, later_rows_win(rows))


@given(rows=ROWS, step=st.floats(-1, 13))
@settings(deadline=None)
def test_a_cut_leaves_the_rows_before_and_whoever_looks_at_the_old_ones_undisturbed(rows, step):
    table, rows = Table(COLUMNS), later_rows_win(rows)
    table.extend([cell for row in rows for cell in row])
    arrays = {column: table[column] for column in COLUMNS}
    version = table.version
    table.cut_from(step)
    kept = [row for row in rows if row[1] < step]
    assert_holds(table, kept)
    assert (table.version > version) == (len(kept) < len(rows))
    assert {len(values) for values in arrays.values()} == {len(rows)}


def test_a_version_is_of_one_content_only():
    one, other = Table(COLUMNS), Table(COLUMNS)
    seen = [one.version, other.version]
    for table in (one, other, one):
        table.extend([0.0, 1.0, 0.5])
        seen.append(table.version)
        table.extend([])
        table.cut_from(2)
        assert table.version == seen[-1]
    assert seen == sorted(set(seen))


CELL = st.one_of(
    st.floats().map(repr),
    st.integers(-5, 40).map(str),
    st.sampled_from(["", "nan", "inf", "-inf", "1e400", " 7 ", '"8"', '"1,2"', "word", "\ufffd", "1\x00", '"']),
)
LINE = st.one_of(
    st.tuples(st.integers(0, 3).map(str), st.integers(0, 30).map(str), st.floats().map(repr)).map(",".join),
    st.lists(CELL, min_size=3, max_size=3).map(",".join),
    st.lists(CELL, max_size=5).map(",".join),
)


@given(lines=st.lists(LINE, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None)
def test_lines_are_read_as_one_by_one(lines, end):
    """A block that is parsed at once holds what the csv module finds line by line."""
    rows = []
    for line in lines:
        cells = next(csv.reader([line]), [])
        if len(cells) == 3 and math.isfinite(number(cells[1])) and "\0" not in line:
            rows.append(tuple(map(number, cells)))
    table = Table(COLUMNS)
    assert table.extend_lines("".join(line + end for line in lines).encode()) == len(lines) - len(rows)
    assert_holds(table, later_rows_win(rows))


@pytest.mark.parametrize("lines", [b"1,2\n3\n", b"0,1,2,3\n4,5\n", b"0,1\n2,3,4,5\n", b"\n\n\n", b"0,1,2\n3,4\n,5\n"])
def test_lines_of_another_width_do_not_make_up_for_each_other(lines):
    table = Table(COLUMNS)
    whole = sum(line.count(b",") == 2 for line in lines.split(b"\n"))
    assert table.extend_lines(lines) == lines.count(b"\n") - whole
    assert len(table) == whole


def test_a_cell_that_csv_refuses_breaks_its_line_only():
    table = Table(COLUMNS)
    assert table.extend_lines(b'0,1,"' + b"x" * 200_000 + b'"\n0,2,3\n') == 1
    assert list(table["step"]) == [2]


def test_empty_cells_are_no_reason_to_go_line_by_line(monkeypatch):
    monkeypatch.setattr(Table, "_parse_line", None)
    table = Table(COLUMNS)
    assert table.extend_lines(b",1,\n,2,0.5\r\n3,3,\r\n") == 0
    assert same(table["epoch"], [math.nan, math.nan, 3.0])
    assert same(table["loss"], [math.nan, 0.5, math.nan])


@given(
    losses=st.lists(st.sampled_from([math.nan, math.inf, -math.inf, 0.5, 2.0, -3.0]), max_size=12), cut=st.integers()
)
@settings(deadline=None)
def test_the_last_finite_value(losses, cut):
    table = Table(COLUMNS)

    def expected(values):
        return next((value for value in reversed(values) if math.isfinite(value)), None)

    for step, loss in enumerate(losses):
        table.extend([math.nan, step, loss])
        assert table.last("loss") == expected(losses[: step + 1])
        assert table.last("epoch") is None
    table.cut_from(cut)
    assert table.last("loss") == expected(losses[: max(0, cut)])
    assert table.last("mel") is None
