"""steps.csv while something happens to it."""

import math
import os
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.rundir import follow
from fs2keras.rundir.csvlog import CsvLog, cut_after_step
from fs2keras.rundir.follow import PATIENCE, StepsFollower
from fs2keras.rundir.table import Table

HEADER = b"step,epoch,elapsed_s,loss\n"


def lines(first: int, last: int, scale: float = 7.0) -> bytes:
    return b"".join(b"%d,%d,%r,%r\n" % (i, i // 100, i / 3, i / scale) for i in range(first, last + 1))


def number(cell: bytes) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def truth(data: bytes) -> tuple[list[tuple[float, ...]], int]:
    """The rows that a file's whole lines hold, and how many lines hold none."""
    header, *whole = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1] or [b""]
    width, rows, broken = header.count(b",") + 1, [], 0
    for line in whole:
        cells = tuple(map(number, line.split(b",")))
        if b"\0" in line or len(cells) != width or not math.isfinite(cells[0]):
            broken += 1
            continue
        while rows and rows[-1][0] >= cells[0]:
            rows.pop()
        rows.append(cells)
    return rows, broken


def rows_of(table) -> list[tuple[float, ...]]:
    return list(zip(*(table[column] for column in table.columns), strict=True))


def rounded(rows) -> list[str]:
    """As text, since NaN is never equal; the fourth column has four bytes a number."""
    return [repr((*row[:3], *array("f", row[3:]))) for row in rows]


def settled(follower: StepsFollower, polls: int = 60) -> StepsFollower:
    """Poll until it has seen all there is, however late that came."""
    for _ in range(polls):
        follower.poll()
    assert (follower.complete, follower.share_read, follower.problem) == (True, 1.0, "")
    return follower


def assert_true_to(follower: StepsFollower, data: bytes) -> None:
    rows, broken = truth(data)
    assert rounded(rows_of(follower.table)) == rounded(rows)
    assert follower.skipped == broken


@pytest.fixture
def path(tmp_path):
    return tmp_path / "steps.csv"


def test_a_run_as_it_is_written(path):
    follower = StepsFollower(path)
    assert not follower.poll()
    assert (len(follower.table), follower.complete, follower.share_read, follower.problem) == (0, True, 1.0, "")
    with CsvLog(path, ["step", "epoch", "elapsed_s", "loss"]) as log:
        assert follower.poll()
        assert not follower.poll()
        for step in (1, 2, 3):
            log.append([step, 0, step / 3, 0.1 * step])
            assert follower.poll()
            assert follower.table.last("step") == step
            assert not follower.poll()
        log.append([4, 1, math.nan, math.inf])
    follower.poll()
    assert_true_to(follower, path.read_bytes())
    assert repr(rows_of(follower.table)[-1]) == "(4.0, 1.0, nan, inf)"


def test_cut_anywhere_the_rows_read_are_a_prefix(path):
    whole = HEADER + b"1,0,0.25,3e-07\n2,0,nan,-inf\n3,,1.5,\n10,1,2.0,0.1\n"
    true = rounded(truth(whole)[0])
    assert len(true) == 4
    growing = StepsFollower(path)
    ends = list(range(len(whole) + 1))
    for end in ends + ends[::-1] + ends[::7]:
        path.write_bytes(whole[:end])
        growing.poll()
        for follower in (growing, fresh := StepsFollower(path)):
            fresh.poll()
            found = rounded(rows_of(follower.table))
            assert found == true[: max(0, whole[:end].count(b"\n") - 1)]
            assert (follower.skipped, follower.problem, follower.complete) == (0, "", True)


def test_the_tail_is_there_at_once_and_the_rest_follows(path, monkeypatch):
    data = HEADER + lines(1, 5000)
    path.write_bytes(data)
    follower = StepsFollower(path, tail_rows=100)
    assert follower.poll(10_000)
    assert rounded(rows_of(follower.table)) == rounded(truth(data)[0][-100:])
    assert not follower.complete
    assert follower.share_read < 0.01
    monkeypatch.setattr(follow, "BLOCK", 8192)
    shares = []
    while not follower.complete:
        shares.append(follower.share_read)
        path.write_bytes(data := data + lines(5000 + len(shares), 5000 + len(shares)))
        assert follower.poll(10_000)
        assert follower.table.last("step") == 5000 + len(shares)
    assert 10 < len(shares) < 25
    assert shares == sorted(set(shares))
    assert follower.share_read == 1.0
    assert_true_to(follower, data)


def test_reading_reads_little(path, monkeypatch):
    path.write_bytes(HEADER + lines(1, 200_000))
    size = path.stat().st_size
    read, real = [], os.pread
    monkeypatch.setattr(os, "pread", lambda *given: read.append(len(data := real(*given))) or data)
    follower = StepsFollower(path)
    follower.poll()
    assert len(follower.table) == 2000
    assert sum(read) < 500_000
    follower.poll()
    read.clear()
    follower.poll()
    assert sum(read) < 2_000_000
    while not follower.complete:
        follower.poll()
    assert sum(read) < 1.5 * size
    read.clear()
    with open(path, "ab") as file:
        file.write(lines(200_001, 200_001))
    follower.poll()
    assert len(follower.table) == 200_001
    assert sum(read) < 1_000_000


def test_a_resume_cuts_the_file_and_goes_on(path):
    path.write_bytes(HEADER + lines(1, 50))
    follower = settled(StepsFollower(path))
    cut_after_step(path, 30)
    assert follower.poll()
    assert len(follower.table) == 30
    with open(path, "ab") as file:
        file.write(lines(31, 60, 9.0))
    assert follower.poll()
    assert_true_to(follower, HEADER + lines(1, 30) + lines(31, 60, 9.0))


def test_what_a_resume_leaves_stays_in_sight(path, monkeypatch):
    path.write_bytes(HEADER + lines(1, 30_000) + b"broken\n" + lines(30_001, 40_000))
    follower = settled(StepsFollower(path))
    cut_after_step(path, 35_000)
    with open(path, "ab") as file:
        file.write(lines(35_001, 35_010, 9.0))
    parsed, real = [], Table.extend_lines
    monkeypatch.setattr(Table, "extend_lines", lambda self, data: parsed.append(len(data)) or real(self, data))
    assert follower.poll()
    assert sum(parsed) < 400_000 < path.stat().st_size
    assert (len(follower.table), follower.complete, follower.skipped) == (35_010, True, 0)
    assert_true_to(follower, path.read_bytes())


def test_the_first_change_counts(path, monkeypatch):
    """Of a file that took another's place nothing is taken for granted because its end is the same."""
    monkeypatch.setattr(follow, "BLOCK", 4096)
    monkeypatch.setattr(follow, "CHUNK", 4096)
    data = HEADER + lines(1, 2000)
    for row, other in ((b"\n3,0,", b"\n3,5,"), (b"\n700,7,", b"\n700,5,"), (b"\n1990,19,", b"\n1990,15,")):
        path.write_bytes(data)
        follower = settled(StepsFollower(path))
        changed = data.replace(row, other)
        assert changed != data
        (path.parent / "new").write_bytes(changed)
        os.replace(path.parent / "new", path)
        assert follower.poll()
        assert_true_to(follower, changed)


def test_a_file_that_is_replaced_before_it_has_been_read(path):
    path.write_bytes(HEADER + lines(1, 9000))
    follower = StepsFollower(path, tail_rows=10)
    follower.poll(1000)
    (path.parent / "new").write_bytes(HEADER + lines(1, 8000, 9.0))
    os.replace(path.parent / "new", path)
    follower.poll(1000)
    assert rounded(rows_of(follower.table)) == rounded(truth(HEADER + lines(7991, 8000, 9.0))[0])
    assert_true_to(settled(follower), path.read_bytes())


@pytest.fixture
def every_block_is_a_chunk(monkeypatch):
    for name, value in (("BLOCK", 1024), ("LONGEST_LINE", 512), ("CHUNK", 1)):
        monkeypatch.setattr(follow, name, value)


def test_a_change_before_steps_that_repeat(path, every_block_is_a_chunk):
    data = HEADER + lines(1, 100) + lines(20, 25, 9.0)
    path.write_bytes(data)
    follower = settled(StepsFollower(path))
    assert len(follower.table) == 25
    after = data[: data.index(b"\n70,") + 1] + lines(71, 99)
    path.write_bytes(after)
    assert_true_to(settled(follower), after)


def test_a_change_within_a_long_line(path, every_block_is_a_chunk):
    data = HEADER + lines(1, 9) + b"x" * 3 * follow.BLOCK + b"77,0,1.0,2.0\n" + lines(80, 90)
    path.write_bytes(data)
    follower = settled(StepsFollower(path))
    assert (len(follower.table), follower.skipped) == (20, 1)
    after = data.replace(b"77,", b"78,")
    path.write_bytes(after)
    assert_true_to(settled(follower), after)


def test_a_long_line_that_goes_away(path, every_block_is_a_chunk):
    path.write_bytes(HEADER + lines(1, 9) + b"x" * 3 * follow.BLOCK)
    follower = settled(StepsFollower(path))
    after = HEADER + lines(1, 15)
    path.write_bytes(after)
    assert_true_to(settled(follower), after)


def test_the_last_row_is_checked_each_time(path, monkeypatch):
    monkeypatch.setattr(follow, "BLOCK", 1024)
    monkeypatch.setattr(follow, "CHUNK", 1024)
    data = HEADER + lines(1, 2000)
    path.write_bytes(data)
    follower = settled(StepsFollower(path))
    for digit in b"123456":
        with open(path, "rb+") as file:
            file.seek(-2, os.SEEK_END)
            file.write(bytes([digit]))
        assert follower.poll()
        assert_true_to(follower, data[:-2] + bytes([digit]) + b"\n")


def test_a_tail_begins_with_a_whole_row(path):
    data = HEADER + lines(1, 9000)
    path.write_bytes(data)
    for rows in (10, 9000, 10**6):
        follower = StepsFollower(path, rows)
        follower.poll(1000)
        assert len(follower.table) == 10 if rows == 10 else 1000 < len(follower.table) < 9000
        assert rounded(rows_of(follower.table)) == rounded(truth(data)[0][-len(follower.table) :])
        assert (follower.skipped, follower.complete) == (0, False)


def test_steps_that_repeat_replace(path):
    path.write_bytes(HEADER + lines(1, 50))
    follower = settled(StepsFollower(path))
    with open(path, "ab") as file:
        file.write(lines(31, 40, 9.0))
    follower.poll()
    assert len(follower.table) == 40
    assert_true_to(follower, path.read_bytes())


@pytest.mark.parametrize(
    "after",
    [
        HEADER,
        b"",
        b"st",
        HEADER + lines(1, 50, 8.0),
        HEADER + lines(1, 90, 8.0),
        HEADER + lines(1, 20),
        HEADER + lines(4, 60),
        HEADER + lines(1, 49) + b"50,0,1.5,",
        b"step,mel\n1,0.5\n2,0.25\n",
        b"step,epoch,elapsed_s,mel!\n" + lines(1, 50),
    ],
)
@pytest.mark.parametrize("in_place", [True, False])
def test_another_content(path, after, in_place):
    path.write_bytes(HEADER + lines(1, 50))
    follower = settled(StepsFollower(path))
    shown, before = follower.table, rows_of(follower.table)
    if in_place:
        path.write_bytes(after)
    else:
        (path.parent / "new").write_bytes(after)
        os.replace(path.parent / "new", path)
    assert follower.poll()
    assert rounded(rows_of(follower.table)) == rounded(truth(after)[0])
    assert rows_of(shown) == before  # whoever draws it still can


def test_a_change_far_before_the_end_is_found_in_time(path, monkeypatch):
    monkeypatch.setattr(follow, "BLOCK", 4096)
    monkeypatch.setattr(follow, "CHUNK", 4096)
    data = bytearray(HEADER + lines(1, 2000))
    path.write_bytes(data)
    follower = settled(StepsFollower(path))
    at = data.index(b"\n700,") + 5
    data[at : at + 1] = b"9"
    with open(path, "rb+") as file:
        file.seek(at)
        file.write(b"9")
    assert_true_to(settled(follower), bytes(data))
    assert follower.table["epoch"][699] == 9


def test_rotated_gone_and_back(path):
    path.write_bytes(HEADER + lines(1, 50))
    follower = settled(StepsFollower(path))
    path.rename(path.with_suffix(".old"))
    assert follower.poll()
    assert (len(follower.table), follower.complete, follower.problem) == (0, True, "")
    assert not follower.poll()
    path.write_bytes(HEADER + lines(7, 9))
    assert follower.poll()
    assert_true_to(follower, HEADER + lines(7, 9))


@pytest.mark.parametrize("size", [3, 5000])
def test_bytes_that_are_not_delivered_yet_are_waited_for(path, size):
    data = HEADER + lines(1, 9 + size)
    hole = data.index(b"\n8,") + 4, data.rindex(b"\n", 0, -1) - 4
    path.write_bytes(data[: hole[0]] + bytes(hole[1] - hole[0]) + data[hole[1] :])
    follower = StepsFollower(path)
    for _ in range(PATIENCE):
        follower.poll()
        assert (follower.table.last("step"), follower.skipped) == (7, 0)
    path.write_bytes(data)
    assert_true_to(settled(follower), data)


def test_bytes_that_are_never_delivered_break_their_lines(path):
    data = HEADER + lines(1, 5) + bytes(4096) + b"\n6,0,\0,2\n" + lines(7, 9)
    path.write_bytes(data)
    follower = settled(StepsFollower(path))
    assert [row[0] for row in rows_of(follower.table)] == [1, 2, 3, 4, 5, 7, 8, 9]
    assert follower.skipped == 2
    path.write_bytes(data.replace(bytes(4096) + b"\n6,0,\0,2", b"6,0,1.0,2.0"))
    settled(follower)
    assert [row[0] for row in rows_of(follower.table)] == list(range(1, 10))
    assert follower.skipped == 0


def test_old_nul_bytes_are_not_waited_for(path, monkeypatch):
    monkeypatch.setattr(follow, "UNDELIVERED", 1000)
    path.write_bytes(HEADER + lines(1, 5) + b"\0\n" + lines(6, 99))
    follower = StepsFollower(path)
    follower.poll()
    assert (len(follower.table), follower.skipped) == (99, 1)


def test_line_ends_of_another_system(path):
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + lines(1, 5) + b"6,0,2.0,\n" + b"\n" + b"7\n").replace(b"\n", b"\r\n"))
    follower = settled(StepsFollower(path))
    assert follower.table.columns == ("step", "epoch", "elapsed_s", "loss")
    assert [row[0] for row in rows_of(follower.table)] == [1, 2, 3, 4, 5, 6]
    assert follower.skipped == 2


