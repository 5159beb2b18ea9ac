"""`fs2keras evaluate`: a checkpoint of a run, measured on a split of the corpus."""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fs2keras import backend
from fs2keras.audio.vocode import VOCODER
from fs2keras.corpus.prepare import is_aligned, splits_of, store_folder
from fs2keras.corpus.store import Prepared
from fs2keras.errors import CallError, UserError
from fs2keras.evaluation import free_running, teacher_forced
from fs2keras.evaluation.catalogue import BY_NAME, FREE_RUNNING, METRICS, TEACHER_FORCED, VERSION
from fs2keras.evaluation.judging import Wanted
from fs2keras.evaluation.partial import Partial
from fs2keras.evaluation.recognisers import identity
from fs2keras.evaluation.results import Evaluation
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe
from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir, step_of
from fs2keras.voice import Voice

MODES = (TEACHER_FORCED, FREE_RUNNING)
_FEATURES = ("sample_rate", "fft", "window", "hop", "mels", "fmin", "fmax", "peak")  # what a spectrogram depends on


def evaluate(
    run: RunDir,
    recipe: Recipe,
    checkpoint: Path,
    split: str = "validation",
    *,
    modes: Sequence[str] = MODES,
    wanted: Wanted | None = None,
    output: Path | None = None,
    wavs: bool = False,
    report: Callable[[str], None] = print,
) -> Evaluation:
    """Measures what is not measured yet, and writes RUN/evaluation/step-NNNNNNN-SPLIT.json and .csv.

    Stopped in the middle, the same call goes on; called again with the same checkpoint and corpus, it reads.

    Args:
        run: whose checkpoint it is.
        recipe: of the run; where this machine keeps the corpus elsewhere, with other paths.
        checkpoint: a .keras file.
        split: "validation", "test" or "train".
        modes: any of MODES.
        wanted: a recogniser and DNSMOS, if asked for.
        output: folder instead of RUN/evaluation.
        wavs: keep what was spoken, in a folder beside the JSON.
        report: takes one line at a time.

    Raises:
        UserError: no corpus, an empty split, a checkpoint that is not whole, a recording that cannot be read.
    """
    wanted, begin = wanted or Wanted(), time.monotonic()
    prepared = open_corpus(recipe, split)
    voice = Voice.load(checkpoint)
    _refuse_other_features(voice, checkpoint, prepared, modes)
    _warn_of_other_corpus(run, prepared, report)
    folder, name = output or run.evaluation, name_of(run, checkpoint, split)
    evaluation = _begin(run, checkpoint, split, prepared, wanted, folder / f"{name}.json", report)
    partial = Partial(folder / f"{name}.partial.jsonl", evaluation)
    ids, names = prepared.ids(split), _names(modes, wanted)
    kept = folder / name if wavs and FREE_RUNNING in modes else None
    left = {mode: _left(evaluation, ids, mode, names, kept) for mode in MODES}
    if left[FREE_RUNNING]:
        free_running.check(voice, prepared, left[FREE_RUNNING], Path(recipe.corpus.path), wanted, report)
    if any(left.values()):
        with partial:
            _measure(partial, voice, prepared, split, left, recipe, wanted, kept, report)
        evaluation.head["made"] = _made(time.monotonic() - begin)
        evaluation.utterances = {id: evaluation.utterances[id] for id in ids}
        evaluation.write(folder / f"{name}.json")
        partial.remove()
    prepared.close()
    return evaluation


def open_corpus(recipe: Recipe, split: str) -> Prepared:
    """The prepared corpus of a run, which must be there. Raises UserError where it is not, CallError for an empty
    split."""
    folder = store_folder(recipe)
    if not is_aligned(recipe):
        raise UserError(
            f"{folder}: no prepared corpus here. Where it lies elsewhere: --set corpus.store=FOLDER; to make it again "
            "from the recordings: fs2keras prepare, or fs2keras align, with the recipe.toml of the run."
        )
    prepared = Prepared.open(folder, recipe.alignment.source, splits_of(recipe))
    if not prepared.ids(split):
        raise CallError(
            f"The split {split!r} of {folder} is empty. Name another with --split, or make one with "
            f"--set corpus.{split}=0.02 (utterances that were trained on are no test)."
        )
    return prepared


def _warn_of_other_corpus(run: RunDir, prepared: Prepared, report: Callable[[str], None]) -> None:
    trained_on = record.read(run).get("fingerprint")
    if trained_on and trained_on != prepared.fingerprint:
        report(
            f"Note: {prepared.folder} is not as it was when {run.name} was trained: the corpus, its alignment or its "
            "splits differ, and utterances may have been trained on."
        )


