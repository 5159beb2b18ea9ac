"""The facts of a run in sentences. What is not known is not spoken of."""

from collections.abc import Iterator, Sequence
from math import isfinite

import numpy as np

from fs2keras.report import curves, storage
from fs2keras.report.choice import evaluation_of_best
from fs2keras.report.document import Text
from fs2keras.report.evaluations import Evaluation, latest
from fs2keras.report.facts import Run
from fs2keras.report.figures import figure, is_number, when
from fs2keras.report.scores import number
from fs2keras.report.times import Times
from fs2keras.rundir.generalization import plateau
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration

_ENOUGH = 4  # validations from which one can speak of a trend
_CLOSE = 0.005  # of the lowest validation loss: the last one is as good
_LATE = 0.75  # of all steps
_WIDE_GAP = 10.0  # per cent of validation above training
_TOLD = {"crashed": "gone", "nan": "nan", "stalled": "silent"}  # state -> the alert that says no more than it
_HEADLINES = ("mcd_espnet", "cer", "mel_postnet")


def summary(run: Run, times: Times) -> list[Text]:
    """A run in five to ten sentences, what is wrong last."""
    sentences = [_progress(run), _time(run, times), _training(run), _best(run), _trend(run)]
    sentences += [str(run.choice) if run.choice else "", _speed(run)]
    sentences += [_interruptions(run, times), _disk(run), *_evaluations(run)]
    told = {"plateau", _TOLD.get(run.state)}
    wrong = [alert.text for alert in run.snapshot.alerts if alert.kind not in told]
    texts = [Text(sentence) for sentence in sentences if sentence]
    return texts + [Text(sentence, warns=True) for sentence in (*wrong, *run.problems)]


def comparison(runs: Sequence[Run]) -> list[str]:
    """What can be said of several runs together."""
    kinds = {run.snapshot.record.get("kind") for run in runs}
    bests = [(run.best, run) for run in runs if run.best]
    if len(kinds) > 1:
        return ["The runs are of different kinds: their losses cannot be compared."]
    if len(bests) < 2:
        return []
    bests.sort(key=lambda pair: pair[0]["loss"])
    (first, winner), *others = bests
    rest = ", ".join(f"{run.label} {best['loss']:.4g} at step {best['step']:,}" for best, run in others)
    sentence = f"The lowest validation loss is that of {winner.label}, {first['loss']:.4g} at step {first['step']:,}"
    return [
        f"{sentence}; then {rest}. Losses can be compared where corpus, validation split and pitch and energy levels "
        "are the same."
    ]


def _progress(run: Run) -> str:
    record, summary, total = run.snapshot.record, run.snapshot.summary, run.total
    parameters = run.positive(record, "parameters")
    what = str(record.get("kind") or "")
    if parameters:
        what += f"{', ' if what else ''}{parameters / 1e6:.1f} million parameters"
    name = f"{run.label} ({what})" if what else run.label
    reason = f"{summary.get('reason', '')}".rstrip(".")
    if not record:
        if not run.step:
            return f"{name} has not been trained: there is no run.json and no step in {run.rundir.path}."
        return f"{name} has reached step {run.step:,}; there is no run.json that would say more."
    at = f"step {run.step:,}" + (f" of {total:,} ({figure(100 * run.step / total, 2)} %)" if total else "")
    match run.state:
        case "finished":
            return f"{name} is finished: {run.step:,} steps are done."
        case "interrupted":
            return f"{name} was stopped at {at}, with everything saved; the same command again goes on from there."
        case "nan" | "crashed" | "stalled":
            word = {"nan": "ended", "crashed": "crashed", "stalled": "stands still"}[run.state]
            return f"{name} {word} at {at}: {reason}."
        case "starting":
            return f"{name} is starting: {reason}."
        case _:
            return f"{name} is {run.state or 'training'} now, at {at}."


def _time(run: Run, times: Times) -> str:
    if not run.elapsed_s:
        return ""
    text = f"It trained for {duration(run.elapsed_s)}"
    if times.signs:
        text += f", from {when(times.signs[0].time)} to {when(times.signs[-1].time)}"
    eta = run.snapshot.eta
    if eta and eta.seconds and is_number(eta.high) and run.state not in ("nan", "finished"):
        left = f"{duration(eta.seconds)} ({duration(eta.low)} to {duration(eta.high)}, 80 % interval)"
        text += f"; the steps that are left need about {left}" + ("" if _lives(run) else " once it goes on")
    return text + "."


def _training(run: Run) -> str:
    line = curves.column(run.steps, "loss", 1, raw=False)
    values = line.y[np.isfinite(line.y)]
    if len(values) < 2:
        return ""
    first, last = float(values[0]), float(values[-1])
    change = f" ({100 * abs(last - first) / abs(first):.0f} % {'less' if last < first else 'more'})" if first else ""
    text = f"In training the loss went from {first:.4g} to {last:.4g}{change}"
    parts = {}
    for column in run.losses[1:]:
        found = curves.column(run.steps, column, 1, raw=False).y
        found = found[np.isfinite(found)]
        if len(found):
            parts[run.name_of(column)] = float(found[-1])
    if parts:
        largest = max(parts, key=lambda name: parts[name])
        text += f"; its largest part now is {largest}, {parts[largest]:.4g}"
    return text + "."


