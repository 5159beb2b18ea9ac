"""Each rule of the alerts: that it tells, and that it does not without a reason."""

from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path

import pytest

from fs2keras.rundir.alerts import AHEAD_S, Facts, find
from fs2keras.rundir.checkpoints import Checkpoint
from fs2keras.rundir.forecast import disk
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows

NOW = 1_800_000_000.0
PART = {"label": "part", "unit": "", "group": "loss", "better": "lower"}
RECORD = {
    "pid": 42, "process_start_time": "777", "host": "far", "total_steps": 20_000, "checkpoint_every": 1000,
    "columns": {"loss": PART | {"label": "loss"}, "pitch": PART | {"label": "pitch"},
                "grad_norm": PART | {"group": "optimiser"}},
}  # fmt: skip
TRAIN = {"log_every": 10, "validate_every": 100}


def words(time):
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def steps(rows=100, pace=1.0, **changed):
    """Rows every ten steps; `changed` holds values of a column by step."""
    table = Table(("step", "elapsed_s", "loss", "pitch", "grad_norm"))
    for step in range(10, 10 * rows + 1, 10):
        values = [changed.get(column, {}).get(step, 500 / (step + 500)) for column in ("loss", "pitch", "grad_norm")]
        table.extend([step, step * pace, *values])
    return table


def validation(*losses, pitch=()):
    table = Table(("step", "loss", "pitch"))
    for i, loss in enumerate(losses):
        table.extend([100 * (i + 1), loss, pitch[i] if pitch else loss / 3])
    return table


def beats(*activities, until=NOW - 5, gap=10.0):
    """Heartbeats of so many (activity, count), one every `gap` seconds, the last at `until`."""
    named = [name for name, number in activities for _ in range(number)]
    return Rows(
        {"time": words(until - gap * (len(named) - 1 - i)), "step": 1000, "activity": name}
        for i, name in enumerate(named)
    )


def event(step, name, ago):
    return {"time": words(NOW - ago), "step": step, "event": name, "detail": "", "bytes": 0, "seconds": 0.0}


def checkpoint(step, ago=1000.0, size=10**8):
    return Checkpoint(step, Path(f"step-{step:07d}.keras"), size, NOW - ago)


def facts(**changed):
    """Of a healthy run at step 1005, a row every 10 s."""
    healthy = {
        "now": NOW, "state": "training", "reason": "the last heartbeat, 5 s ago, says training", "step": 1005,
        "record": RECORD, "train": TRAIN, "steps": steps(), "steps_time": NOW - 4,
        "validation": validation(3.0, 2.0, 1.5), "events": Rows([event(0, "started", 1010)]),
        "beats": beats(("training", 100)), "checkpoints": [checkpoint(1000)],
    }  # fmt: skip
    return Facts(**(healthy | changed))


def the(kind, **changed):
    """The alert of that kind, which must be the only one there is."""
    found = find(facts(**changed))
    assert [alert.kind for alert in found] == [kind]
    assert found[0].text.endswith(".")
    return found[0]


def test_a_healthy_run():
    assert find(facts()) == ()


@pytest.mark.parametrize("state", ["starting", "training", "validating", "saving", "finished", "interrupted"])
def test_a_run_of_which_little_is_known(state):
    assert find(Facts(NOW, state)) == ()
    strange = {"checkpoint_every": "often", "total_steps": None, "columns": [1], "pid": None}
    assert find(facts(state=state, record=strange, train={"log_every": 0})) == ()


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_a_run_that_has_ended_is_silent_and_that_is_all_right(state):
    old = {"steps_time": NOW - 10**6, "beats": beats(("training", 50), until=NOW - 10**6)}
    assert find(facts(state=state, step=1999, **old)) == ()


def test_nan_that_stopped_the_run():
    alert = the("nan", state="nan", reason="the gradients became NaN or infinite at step 12, in the batch of LJ1")
    assert alert.severity == "error"
    assert alert.text.startswith("The gradients")
    assert "step 12" in alert.text


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_nan_in_the_rows(value):
    alert = the("nan", steps=steps(loss={980: value, 990: value}, pitch={990: value}))
    assert alert.severity == "error"
    assert "steps.csv" in alert.text
    assert "loss, pitch" in alert.text
    assert "step 990" in alert.text
    later = the("nan", steps=steps(loss={980: value, 990: value, 1000: value}))
    assert later.key == alert.key  # it is still the same
    assert the("nan", steps=steps(loss={960: value, 990: value})).key != alert.key


