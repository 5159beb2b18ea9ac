"""What the files of a run say about it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fs2keras.errors import NoSuchRun
from fs2keras.rundir import atomic, clock, columns, process, record, statistics
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.events import append_event
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.runs import find_run, list_runs
from fs2keras.rundir.summary import exit_code, render, summarise
from fs2keras.rundir.tail import read_rows

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path / "runs" / "mine")


HOLD = """
import sys, time
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
with lock(RunDir(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(run):
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def beat(run, seconds_ago, step=10, activity="training"):
    at = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with CsvLog(run.process_csv, columns.names(columns.PROCESS_COLUMNS)) as log:
        log.append([at, step, activity, 150.0, 10**9, 0, 0, None, None])


def write_steps(run, steps, seconds_per_step=0.5):
    loss = columns.Column("loss", "loss", "", "loss", "lower")
    with CsvLog(run.steps_csv, columns.names(columns.step_columns([loss]))) as log:
        for step in steps:
            log.append([step, 0, step * seconds_per_step, 10 / step, 1e-3, 0.5, 1 / seconds_per_step, 900.0, 0.01])


def begin(run, **fields):
    alive = {"kind": "fastspeech2", "status": "training", "total_steps": 200, "checkpoint_every": 50}
    record.write(run, **(alive | process.identity() | fields))


@pytest.mark.parametrize(
    ("activity", "name"),
    [("starting", "starting"), ("compiling", "starting"), ("training", "training"), ("validating", "validating"),
     ("sampling", "validating"), ("saving", "saving")],
)  # fmt: skip
def test_state_of_a_living_run(run, activity, name):
    begin(run)
    assert statistics.state(run).name == "starting"
    beat(run, 3, activity=activity)
    state = statistics.state(run)
    assert state.name == name
    assert activity in state.reason


@pytest.mark.parametrize(("status", "code"), [("finished", 0), ("interrupted", 130), ("nan", 4), ("crashed", 1)])
def test_state_of_a_run_that_ended(run, status, code):
    begin(run, status=status, pid=1, process_start_time="0")
    assert statistics.state(run).name == status
    assert exit_code(summarise(run)) == code


def test_nan_names_the_utterances(run):
    begin(run, status="nan")
    append_event(run, 12, "nan", "LJ001-0001, LJ001-0002")
    reason = statistics.state(run).reason
    assert "step 12" in reason
    assert "LJ001-0001, LJ001-0002" in reason


def test_the_heartbeat_of_the_process_before_does_not_count(run, holder):
    beat(run, 300)
    begin(run, status="starting", pid=holder.pid, process_start_time=process.process_start_time(holder.pid))
    assert statistics.state(run).name == "starting"
    beat(run, -1)
    assert statistics.state(run).name == "training"


def test_a_dead_process_has_crashed(run, holder):
    begin(run, pid=holder.pid, process_start_time=process.process_start_time(holder.pid))
    run.lock_file.write_text("{}")  # else heartbeats before the lock do not count
    beat(run, 400)
    assert statistics.state(run).name == "stalled"
    holder.kill()
    holder.wait()
    state = statistics.state(run)
    assert state.name == "crashed"
    assert "7 min ago" in state.reason
    assert "same command" in state.reason
    assert exit_code(summarise(run)) == 1


def test_a_run_elsewhere_is_judged_by_its_heartbeat(run):
    begin(run, host="far", pid=1, process_start_time="0")
    beat(run, 5)
    assert statistics.state(run).name == "training"
    run.process_csv.unlink()
    beat(run, 300)
    state = statistics.state(run)
    assert state.name == "stalled"
    assert "far" in state.reason
    assert exit_code(summarise(run)) == 1


def test_a_heart_that_beats_on_the_spot_has_stalled(run):
    begin(run)
    write_steps(run, [10, 20])
    for seconds_ago in range(1000, 0, -10):
        beat(run, seconds_ago, step=20)
    assert statistics.state(run).name == "stalled"
    beat(run, 0, step=21)
    assert statistics.state(run).name == "training"


def test_slow_steps_are_no_stall(run):
    begin(run)
    write_steps(run, [10, 20], seconds_per_step=60)
    for seconds_ago in range(1000, 0, -10):
        beat(run, seconds_ago, step=20)
    assert statistics.state(run).name == "training"


def test_a_run_that_prepares_again_is_starting(run, holder):
    assert statistics.state(run).name == "starting"  # no run.json yet, but somebody owns the folder
    begin(run, status="interrupted", pid=1, process_start_time="0")
    assert statistics.state(run).name == "starting"
    begin(run, status="finished", pid=holder.pid, process_start_time=process.process_start_time(holder.pid))
    assert statistics.state(run).name == "finished"  # the owner itself says so, on its way out


def test_nothing_but_a_recipe(run):
    run.path.mkdir(parents=True)
    assert statistics.state(run).name == "crashed"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (130, "2 min"), (7260, "2 h 1 min"), (400_000, "4 d 15 h"), (None, "unknown")],
)
def test_duration(seconds, text):
    assert statistics.duration(seconds) == text