@pytest.mark.parametrize("length", [follow.LONGEST_LINE, follow.BLOCK, 3 * follow.BLOCK])
def test_a_line_without_end(path, length):
    path.write_bytes(HEADER + lines(1, 5) + b"x" * length)
    follower = settled(StepsFollower(path))
    assert (len(follower.table), follower.skipped) == (5, 0)
    with open(path, "ab") as file:
        file.write(b",7,7,7,7\n" + lines(6, 8))
    settled(follower)
    assert (len(follower.table), follower.skipped) == (8, 1)
    path.write_bytes(HEADER + lines(1, 5) + b"6" * length)
    follower = StepsFollower(path)
    follower.poll(1000)
    assert rounded(rows_of(follower.table)) == rounded(truth(HEADER + lines(1, 5))[0])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b"time,event\n2026,started\n", "names no column step"),
        (b"\n", "names no column step"),
        (b"\x7fELF\0\0\0\n\n\n", "names no column step"),
        (b"\0" * follow.LONGEST_LINE, "names no column step"),
        (b'"' + b"x" * follow.LONGEST_LINE * 3 + b'"\n', "names no column step"),
        (b"step,loss,loss\n1,2,3\n", "names a column twice"),
    ],
)
def test_a_file_of_another_program(path, found, words):
    path.write_bytes(found)
    follower = StepsFollower(path)
    for _ in range(2):
        follower.poll()
        assert follower.problem.startswith(f"{path}: ")
        assert words in follower.problem
        assert follower.problem.endswith(".")
        assert (len(follower.table), follower.complete) == (0, True)
    path.write_bytes(HEADER + lines(1, 3))
    assert_true_to(settled(follower), HEADER + lines(1, 3))
    path.write_bytes(found)
    follower.poll()
    assert words in follower.problem
    assert len(follower.table) == 0


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "folder is a file"])
def test_what_is_no_file(path, kind):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        (path.parent / "a").write_bytes(b"")
        path = path.parent / "a" / "steps.csv"
    follower = StepsFollower(path)
    assert not follower.poll()
    assert follower.problem.startswith(f"{path}: ")
    assert len(follower.table) == 0