def test_nan_in_the_last_validation():
    alert = the("nan", validation=validation(3.0, nan))
    assert "validation.csv" in alert.text
    assert "step 200" in alert.text


def test_no_nan():
    assert find(facts(steps=steps(loss={100: nan}))) == ()  # long ago
    assert find(facts(steps=steps(grad_norm={990: inf}))) == ()  # no loss
    assert find(facts(validation=validation(nan, 2.0, 1.5))) == ()
    empty = dict.fromkeys(range(10, 1001, 10), nan)
    assert find(facts(steps=steps(pitch=empty))) == ()  # an empty column


def test_gone():
    reason = "process 42 is gone, and the last heartbeat was 7 min ago. Run the same command again: it goes on"
    alert = the("gone", state="crashed", reason=reason)
    assert alert.severity == "error"
    assert alert.text == f"P{reason[1:]}."
    again = the("gone", state="crashed", reason=reason, record=RECORD | {"process_start_time": "888"})
    assert again.key != alert.key


def test_stalled():
    alert = the("silent", state="stalled", reason="process 42 lives, but the last heartbeat was 5 min ago")
    assert alert.severity == "error"
    assert the("silent", state="stalled", reason="process 42 lives, but ... 6 min ago").key == alert.key


def test_no_new_row():
    alert = the("silent", steps_time=NOW - 300)
    assert alert.severity == "warning"
    assert "step 1,000" in alert.text
    assert "5 min" in alert.text
    assert "every 10 s" in alert.text
    assert the("silent", steps_time=NOW - 500).key == alert.key
    long = beats(("training", 360))
    text = the("silent", steps_time=NOW - 8 * 3600, beats=long, events=Rows([event(0, "started", 9 * 3600)])).text
    assert "7 h 59 min" in text or "8 h 0 min" in text


def test_rows_that_come_slowly():
    assert find(facts(steps=steps(pace=8.0), steps_time=NOW - 300)) == ()
    assert find(facts(steps_time=NOW - 110)) == ()
    assert find(facts(train={"log_every": 100}, steps_time=NOW - 300)) == ()  # it was raised on the last resume
    assert find(facts(steps=steps(rows=1), steps_time=NOW - 300)) == ()


def test_validating_and_saving_is_not_silence():
    busy = beats(("training", 30), ("validating", 50), ("saving", 30), ("training", 5))
    assert find(facts(steps_time=NOW - 900, beats=busy)) == ()


def test_sleeping_is_not_silence():
    asleep = beats(("training", 30), until=NOW - 40_000)
    awake = beats(("training", 2))
    assert find(facts(steps_time=NOW - 40_005, beats=Rows([*asleep, *awake]))) == ()


def test_a_resumed_run_has_time_for_its_first_row():
    resumed = Rows([event(0, "started", 10**6), event(1000, "resumed", 100)])
    assert find(facts(steps_time=NOW - 10**5, beats=beats(("training", 9)), events=resumed)) == ()


def at_disk(free, **changed):
    checkpoints = [checkpoint(1000)]
    return {"disk": disk(checkpoints, RECORD, 1005, free), "checkpoints": checkpoints} | changed


def test_disk_short():
    alert = the("disk", **at_disk(5 * 10**8))
    assert alert.severity == "warning"
    for evidence in ("step 7,000", "1.9 GB", "500 MB"):
        assert evidence in alert.text
    assert the("disk", **at_disk(4 * 10**8)).key == alert.key
    assert the("disk", **at_disk(5 * 10**7)).severity == "error"


def test_disk_with_room():
    assert find(facts(**at_disk(2 * 10**9))) == ()
    assert find(facts(**at_disk(None))) == ()
    assert find(facts(**at_disk(5 * 10**8, state="finished"))) == ()


def test_checkpoint_overdue():
    late = {"step": 2150, "steps": steps(rows=215)}
    alert = the("overdue", **late)
    assert "step 2,000" in alert.text
    assert "that of step 1,000" in alert.text
    assert the("overdue", **late | {"step": 2900}).key == alert.key
    assert "none yet" in the("overdue", **late, checkpoints=()).text


def test_checkpoint_not_overdue():
    assert find(facts(step=2050)) == ()  # it may be on its way
    assert find(facts(step=2900, checkpoints=[checkpoint(1000), checkpoint(2000)])) == ()
    deleted = Rows([event(0, "started", 3000), event(2000, "checkpoint", 900)])
    assert find(facts(step=2900, events=deleted)) == ()  # somebody has removed the file
    more_often = Rows([event(0, "started", 3000), event(2600, "resumed", 300)])
    assert find(facts(step=2900, events=more_often)) == ()  # since then every 1000
    assert find(facts(step=2150, state="saving")) == ()


