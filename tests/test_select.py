"""Which checkpoint is chosen, and how sure: on curves and evaluations whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.errors import UserError
from fs2keras.evaluation.catalogue import BY_NAME
from fs2keras.evaluation.results import Evaluation
from fs2keras.evaluation.select import by_curve, by_evaluation, parse
from fs2keras.rundir.layout import RunDir

STEPS = np.arange(1000, 200_001, 1000)
CHECKPOINTS = range(5000, 200_001, 5000)


def planted(folder, truth: np.ndarray, noise: float, seed: int = 0) -> RunDir:
    """A run with a checkpoint every 5,000 steps and a validation curve every 1,000."""
    run = RunDir(folder)
    run.checkpoints.mkdir(parents=True)
    for step in CHECKPOINTS:
        run.checkpoint(step).touch()
    values = truth + noise * np.random.default_rng(seed).standard_normal(len(truth))
    rows = "".join(f"{step},{value!r}\n" for step, value in zip(STEPS.tolist(), values.tolist(), strict=True))
    run.validation_csv.write_text("step,loss\n" + rows)
    return run


def over_fitting(lowest: float) -> np.ndarray:
    """A loss that falls to its minimum at `lowest` and rises again."""
    return 0.6 + 0.3 * (np.log(STEPS / lowest)) ** 2


@pytest.mark.parametrize("seed", range(5))
def test_the_minimum_under_noise_is_among_those_that_may_be_as_good(tmp_path, seed):
    run = planted(tmp_path, over_fitting(120_000), 0.02, seed)
    choice = by_curve(run)
    assert abs(choice.best.step - 120_000) <= 20_000
    assert 120_000 in {choice.best.step, *(c.step for c in choice.close)}
    # Where the curve is three deviations of its noise higher, nothing is close.
    assert all(over_fitting(120_000)[c.step == STEPS][0] < 0.6 + 3 * 0.02 for c in choice.close)


def test_a_lucky_value_is_not_taken_for_the_best(tmp_path):
    truth = over_fitting(120_000)
    truth[STEPS == 40_000] = 0.55  # the lowest value of all, among much higher ones
    assert by_curve(planted(tmp_path, truth, 0.01)).best.step > 80_000


def test_without_noise_the_lowest_is_chosen_and_no_other_is_close(tmp_path):
    choice = by_curve(planted(tmp_path, 2 - STEPS / 200_000, 0.0))
    assert choice.best.step == 200_000
    assert not choice.close


def test_the_noise_is_found(tmp_path):
    choice = by_curve(planted(tmp_path, over_fitting(150_000), 0.05))
    noise = float(choice.basis.split()[-1])
    assert noise == pytest.approx(0.05, rel=0.25)


def test_only_the_last_checkpoints_are_looked_at_where_that_is_asked(tmp_path):
    choice = by_curve(planted(tmp_path, over_fitting(50_000), 0.0), last=4)
    assert [c.step for c in choice.candidates] == [185_000, 190_000, 195_000, 200_000]
    assert choice.best.step == 185_000


def test_few_validations_are_taken_as_they_are(tmp_path):
    run = RunDir(tmp_path)
    run.checkpoints.mkdir()
    for step in (10, 20):
        run.checkpoint(step).touch()
    run.validation_csv.write_text("step,loss\n10,2.5\n20,2.0\n")
    choice = by_curve(run)
    assert (choice.best.step, choice.best.score) == (20, 2.0)


@pytest.mark.parametrize(
    "text", ["", "step,loss\n", "step,loss\n7,1.0\n", "step,mel\n5000,1.0\n", "step,loss\n5000,nan\n"]
)
def test_no_validation_at_a_checkpoint_is_an_error(tmp_path, text):
    run = RunDir(tmp_path)
    run.checkpoints.mkdir()
    run.checkpoint(5000).touch()
    run.validation_csv.write_text(text)
    with pytest.raises(UserError, match="Choose by another criterion"):
        by_curve(run)


def evaluation(values: dict[str, np.ndarray], weights: dict[str, np.ndarray] | None = None) -> Evaluation:
    count = len(next(iter(values.values())))
    found = Evaluation({"checkpoint": "x.keras"})
    for n in range(count):
        mine = {name: float(column[n]) for name, column in values.items()}
        heavy = {name: float(column[n]) for name, column in (weights or {}).items()}
        found.add(f"u{n}", voice=mine, weights=heavy)
    return found


def test_paired_differences_see_what_separate_intervals_do_not():
    rng = np.random.default_rng(0)
    hard = rng.normal(6, 1, 40)  # utterances differ by far more than checkpoints
    found = {
        step: evaluation({"mcd_espnet": hard + worse + rng.normal(0, 0.05, 40)}) for step, worse in ((1, 0.2), (2, 0))
    }
    choice = by_evaluation(found, {"mcd_espnet": 1.0})
    assert choice.best.step == 2
    assert not choice.close
    assert choice.candidates[0].worse_by == pytest.approx(0.2, abs=0.03)


def test_a_weighted_set_is_the_weighted_sum_of_the_means():
    found = {
        1: evaluation({"mel": np.array([1.0, 3.0]), "mcd_espnet": np.array([5.0, 5.0])}, {"mel": np.array([3.0, 1.0])}),
        2: evaluation({"mel": np.array([1.0, 1.0]), "mcd_espnet": np.array([9.0, 9.0])}, {"mel": np.array([3.0, 1.0])}),
    }
    choice = by_evaluation(found, {"mel": 2.0, "mcd_espnet": 0.5})
    assert [c.score for c in choice.candidates] == pytest.approx([2 * 1.5 + 2.5, 2 * 1.0 + 4.5])
    assert choice.best.step == 1


def test_an_utterance_without_the_metric_is_an_error():
    broken = evaluation({"mcd_espnet": np.array([5.0, float("nan")])})
    with pytest.raises(UserError, match="u1 is missing"):
        by_evaluation({1: broken}, {"mcd_espnet": 1.0})


def test_a_loss_of_which_a_part_is_missing_is_none():
    part = {name: np.array([1.0, 2.0]) for name in ("mel", "mel_postnet", "pitch", "energy")}
    whole = evaluation(part | {"log_duration_mse": np.array([3.0, float("nan")])})
    assert [whole.value(id, "voice", "loss") for id in whole.utterances] == [7.0, None]
    assert whole.interval("voice", BY_NAME["loss"]).count == 1


def test_criteria_are_read():
    assert parse("mcd_espnet") == {"mcd_espnet": 1.0}
    assert parse("mel_postnet=1, dnsmos=-0.5") == {"mel_postnet": 1.0, "dnsmos": -0.5}
    assert parse("dnsmos") == {"dnsmos": -1.0}
    for wrong in ("", "mel=x", "beauty", "mel,,"):
        with pytest.raises(UserError):
            parse(wrong)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=30))
def test_the_best_is_never_behind(values):
    found = {n: evaluation({"mel": np.array([value])}) for n, value in enumerate(values)}
    choice = by_evaluation(found, {"mel": 1.0})
    assert choice.best.score == min(values)
    assert all(c.worse_by >= 0 for c in choice.candidates)
