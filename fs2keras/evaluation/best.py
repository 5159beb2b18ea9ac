"""`fs2keras best`: chooses a checkpoint of a run, tries averages, and writes checkpoints/best.keras."""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from fs2keras.errors import CallError, UserError
from fs2keras.evaluation import select
from fs2keras.evaluation.catalogue import BY_NAME
from fs2keras.evaluation.evaluate import evaluate
from fs2keras.evaluation.judging import Wanted
from fs2keras.evaluation.results import Evaluation
from fs2keras.evaluation.select import Candidate, Choice
from fs2keras.recipe import Recipe
from fs2keras.rundir.atomic import replacing, write_text
from fs2keras.rundir.layout import RunDir
from fs2keras.voice import Voice

CURVE = "validation"  # the criterion that needs nothing but validation.csv


class Chooser:
    """Chooses among the checkpoints of one run.

    Args:
        run: the run.
        recipe: of the run, with the paths of this machine.
        split: on which checkpoints are measured.
        wanted: the recogniser and DNSMOS, where the criterion needs them.
        output: folder of the evaluations instead of RUN/evaluation.
        report: takes one line at a time.
    """

    def __init__(self, run: RunDir, recipe: Recipe, split: str, wanted: Wanted, output: Path | None, report: Callable):
        self._run, self._recipe, self._split = run, recipe, split
        self._wanted, self._output, self._report = wanted, output, report

    def choose(self, by: str, last: int = 0) -> Choice:
        """The best by `by`: CURVE, a metric, or METRIC=WEIGHT,...; of the last `last` checkpoints, 0 for all.

        Raises CallError for a wrong criterion, UserError as `select` does, and when there is no checkpoint.
        """
        checkpoints = self._run.list_checkpoints()[-last:]
        if not checkpoints:
            raise UserError(f"{self._run.path} has no checkpoint yet.")
        if by == CURVE:
            return select.by_curve(self._run, last=last)
        criterion = self._criterion(by)
        return select.by_evaluation(
            {step: self._evaluated(path, criterion, f"step {step:,}") for step, path in checkpoints}, criterion
        )

    def average(self, choice: Choice, by: str, steps: Sequence[int], folder: Path) -> Path | None:
        """The average of the checkpoints of `steps`, where it is better than the best one beyond chance; else None.
        It and what is measured of it are written to `folder`, which is the caller's to remove."""
        criterion = self._criterion("loss" if by == CURVE else by)
        path = folder / f"average-{len(steps)}.keras"
        average([self._run.checkpoint(step) for step in steps], path)
        best = self._evaluated(self._run.checkpoint(choice.best.step), criterion, f"step {choice.best.step:,}")
        mean = self._evaluated(path, criterion, f"the average of {len(steps)}", folder)
        apart = select.by_evaluation({0: mean, 1: best}, criterion)
        names = {0: f"the average of steps {', '.join(f'{step:,}' for step in steps)}", 1: "the best checkpoint"}
        winner, loser = apart.best.step, 1 - apart.best.step
        other = apart.candidates[loser]
        self._report(
            f"{names[winner]} is better than {names[loser]} by {other.worse_by:.4f} {apart.criterion} "
            f"(95 %: {_spread(other)})" + (", which may be chance" if other.is_close else "")
        )
        return path if winner == 0 and not other.is_close else None

    def write(self, choice: Choice, averaged: Path | None, steps: Sequence[int]) -> Path:
        """checkpoints/best.keras, and best.json beside it, which says what it is."""
        target = self._run.best_checkpoint
        source = averaged or self._run.checkpoint(choice.best.step)
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        facts = {
            "steps": list(steps) if averaged else [choice.best.step],
            "criterion": choice.criterion,
            "basis": choice.basis,
            "candidates": [_as_dict(candidate) for candidate in choice.candidates],
            "left_out": list(choice.left_out),
        }
        write_text(target.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
        return target

    def _criterion(self, by: str) -> dict[str, float]:
        """Raises CallError for one that nobody would measure here, before anything is measured."""
        criterion = select.parse(by)
        asked = {"dnsmos": "--dnsmos"}
        for name in criterion:
            if BY_NAME[name].is_optional and name not in self._wanted.metrics:
                raise CallError(f"To choose by {name}, say also {asked.get(name, '--recogniser moonshine')}.")
        return criterion

    def _evaluated(self, path: Path, criterion: dict[str, float], name: str, output: Path | None = None) -> Evaluation:
        self._report(f"measuring {name}")
        return evaluate(
            self._run,
            self._recipe,
            path,
            self._split,
            modes=sorted({BY_NAME[metric].mode for metric in criterion}),
            wanted=self._wanted,
            output=output or self._output,
            report=self._report,
        )


def average(checkpoints: Sequence[Path], path: Path) -> None:
    """Writes the checkpoint whose weights, BatchNorm statistics among them, are the means of those of others.

    Averaging the end of a training is a cheap stand-in for annealing it (Polyak and Juditsky 1992; Izmailov et al.
    2018, arXiv 1803.05407, who also average over training).

    Raises UserError when one is not whole.
    """
    model = Voice.load(checkpoints[0]).model
    sums = [np.asarray(weight, np.float64) for weight in model.weights]
    for other in checkpoints[1:]:
        keras_weights = Voice.load(other).model.weights
        sums = [total + np.asarray(weight, np.float64) for total, weight in zip(sums, keras_weights, strict=True)]
    for weight, total in zip(model.weights, sums, strict=True):
        weight.assign((total / len(checkpoints)).astype(keras.backend.standardize_dtype(weight.dtype)))
    with replacing(path) as temporary:
        model.save(temporary)


def describe(choice: Choice) -> list[str]:
    """The choice in lines, best first; those that may be as good are marked."""
    lines = [f"by {choice.basis}:", f"  {'step':>10}  {'score':>9}  {'behind the best':>15}  95 % interval"]
    for candidate in sorted(choice.candidates, key=lambda c: c.score):
        is_best = candidate.step == choice.best.step
        spread = "" if is_best else _spread(candidate)
        verdict = "best" if is_best else "may be as good" if candidate.is_close else ""
        behind = "" if is_best else f"{candidate.worse_by:.4f}"
        lines.append(f"  {candidate.step:>10,}  {candidate.score:>9.4f}  {behind:>15}  {spread:<20} {verdict}".rstrip())
    if choice.left_out:
        steps = ", ".join(f"{step:,}" for step in choice.left_out)
        lines.append(f"Left out, without {choice.criterion} in validation.csv at or around them: {steps}")
    close = len(choice.close)
    if close:
        lines.append(
            f"How sure: {close} other{'s' if close > 1 else ''} of {len(choice.candidates)} cannot be told from it by "
            "this; listen to them: fs2keras compare"
        )
    elif len(choice.candidates) > 1:
        lines.append("How sure: every other checkpoint is worse beyond chance.")
    return lines


def _spread(candidate: Candidate) -> str:
    return "unknown" if math.isnan(candidate.low) else f"{candidate.low:.4f} to {candidate.high:.4f}"


def _as_dict(candidate: Candidate) -> dict[str, float | None]:
    """JSON has no NaN."""
    return {key: None if math.isnan(value) else value for key, value in asdict(candidate).items()}
