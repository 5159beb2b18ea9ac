"""`fs2keras validate`: each criterion fails in turn, and a voice that meets them all passes."""

import csv
import shutil

import numpy as np
import pytest
from tiny import STEPS

from fs2keras import cli
from fs2keras.evaluation import gate
from fs2keras.recipe import Validate, load
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows
from fs2keras.voice import Voice

# A voice of twelve steps is far from anything; bounds around what it does, so that each can be missed alone.
EASY = {
    "mel_postnet": 50.0,
    "duration_mae": 50.0,
    "pitch_rmse": 500.0,
    "mcd_espnet": 50.0,
    "mcd_fairseq": 50.0,
    "log_f0_rmse": 5.0,
    "vuv_error": 1.0,
    "stable_over": 3,
    "stable_within": 1.0,
    "longest_phoneme": 0.5,
}


@pytest.fixture
def run(voice_run, tmp_path) -> RunDir:
    shutil.copytree(voice_run.path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    return RunDir(tmp_path / "run")


def validate(run: RunDir, capsys, **bounds) -> tuple[int, dict[str, str]]:
    """The exit code, and criterion -> line."""
    words = [w for key, value in (EASY | bounds).items() for w in ("--set", f"validate.{key}={value}".lower())]
    code = cli.main(["validate", str(run.path), *words])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("pass", "FAIL"))]
    return code, {line[6:28].strip(): line for line in lines}


def failing(lines: dict[str, str]) -> set[str]:
    return {name for name, line in lines.items() if line.startswith("FAIL")}


def test_a_voice_within_all_bounds_passes(run, capsys):
    write_curves(run, np.linspace(3, 1, 40), np.linspace(3, 1.2, 10))  # twelve steps have too few validations to judge
    code, lines = validate(run, capsys)
    assert code == 0
    assert {*gate.BOUNDS, "stable validation", "no over-fitting", "one word", "very long", "digits"} <= lines.keys()
    assert "all capitals" in lines
    assert any(name.startswith("rare phoneme") for name in lines)
    assert not failing(lines)
    # Each metric out of its bound, one at a time; what was measured is read, not measured again.
    for name in gate.BOUNDS:
        recipe = load(run.recipe, [f"validate.{key}={value}" for key, value in (EASY | {name: 1e-4}).items()])
        found = gate._metrics(run, recipe, run.checkpoint(STEPS), "validation", None, print)
        assert {verdict.criterion for verdict in found if not verdict.holds} == {name}


def test_implausible_lengths_fail(voice_run):
    voice = Voice.load(voice_run.checkpoint(STEPS))
    for bounds, words in (({"shortest_phoneme": 0.4}, "too short"), ({"longest_phoneme": 0.01}, "too long")):
        verdict = gate._spoken(voice, "one word", "The.", Validate(**bounds))
        assert not verdict.holds
        assert words in verdict.value


CURVES = dict.fromkeys(gate.BOUNDS, 0.0) | {"sentences": "[]"}


def write_curves(run: RunDir, training, validation) -> None:
    """steps.csv and validation.csv with these losses, all parts alike."""
    for path, values, every in (
        (run.steps_csv, training, 1),
        (run.validation_csv, validation, len(training) // len(validation)),
    ):
        columns = read_rows(path).columns
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            for n, value in enumerate(values, start=1):
                table.writerow({column: n * every if column == "step" else value for column in columns})


def verdicts(run: RunDir, **bounds) -> dict[str, bool]:
    return {v.criterion: v.holds for v in gate._curves(run, Validate(**bounds))}


def test_curves_that_fall_hold_and_those_that_rise_do_not(run):
    fall = np.linspace(3, 1, 400)
    write_curves(run, fall, np.linspace(3, 1.2, 40))
    assert verdicts(run) == {"stable validation": True, "no over-fitting": True}
    write_curves(run, fall, np.concatenate([np.linspace(3, 1.2, 20), np.linspace(1.2, 2.2, 20)]))
    assert verdicts(run) == {"stable validation": False, "no over-fitting": False}
    assert verdicts(run, stable_over=0, overfitting=False) == {}


def test_without_validations_nothing_is_taken_for_granted(run):
    run.validation_csv.unlink()
    assert verdicts(run) == {"stable validation": False, "no over-fitting": False}


def test_too_few_validations_or_no_training_curve_tell_nothing_of_over_fitting(run):
    fall = np.linspace(3, 1.2, 40)
    write_curves(run, fall[:6], fall[:6])
    assert verdicts(run)["no over-fitting"] is False
    write_curves(run, fall, fall)
    assert verdicts(run)["no over-fitting"] is True
    run.steps_csv.unlink()
    assert verdicts(run)["no over-fitting"] is False


@pytest.mark.parametrize(
    ("bias", "words"), [(float("nan"), "NaN, infinite"), (-25.0, "silent"), (1e30, "NaN, infinite or absurd")]
)
def test_sounds_that_are_none_fail(voice_run, bias, words):
    voice = Voice.load(voice_run.checkpoint(STEPS))
    voice.model.to_mel.bias.assign(np.full(voice.model.to_mel.bias.shape, bias))
    verdict = gate._spoken(voice, "one word", "The.", Validate(longest_phoneme=1.0))
    assert not verdict.holds
    assert words in verdict.value


def test_a_voice_that_shouts_beyond_full_scale_fails(voice_run):
    voice = Voice.load(voice_run.checkpoint(STEPS))
    voice.model.to_mel.bias.assign(np.full(voice.model.to_mel.bias.shape, 3.0))
    verdict = gate._spoken(voice, "one word", "The.", Validate(longest_phoneme=1.0))
    assert not verdict.holds
    assert "clipped" in verdict.value


def test_own_sentences_are_spoken_too_and_a_strange_phoneme_fails(run, capsys, monkeypatch):
    monkeypatch.setattr(gate, "edge_cases", lambda prepared, split: {})
    code, lines = validate(run, capsys, **CURVES | {"sentences": '["The.", "Schadenfreude."]'})
    assert code == 1
    assert lines["sentence 1"].startswith("pass")
    assert "is not among" in lines["sentence 2"]
