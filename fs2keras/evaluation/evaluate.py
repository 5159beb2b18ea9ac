"""`fs2keras evaluate`: a checkpoint of a run, measured on a split of the corpus."""

import hashlib
import json
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
from fs2keras.evaluation.results import Evaluation
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe
from fs2keras.rundir import record
from fs2keras.rundir.atomic import write_problem
from fs2keras.rundir.layout import RunDir, step_of
from fs2keras.voice import Voice

MODES = (TEACHER_FORCED, FREE_RUNNING)


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
    if TEACHER_FORCED in modes and list(prepared.symbols) != voice.symbol_table.to_list():
        raise UserError(f"{prepared.folder} has other symbols than {checkpoint}: it is not the corpus of this voice.")
    _warn_of_other_corpus(run, prepared, report)
    folder, name = output or run.evaluation, _name(checkpoint, split)
    evaluation = _begin(run, checkpoint, split, prepared, folder / f"{name}.json", report)
    partial = _Partial(folder / f"{name}.partial.jsonl", evaluation)
    ids, names = prepared.ids(split), _names(modes, wanted)
    kept = folder / name if wavs and FREE_RUNNING in modes else None
    left = {mode: _left(evaluation, ids, mode, names, kept) for mode in MODES}
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


def _name(checkpoint: Path, split: str) -> str:
    return f"{checkpoint.stem}-{split}"


def _begin(run: RunDir, checkpoint: Path, split: str, prepared: Prepared, path: Path, report) -> Evaluation:
    """The evaluation that is there, where it is of this very checkpoint and corpus; else an empty one."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    key = {"version": VERSION, "checkpoint": digest, "corpus": prepared.fingerprint, "vocoder": VOCODER}
    before = Evaluation.read(path)
    if before and before.head.get("key") == key:
        return before
    if before:
        report(f"{path} is of another checkpoint, corpus or version: measured anew.")
    try:
        step = step_of(checkpoint)
    except ValueError:
        step = None  # best.keras, or a file from elsewhere
    head = {"run": run.name, "step": step, "checkpoint": checkpoint.name, "split": split, "vocoder": VOCODER}
    return Evaluation(head | {"key": key})


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


def _measure(partial, voice, prepared, split, left: dict[str, list[str]], recipe, wanted, wavs, report) -> None:
    if left[TEACHER_FORCED]:
        report("teacher-forced: compiling the model")
        frame = 1000 * voice.audio["hop"] / voice.audio["sample_rate"]
        with Progress("teacher-forced", len(prepared.ids(split)), report) as progress:
            for id, found in teacher_forced.measure(voice.model, prepared, split, frame):
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


class _Partial:
    """What has been measured so far, a line for each utterance, so that an interruption costs a few of them."""

    def __init__(self, path: Path, evaluation: Evaluation):
        self._path, self._evaluation = path, evaluation
        try:
            key, *lines = path.read_text(encoding="utf-8").splitlines()
            if json.loads(key) == evaluation.head["key"]:
                for line in lines:
                    entry = json.loads(line)
                    evaluation.add(entry.pop("id"), **entry)
        except (OSError, ValueError):
            return  # none, or cut short where it was killed: the rest is measured again

    def __enter__(self) -> "_Partial":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
        except OSError as error:
            raise (
                UserError(f"{self._path.parent}: cannot be written ({error.strerror}). Name a folder with -o.")
                if write_problem(error, self._path)
                else error
            ) from error
        self._line(self._evaluation.head["key"])
        for id, entry in self._evaluation.utterances.items():
            self._line({"id": id, **entry})
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def add(self, id: str, **parts: Any) -> None:
        self._evaluation.add(id, **parts)
        self._line({"id": id, **parts})

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _line(self, value: Any) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._file.flush()


def _made(seconds: float) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "backend": ", ".join(f"{name} {version}" for name, version in backend.versions().items()),
        "seconds": round(seconds, 1),
    }
