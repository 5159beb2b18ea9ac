"""Which checkpoint is the best, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from fs2keras.errors import CallError, UserError
from fs2keras.evaluation.catalogue import BY_NAME
from fs2keras.evaluation.results import LOSSES, Evaluation, is_number
from fs2keras.evaluation.uncertainty import mean_interval
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows

_AROUND = 7  # validations that tell the level of the curve at a checkpoint
_FEWEST = 5  # validations that tell its noise
_RESAMPLES = 10_000  # enough for the far ends that many candidates ask for


@dataclass(frozen=True)
class Candidate:
    """A checkpoint with its score, lower is better, and how far it is behind the best one, from `low` to `high`.

    These intervals hold together, all of a choice, with 95 % (Bonferroni): the best of forty looks better than it is.
    `is_close`: the difference may be chance.
    """

    step: int
    score: float
    worse_by: float
    low: float
    high: float

    @property
    def is_close(self) -> bool:
        return self.low <= 0


@dataclass(frozen=True)
class Choice:
    """`best` of `candidates` (in order of steps) by `criterion`; `basis` says what the scores are, in words."""

    criterion: str
    basis: str
    best: Candidate
    candidates: tuple[Candidate, ...]

    @property
    def close(self) -> tuple[Candidate, ...]:
        """The others that may be as good."""
        return tuple(c for c in self.candidates if c.is_close and c.step != self.best.step)


def by_curve(run: RunDir, column: str = "loss", last: int = 0) -> Choice:
    """By validation.csv, of the last `last` checkpoints, 0 for all.

    The lowest value of a noisy curve is a lucky one, so the level at a checkpoint is that of a straight line through
    the seven validations around it; the noise is estimated from the second differences of the curve (median absolute
    deviation), in which a trend cancels.

    Raises UserError when there is no checkpoint, or none with a validation.
    """
    rows = [row for row in read_rows(run.validation_csv) if is_number(row.get(column))]
    steps, values = (np.array([row[key] for row in rows], float) for key in ("step", column))
    checkpoints = [step for step, _ in run.list_checkpoints()[-last:] if step in steps]
    if not checkpoints:
        raise UserError(
            f"{run.path}: no checkpoint with a {column} in validation.csv. Choose by another criterion, which is "
            "measured: --by mcd_espnet, say."
        )
    noise = _noise(values)
    levels = {step: _level(steps, values, noise, step) for step in checkpoints}
    best = min(checkpoints, key=lambda step: levels[step][0])
    errors = NormalDist().inv_cdf((1 + _level_of_each(len(checkpoints))) / 2)
    candidates = []
    for step in checkpoints:
        worse_by = levels[step][0] - levels[best][0]
        error = errors * math.hypot(levels[step][1], levels[best][1]) if step != best else 0.0
        candidates.append(Candidate(step, levels[step][0], worse_by, worse_by - error, worse_by + error))
    basis = f"level of {column} in validation.csv, noise {noise:.4f}" if noise else f"{column} in validation.csv"
    return Choice(column, basis, candidates[checkpoints.index(best)], tuple(candidates))


def _level_of_each(candidates: int) -> float:
    """The confidence of each difference to the best, of that many candidates, for 95 % of all together."""
    return 1 - 0.05 / max(1, candidates - 1)


def _noise(values: np.ndarray) -> float:
    """Standard deviation of the noise of a curve; 0 where there are too few values to tell."""
    if len(values) < _FEWEST:
        return 0.0
    bends = np.diff(values, n=2)
    return float(1.4826 * np.median(np.abs(bends - np.median(bends))) / math.sqrt(6))


def _level(steps: np.ndarray, values: np.ndarray, noise: float, step: int) -> tuple[float, float]:
    """The value at `step` of a line through the validations around it, and its standard error."""
    if not noise:
        return float(values[steps == step][0]), 0.0
    nearest = np.argsort(np.abs(steps - step), kind="stable")[:_AROUND]
    x = np.stack([np.ones(len(nearest)), (steps[nearest] - step) / np.ptp(steps[nearest])], axis=1)
    weights = np.linalg.pinv(x)[0]  # the value at step as a weighted sum of the values around
    return float(weights @ values[nearest]), float(noise * np.linalg.norm(weights))


def by_evaluation(evaluations: Mapping[int, Evaluation], criterion: Mapping[str, float]) -> Choice:
    """By evaluations of the checkpoints on the same utterances, with paired differences.

    Args:
        evaluations: step -> evaluation.
        criterion: metric -> weight; the score is the weighted sum, and lower is better, so a metric of which more is
            better needs a negative weight.

    Raises UserError when a metric is missing.
    """
    steps = sorted(evaluations)
    parts = {step: _elements(evaluations[step], criterion) for step in steps}
    scores = {step: mean_interval(*parts[step]).mean for step in steps}
    best = min(steps, key=scores.__getitem__)
    candidates = []
    for step in steps:
        values, weights = parts[step]
        level = _level_of_each(len(steps))
        apart = mean_interval(values - parts[best][0], weights, resamples=_RESAMPLES, level=level)
        candidates.append(Candidate(step, scores[step], apart.mean, apart.low, apart.high))
    name = " + ".join(f"{weight:g} {metric}" if weight != 1 else metric for metric, weight in criterion.items())
    count = len(next(iter(evaluations.values())).utterances)
    return Choice(name, f"{name} of {count} utterances", candidates[steps.index(best)], tuple(candidates))


def _elements(evaluation: Evaluation, criterion: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Values and weights (N, K), of K metrics of N utterances; times the criterion's weights, their mean sums up to
    the score."""
    names = [(part, weight) for name, weight in criterion.items() for part in _parts(name)]
    values, weights = [], []
    for id in evaluation.utterances:
        row = [evaluation.value(id, "voice", name) for name, _ in names]
        missing = [name for value, (name, _) in zip(row, names, strict=True) if not is_number(value)]
        if missing:
            raise UserError(
                f"{evaluation.head['checkpoint']}: {missing[0]} of {id} is missing: it was not measured, or the voice "
                "could not speak the text. Choose by another criterion."
            )
        values.append([value * weight for value, (_, weight) in zip(row, names, strict=True)])
        weights.append([evaluation.utterances[id].get("weights", {}).get(name, 1) for name, _ in names])
    return np.array(values), np.array(weights)


def _parts(name: str) -> Sequence[str]:
    return LOSSES if name == "loss" else (name,)


def parse(text: str) -> dict[str, float]:
    """ "mcd_espnet", or "mel_postnet=1,mcd_espnet=0.1": metric -> weight. Raises CallError for what is not a metric."""
    criterion = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name not in BY_NAME:
            raise CallError(f"{name!r} is no metric. There is {', '.join(BY_NAME)}.")
        try:
            criterion[name] = float(weight or (-1 if BY_NAME[name].better == "higher" else 1))
        except ValueError as error:
            raise CallError(f"--by {text}: {weight!r} is no number. Expected METRIC=WEIGHT,...") from error
    return criterion
