"""CSV files of a run: written, cut, read while they grow."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.errors import UserError
from fs2keras.rundir import columns, csvlog
from fs2keras.rundir.csvlog import CsvLog, CutError, cut, cut_after_step
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import read_last_rows, read_rows

ROOT = Path(__file__).parents[1]


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    rows = [
        {"step": 1, "loss": 0.1 + 0.2, "detail": 'a, "b"\nand c', "gpu": None},
        {"step": 2, "loss": float("inf"), "detail": "12", "gpu": 1e-300},
    ]
    with CsvLog(path, ["step", "loss", "detail", "gpu"]) as log:
        log.append(rows[0])
        log.append([2, float("inf"), "12", 1e-300])
        assert log.size() == path.stat().st_size
    rows[0]["detail"] = 'a, "b" and c'
    assert read_rows(path) == rows
    assert path.read_text().splitlines()[0] == "step,loss,detail,gpu"


def test_numpy_numbers_are_written_as_numbers(tmp_path):
    numpy = pytest.importorskip("numpy")
    with CsvLog(tmp_path / "a.csv", ["a", "b", "c", "d"]) as log:
        log.append([numpy.int64(3), numpy.float32(0.1), True, numpy.array(2.5)])
    assert (tmp_path / "a.csv").read_text() == "a,b,c,d\n3,0.10000000149011612,1,2.5\n"


def test_appending_goes_on_and_drops_a_half_written_line(tmp_path):
    path = tmp_path / "a.csv"
    for start in (1, 2):
        with CsvLog(path, ["step", "loss"]) as log:
            log.append([start, 0.5])
        with open(path, "ab") as file:
            file.write(b"9,0.")
    with CsvLog(path, ["step", "loss"]):
        pass
    assert path.read_bytes() == b"step,loss\n1,0.5\n2,0.5\n"


@pytest.mark.parametrize("found", [b"", b"st", b"step,loss"])
def test_a_half_written_header_is_written_again(tmp_path, found):
    (tmp_path / "a.csv").write_bytes(found)
    with CsvLog(tmp_path / "a.csv", ["step", "loss"]):
        pass
    assert (tmp_path / "a.csv").read_bytes() == b"step,loss\n"


@pytest.mark.parametrize("found", [b"step,mel\n1,2\n", b"step,loss,mel\n", b"s\n1\n"])
def test_another_header_is_refused_and_kept(tmp_path, found):
    (tmp_path / "a.csv").write_bytes(found)
    with pytest.raises(UserError, match="a.csv: its columns"):
        CsvLog(tmp_path / "a.csv", ["step", "loss"])
    assert (tmp_path / "a.csv").read_bytes() == found


def test_rows_of_another_shape_are_refused(tmp_path):
    with CsvLog(tmp_path / "a.csv", ["step", "loss"]) as log:
        for row in ({"step": 1}, {"step": 1, "loss": 2, "mel": 3}, [1], [1, 2, 3]):
            with pytest.raises(ValueError, match="a.csv"):
                log.append(row)
    assert read_rows(tmp_path / "a.csv") == []


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    log = CsvLog(tmp_path / "a.csv", ["step", "loss"])
    log.append([1, 0.5])
    real, calls = os.write, []

    def full(descriptor, data):
        calls.append(data)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data[:3])

    monkeypatch.setattr(csvlog.os, "write", full)
    with pytest.raises(UserError, match="a.csv: no room"):
        log.append([2, 0.25])
    monkeypatch.undo()
    log.append([3, 0.125])
    log.close()
    assert (tmp_path / "a.csv").read_bytes() == b"step,loss\n1,0.5\n3,0.125\n"


def test_cut_at_an_offset(tmp_path):
    path = tmp_path / "a.csv"
    with CsvLog(path, ["step", "loss"]) as log:
        log.append([1, 0.5])
        offset = log.size()
        log.append([2, 0.25])
    whole = path.read_bytes()
    for wrong in (offset - 1, len(whole) + 1, 0):
        with pytest.raises(CutError, match="a.csv"):
            cut(path, wrong)
    assert path.read_bytes() == whole
    cut(path, len(whole))
    cut(path, offset)
    assert path.read_bytes() == b"step,loss\n1,0.5\n"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_cut_of_an_empty_file(tmp_path):
    for found in (b"", b"st"):
        (tmp_path / "a.csv").write_bytes(found)
        cut_after_step(tmp_path / "a.csv", 2)
        with CsvLog(tmp_path / "a.csv", ["step", "loss"]):
            pass
        assert (tmp_path / "a.csv").read_bytes() == b"step,loss\n"


def test_cut_after_a_step(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"epoch,step,loss\n0,1,0.5\n0,2\n0,2,0.5\n\0\0\0\n1,30,0.5\n1,4,0.5")
    cut_after_step(path, 2)
    assert path.read_bytes() == b"epoch,step,loss\n0,1,0.5\n0,2,0.5\n"
    cut_after_step(path, 0)
    assert path.read_bytes() == b"epoch,step,loss\n"


CELLS = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.none())
DETAILS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(rows=st.lists(st.tuples(st.integers(0, 10**9), DETAILS, CELLS), max_size=3))
@settings(deadline=None, max_examples=15)
def test_cut_anywhere_the_rows_read_are_a_prefix(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("c") / "a.csv"
    with CsvLog(path, ["step", "detail", "loss"]) as log:
        for row in rows:
            log.append(row)
    whole, true = path.read_bytes(), read_rows(path)
    assert [(row["step"], row["loss"]) for row in true] == [(row[0], row[2]) for row in rows]
    assert true.skipped == 0
    assert len(whole.splitlines()) >= 1 + len(rows)
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        read = read_rows(path)
        assert read == true[: len(read)]
        assert read.skipped == 0
        assert len(read) == max(0, whole[:end].count(b"\n") - 1)
        for n in (0, 1, 9):
            assert read_last_rows(path, n) == read[max(0, len(read) - n) :]
        with CsvLog(path, ["step", "detail", "loss"]):
            pass
        assert read_rows(path) == read


def test_rows_of_another_width_are_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'step,loss\n1,2\n1,2,3\n\0\0\n"\n\xff,7\n3,4\n')
    rows = read_rows(path)
    assert rows == [{"step": 1, "loss": 2}, {"step": 3, "loss": 4}]
    assert rows.skipped == 4
    assert rows.columns == ("step", "loss")
    assert read_rows(tmp_path / "none.csv") == [] == read_last_rows(tmp_path / "none.csv", 3)


def test_last_rows_of_a_long_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n" + "".join(f"{i},{i / 7!r}\n" for i in range(50_000)))
    for n in (1, 50, 3000):
        assert [row["step"] for row in read_last_rows(path, n)] == list(range(50_000 - n, 50_000))
    assert read_last_rows(path, 10**6) == read_rows(path)


@pytest.mark.parametrize("name", ["steps.csv", "events.csv", "process.csv"])
def test_the_file_of_another_program_has_no_rows_of_ours(tmp_path, name):
    path = tmp_path / name
    path.write_text("name,price\nbread,2\n")
    assert read_rows(path) == [] == read_last_rows(path, 5)
    assert read_rows(path).skipped == 1


def test_a_number_of_any_length_is_no_error(tmp_path):
    (tmp_path / "a.csv").write_text(f"step,loss\n1,{'7' * 5000}\n{'7' * 5000},1\n")
    rows = read_rows(tmp_path / "a.csv")
    assert [row["step"] for row in rows] == [1]
    assert rows.skipped == 1


def test_events_without_their_time_are_not_ours(tmp_path):
    (tmp_path / "events.csv").write_text("step,loss\n1,2\n")
    assert read_rows(tmp_path / "events.csv") == []
    assert len(read_rows((tmp_path / "events.csv").rename(tmp_path / "steps.csv"))) == 1


def test_a_reader_beside_a_writer_sees_whole_rows(tmp_path):
    path = tmp_path / "a.csv"
    code = (
        "import sys; from fs2keras.rundir.csvlog import CsvLog\n"
        "log = CsvLog(sys.argv[1], ['step', 'half', 'text'])\n"
        "for i in range(10**7): log.append([i, i / 2, 'x' * 50])"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT)
    try:
        wait_until(path.exists)
        for _ in range(20):
            rows = read_last_rows(path, 20)
            assert rows.skipped == 0
            assert all(row["half"] == row["step"] / 2 and len(row["text"]) == 50 for row in rows)
            time.sleep(0.005)
    finally:
        writer.kill()
        writer.wait()
    assert rows


def test_a_column_that_is_there_twice_makes_no_rows(tmp_path):
    path = tmp_path / "validation.csv"
    path.write_text("step,loss,loss\n1,2,3\n")
    for rows in (read_rows(path), read_last_rows(path, 5)):
        assert (list(rows), rows.skipped) == ([], 1)
        assert len(Table.from_rows(rows)) == 0


def test_columns_describe_themselves():
    loss = columns.Column("loss", "loss", "", "loss", "lower")
    names = columns.names(columns.step_columns([loss]))
    assert names == (
        "step", "epoch", "elapsed_s", "loss", "learning_rate", "grad_norm", "steps_per_s", "frames_per_s",
        "data_wait_share",
    )  # fmt: skip
    assert columns.names(columns.validation_columns([loss])) == ("step", "loss")
    assert columns.as_json([loss]) == {"loss": {"label": "loss", "unit": "", "group": "loss", "better": "lower"}}
