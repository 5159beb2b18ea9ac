"""What the report says, against values computed by hand."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import (
    SENTENCE,
    at,
    run_at,
    whole_run,
    write_beats,
    write_checkpoint,
    write_evaluation,
    write_events,
    write_steps,
    write_validation,
)

from fs2keras.report import charts, curves, document, prosody, scores, storage, words
from fs2keras.report.canvas import style
from fs2keras.report.evaluations import latest, read_evaluations
from fs2keras.report.facts import Run, read_run
from fs2keras.report.figures import figure, is_number, when
from fs2keras.report.phases import phase_width, phases
from fs2keras.report.sections import sections
from fs2keras.report.svg import render
from fs2keras.report.times import read_times
from fs2keras.report.typeset import inches, shorten, wrap
from fs2keras.rundir import clock
from fs2keras.rundir.curves import decimate
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import read_rows


def table(**columns) -> Table:
    """A table of these columns."""
    made = Table(columns)
    made.extend([value for row in zip(*columns.values(), strict=True) for value in row])
    return made


def read(run: RunDir) -> Run:
    return read_run(run, run.name, lambda line: None)


def said(run: RunDir) -> str:
    """The summary of a run."""
    found = read(run)
    times = read_times(found.beats, found.events, 2.0)
    return "\n".join(text.text for text in words.summary(found, times))


class TestPhases:
    @pytest.mark.parametrize(
        ("steps", "width"),
        [(50_000, 5000), (1000, 100), (900, 100), (500, 50), (40, 5), (8, 1), (1, 1)],
    )
    def test_are_an_eighth_of_a_short_run_in_round_numbers(self, steps, width):
        assert phase_width(steps) == width

    @pytest.mark.parametrize("steps", [100_000, 200_000, 400_000, 1_000_000])
    def test_are_of_25_000_steps_in_every_long_run(self, steps):
        assert phase_width(steps) == 25_000

    @pytest.mark.parametrize(("steps", "width"), [(1_000_001, 50_000), (3_000_000, 100_000), (10**7, 250_000)])
    def test_are_wider_where_there_would_be_too_many(self, steps, width):
        assert phase_width(steps) == width

    @given(st.integers(1, 10**8))
    def test_are_a_handful_or_at_most_forty(self, steps):
        count = -(-steps // phase_width(steps))
        assert min(steps, 4) <= count <= min(steps, 13 if steps < 100_000 else 40)

    @pytest.mark.parametrize("from_record", [True, False])
    def test_of_a_run_that_trains_are_those_of_the_finished_one(self, tmp_path, from_record):
        run = run_at(tmp_path / "run", total_steps=200_000 if from_record else None)
        run.recipe.write_text(run.recipe.read_text().replace("steps = 400 ", "steps = 200000 "), encoding="utf-8")
        write_steps(run, range(100, 60_001, 100), np.linspace(9, 5, 600))
        (losses,) = [one for one in sections([read(run)], lambda line: None) if one.title == "Losses"]
        (table,) = [block for block in losses.blocks if isinstance(block, document.Table)]
        assert [row[0] for row in table.rows] == ["0 to 25,000", "25,000 to 50,000", "50,000 to 60,000"]
        assert "25,000 steps each" in losses.blocks[0].caption

    def test_show_what_checkpoints_took_in_each_and_in_all(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 401, 10), np.linspace(9, 5, 40))
        write_events(
            run,
            (1, 50, "checkpoint", "step-0000050.keras", 2000),
            (1, 50, "sample", "step-0000050", 700),
            (2, 100, "checkpoint", "step-0000100.keras", 3000),
            (3, 400, "checkpoint", "step-0000400.keras", 4000),
            (3, 400, "removed", "step-0000050.keras"),
        )
        (losses,) = [one for one in sections([read(run)], lambda line: None) if one.title == "Losses"]
        (table,) = [block for block in losses.blocks if isinstance(block, document.Table)]
        assert not table.folded
        assert list(table.heads[6:]) == ["checkpoints", "their size", "cumulative", "samples"]
        cells = [row[6:] for row in table.rows]
        assert cells[:2] == [("1", "2.0 kB", "2.0 kB", "700 B"), ("1", "3.0 kB", "5.0 kB", "0 B")]
        assert cells[-1] == ("1", "4.0 kB", "9.0 kB", "0 B")
        assert all(cell[2] == "5.0 kB" for cell in cells[1:-1])

    def test_against_values_by_hand(self):
        # 800 steps: phases of 100, the loss within two steps of a border.
        steps = np.arange(1, 801)
        loss = np.where(steps <= 400, 10 - steps / 100, 6.0)
        loss[[98, 100]] = 1000.0, 0.0  # steps 99 and 101: the median does not care
        found = phases(
            table(step=steps, elapsed_s=3.0 * steps, loss=loss),
            table(step=[50, 90, 150], loss=[9.9, 9.5, 8.9]),
            {100: 7, 101: 8, 800: 9},
            {100: 1},
            800,
            800,
        )
        assert [(phase.first, phase.last) for phase in found] == [(100 * i, 100 * i + 100) for i in range(8)]
        first, second, *_, last = found
        assert first.start == pytest.approx((9.99 + 9.98) / 2)
        assert first.end == second.start == pytest.approx(9.0)
        assert first.change == pytest.approx(10 * (9.0 - 9.985))
        assert (first.validation, second.validation) == (pytest.approx(9.5), pytest.approx(8.9))
        assert last.validation is None
        assert first.seconds == pytest.approx(300)
        assert (first.checkpoints, first.bytes, first.sample_bytes) == (1, 7, 1)
        assert (second.bytes, last.bytes) == (8, 9)
        assert (first.bytes_until, second.bytes_until, last.bytes_until) == (7, 15, 24)
        assert last.change == 0

    def test_the_last_one_is_as_long_as_it_has_lasted(self):
        found = phases(table(step=[10, 830], elapsed_s=[10, 830], loss=[9, 8]), Table(), {}, {}, 830, 0)
        assert (found[-1].first, found[-1].last) == (800, 830)

    def test_what_is_half_a_phase_away_says_nothing(self):
        steps = range(100, 801, 100)
        found = phases(table(step=steps, loss=[5.0] * 8), Table(), {}, {}, 800, 0)
        assert found[0].start is None
        assert found[0].change is None
        assert found[0].end == 5
        assert found[0].seconds is None

    def test_of_nothing(self):
        assert phases(Table(), Table(), {}, {}, 0, 400) == ()


class TestTimes:
    def times(self, tmp_path, events, *spans, pace=2.0):
        run = run_at(tmp_path / "run")
        write_events(run, *events)
        write_beats(run, *spans)
        return read_times(read_rows(run.process_csv), read_rows(run.events_csv), pace)

    def test_a_gap_before_a_resume_is_one_without_a_process(self, tmp_path):
        events = [(0, 0, "started"), (30.5, 80, "resumed")]
        spans = [(0, 10, 0, 100, "training"), (30, 30.2, 80, 80, "starting"), (31, 40, 80, 400, "training")]
        (stop,) = self.times(tmp_path, events, *spans).breaks
        assert (stop.kind, stop.seconds, stop.step, stop.lost) == ("no process", 1200, 100, 20)
        assert stop.begin == clock.to_unix(at(10))

    def test_a_gap_in_a_process_is_a_silence(self, tmp_path):
        times = self.times(tmp_path, [(0, 0, "started")], (0, 10, 0, 100, "training"), (15, 20, 100, 200, "training"))
        assert [(stop.kind, stop.seconds) for stop in times.breaks] == [("silent", 300)]

    def test_the_same_step_for_long_is_a_stall(self, tmp_path):
        spans = [(0, 5, 0, 50, "training"), (5, 9, 50, 50, "training"), (9, 12, 51, 80, "training")]
        times = self.times(tmp_path, [(0, 0, "started")], *spans)
        assert [(stop.kind, stop.seconds, stop.step) for stop in times.breaks] == [("stuck", 240, 50)]
        assert not self.times(tmp_path / "slow", [], *spans, pace=30.0).breaks  # ten slow steps

    def test_a_long_validation_is_none(self, tmp_path):
        times = self.times(tmp_path, [], (0, 5, 0, 50, "training"), (5, 9, 50, 50, "validating"))
        assert not times.breaks

    def test_what_the_time_went_into(self, tmp_path):
        spans = [(0, 1, 0, 0, "compiling"), (1, 5, 0, 50, "training"), (30, 31, 50, 60, "training")]
        assert self.times(tmp_path, [], *spans).activities() == {"training": 300, "compiling": 60}

    def test_progress_keeps_the_edges_of_breaks(self, tmp_path):
        times = self.times(tmp_path, [], (0, 60, 0, 1000, "training"), (90, 150, 800, 2000, "training"))
        unix, steps = times.progress(10)
        hours = (unix - unix[0]) / 3600
        assert {(1.0, 1000), (1.5, 800), (2.5, 2000)} <= set(zip(hours, steps, strict=True))
        assert len(steps) < 20


class TestCurves:
    def test_running_mean_by_hand(self):
        values = np.array([1.0, 2.0, np.nan, 4.0, np.inf, 6.0])
        np.testing.assert_allclose(curves.running_mean(values, 3), [1.5, 1.5, 3.0, 4.0, 5.0, 6.0])
        assert np.isnan(curves.running_mean(np.array([np.nan, 1.0, 1.0]), 1)[0])

    @given(st.integers(1001, 1500), st.lists(st.tuples(st.integers(0, 1000), st.floats(width=32)), max_size=20))
    def test_extremes_are_those_of_the_monitor(self, count, special):
        y = np.random.default_rng(count).normal(size=count)
        for i, value in special:
            y[i] = value
        x = np.arange(1.0, count + 1)
        found = curves.smoothed(x, y, count).raw
        buckets = decimate(x.tolist(), y.tolist(), 0, count, curves.COLUMNS)
        known = np.isfinite(found[1])
        np.testing.assert_array_equal(found[1][known], [bucket.low for bucket in buckets])
        np.testing.assert_array_equal(found[2][known], [bucket.high for bucket in buckets])

    def test_gap_in_per_cent_by_hand(self):
        steps = table(step=[1, 2, 3, 4], loss=[4.0, 2.0, 2.0, float("nan")])
        found = curves.gap(steps, table(step=[2, 4, 6], loss=[3.3, 1.0, 9.0]), "loss")
        np.testing.assert_allclose(found.x, [2, 4])  # no step of training before the third
        np.testing.assert_allclose(found.y, [10, -50], rtol=1e-6)

    def test_columns_that_are_not_there_are_empty(self):
        for curve in (
            curves.column(Table(), "loss", 1),
            curves.points(Table(), "loss"),
            curves.gap(Table(), Table(), "x"),
        ):
            assert not len(curve.x)


class TestEvaluations:
    def test_are_read_as_evaluate_writes_them(self, tmp_path):
        run = run_at(tmp_path / "run")
        for step, split in ((400, "test"), (100, "validation"), (400, "validation"), (None, "validation")):
            write_evaluation(run, step, split)
        found, problems = read_evaluations(run.path / "evaluation")
        assert not problems
        places = [(one.split, one.place) for one in found]
        assert places[:3] == [("validation", "step 100"), ("validation", "step 400"), ("validation", "best.keras")]
        assert {split: one.step for split, one in latest(found).items()} == {"validation": 400, "test": 400}
        metric = found[0].metrics[1]
        assert (metric.name, metric.unit, metric.mode, metric.direction) == (
            "mcd_espnet",
            "dB",
            "free-running",
            "lower",
        )
        assert (metric.voice.mean, metric.floor.mean, metric.recording) == (8.0, 4.0, None)
        assert found[0].failed == 1

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1, "metrics": {"x": 3}, "split": "v"}', "null"])
    def test_a_damaged_one_is_a_sentence(self, tmp_path, text):
        run = run_at(tmp_path / "run")
        path = write_evaluation(run, 100)
        path.write_text(text, encoding="utf-8")
        found, problems = read_evaluations(path.parent)
        assert not found
        assert f"{path}: is no evaluation" in problems[0]

    def test_one_of_a_later_version_says_so(self, tmp_path):
        path = write_evaluation(run_at(tmp_path / "run"), 100)
        path.write_text(json.dumps({"format": 2}), encoding="utf-8")
        assert "pip install -U fs2keras" in read_evaluations(path.parent)[1][0]

    def test_what_is_not_finite_is_left_out(self, tmp_path):
        path = write_evaluation(run_at(tmp_path / "run"), 100)
        whole = json.loads(path.read_text(encoding="utf-8"))
        whole["metrics"]["mcd_espnet"]["voice"]["high"] = float("nan")
        whole["utterances"]["LJ-1"]["prosody"]["pitch"][0] = None
        path.write_text(json.dumps(whole), encoding="utf-8")
        ((found,), problems) = read_evaluations(path.parent)
        assert not problems
        assert "mcd_espnet" not in {metric.name for metric in found.metrics}
        assert [len(found.prosody[id]["pitch"][0]) for id in ("LJ-1", "LJ-2")] == [5, 6]

    def test_the_table_has_interval_floor_unit_and_direction(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400)
        rows = scores.of_one(read(run).evaluations[0]).rows
        assert ("mel-cepstral distortion [mcd_espnet]", "8.00", "7.20 to 8.80", "4.00", "", "dB", "lower") in rows
        assert (
            "phonemes a second [speaking_rate]",
            "13.0",
            "11.7 to 14.3",
            "",
            "12.0",
            "1/s",
            "near the recording",
        ) in rows
        assert ("free-running: given the text alone",) in rows

    def test_the_worst_are_named_with_their_texts(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400)
        found = scores.worst(read(run).evaluations[0])
        assert found.rows == [("LJ-2", "12.00", SENTENCE), ("LJ-1", "8.00", SENTENCE)]

    def test_metrics_are_drawn_over_steps_where_there_are_two(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 100)
        assert scores.over_steps([read(run)], "validation") is None
        write_evaluation(run, 400)
        assert scores.over_steps([read(run)], "validation").alt


def chapter(*runs: RunDir) -> tuple[str, dict[str, document.Table]]:
    """What the chapter on evaluations says, and its tables by title."""
    (found,) = [one for one in sections([read(run) for run in runs], lambda line: None) if one.title == "Evaluation"]
    tables = [block for block in found.blocks if isinstance(block, document.Table)]
    said = "\n".join(block.text for block in found.blocks if isinstance(block, document.Text))
    return said, {table.title: table for table in tables}


def change(path: Path, **fields) -> None:
    """Other values in a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


