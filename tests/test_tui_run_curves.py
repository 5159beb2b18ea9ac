"""The curves of a run as it grows: smoothing in portions, resumes, the guide."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2_tui.curves import guide
from fs2_tui.curves.run_curves import Moment, RunCurves, line_of, marker_of
from fs2keras.rundir.curves import smooth
from fs2keras.rundir.table import Table


def table(rows, columns=("step", "epoch", "elapsed_s", "loss")):
    made = Table(columns)
    for row in rows:
        made.extend(row)
    return made


def row(step, loss):
    return [step, step // 10, step * 2.0, loss]


def prepared(steps, validation=None, weight=0.9, most=10**6):
    run = RunCurves()
    run.show(steps, validation or Table())
    while run.advance(["loss"], weight, most) >= most:
        pass
    return run


losses = st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=80)


@settings(deadline=None)
@given(losses, st.lists(st.integers(1, 30), max_size=8), st.integers(1, 40))
def test_growing_in_any_portions_gives_what_reading_at_once_does(numbers, portions, most):
    steps, run = Table(("step", "epoch", "elapsed_s", "loss")), RunCurves()
    at = 0
    for portion in [*portions, len(numbers)]:
        for step in range(at, min(at + portion, len(numbers))):
            steps.extend(row(step + 1, numbers[step]))
        at = min(at + portion, len(numbers))
        run.show(steps, Table())
        run.advance(["loss"], 0.8, most)
    while run.advance(["loss"], 0.8, most) >= most:
        pass
    values, smoothed = run.values("loss")
    assert values.tobytes() == steps["loss"].tobytes()
    assert smoothed.tobytes() == smooth(steps["loss"], 0.8).tobytes()


@settings(deadline=None)
@given(losses, losses, st.integers(0, 100), st.booleans())
def test_a_resume_that_repeats_steps_replaces_what_was_drawn(before, after, cut, same_table):
    steps = table(row(step + 1, loss) for step, loss in enumerate(before))
    run = prepared(steps)
    if not same_table:
        steps = table(row(step + 1, loss) for step, loss in enumerate(before))
    for step, loss in enumerate(after):
        steps.extend(row(min(cut, len(before)) + step + 1, loss))
    run.show(steps, Table())
    run.advance(["loss"], 0.9, 10**6)
    values, smoothed = run.values("loss")
    assert values.tobytes() == steps["loss"].tobytes()
    assert smoothed.tobytes() == smooth(steps["loss"], 0.9).tobytes()


def test_a_long_run_is_prepared_in_portions():
    run = RunCurves()
    run.show(table(row(step, 1.0) for step in range(1, 101)), Table())
    done = []
    while True:
        looked_at = run.advance(["loss"], 0.9, 30)
        done.append(len(run.values("loss")[1]))
        if looked_at < 30:
            break
    assert done == [30, 60, 90, 100]
    assert run.advance(["loss"], 0.9, 30) == 0


def test_another_smoothing_keeps_the_rows():
    run = prepared(table(row(step, float(step)) for step in range(1, 50)))
    run.advance(["loss"], 0.5, 10**6)
    assert run.values("loss")[1].tobytes() == smooth(run.values("loss")[0], 0.5).tobytes()
    run.advance(["loss"], 0.0, 10**6)
    assert len(run.values("loss")[1]) == 0
    kinds = [curve.kind for curve in run.curves("loss", "step", raw=False, runs=1, unicode=True)]
    assert kinds == ["raw"], "without smoothing there is nothing else to draw"


def test_a_table_that_is_cut_meanwhile_is_drawn_as_it_was():
    steps = table(row(step, float(step)) for step in range(1, 50))
    run = prepared(steps)
    steps.extend(row(10, 0.0))
    for curve in run.curves("loss", "hours", raw=True, runs=1, unicode=True):
        assert curve.buckets(0, 1, 10)
        assert curve.rows == 49
    assert len(Moment(steps)) == 10


@pytest.mark.parametrize("axis", ["step", "epoch", "hours"])
def test_validation_lies_where_its_steps_are_on_any_axis(axis):
    validation = table([[20, 3.0], [40, 2.0]], ("step", "loss"))
    run = prepared(table(row(step, 1.0) for step in range(1, 61)), validation)
    curve = run.curves("loss", axis, raw=True, runs=1, unicode=True)[-1]
    assert curve.kind == "validation"
    x = run.x(axis)
    assert list(curve.x) == pytest.approx([x[19], x[39]])


def test_a_column_of_the_validation_alone_is_drawn_too():
    run = prepared(table([row(1, 1.0)]), table([[1, 5.0]], ("step", "mcd")))
    assert [curve.kind for curve in run.curves("mcd", "step", raw=True, runs=1, unicode=True)] == ["validation"]
    assert run.last("mcd") == 5
    assert run.last("loss") == 1
    assert run.last("unheard of") is None


def test_a_run_without_rows_has_no_curves():
    run = prepared(Table())
    assert run.curves("loss", "step", raw=True, runs=1, unicode=True) == ()
    assert run.values("loss") == ((), ())
    assert len(run.guide("hours").x) == 0


def test_every_run_has_its_own_marker():
    assert len({marker_of(run, True) for run in range(8)}) == 8
    assert len({marker_of(run, False) for run in range(26)}) == 26
    assert line_of(0, 1) == "*"
    assert line_of(1, 2) == "b"


def test_the_reference_goes_through_what_is_known_of_it():
    for step, loss in guide.REFERENCE:
        assert guide.reference(step) == pytest.approx(loss)
    assert guide.reference(200_001) is None
    assert guide.reference(-1) is None


@settings(deadline=None)
@given(st.floats(0, 200_000), st.floats(0, 200_000))
def test_the_reference_only_falls(a, b):
    low, high = sorted((a, b))
    assert guide.reference(low) >= guide.reference(high)


def test_the_reference_in_words():
    said = "at step 12,000 the 200k reference was near 3.18 (6.00 at 0, 1.60 at 25,000), this run has 1.10: better"
    assert guide.compared(12_000, 1.1) == said
    assert ": worse" in guide.compared(100_000, 1.1)
    assert ": about the same" in guide.compared(100_000, 0.81)
    assert guide.compared(300_000, 0.6) == ("the 200k reference ended at step 200,000 with 0.63, this run has 0.60")


def test_the_guide_reaches_beyond_the_run_on_the_steps_only():
    run = prepared(table(row(step, 1.0) for step in range(1000, 5000, 1000)))
    assert run.guide("step").x[-1] == 200_000
    hours = run.guide("hours")
    assert len(hours.x) == len(hours.y)
    assert max(hours.x) <= run.x("hours")[-1]
    assert all(math.isfinite(value) for value in hours.y)