def test_no_permission_and_a_broken_disk(path, monkeypatch):
    path.write_bytes(HEADER + lines(1, 5))
    follower = settled(StepsFollower(path))
    for name, words in (("open", "cannot be opened (Permission denied)"), ("pread", "cannot be read (Permission")):

        def refused(*_given, **_options):
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr(os, name, refused)
            assert not follower.poll()
        assert words in follower.problem
        assert len(follower.table) == 5
    assert_true_to(settled(follower), path.read_bytes())


def test_nothing_is_left_open_or_written(path):
    path.write_bytes(HEADER + lines(1, 5))
    before, status = os.listdir("/dev/fd"), path.stat()
    settled(StepsFollower(path))
    assert len(os.listdir("/dev/fd")) == len(before)
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (status.st_mtime_ns, status.st_size)
    assert os.listdir(path.parent) == ["steps.csv"]


PIECE = st.one_of(
    st.tuples(st.integers(0, 40), st.floats(), st.floats()).map(lambda row: b"%d,0,%r,%r\n" % row),
    st.integers(1, 40).map(lambda step: lines(step, step + 9)),
    st.sampled_from([b"\n", b"1,2\n", b"5,", b"7,1,0.5,0.25", b"x,1,2,3\n", b"\0\0\n", b"\0", b"6,0,1,nan\r\n"]),
    st.just(b",x" * 150 + b"\n"),  # broken wherever it stands, and longer than a line may be
)
CHANGE = st.one_of(
    st.tuples(st.just("append"), PIECE),
    st.tuples(st.just("append"), PIECE),
    st.tuples(st.just("shrink"), st.integers(0, 200)),
    st.tuples(st.just("rewrite"), st.lists(PIECE, max_size=6).map(b"".join)),
    st.tuples(st.just("replace"), st.lists(PIECE, max_size=6).map(b"".join)),
    st.tuples(st.just("poke"), st.tuples(st.floats(0, 1), st.sampled_from([b"0", b"9", b",", b"\n"]))),
    st.tuples(st.just("remove"), st.none()),
)


