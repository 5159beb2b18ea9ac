"""The time that is left, and how often the truth lies in the interval: simulated logs, many seeds."""

import random
from itertools import count
from math import exp, inf, nan, sqrt
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.rundir.eta import ROWS, Eta, eta, seconds_per_step

TOTAL = 10_000
ASKED_AT = (0.05, 0.2, 0.5, 0.8)
SEEDS = 16


def log(every: int, until: int = TOTAL, pace: float = 0.5, pauses: dict[int, float] | None = None):
    """Steps and elapsed seconds of rows; `pauses` holds seconds that follow upon a step, after its row."""
    steps, elapsed, seconds = [], [], 0.0
    for step in range(every, until + 1, every):
        seconds += every * pace
        steps.append(step)
        elapsed.append(seconds)
        seconds += (pauses or {}).get(step, 0.0)
    return steps, elapsed


class Simulation:
    """A whole run of one family: steps, elapsed seconds of its rows."""

    def __init__(self, family: str, every: int, seed: int):
        self.rng = rng = random.Random(f"{family} {every} {seed}")
        self.family, self.every = family, every
        self.pace = rng.uniform(0.05, 0.6)  # seconds a step
        self.noise = rng.uniform(0.05, 0.2) / sqrt(every)  # batches of different shapes
        self.load = rng.uniform(0.0, 0.03)  # of other programs, lasting for hundreds of steps
        self.slower = rng.uniform(0.1, 0.5) if family == "slowing" else 0.0
        self.extra: dict[int, float] = {}
        if family in ("pauses", "resumes"):
            self._pause_for_validations()
            self._compile_at(0)
        self.resumed = rng.sample(range(TOTAL // 50, TOTAL), rng.randint(1, 3)) if family == "resumes" else []
        for step in self.resumed:
            self._compile_at(step)

    def _pause(self, step: int, steps_long: float) -> None:
        row = step // self.every * self.every
        self.extra[row] = self.extra.get(row, 0.0) + steps_long * self.pace

    def _pause_for_validations(self) -> None:
        every, long = self.rng.choice([100, 250, 500]), self.rng.uniform(5, 60)
        for step in range(every, TOTAL, every):
            self._pause(step, long * self.rng.uniform(0.9, 1.1))
            if step % (5 * every) == 0:
                self._pause(step, 2 * long * self.rng.uniform(0.9, 1.1))

    def _compile_at(self, step: int) -> None:
        for _ in range(self.rng.randint(2, 8)):
            self._pause(step + int(self.rng.expovariate(1 / 50)), self.rng.uniform(10, 40))

    def rows(self) -> tuple[list[int], list[float]]:
        rng, alike = self.rng, exp(-self.every / 500)
        seconds, load, pace = self.extra.get(0, 0.0), 0.0, self.pace
        steps, elapsed = [], []
        for step in range(self.every, TOTAL + 1, self.every):
            load = alike * load + sqrt(1 - alike**2) * rng.gauss(0, self.load)
            if any(step - self.every < resumed <= step for resumed in self.resumed):
                pace = self.pace * rng.uniform(0.97, 1.03)
            seconds += self.every * pace * (1 + self.slower * step / TOTAL) * exp(rng.gauss(0, self.noise) + load)
            steps.append(step)
            elapsed.append(seconds)
            seconds += self.extra.get(step, 0.0)
        return steps, elapsed


def asked(family: str, every: int) -> dict[float, list[tuple[Eta, float]]]:
    """The answers at each of ASKED_AT, with the truth."""
    answers = {share: [] for share in ASKED_AT}
    for seed in range(SEEDS):
        steps, elapsed = Simulation(family, every, seed).rows()
        for share in ASKED_AT:
            rows = int(len(steps) * share)
            answers[share].append((eta(steps[:rows], elapsed[:rows], TOTAL), elapsed[-1] - elapsed[rows - 1]))
    return answers


@pytest.mark.parametrize(
    ("family", "widest_at_half"), [("steady", 0.05), ("slowing", 0.06), ("pauses", 0.1), ("resumes", 0.12)]
)
def test_the_true_end_is_in_the_interval_four_times_of_five(family, widest_at_half):
    inside, widths = [], []
    for every in (10, 100):
        answers = asked(family, every)
        inside += [left.low <= truth <= left.high for pairs in answers.values() for left, truth in pairs]
        widths += [(left.high - left.low) / 2 / left.seconds for left, _ in answers[0.5]]
    assert sum(inside) >= 0.8 * len(inside)
    assert median(widths) < widest_at_half


def test_steady_rows_are_extrapolated_exactly():
    steps, elapsed = log(100, 4_900)
    left = eta(steps, elapsed, TOTAL)
    assert left.seconds == pytest.approx(5_100 * 0.5)
    assert left.low < left.seconds < left.high


def test_pauses_that_come_back_count_in_their_share():
    steps, elapsed = log(100, 4_900, pauses=dict.fromkeys(range(500, TOTAL, 500), 50.0))
    assert eta(steps, elapsed, TOTAL).seconds == pytest.approx(5_100 * 0.6, rel=0.02)


def test_one_very_long_pause_does_not_come_back():
    asleep = log(100, 4_900, pauses={2500: 50_000.0})
    assert eta(*asleep, TOTAL).seconds == pytest.approx(5_100 * 0.5, rel=0.01)
    validations = dict.fromkeys(range(500, TOTAL, 500), 50.0)
    left = eta(*log(100, 4_900, pauses=validations | {2500: 50_000.0}), TOTAL)
    assert left.seconds == pytest.approx(5_100 * 0.6, rel=0.03)
    assert left.high < 1.3 * left.seconds


def test_compilations_at_the_beginning_do_not_come_back():
    left = eta(*log(10, 400, pauses={10: 200.0, 20: 60.0, 30: 40.0, 50: 20.0}), 1000)
    assert left.low < 600 * 0.5 < left.high
    assert left.seconds == pytest.approx(600 * 0.5, rel=0.1)


def test_the_pace_of_late_is_what_goes_on():
    steps, elapsed = log(100, 4_900)
    for step in range(5_000, 8_001, 100):
        steps.append(step)
        elapsed.append(elapsed[-1] + 100 * 0.2)
    left = eta(steps, elapsed, TOTAL)
    assert left.low < 2000 * 0.2 < left.high
    assert left.seconds == pytest.approx(2000 * 0.2, rel=0.1)


def test_nothing_left_and_nothing_known():
    steps, elapsed = log(100, 4_900)
    assert eta(steps, elapsed, 4_900) == Eta(0.0, 0.0, 0.0)
    assert eta([], [], TOTAL) is None
    assert eta(steps[:3], elapsed[:3], TOTAL) is None
    assert eta(steps[:4], elapsed[:4], TOTAL) is not None
    assert eta(steps, [nan] * len(steps), TOTAL) is None
    assert seconds_per_step([], []) is None
    assert seconds_per_step([1], [1.0]) is None


def test_rows_without_a_time_are_left_out():
    steps, elapsed = log(100, 4_900)
    elapsed[20] = elapsed[21] = inf
    elapsed[-1] = nan
    assert eta(steps, elapsed, TOTAL).seconds == pytest.approx(5_200 * 0.5)


def test_of_many_rows_some_will_do():
    class Counted(list):
        looked_at = count()

        def __getitem__(self, index):
            values = super().__getitem__(index)
            for _ in values if isinstance(index, slice) else (values,):
                next(self.looked_at)
            return values

    steps, elapsed = log(1, 60 * ROWS, pace=0.1)
    left = eta(Counted(steps), Counted(elapsed), 120 * ROWS)
    assert left.seconds == pytest.approx(60 * ROWS * 0.1)
    assert next(Counted.looked_at) < 3 * ROWS


def test_seconds_per_step_is_of_now_and_without_pauses():
    steps, elapsed = log(10, 5_000, pace=2.0, pauses=dict.fromkeys(range(4000, 5000, 100), 100.0))
    assert seconds_per_step(steps, elapsed) == pytest.approx(2.0)
    faster = [elapsed[-1] + 10 * 0.2 * (i + 1) for i in range(60)]
    assert seconds_per_step([*steps, *range(5_010, 5_610, 10)], [*elapsed, *faster]) == pytest.approx(0.2)


numbers = st.floats(-1e9, 1e9) | st.sampled_from([nan, inf, -inf])


@given(st.lists(st.tuples(numbers, numbers), max_size=40), st.integers(1, 10**7))
def test_any_numbers_give_a_sane_answer(points, total):
    left = eta([step for step, _ in points], [seconds for _, seconds in points], total)
    assert left is None or 0 <= left.low <= left.seconds <= left.high < inf
