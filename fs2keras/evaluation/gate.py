"""`fs2keras validate`: whether a voice may be shipped, criterion by criterion."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fs2keras.audio.vocode import unlimited
from fs2keras.errors import UserError
from fs2keras.evaluation.catalogue import BY_NAME, TEACHER_FORCED
from fs2keras.evaluation.edge_cases import edge_cases
from fs2keras.evaluation.evaluate import evaluate, open_corpus
from fs2keras.recipe import Recipe, Validate
from fs2keras.rundir.generalization import FEWEST, overfitting
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import read_rows
from fs2keras.text.symbols import is_pause
from fs2keras.voice import Voice

BOUNDS = (
    "mel_postnet",
    "duration_mae",
    "pitch_rmse",
    "mcd_espnet",
    "mcd_fairseq",
    "log_f0_rmse",
    "vuv_error",
)
_SILENT = 3e-3  # root mean square of samples in -1..1: -50 dB
_CLIPPED_SHARE = 1e-3  # of the samples: a few peaks beyond full scale are Griffin-Lim's


@dataclass(frozen=True)
class Verdict:
    """One criterion: what was found, what was asked for, and whether it holds."""

    criterion: str
    value: str
    bound: str
    holds: bool

    def __str__(self) -> str:
        return f"{'pass' if self.holds else 'FAIL'}  {self.criterion:<22} {self.value:<44} {self.bound}".rstrip()


def validate(
    run: RunDir, recipe: Recipe, checkpoint: Path, split: str, output: Path | None, report: Callable[[str], None]
) -> Iterator[Verdict]:
    """Every criterion of the recipe's [validate], as soon as it is known.

    Raises UserError where nothing can be judged: no corpus, an empty split, a checkpoint that is not whole.
    """
    bounds = recipe.validate
    yield from _curves(run, bounds)
    yield from _metrics(run, recipe, checkpoint, split, output, report)
    voice, prepared = Voice.load(checkpoint), open_corpus(recipe, split)
    texts = {**edge_cases(prepared, split)}
    texts |= {f"sample {n}": text for n, text in enumerate(recipe.samples.sentences, start=1)}
    texts |= {f"sentence {n}": text for n, text in enumerate(bounds.sentences, start=1)}
    for name, text in texts.items():
        yield _spoken(voice, name, text, bounds)
    prepared.close()


def _curves(run: RunDir, bounds: Validate) -> Iterator[Verdict]:
    steps, validation = (Table.from_rows(read_rows(path)) for path in (run.steps_csv, run.validation_csv))
    if bounds.stable_over:
        yield _stable(validation, bounds)
    if bounds.overfitting:
        yield _generalizes(steps, validation)


def _generalizes(steps: Table, validation: Table) -> Verdict:
    name, asked = "no over-fitting", "not rising in validation while it falls in training"
    columns = [column for column in ("mel_postnet", "loss") if column in validation.columns]
    if len(validation) < FEWEST or not columns:
        return Verdict(name, f"only {len(validation)} validations", f"at least {FEWEST}, {asked}", False)
    if not any(column in steps.columns and len(steps) for column in columns):
        return Verdict(name, "steps.csv has no training curve", asked, False)
    found = [case for column in columns if (case := overfitting(steps, validation, column))]
    if found:
        case = found[0]
        value = f"{case.column} was {case.best:.3f} at step {case.best_step:,}, is {case.value:.3f}"
        return Verdict(name, value, asked, False)
    return Verdict(name, f"{len(validation)} validations", asked, True)


def _stable(validation: Table, bounds: Validate) -> Verdict:
    """The slope of the last validations, not their extremes: those grow with their number."""
    asked = f"over the last {bounds.stable_over} at most {bounds.stable_within:+.1%}"
    loss = np.array(validation["loss"] if "loss" in validation.columns else [], float)[-bounds.stable_over :]
    if len(loss) < bounds.stable_over:
        return Verdict("stable validation", f"only {len(loss)} validations", asked, False)
    rise = np.polynomial.Polynomial.fit(np.arange(len(loss)), loss, 1).convert().coef
    share = (rise[1] if len(rise) > 1 else 0.0) * (len(loss) - 1) / loss.mean()
    return Verdict("stable validation", f"loss {share:+.1%}", asked, bool(share <= bounds.stable_within))


def _metrics(run, recipe, checkpoint, split, output, report) -> Iterator[Verdict]:
    asked = {name: bound for name in BOUNDS if (bound := getattr(recipe.validate, name))}
    if not asked:
        return
    modes = sorted({BY_NAME[name].mode for name in asked})
    found = evaluate(run, recipe, checkpoint, split, modes=modes, output=output, report=report)
    for name, bound in asked.items():
        metric, interval = BY_NAME[name], found.interval("voice", BY_NAME[name])
        unit = f" {metric.unit}" if metric.unit else ""
        value, holds = "not measured", False
        if interval:
            low, mean, high = (f"{x:.{metric.digits}f}" for x in (interval.low, interval.mean, interval.high))
            value, holds = f"{mean}{unit} (95 %: {low} to {high})", interval.mean <= bound
        failed = sum(bool(u.get("failed")) for u in found.utterances.values())
        if failed and metric.mode != TEACHER_FORCED:
            value, holds = f"{value}, {failed} not spoken", False
        yield Verdict(name, value, f"at most {bound:g}{unit}", holds)


def _spoken(voice: Voice, name: str, text: str, bounds: Validate) -> Verdict:
    """One text spoken: finite, not silent, not clipped, of a plausible length."""
    asked = f"finite, audible, not clipped, {bounds.shortest_phoneme:g} to {bounds.longest_phoneme:g} s a phoneme"
    try:
        sentences = voice.sentences(text)
        samples = unlimited([sentence.mel for sentence in sentences], voice.audio)
    except UserError as error:
        return Verdict(name, str(error), asked, False)
    seconds = len(samples) / voice.audio["sample_rate"]
    phonemes = sum(not is_pause(symbol) for sentence in sentences for symbol in sentence.symbols)
    each, level = seconds / max(phonemes, 1), float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    clipped = float(np.mean(np.abs(samples) > 1))
    problems = [
        words
        for words, is_wrong in (
            ("not finite", not math.isfinite(level)),
            ("silent", level < _SILENT),
            (f"{clipped:.1%} clipped", clipped > _CLIPPED_SHARE),
            ("too short", each < bounds.shortest_phoneme),
            ("too long", each > bounds.longest_phoneme),
        )
        if is_wrong
    ]
    decibels = f"{20 * math.log10(level):.0f} dB" if level > 0 else "silence"
    value = f"{seconds:.1f} s, {each:.3f} s a phoneme, {decibels}" + "".join(f", {words}" for words in problems)
    return Verdict(name, value, asked, not problems)
