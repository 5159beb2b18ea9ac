"""What `fs2keras best` chose, as it left it in checkpoints/best.json, and how that was evaluated."""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fs2keras.report.evaluations import Evaluation
from fs2keras.report.figures import is_number
from fs2keras.rundir.layout import RunDir


@dataclass(frozen=True)
class Choice:
    """`steps`: of the chosen checkpoint, or of those of which it is the average. `basis` says by what it was chosen;
    `single`: the best one of the candidates; `others`, how many there were besides, `close`, how many of these cannot
    be told from it. None, or "", for what the file does not say."""

    steps: tuple[int, ...]
    basis: str
    single: int | None
    others: int | None
    close: int | None

    @property
    def name(self) -> str:
        if len(self.steps) == 1:
            return f"step {self.steps[0]:,}"
        *most, last = (f"{step:,}" for step in self.steps)
        return f"the average of steps {', '.join(most)} and {last}"

    def __str__(self) -> str:
        by = f", by {self.basis}" if self.basis else ""
        return f"Chosen as best, checkpoints/best.keras: {self.name}{by}{self._certainty()}."

    def _certainty(self) -> str:
        if len(self.steps) > 1:
            than = f"step {self.single:,}, the best single one" if self.single is not None else "the best single one"
            return f"; it was better, beyond chance, than {than}"
        if not self.others or self.close is None:
            return ""
        verb = "cannot be told, by this, from" if self.close else "is better, beyond chance, than"
        if self.others == 1:
            return f"; it {verb} the only other candidate"
        return f"; it {verb} {self.close or 'any'} of the {self.others} other candidates"


def read_choice(run: RunDir) -> tuple[Choice | None, list[str]]:
    """What was chosen, None where nothing was or the file does not say; and then a sentence about the file."""
    path = run.best_checkpoint.with_suffix(".json")
    try:
        return _choice(json.loads(path.read_bytes())), []
    except (FileNotFoundError, NotADirectoryError):
        return None, []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        again = f"fs2keras best {shlex.quote(str(run.path))}"
        return None, [f"{path}: does not say which checkpoint is the best ({error}). To choose again: {again}"]


def tell_earlier_bests(evaluations: Sequence[Evaluation], run: RunDir) -> tuple[tuple[Evaluation, ...], list[str]]:
    """The evaluations, those of a best.keras that was replaced since then called so; and a sentence where one was."""
    digest = _digest(run.best_checkpoint) if any(one.is_best for one in evaluations) else None
    found, earlier = [], []
    for one in evaluations:
        if digest and one.is_best and one.digest not in (None, digest):
            one = replace(one, is_best=False, checkpoint="an earlier best.keras")
            earlier.append(one.split)
        found.append(one)
    again = f"fs2keras evaluate {shlex.quote(str(run.path))} --checkpoint best"
    sentence = f"Since best.keras was evaluated on {' and '.join(earlier)}, another one was chosen. Again: {again}"
    return tuple(found), [sentence] if earlier else []


def evaluation_of_best(evaluations: Sequence[Evaluation], choice: Choice | None, split: str) -> Evaluation | None:
    """That of best.keras on a split, or of the step which was chosen, where that says as much."""
    mine = [one for one in evaluations if one.split == split]
    best = next((one for one in mine if one.is_best), None)
    steps = choice.steps if choice and len(choice.steps) == 1 else ()
    of_step = next((one for one in mine if one.step in steps), None)
    if best and of_step and of_step.digest in (None, best.digest) and len(of_step.metrics) >= len(best.metrics):
        return of_step
    return best or of_step


def _digest(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _choice(whole: Mapping[str, Any]) -> Choice:
    steps = tuple(whole["steps"])
    if not steps or not all(_is_step(step) for step in steps):
        raise ValueError(f"steps are {whole['steps']!r}"[:80])
    criterion, basis = (str(whole.get(key) or "") for key in ("criterion", "basis"))
    ranked = _ranked(whole.get("candidates"))
    close = [one for one in ranked[1:] if not (is_number(one.get("low")) and one["low"] > 0)]
    return Choice(
        steps,
        f"{criterion} ({basis})" if criterion and basis not in ("", criterion) else criterion or basis,
        ranked[0]["step"] if ranked else None,
        len(ranked) - 1 if ranked else None,
        len(close) if ranked else None,
    )


def _ranked(candidates: Any) -> list[Mapping[str, Any]]:
    """The candidates, the best first; none where one of them is not as it is written now."""
    found = candidates if isinstance(candidates, list) else []
    whole = all(isinstance(one, dict) and _is_step(one.get("step")) and is_number(one.get("score")) for one in found)
    return sorted(found, key=lambda one: one["score"]) if whole else []


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0 and is_number(value)