def _refuse_other_features(voice: Voice, checkpoint: Path, prepared: Prepared, modes: Sequence[str]) -> None:
    theirs = {key: prepared.settings.get(f"audio.{key}") for key in _FEATURES}
    for key in _FEATURES:
        if theirs[key] not in (None, voice.audio[key]):
            raise UserError(
                f"{prepared.folder} has audio.{key} {theirs[key]:g}, {checkpoint} {voice.audio[key]:g}: spectrograms "
                "that cannot be compared. To hear both: fs2keras compare with --sentences."
            )
    if TEACHER_FORCED in modes and list(prepared.symbols) != voice.symbol_table.to_list():
        raise UserError(f"{prepared.folder} has other symbols than {checkpoint}: it is not the corpus of this voice.")


def name_of(run: RunDir, checkpoint: Path, split: str) -> str:
    """What the files of an evaluation are called: a checkpoint from elsewhere never goes under the name of the run's
    own."""
    own = checkpoint.resolve().parent == run.checkpoints.resolve()
    return f"{checkpoint.stem}-{split}" if own else f"{checkpoint.stem}-{_digest(checkpoint)[:8]}-{split}"


def _digest(checkpoint: Path) -> str:
    return hashlib.sha256(checkpoint.read_bytes()).hexdigest()


def _begin(
    run: RunDir, checkpoint: Path, split: str, prepared: Prepared, wanted: Wanted, path: Path, report
) -> Evaluation:
    """The evaluation that is there, where it is of this very checkpoint and corpus; else an empty one."""
    key = {"version": VERSION, "checkpoint": _digest(checkpoint), "corpus": prepared.fingerprint, "vocoder": VOCODER}
    head = {"run": run.name, "step": _step(run, checkpoint), "checkpoint": checkpoint.name, "split": split}
    evaluation, before = Evaluation(head | {"vocoder": VOCODER, "key": key}), Evaluation.read(path)
    if before and before.head.get("key") == key:
        evaluation = before
    elif before:
        report(f"{path} is of another checkpoint, corpus or version: measured anew.")
    if wanted.recogniser:
        name, known = identity(wanted.recogniser), evaluation.head.get("recogniser")
        if known not in (None, name):
            report(f"{path} was heard by {known}: cer and wer are measured anew.")
        if known != name:
            evaluation.forget("cer", "wer")
        evaluation.head["recogniser"] = name
    return evaluation


def _step(run: RunDir, checkpoint: Path) -> int | None:
    """None for best.keras, or a file from elsewhere."""
    try:
        return step_of(checkpoint) if checkpoint.resolve().parent == run.checkpoints.resolve() else None
    except ValueError:
        return None


def _names(modes: Sequence[str], wanted: Wanted) -> list[str]:
    return [
        metric.name
        for metric in METRICS
        if metric.mode in modes and metric.name != "loss" and (not metric.is_optional or metric.name in wanted.metrics)
    ]


def _left(evaluation: Evaluation, ids: Sequence[str], mode: str, names: Sequence[str], wavs: Path | None) -> list[str]:
    """The utterances that have still to be measured in a mode, or spoken because their wav is asked for."""
    mine = [name for name in names if BY_NAME[name].mode == mode]
    if mode == TEACHER_FORCED or not wavs:
        return [id for id in ids if evaluation.lacks(id, mine)]
    return [
        id for id in ids if evaluation.lacks(id, mine) or not (evaluation.failed(id) or (wavs / f"{id}.wav").exists())
    ]


def _measure(
    partial: Partial, voice, prepared, split, left: dict[str, list[str]], recipe, wanted, wavs, report
) -> None:
    if left[TEACHER_FORCED]:
        report("teacher-forced: compiling the model")
        frame = 1000 * voice.audio["hop"] / voice.audio["sample_rate"]
        with Progress("teacher-forced", len(left[TEACHER_FORCED]), report) as progress:
            for id, found in teacher_forced.measure(voice.model, prepared, split, left[TEACHER_FORCED], frame):
                text = prepared.text(id)
                partial.add(id, text=text, voice=found.values, weights=found.weights, prosody=found.prosody)
                progress.advance()
    if ids := left[FREE_RUNNING]:
        report("free-running: the voice speaks, the recordings are listened to")
        corpus = Path(recipe.corpus.path)
        with Progress("free-running", len(ids), report) as progress:
            for id, spoken in free_running.measure(voice, prepared, ids, corpus, wanted, wavs, recipe.corpus.jobs):
                sides = {"voice": spoken.voice, "floor": spoken.floor, "recording": spoken.recording}
                partial.add(id, text=prepared.text(id), heard=spoken.heard, failed=spoken.failed, **sides)
                progress.advance()


def _made(seconds: float) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "backend": ", ".join(f"{name} {version}" for name, version in backend.versions().items()),
        "seconds": round(seconds, 1),
    }
