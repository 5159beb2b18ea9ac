"""Over-fitting and plateaus in simulated curves: noise is neither."""

import random
from math import exp, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.rundir.generalization import overfitting, plateau
from fs2keras.rundir.table import Table

RUNS = 12


def table(values):
    """A validation, or a training row, every 10 steps."""
    made = Table(("step", "loss"))
    for i, value in enumerate(values):
        made.extend([10 * (i + 1), value])
    return made


def told_at(training, validation):
    """After which validation over-fitting is told first, asked after each; None when it never is."""
    steps, known = table(training), Table(("step", "loss"))
    for i, value in enumerate(validation):
        known.extend([10 * (i + 1), value])
        if overfitting(steps, known, "loss"):
            return i + 1
    return None


def curves(seed, count, noise, fall, rise):
    """Training that falls by the share `fall` beside what both lose at first; validation with its minimum at 40 %."""
    rng = random.Random(f"{seed} {count} {noise} {fall} {rise}")
    shares = [i / count for i in range(count)]
    training = [1 + 2 * exp(-12 * share) - fall * share + rng.gauss(0, 0.01) for share in shares]
    validation = [1 + 2 * exp(-12 * s) + rise * max(0.0, s - 0.4) + rng.gauss(0, noise) for s in shares]
    return training, validation


@pytest.mark.parametrize("count", [10, 30, 100])
@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_noise_is_no_overfitting(count, noise):
    told = [told_at(*curves(seed, count, noise, fall=0.4, rise=0.0)) for seed in range(RUNS)]
    assert sum(at is not None for at in told) <= RUNS / 6


@pytest.mark.parametrize("count", [10, 30, 100])
def test_noise_around_nothing_at_all_is_none_either(count):
    for seed in range(RUNS):
        rng = random.Random(f"{seed} {count}")
        noise = [[1 + rng.gauss(0, 0.03) for _ in range(count)] for _ in range(2)]
        assert told_at(*noise) is None


@pytest.mark.parametrize(("count", "noise"), [(10, 0.01), (30, 0.01), (100, 0.02)])
def test_a_rise_is_told_before_the_end(count, noise):
    told = [told_at(*curves(seed, count, noise, fall=0.4, rise=0.4)) for seed in range(RUNS)]
    assert sum(at is not None for at in told) >= 0.75 * RUNS
    assert all(at > 0.4 * count for at in told if at)


def test_the_real_pitch_of_a_thousand_steps():
    """Validation and training means of a voice that learned the pitch of 400 sentences by heart."""
    validation = [1.356, 1.315, 1.187, 1.198, 1.127, 1.105, 1.213, 1.253, 1.234, 1.303]
    training = [1.62, 1.45, 1.26, 1.16, 1.08, 0.96, 0.80, 0.62, 0.52, 0.47]
    case = overfitting(table(training), table(validation), "loss")
    assert (case.best_step, case.step) == (60, 100)
    assert (case.best, case.value) == pytest.approx((1.105, 1.303))
    assert case.training_now < 0.7 * case.training_then


def test_training_that_rises_as_well_is_no_overfitting():
    training, validation = curves(1, 30, 0.01, fall=0.4, rise=0.4)
    assert told_at(training, validation)
    assert told_at(validation, validation) is None


def test_a_rise_too_small_to_matter():
    falling = [3.0, 2.5, 2.2, 2.1, 2.05, 2.0]
    for rise, told in ((0.002, False), (0.02, True)):
        validation = [*falling, *(2.0 * (1 + rise * (i + 1)) for i in range(6))]
        assert bool(overfitting(table([1 / (i + 1) for i in range(12)]), table(validation), "loss")) == told


def test_a_rise_like_those_before():
    training = [1 / (i + 1) for i in range(32)]
    hill = [2.0 + 0.3 * min(abs(i % 10), abs(i % 10 - 10)) for i in range(26)]  # up and down in tens
    hill[20] = 1.99  # the minimum, whence it rises once more
    assert overfitting(table(training), table([3.0] * 6 + hill), "loss") is None
    assert overfitting(table(training), table([3.0 - i / 30 for i in range(26)] + hill[20:]), "loss")


def test_what_cannot_be_compared():
    training, validation = curves(1, 30, 0.01, fall=0.4, rise=0.4)
    assert overfitting(Table(), table(validation), "loss") is None
    assert overfitting(table(training), Table(), "loss") is None
    assert overfitting(table(training), table(validation), "pitch") is None
    assert overfitting(table([nan] * 30), table(validation), "loss") is None
    gaps = [nan if i % 5 == 3 else value for i, value in enumerate(validation)]
    assert overfitting(table(training), table(gaps), "loss")


def test_plateau_is_where_nothing_gets_better():
    flat = [2.0 + exp(-i / 3) + 0.001 * (i % 3) for i in range(10)] + [2.05 + 0.001 * (i % 3) for i in range(20)]
    case = plateau(table(flat), "loss", 300)
    assert (case.best_step, case.step) == (100, 300)
    assert case.best == pytest.approx(min(flat))
    assert plateau(table(flat), "loss", None) == case
    assert plateau(table(flat), "loss", 10_000) is None
    assert plateau(table(flat[:11]), "loss", 300) is None
    assert plateau(Table(), "loss", 300) is None
    assert plateau(table([*flat[:25], 1.9, *flat[26:]]), "loss", 300) is None  # the best is of late
    lucky = [2.0 - 0.01 * i for i in range(30)]
    lucky[12] = 1.5
    assert plateau(table(lucky), "loss", 300) is None  # a lucky one long ago, and it still falls


@pytest.mark.parametrize("seed", range(5))
def test_what_still_falls_is_no_plateau(seed):
    rng = random.Random(seed)
    falling = [3 - 0.5 * i / 60 + rng.gauss(0, 0.02) for i in range(60)]
    assert not any(plateau(table(falling[:i]), "loss", 600) for i in range(60))


values = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(st.lists(values, max_size=40), st.lists(values, max_size=40))
def test_any_numbers_give_an_answer(training, validation):
    case = overfitting(table(training), table(validation), "loss")
    assert case is None or case.best < case.value
    plateau(table(validation), "loss", 400)