def _best(run: Run) -> str:
    best, last = run.best, run.last_validation
    if not best:
        return "There is no validation yet." if run.step else ""
    text = f"The validation loss is lowest at step {best['step']:,}, {best['loss']:.4g}"
    there = {one.step: one for one in run.snapshot.checkpoints}
    if best["step"] in there:
        text += f" (checkpoints/{there[best['step']].path.name})"
    elif there:
        nearest = min(there, key=lambda step: abs(step - best["step"]))
        text += f" (no checkpoint there; the nearest is {there[nearest].path.name})"
    if last and last["step"] != best["step"]:
        text += f"; the last one, at step {last['step']:,}, is {last['loss']:.4g}"
    return text + "."


def _trend(run: Run) -> str:
    """Whether validation still falls."""
    count = sum(isfinite(value) for value in run.validation["loss"]) if "loss" in run.validation else 0
    if count < _ENOUGH:
        return ""
    kinds = {alert.kind for alert in run.snapshot.alerts}
    if case := plateau(run.validation, "loss", run.total):
        since = f"since step {case.best_step:,}, for {case.step - case.best_step:,} steps"
        return f"The validation loss has not improved {since}."
    best, last = run.best, run.last_validation
    gap = curves.gap(run.steps, run.validation, "loss").y
    known = gap[np.isfinite(gap)]
    parts = []
    if best and last and last["loss"] <= (1 + _CLOSE) * best["loss"] and best["step"] >= _LATE * last["step"]:
        parts.append("was still falling at the end" if run.state == "finished" else "still falls")
    if len(known):
        middle = float(np.median(known[-max(1, len(known) // 10) :]))
        parts.append(f"is {abs(middle):.1f} % {'above' if middle >= 0 else 'below'} that in training")
        if middle < _WIDE_GAP and "overfitting" not in kinds:
            parts[-1] += ", no sign of over-fitting"
    return f"The validation loss {' and '.join(parts)}." if parts else ""


def _speed(run: Run) -> str:
    rates, frames, waits = (
        curves.finite(run.steps, name) for name in ("steps_per_s", "frames_per_s", "data_wait_share")
    )
    if not len(rates):
        return ""
    low, high = np.percentile(rates, [5, 95])
    text = f"Throughput: {np.median(rates):.3g} steps/s (median; nine values of ten from {low:.3g} to {high:.3g})"
    if len(frames):
        text += f", {np.median(frames):,.0f} mel frames/s"
    if len(waits):
        text += f"; {100 * waits.mean():.2g} % of the time it waited for data"
    return text + "."


def _interruptions(run: Run, times: Times) -> str:
    resumed = sum(row.get("event") == "resumed" for row in run.events)
    down = [stop for stop in times.breaks if stop.kind == "no process"]
    still = [stop for stop in times.breaks if stop.kind != "no process"]
    parts = []
    if resumed:
        parts.append("It was resumed once" if resumed == 1 else f"It was resumed {resumed} times")
        if down:
            parts[-1] += f", after {duration(sum(stop.seconds for stop in down))} in all without a process"
            if lost := sum(stop.lost for stop in down):
                parts[-1] += f" and with {lost:,} steps to be done again"
    if still:
        longest = max(still, key=lambda stop: stop.seconds)
        length = f"{duration(longest.seconds)} from {when(longest.begin)} on"
        text = f"for {length}" if len(still) == 1 else f"{len(still)} times, at the longest for {length}"
        parts.append(f"{'it' if parts else 'It'} stood still {text}")
    if not parts and len(times.signs) > 1:
        return "It ran without a stop and without a stall."
    return "; ".join(parts) + "." if parts else ""


def _disk(run: Run) -> str:
    kept, room = storage.kept(run), run.snapshot.disk
    if not kept:
        return ""
    text = f"The run takes {file_size(sum(one.bytes for one in kept))} on the disk"
    if checkpoints := run.snapshot.checkpoints:
        count = "one checkpoint" if len(checkpoints) == 1 else f"{len(checkpoints)} checkpoints"
        text += f", {file_size(sum(one.bytes for one in checkpoints))} of it in {count}"
    if room and room.expected_files > 0 and run.state != "finished":
        count = "one checkpoint" if room.expected_files == 1 else f"{room.expected_files} checkpoints"
        text += f"; until its end {count} more will take {file_size(room.expected_files * room.bytes_each)}"
    return text + "."


def _evaluations(run: Run) -> Iterator[str]:
    for split, evaluation in latest(run.evaluations).items():
        yield _evaluated(evaluation)
        best = evaluation_of_best(run.evaluations, run.choice, split)
        if best and best is not evaluation:
            yield _evaluated(best)


def _evaluated(evaluation: Evaluation) -> str:
    metrics = {metric.name: metric for metric in evaluation.metrics}
    parts = []
    for metric in (metrics[name] for name in _HEADLINES if name in metrics):
        unit = f" {metric.unit}" if metric.unit else ""
        low, high = (number(metric, value) for value in metric.voice[1:3])
        part = f"{metric.name} {number(metric, metric.voice.mean)}{unit} ({low} to {high}"
        parts.append(part + (f"; copy-synthesis {number(metric, metric.floor.mean)})" if metric.floor else ")"))
    if not parts:
        return ""
    where = f"at {evaluation.place} on {len(evaluation.texts):,} utterances of {evaluation.split}"
    return f"Evaluated {where}: {', '.join(parts)}."


def _lives(run: Run) -> bool:
    return run.state in ("starting", "training", "validating", "saving")