def choose(run: RunDir, *steps: int, **fields) -> str:
    """checkpoints/best.json and best.keras, as `fs2keras best` writes them; returns the digest of the latter."""
    run.checkpoints.mkdir(exist_ok=True)
    run.best_checkpoint.write_bytes(b"best")
    scores = {100: (1.5, 0.3), 200: (1.0, 0.0), 300: (1.1, -0.2), 400: (1.05, None)}
    ranked = [
        {"step": step, "score": score, "worse_by": score - 1.0, "low": low, "high": low}
        for step, (score, low) in scores.items()
    ]
    facts = {"steps": list(steps), "criterion": "loss", "basis": "level of loss", "candidates": ranked}
    run.best_checkpoint.with_suffix(".json").write_text(json.dumps(facts | fields), encoding="utf-8")
    return hashlib.sha256(b"best").hexdigest()


class TestTheBest:
    def test_is_told_with_how_sure_it_is(self, tmp_path):
        run = run_at(tmp_path / "run")
        choose(run, 200)
        sentence = (
            "Chosen as best, checkpoints/best.keras: step 200, by loss (level of loss); it cannot be told, by this, "
            "from 2 of the 3 other candidates."
        )
        assert sentence in said(run)
        assert sentence in chapter(run)[0]
        one, other = ({"step": step, "score": step / 100, "low": low} for step, low in ((200, 0.0), (300, 0.1)))
        choose(run, 200, candidates=[one, other])
        assert "it is better, beyond chance, than the only other candidate." in said(run)
        choose(run, 200, candidates=[one])
        assert "step 200, by loss (level of loss)." in said(run)

    def test_may_be_an_average(self, tmp_path):
        run = run_at(tmp_path / "run")
        choose(run, 200, 300, 400)
        assert (
            "the average of steps 200, 300 and 400, by loss (level of loss); it was better, beyond chance, than step "
            "200, the best single one."
        ) in said(run)

    @pytest.mark.parametrize("candidates", [None, {}, [1], [{"step": 200}], [{"step": True, "score": 1}], "x"])
    def test_without_candidates_is_told_alone(self, tmp_path, candidates):
        run = run_at(tmp_path / "run")
        choose(run, 200, candidates=candidates, basis=None)
        assert "Chosen as best, checkpoints/best.keras: step 200, by loss." in said(run)

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "",
            "{}",
            "[]",
            "null",
            "3",
            '{"steps": []}',
            '{"steps": 200}',
            '{"steps": ["200"]}',
            "[" * 99_999,
            "\xff",
        ],
    )
    def test_that_cannot_be_read_is_a_sentence(self, tmp_path, text):
        run = run_at(tmp_path / "a run")
        write_evaluation(run, 400)
        choose(run, 200)
        run.best_checkpoint.with_suffix(".json").write_text(text, encoding="latin-1")
        assert f"To choose again: fs2keras best '{run.path}'" in said(run)
        assert "chosen" not in chapter(run)[0]

    def test_has_its_own_table(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400, mcd=8.0)
        digest = choose(run, 200)
        change(write_evaluation(run, None, mcd=7.0), key={"checkpoint": digest})
        text, tables = chapter(run)
        first, second = list(tables)[:2]
        assert (first, second) == (
            "On validation, step 400",
            "On validation, best.keras: chosen as best, step 200",
        )
        assert tables[second].rows[3][1] == "7.00"
        assert "best.keras: measured on 2 utterances of validation" in text
        assert "Evaluated at step 400" in said(run)
        assert "Evaluated at best.keras on 2 utterances of validation: mcd_espnet 7.00 dB" in said(run)

    def test_is_the_step_that_was_evaluated(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 200, mcd=7.0)
        write_evaluation(run, 400)
        digest = choose(run, 200)
        expected = ["On validation, step 400", "On validation, step 200: chosen as best"]
        assert list(chapter(run)[1])[:2] == expected
        for path in (write_evaluation(run, 200), write_evaluation(run, None)):  # the same file, evaluated twice
            change(path, key={"checkpoint": digest})
        assert list(chapter(run)[1])[:2] == expected
        choose(run, 400)
        run.evaluation.joinpath("best-validation.json").unlink()
        titles = [title for title in chapter(run)[1] if title.startswith("On ")]
        assert titles == ["On validation, step 400: chosen as best"]

    def test_that_is_not_evaluated_says_how(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400, "test")
        choose(run, 200)
        command = f"fs2keras evaluate {run.path} --split test --checkpoint best"
        assert f"What was chosen as best is not evaluated on test: {command}" in chapter(run)[0]

    def test_that_was_replaced_since_is_not_taken_for_it(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400)
        change(write_evaluation(run, None), key={"checkpoint": "0" * 64})
        choose(run, 200)
        assert f"another one was chosen. Again: fs2keras evaluate {run.path} --checkpoint best" in said(run)
        assert "What was chosen as best is not evaluated on validation" in chapter(run)[0]

    def test_of_another_folder_is_none(self, tmp_path):
        run = run_at(tmp_path / "run")
        path = write_evaluation(run, None)
        path.rename(path.with_name("best-0123abcd-validation.json"))
        assert [one.is_best for one in read(run).evaluations] == [False]