def test_clock_that_went_back():
    jumped = Rows([*beats(("training", 50), until=NOW + 3000), *beats(("training", 50))])
    alert = the("clock", beats=jumped)
    assert alert.severity == "warning"
    assert "process.csv" in alert.text
    assert "host far" in alert.text
    assert words(NOW + 3000) in alert.text
    jumped = Rows([*beats(("training", 50), until=NOW - 20), *beats(("training", 50))])
    the("clock", beats=jumped, steps_time=NOW - 110)  # no time counts twice


def test_clock_ahead():
    ahead = NOW + AHEAD_S + 120
    assert "process.csv" in the("clock", beats=beats(("training", 50), until=ahead)).text
    assert "steps.csv" in the("clock", steps_time=ahead).text
    alert = the("clock", checkpoints=[checkpoint(1000, ago=-180)])
    assert "step-0001000.keras" in alert.text
    assert "3 min" in alert.text


def test_clock_in_order():
    set_right = Rows([*beats(("training", 50), until=NOW - 5.2), *beats(("training", 1), until=NOW - 5.9)])
    assert find(facts(beats=set_right)) == ()
    assert find(facts(steps_time=NOW + AHEAD_S - 1)) == ()
    assert find(facts(beats=Rows([{"time": "soon", "step": 1, "activity": "training"}]))) == ()


FALLING = [4.0, 3.0, 2.4, 2.1, 2.0, 1.95]


def rising_after(values, by, more=6):
    return [*values, *(values[-1] * (1 + by * (i + 1)) for i in range(more))]


def test_overfitting():
    losses = rising_after(FALLING, by=0.05)
    alert = the("overfitting", validation=validation(*losses), steps=steps(rows=120))
    assert alert.severity == "warning"
    for evidence in (
        "loss rose from 1.95 at step 600 to 2.535 at step 1,200",
        "in training it fell from 0.4",
        "to 0.3",
    ):
        assert evidence in alert.text
    assert "pitch rose" in alert.text  # the part does the same here
    assert alert.key == "overfitting:loss:600"


def test_overfitting_of_a_part_alone():
    losses = [4.0, 3.0, 2.4, 2.1, 2.0, 1.95, 1.9, 1.86, 1.83, 1.81, 1.8, 1.79]
    pitch = rising_after([1.4, 1.3, 1.2, 1.15, 1.1, 1.05], by=0.05)
    alert = the("overfitting", validation=validation(*losses, pitch=pitch), steps=steps(rows=120))
    assert alert.text.startswith("Over-fitting in pitch: in validation pitch rose from 1.05 at step 600 to 1.365")
    assert "as a whole does not" in alert.text


def test_no_overfitting():
    losses = rising_after(FALLING, by=0.05)
    flat = dict.fromkeys(range(10, 1201, 10), 1.0)
    assert find(facts(validation=validation(*losses), steps=steps(rows=120, loss=flat, pitch=flat))) == ()
    assert find(facts(validation=validation(*losses[:9]), steps=steps(rows=120))) == ()  # too early to say
    assert find(facts(validation=validation(*FALLING, *[1.95] * 6), steps=steps(rows=120))) == ()


def test_plateau():
    losses = [*FALLING, *[1.97, 1.96, 1.98] * 5]
    alert = the("plateau", validation=validation(*losses), steps=steps(rows=210), record=RECORD | {"total_steps": 3000})
    assert alert.severity == "warning"
    assert "step 600 (1.95)" in alert.text
    assert "1,500 steps of 2,100" in alert.text
    assert alert.key == "plateau:600"


def test_no_plateau():
    losses = [*FALLING, *[1.97, 1.96, 1.98] * 5]
    short = {"steps": steps(rows=210), "record": RECORD | {"total_steps": 3000}}
    assert find(facts(validation=validation(*losses), **short, state="finished")) == ()
    assert find(facts(validation=validation(*losses), steps=steps(rows=210))) == ()  # a tenth of the run is not over
    still = [2.0 - 0.01 * i for i in range(21)]
    assert find(facts(validation=validation(*still), **short)) == ()


def test_errors_come_first():
    found = find(facts(state="crashed", reason="it is gone", validation=validation(*rising_after(FALLING, by=0.05)),
                       steps=steps(rows=120)))  # fmt: skip
    assert [(alert.kind, alert.severity) for alert in found] == [("gone", "error"), ("overfitting", "warning")]
    assert len({alert.key for alert in found}) == 2
