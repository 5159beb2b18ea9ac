"""Which checkpoint is the best, and how sure that is."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fs2keras.errors import CallError, UserError
from fs2keras.evaluation.catalogue import BY_NAME
from fs2keras.evaluation.results import LOSSES, Evaluation, is_number
from fs2keras.evaluation.uncertainty import differences
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows

_FEWEST = 5  # validations that tell the noise of a curve
_AROUND = (7, 5, 3, 2)  # validations before and after a checkpoint that tell the level of the curve there


@dataclass(frozen=True)
class Candidate:
    """A checkpoint with its score, lower is better, and how far it is behind the best one, from `low` to `high`.

    These intervals hold together, all of a choice, with 95 %, for whichever is taken for the best: the best of forty
    looks better than it is. NaN where nothing tells how much is chance. `is_close`: the difference may be chance.
    """

    step: int
    score: float
    worse_by: float
    low: float
    high: float

    @property
    def is_close(self) -> bool:
        return not self.low > 0


@dataclass(frozen=True)
class Choice:
    """`best` of `candidates` (in order of steps) by `criterion`; `basis` says what the scores are, in words, and
    `left_out` which checkpoints have no score."""

    criterion: str
    basis: str
    best: Candidate
    candidates: tuple[Candidate, ...]
    left_out: tuple[int, ...] = ()

    @property
    def close(self) -> tuple[Candidate, ...]:
        """The others that may be as good."""
        return tuple(c for c in self.candidates if c.is_close and c.step != self.best.step)


def by_curve(run: RunDir, column: str = "loss", last: int = 0) -> Choice:
    """By validation.csv, of the last `last` checkpoints, 0 for all.

    The lowest value of a noisy curve is a lucky one, so the level at a checkpoint is that of a parabola through the
    validations around it, up to fifteen; where the curve bends more than that, its own value. The noise is estimated
    from the second differences of the curve (median absolute deviation), in which a trend cancels, and the intervals
    from Tukey's studentised range.

    Raises UserError when there is no checkpoint, or none with a validation.
    """
    rows = [row for row in read_rows(run.validation_csv) if is_number(row.get(column))]
    steps, values = (np.array([row[key] for row in rows], float) for key in ("step", column))
    noise = _noise(values)
    all_steps = [step for step, _ in run.list_checkpoints()[-last:]]
    levels = {step: _level(steps, values, noise, step) for step in all_steps if _is_validated(steps, step)}
    if not levels:
        raise UserError(
            f"{run.path}: no checkpoint with a {column} in validation.csv. Choose by another criterion, which is "
            "measured: --by mcd_espnet, say."
        )
    scores, errors = np.array(list(levels.values())).T
    # Of second differences a median tells as much as a third of their number would, were they independent.
    apart = _studentised_range(len(levels), (len(values) - 2) / 3) * np.hypot(errors[:, None], errors)
    basis = f"{column} in validation.csv, of too few validations to tell its noise"
    if not math.isnan(noise):
        basis = f"level of {column} in validation.csv, noise {noise:.4f}"
    left_out = tuple(step for step in all_steps if step not in levels)
    return _choice(column, basis, list(levels), scores, apart, left_out)


def _is_validated(steps: np.ndarray, step: int) -> bool:
    """Whether there are validations on both sides of a checkpoint, or at it: a curve is not followed past its end."""
    return step in steps or (len(steps) >= _FEWEST and steps.min() < step < steps.max())


def _noise(values: np.ndarray) -> float:
    """Standard deviation of the noise of a curve; NaN where there are too few values to tell."""
    if len(values) < _FEWEST:
        return math.nan
    bends = np.diff(values, n=2)
    return float(1.4826 * np.median(np.abs(bends - np.median(bends))) / math.sqrt(6))


def _level(steps: np.ndarray, values: np.ndarray, noise: float, step: int) -> tuple[float, float]:
    """The value at `step` of a parabola through the validations around it, and its standard error.

    As many as a parabola fits within the noise, which the validation at `step` itself has no say in: a single lucky
    value is noise, while a curve that bends pulls its neighbours along.
    """
    middle = int(np.argmin(np.abs(steps - step)))
    for radius in _AROUND:
        around = np.arange(max(0, middle - radius), min(len(steps), middle + radius + 1))
        others = around[steps[around] != step]
        if len(others) > 3 and _fits(steps[others], values[others], noise):
            break
    else:
        around = np.argsort(np.abs(steps - step), kind="stable")[: 1 if step in steps else 3]
    weights = np.linalg.pinv(_powers(steps[around] - step))[0]  # the value at step, a weighted sum of those around
    return float(weights @ values[around]), float(noise * np.linalg.norm(weights))


def _powers(x: np.ndarray) -> np.ndarray:
    """1, x and x squared as columns (N, 3), x scaled; fewer columns for fewer points."""
    return (x / max(1.0, np.abs(x).max()))[:, None] ** np.arange(min(3, len(x)))


def _fits(x: np.ndarray, y: np.ndarray, noise: float) -> bool:
    """Whether y (N,) is off its parabola by no more than the noise, or a little, as so few values may be by chance."""
    powers, freedom = _powers(x - x.mean()), len(x) - 3
    rest = y - powers @ np.linalg.lstsq(powers, y)[0]
    return math.sqrt(np.square(rest).sum() / freedom) <= noise * (1 + math.sqrt(2 / freedom))


@functools.cache
def _studentised_range(candidates: int, freedom: float) -> float:
    """By how many standard errors two of so many candidates may differ by chance, the most different ones with 95 %."""
    if candidates < 2 or freedom <= 0:
        return math.nan
    return float(scipy.stats.studentized_range.ppf(0.95, candidates, freedom)) / math.sqrt(2)


def _choice(criterion, basis, steps: Sequence[int], scores: np.ndarray, apart: np.ndarray, left_out=()) -> Choice:
    """The lowest of `scores` (C,), with how far the differences of each two may be off, (C, C)."""
    best = int(np.argmin(scores))
    candidates = []
    for n, step in enumerate(steps):
        behind, error = float(scores[n] - scores[best]), float(apart[n, best]) if n != best else 0.0
        low, high = (behind - error, behind + error) if math.isfinite(error) else (math.nan, math.nan)
        candidates.append(Candidate(step, float(scores[n]), behind, low, high))
    return Choice(criterion, basis, candidates[best], tuple(candidates), left_out)


def by_evaluation(evaluations: Mapping[int, Evaluation], criterion: Mapping[str, float]) -> Choice:
    """By evaluations of the checkpoints, with paired differences on the utterances that were measured for all.

    Args:
        evaluations: step -> evaluation.
        criterion: metric -> weight, as of `parse`; the score is the weighted sum of the metrics.

    Raises UserError when there is no such utterance.
    """
    steps = sorted(evaluations)
    names = [(part, weight) for name, weight in criterion.items() for part in _parts(name)]
    ids = _measured(list(evaluations.values()), [name for name, _ in names])
    values, weights = (
        np.array([[[get(evaluations[step], id, name) for step in steps] for name, _ in names] for id in ids])
        for get in (_value, _weight)
    )  # (N, K, C)
    powers = np.array([2 if BY_NAME[name].is_root else 1 for name, _ in names])[:, None]  # (K, 1)
    factors = np.array([weight for _, weight in names])

    def scores(drawn: np.ndarray) -> np.ndarray:
        """(R, C) of how often each utterance was drawn, (R, N)."""
        totals = np.tensordot(drawn, weights * values**powers, 1) / np.tensordot(drawn, weights, 1)  # (R, K, C)
        return factors @ totals ** (1 / powers)

    name = " + ".join(f"{weight:g} {metric}" if weight != 1 else metric for metric, weight in criterion.items())
    every = len({id for evaluation in evaluations.values() for id in evaluation.utterances})
    counted = f"{len(ids)} utterances" + (f" ({every - len(ids)} more are without)" if every > len(ids) else "")
    return _choice(name, f"{name} of {counted}", steps, *differences(scores, len(ids)))


def _measured(evaluations: Sequence[Evaluation], names: Sequence[str]) -> list[str]:
    """The utterances that have every metric in every evaluation."""

    def lacking(id: str) -> str | None:
        for evaluation in evaluations:
            for name in names:
                if id not in evaluation.utterances or not is_number(evaluation.value(id, "voice", name)):
                    return name
        return None

    found = {id: lacking(id) for id in evaluations[0].utterances}
    ids = [id for id, name in found.items() if name is None]
    if not ids:
        name = next(iter(found.values()), names[0])
        raise UserError(
            f"{evaluations[0].head['checkpoint']}: {name} was measured of no utterance: the voice could speak none, or "
            "no frame was voiced. Choose by another criterion."
        )
    return ids


def _value(evaluation: Evaluation, id: str, name: str) -> float:
    return evaluation.value(id, "voice", name)


def _weight(evaluation: Evaluation, id: str, name: str) -> float:
    return evaluation.utterances[id].get("weights", {}).get(name, 1)


def _parts(name: str) -> Sequence[str]:
    return LOSSES if name == "loss" else (name,)


def parse(text: str) -> dict[str, float]:
    """ "mcd_espnet", or "mel_postnet=1,mcd_espnet=0.1": metric -> weight, below 0 where more is better.

    Raises CallError for what is no metric, has no better side, or a weight that is no number above 0.
    """
    criterion = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        ranked = {name: metric for name, metric in BY_NAME.items() if metric.better}
        if name in BY_NAME and name not in ranked:
            raise CallError(f"--by {text}: neither a low nor a high {name} is better. There is {', '.join(ranked)}.")
        if name not in BY_NAME:
            raise CallError(f"{name!r} is no metric. There is {', '.join(ranked)}.")
        try:
            factor = float(weight or 1)
        except ValueError:
            factor = math.nan
        if not 0 < factor < math.inf:
            raise CallError(
                f"--by {text}: {weight!r} is no weight. Expected METRIC=WEIGHT,... with numbers above 0; of a metric "
                "of which more is better, more is."
            )
        criterion[name] = factor if BY_NAME[name].better == "lower" else -factor
    return criterion