class TestSideBySide:
    def runs(self, tmp_path, **other) -> tuple[RunDir, RunDir]:
        """Two runs with an evaluation each, the second one's with other fields."""
        found = run_at(tmp_path / "one"), run_at(tmp_path / "other")
        for run in found:
            path = write_evaluation(run, 400)
            change(path, key={"corpus": "a" * 64})
        change(path, **other)
        return found

    def test_of_the_same_corpus_have_a_floor(self, tmp_path):
        text, tables = chapter(*self.runs(tmp_path))
        (table,) = tables.values()
        assert "floor" in table.heads
        assert table.rows[3][-3] == "4.00"
        assert "do not compare" not in text

    def test_a_floor_that_the_first_has_not_measured_is_the_others(self, tmp_path):
        one, other = self.runs(tmp_path)
        path = one.evaluation / "step-0000400-validation.json"
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        metrics["mcd_espnet"]["floor"] = None
        change(path, metrics=metrics)
        (table,) = chapter(one, other)[1].values()
        assert table.rows[3][-3] == "4.00"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"key": {"corpus": "b" * 64}}, "on different corpora (one: aaaaaaaa, other: bbbbbbbb)"),
            ({"vocoder": "hifigan"}, "through different vocoders (one: griffin-lim, other: hifigan)"),
            ({"utterances": {"LJ-1": {}}}, "on different utterances (one: 2, other: 1 of them)"),
            (
                {"vocoder": "hifigan", "key": {"corpus": "b"}},
                "on different corpora (one: aaaaaaaa, other: b) and through different vocoders",
            ),
        ],
    )
    def test_measured_in_different_ways_says_so_and_has_no_floor(self, tmp_path, fields, words):
        runs = self.runs(tmp_path, **fields)
        text, tables = chapter(*runs)
        (table,) = tables.values()
        assert f"They were measured {words}" in text
        assert "do not compare them" in text
        assert "floor" not in table.heads
        assert all(len(row) in (1, len(table.heads)) for row in table.rows)
        for run in runs:
            write_evaluation(run, 100)
        found = [read(run) for run in runs]
        assert "dashed" not in scores.over_steps(found, "validation").caption

    def test_on_other_splits_says_so(self, tmp_path):
        one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other")
        write_evaluation(one, 400)
        write_evaluation(other, 400, "test")
        text, _ = chapter(one, other)
        assert f"other is not evaluated on validation: fs2keras evaluate {other.path}" in text
        assert f"one is not evaluated on test: fs2keras evaluate {one.path} --split test" in text

    def test_shows_what_was_chosen_as_best_too(self, tmp_path):
        one, other = self.runs(tmp_path)
        choose(one, 200)
        write_evaluation(one, 200, mcd=7.0)
        text, tables = chapter(one, other)
        assert text.startswith("one: Chosen as best")
        first, second = tables
        assert second == "On validation: mean (95 % interval), what was chosen as best of each"
        assert tables[second].rows[3][1].startswith("7.00 (")