def change(path, kind: str, what) -> None:
    data = path.read_bytes() if path.exists() else b""
    if kind == "append":
        with open(path, "ab") as file:
            file.write(what if data else HEADER + what)
    elif kind == "shrink" and data:
        os.truncate(path, max(len(HEADER), len(data) - what))
    elif kind == "rewrite":
        path.write_bytes(HEADER + what)
    elif kind == "replace":
        (path.parent / "new").write_bytes(HEADER + what)
        os.replace(path.parent / "new", path)
    elif kind == "poke" and len(data) > len(HEADER):
        place = len(HEADER) + int(what[0] * (len(data) - len(HEADER) - 1))
        with open(path, "rb+") as file:
            file.seek(place)
            file.write(what[1])
    elif kind == "remove":
        path.unlink(missing_ok=True)


@given(changes=st.lists(st.tuples(CHANGE, st.integers(0, 3)), max_size=12), tail_rows=st.integers(1, 5))
@settings(deadline=None, max_examples=150)
def test_whatever_happens_to_the_file_the_table_becomes_what_it_holds(tmp_path_factory, changes, tail_rows):
    path = tmp_path_factory.mktemp("f") / "steps.csv"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BLOCK", 256), ("LONGEST_LINE", 128), ("CHUNK", 64), ("UNDELIVERED", 100)):
            patch.setattr(follow, name, value)
        follower = StepsFollower(path, tail_rows)
        for (kind, what), polls in changes:
            change(path, kind, what)
            for _ in range(polls):
                version, table = follower.table.version, follower.table
                assert follower.poll(100) == (follower.table.version != version or follower.table is not table)
                steps = list(follower.table["step"]) if follower.table.columns else []
                assert steps == sorted(set(steps))
        settled(follower)
        assert_true_to(follower, path.read_bytes() if path.exists() else b"")


@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=30), pieces=st.lists(PIECE, max_size=20))
@settings(deadline=None, max_examples=50)
def test_growth_in_any_pieces_gives_what_reading_it_whole_gives(tmp_path_factory, sizes, pieces):
    data = HEADER + b"".join(pieces)
    folder = tmp_path_factory.mktemp("g")
    growing, whole = StepsFollower(folder / "growing.csv"), StepsFollower(folder / "whole.csv")
    end = 0
    for size in sizes:
        with open(folder / "growing.csv", "ab") as file:
            file.write(data[end : end + size])
        end += size
        growing.poll()
    (folder / "growing.csv").write_bytes(data)
    (folder / "whole.csv").write_bytes(data)
    assert rounded(rows_of(settled(growing).table)) == rounded(rows_of(settled(whole).table))
    assert growing.skipped == whole.skipped
    assert_true_to(whole, data)
