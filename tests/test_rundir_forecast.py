"""How much disk the checkpoints will need."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.rundir.checkpoints import Checkpoint
from fs2keras.rundir.forecast import disk, positive

MB = 10**6


def saved(*steps, size=100 * MB, best=None):
    return [Checkpoint(step, Path(f"step-{step:07d}.keras"), size, 0.0, best=step == best) for step in steps]


def planned(total=10_000, every=1000, **fields):
    return {"total_steps": total, "checkpoint_every": every, "status": "training"} | fields


def test_every_checkpoint_to_come_is_counted():
    room = disk(saved(1000, 2000, 3000), planned(), step=3500, free=10**12)
    assert (room.used, room.bytes_each) == (300 * MB, 100 * MB)
    assert (room.expected_files, room.needed) == (7, 700 * MB)
    assert not room.short
    assert room.full_at_step is None


def test_the_last_step_has_one_too():
    assert disk(saved(1000), planned(total=2500), step=1200, free=None).expected_files == 2  # 2000 and 2500


def test_the_newest_size_counts():
    checkpoints = saved(1000, size=50 * MB) + saved(2000, size=80 * MB)
    assert disk(checkpoints, planned(), step=2000, free=None).needed == 8 * 80 * MB


def test_before_the_first_checkpoint_the_parameters_tell():
    room = disk([], planned(parameters=8_347_747), step=10, free=None)
    assert room.bytes_each == pytest.approx(33_795_508, rel=0.02)  # the file of a real run with so many
    assert room.needed == 10 * room.bytes_each
    assert disk([], planned(), step=10, free=None).needed == 0


def test_short():
    room = disk(saved(1000, 2000), planned(), step=2000, free=350 * MB)
    assert room.short
    assert room.full_at_step == 6000  # 3000, 4000 and 5000 fit
    assert disk(saved(1000, 2000), planned(), step=2000, free=800 * MB).full_at_step is None
    assert not disk(saved(1000, 2000), planned(), step=2000, free=None).short


def test_keep_last_writes_one_before_it_removes_one():
    room = disk(saved(8000, 9000, 10_000), planned(100_000), step=10_000, free=50 * MB, keep_last=3)
    assert (room.expected_files, room.needed) == (0, 100 * MB)
    assert room.full_at_step == 11_000
    assert not disk(saved(8000, 9000, 10_000), planned(100_000), step=10_000, free=100 * MB, keep_last=3).short


def test_keep_every_keeps_more():
    room = disk(saved(9000, 10_000), planned(30_000), step=10_000, free=None, keep_last=2, keep_every=5000)
    # At the end 10,000 15,000 20,000 25,000, and the last two: 29,000 30,000.
    assert room.expected_files == 4
    assert room.needed == 5 * 100 * MB


def test_the_best_stays():
    room = disk(saved(8000, 9000, best=8000), planned(20_000), step=9000, free=None, keep_last=2)
    assert room.expected_files == 1


def test_fewer_files_at_the_end_than_now_need_no_room_but_for_one():
    room = disk(saved(*range(1000, 9000, 1000)), planned(20_000), step=8000, free=None, keep_last=2)
    assert room.expected_files == 0
    assert room.needed == 100 * MB


def test_a_checkpoint_that_is_there_is_not_to_come():
    assert disk(saved(1000, 2000), planned(3000), step=2000, free=None).expected_files == 1
    assert disk(saved(1000), planned(3000), step=2000, free=None).expected_files == 2  # it is writing that of 2000
    assert disk(saved(1000, 2000, 3000), planned(3000), step=1500, free=None).expected_files == 0  # resumed earlier


@pytest.mark.parametrize(
    "record", [{}, planned(status="finished"), planned(every=None), planned(every="x"), planned(0)]
)
def test_nothing_is_planned(record):
    room = disk(saved(1000), record, step=1000, free=0)
    assert (room.expected_files, room.needed, room.short) == (0, 0, False)


def test_positive():
    assert positive({"a": 3}, "a") == 3
    for value in (0, -1, "3", 2.5, None, [1]):
        assert positive({"a": value}, "a") is None
    assert positive({}, "a") is None


@given(
    total=st.integers(1, 60), every=st.integers(1, 12), step=st.integers(0, 60), keep_last=st.integers(0, 5),
    keep_every=st.integers(0, 20), best=st.integers(0, 60),
)  # fmt: skip
def test_the_forecast_is_what_the_training_will_do(total, every, step, keep_last, keep_every, best):
    def due(at):
        return at % every == 0 or at == total

    def prune(steps):  # as fs2keras.training.checkpoint.prune does
        old = steps[:-keep_last] if keep_last else []
        return [at for at in steps if at not in old or (keep_every and at % keep_every == 0) or at == best]

    files = []
    for at in range(1, min(step, total) + 1):
        files = prune([*files, at]) if due(at) else files
    best = best if best in files else None
    room = disk(saved(*files, size=1, best=best), planned(total, every), step=step, free=None, keep_last=keep_last,
                keep_every=keep_every)  # fmt: skip
    now = later = most = len(files)
    for at in range(step + 1, total + 1):
        if due(at):
            most = max(most, len(files) + 1)
            files = prune([*files, at])
            later = len(files)
    assert room.expected_files == max(0, later - now)
    if now:
        assert room.needed == most - now