def test_summary_of_a_run_in_training(run):
    loss = columns.Column("loss", "total loss", "", "loss", "lower")
    begin(run, columns=columns.as_json([loss]), backend="jax", devices=["cpu"])
    write_steps(run, range(10, 130, 10))
    beat(run, 2, step=124)
    with CsvLog(run.validation_csv, ["step", "loss"]) as log:
        for step, value in ((50, 3.0), (100, 2.0), (120, float("nan"))):
            log.append([step, value])
    atomic.write_bytes(run.checkpoint(50), b"x" * 2000)
    atomic.write_bytes(run.checkpoint(100), b"x" * 2000)
    append_event(run, 60, "resumed")
    facts = summarise(run)
    assert (facts["state"], facts["step"], facts["total_steps"]) == ("training", 124, 200)
    assert facts["eta_s"] == pytest.approx(40.0)
    assert facts["eta_low_s"] < 40.0 < facts["eta_high_s"]
    assert facts["losses"] == {"loss": 10 / 120}
    assert facts["best"] == {"step": 100, "loss": 2.0}
    assert facts["validation"]["step"] == 120
    assert (facts["checkpoints"], facts["checkpoint_bytes"], facts["next_checkpoint"]) == (2, 4000, 150)
    assert facts["resumed"] == 1
    assert exit_code(facts) == 0
    json.dumps(facts)
    text = render(facts)
    left = f"40 s to go ({facts['eta_low_s']:.0f} s to {facts['eta_high_s']:.0f} s)"
    for words in ("training:", "124 of 200 (62.0 %)", left, "total loss 0.08333", "step 100: total loss 2",
                  "2 (4 kB)", "next at step 150", "jax on cpu", "memory 1.0 GB"):  # fmt: skip
        assert words in text


def test_summary_of_a_finished_run_has_no_end_to_wait_for(run):
    begin(run, status="finished")
    write_steps(run, range(10, 130, 10))
    facts = summarise(run)
    assert (facts["eta_s"], facts["eta_low_s"], facts["eta_high_s"]) == (None, None, None)
    assert "to go" not in render(facts)


def test_a_clock_that_a_test_sets(run, monkeypatch):
    began = datetime(2026, 11, 22, 13, 39, 20, 123_000, tzinfo=UTC).timestamp()
    monkeypatch.setattr(clock, "unix", lambda: began)
    assert clock.now() == "2026-11-22T13:39:20.123Z"
    append_event(run, 0, "started")
    assert clock.to_unix(read_rows(run.events_csv)[0]["time"]) == pytest.approx(began)
    monkeypatch.setattr(clock, "unix", lambda: began + 90)
    assert clock.seconds_since("2026-11-22T13:39:20.123Z") == pytest.approx(90)
    assert clock.seconds_since("2026-11-22T14:39:20.123+01:00") == pytest.approx(90)
    for nonsense in ("2026-11-22T13:39:20", "soon", "", None):
        assert clock.to_unix(nonsense) is None
        assert clock.seconds_since(nonsense) is None


def test_summary_of_an_empty_run(run):
    begin(run)
    facts = summarise(run)
    assert facts["eta_s"] is None
    text = render(facts)
    assert "starting" in text
    assert "0 of 200" in text
    assert "none yet" in text


def test_find_run(run, tmp_path):
    with pytest.raises(NoSuchRun, match="fs2keras fit demo") as caught:
        find_run("mine", tmp_path / "runs")
    assert caught.value.exit_code == 3
    begin(run)
    (tmp_path / "runs" / "not-a-run").mkdir()
    assert find_run("mine", tmp_path / "runs").path == run.path
    assert find_run(run.path, tmp_path / "elsewhere").path == run.path
    other = RunDir(tmp_path / "runs" / "other")
    begin(other)
    os.utime(run.run_json, (1, 1))
    assert [found.name for found in list_runs(tmp_path / "runs")] == ["other", "mine"]
    with pytest.raises(NoSuchRun, match="Did you mean mine"):
        find_run("runs/mien", tmp_path / "runs")
    with pytest.raises(NoSuchRun, match="holds: other, mine"):
        find_run("xyz", tmp_path / "runs")