class TestProsody:
    def test_agreement_by_hand(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400, phonemes=4)
        (evaluation,) = read(run).evaluations
        found = {name: prosody.agreement(evaluation, name) for name in ("durations", "pitch", "energy")}
        assert found["durations"] == (8, pytest.approx(1.0), pytest.approx(1.0))
        assert found["pitch"] == (8, pytest.approx(-1.0), pytest.approx(95.0))
        assert found["energy"].bias == pytest.approx(2.5)

    def test_what_never_changes_has_no_correlation(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_evaluation(run, 400, phonemes=1)
        (evaluation,) = read(run).evaluations
        assert prosody.agreement(evaluation, "pitch").correlation is None
        with style(9):
            assert "r = unknown" in render(prosody.scatter(evaluation, "scatter", "x"))
        assert prosody.contours(evaluation, "contours", "x", None) is None

    def test_the_utterance_that_is_shown_is_neither_the_best_nor_the_worst(self, tmp_path):
        path = write_evaluation(run_at(tmp_path / "run"), 400)
        whole = json.loads(path.read_text(encoding="utf-8"))
        for id, error in (("good", 0), ("bad", 9), ("middling", 2)):
            durations = {"true_durations": [5, 5], "durations": [5, 5 + error]}
            whole["utterances"][id] = {"prosody": durations}
        del whole["utterances"]["LJ-1"], whole["utterances"]["LJ-2"]
        path.write_text(json.dumps(whole), encoding="utf-8")
        ((evaluation,), _) = read_evaluations(path.parent)
        chart = prosody.contours(evaluation, "contours", "x", 256 / 22050)
        assert chart.caption.startswith("middling, ")
        with style(9):
            assert "time (s)" in render(chart)


class TestStorage:
    def test_by_kind(self, tmp_path):
        run = whole_run(tmp_path / "run")
        found = {one.kind: (one.files, one.bytes) for one in storage.kept(read(run))}
        assert found["checkpoints"] == (2, 6000)
        assert found["samples"][0] == 4
        assert found["evaluations"][0] == 2
        assert found["CSV files, log, recipe, reports"][0] == 6

    def test_growth_and_what_was_removed(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, (100, 300), (2, 1))
        write_events(
            run,
            (1, 100, "checkpoint", "step-0000100.keras", 10),
            (2, 200, "checkpoint", "step-0000200.keras", 20),
            (2, 200, "removed", "step-0000100.keras"),
            (3, 200, "checkpoint", "step-0000200.keras", 20),  # again, after a kill
        )
        steps, written, left = storage.growth(read(run))
        assert steps.tolist() == [0, 100, 200, 200, 200, 300]
        assert written.tolist() == [0, 10, 30, 30, 50, 50]
        assert left.tolist() == [0, 10, 30, 20, 20, 20]
        write_checkpoint(run, 200, 25)
        assert storage.checkpoint_bytes(read(run)) == {100: 10, 200: 25}


class TestWords:
    def test_the_best_validation_and_the_nearest_checkpoint(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 401, 10), np.linspace(9, 5, 40))
        write_validation(run, (100, 200, 300, 400), (8, 6.5, 7, 8))
        write_checkpoint(run, 400, 10)
        write_checkpoint(run, 150, 10)
        text = said(run)
        assert "lowest at step 200, 6.5 (no checkpoint there; the nearest is step-0000150.keras)" in text
        assert "the last one, at step 400, is 8" in text
        assert "The run takes" in text
        assert "20 B of it in 2 checkpoints" in text

    def test_over_fitting_is_told_with_its_evidence(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 2001, 10), np.linspace(9, 1, 200))
        at_steps = np.arange(100, 2001, 100)
        write_validation(run, at_steps, 5 + (at_steps - 800.0) ** 2 / 1e6)
        text = said(run)
        assert "Over-fitting: in validation loss rose from 5 at step 800" in text
        assert "no sign of over-fitting" not in text
        assert "falling" not in text

    def test_a_plateau(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 2001, 10), np.full(200, 5.0))
        at_steps = np.arange(100, 2001, 100)
        write_validation(run, at_steps, np.where(at_steps < 500, 9.0, 5.0) + 0.01 * (at_steps > 500))
        assert "The validation loss has not improved since step 500, for 1,500 steps." in said(run)

    def test_stalls(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_beats(run, (0, 5, 0, 50, "training"), (15, 20, 50, 100, "training"), (25, 30, 100, 200, "training"))
        assert "It stood still 2 times, at the longest for 10 min from 2026-11-22 12:05 UTC on." in said(run)
        write_beats(run, (0, 5, 0, 50, "training"))
        assert "It ran without a stop and without a stall." in said(run)

    def test_what_is_still_to_come(self, tmp_path):
        run = run_at(tmp_path / "run", status="interrupted", total_steps=1000)
        write_steps(run, range(10, 401, 10), np.linspace(9, 5, 40))
        write_checkpoint(run, 400, 1000)
        text = said(run)
        assert "was stopped at step 400 of 1,000 (40 %), with everything saved" in text
        assert "need about 20 min (" in text
        assert "80 % interval) once it goes on" in text
        assert "until its end 6 checkpoints more will take 6.0 kB" in text

    def test_broken_lines_are_counted(self, tmp_path):
        run = run_at(tmp_path / "run")
        run.events_csv.write_text("time,step,event,detail,bytes,seconds\na,b\nc\n", encoding="utf-8")
        assert "2 lines of the run's CSV files are broken and left out." in said(run)

    def test_nothing_is_said_of_what_is_not_known(self, tmp_path):
        run = run_at(tmp_path / "run", parameters=None)
        text = said(run)
        assert "None" not in text
        assert "nan" not in text


class TestCharts:
    def test_say_in_words_what_is_to_be_seen(self, tmp_path):
        run = read(whole_run(tmp_path / "run"))
        assert charts.loss([run]).alt == "run: the loss goes from 10.51 to 2.353 by step 400."

    def test_spikes_are_drawn_however_long_the_run_is(self):
        y = np.ones(200_000)
        y[123_456] = 77.0
        _, _, high = curves.smoothed(np.arange(1.0, 200_001), y, 200_000).raw
        assert high.max() == 77
        assert len(high) == curves.COLUMNS

    def test_negative_losses_have_a_linear_axis(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 401, 10), np.linspace(9, -5, 40))
        with style(9):
            picture = render(charts.loss([read(run)]))
        assert re.search(r">−\d", picture)

    def test_an_aligner_has_no_chapter_about_its_voice(self, tmp_path):
        found = sections([read(run_at(tmp_path / "run", kind="aligner"))], lambda line: None)
        assert not {"Evaluation", "Prosody and alignment"} & {section.title for section in found}


class TestTypesetting:
    @given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=60), st.floats(0.5, 5.0))
    def test_lines_have_room_and_nothing_is_lost(self, text, room):
        lines = wrap(text, room, 8)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert all(inches(line, 8) <= room for line in lines)

    def test_shorten(self):
        assert shorten("short", 2.0, 8) == "short"
        assert shorten("a very long title of a report", 0.5, 8).endswith("…")
        assert inches(shorten("a very long title of a report", 0.5, 8), 8) <= 0.5

    def test_numbers_and_times(self):
        assert [figure(value) for value in (None, 0.0, 1234567.0, 1.23456, -1e-7)] == [
            "",
            "0",
            "1,234,567",
            "1.235",
            "-1e-07",
        ]
        assert when(0) == "1970-01-01 00:00 UTC"
        assert [is_number(value) for value in (1, 2.5, float("nan"), float("inf"), 10**400, "1", None)] == [
            True
        ] * 2 + [False] * 5
