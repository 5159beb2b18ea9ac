"""`fit`: a task from its beginning, or from wherever it was stopped, to its last step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from fs2keras import backend
from fs2keras.errors import CallError, NotFinite, UserError
from fs2keras.recipe import Recipe, differences, load, to_toml
from fs2keras.rundir import atomic, record
from fs2keras.rundir.columns import as_json, names, step_columns, validation_columns
from fs2keras.rundir.csvlog import CsvLog, CutError, cut, cut_after_step
from fs2keras.rundir.heartbeat import Heartbeat
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
from fs2keras.rundir.process import identity
from fs2keras.rundir.statistics import duration
from fs2keras.training import callbacks
from fs2keras.training.console import Console
from fs2keras.training.feed import Feed
from fs2keras.training.session import Clock, Session
from fs2keras.training.state import newest_meta, restore_state
from fs2keras.training.task import Task

FINISHED, INTERRUPTED = 0, 130  # exit codes


def fit(recipe: Recipe, make_task: type[Task]) -> int:
    """Trains until `train.steps`; the same call again goes on where the last one stopped, bit for bit.

    The order of things: own the directory; compare the recipe with the one it was begun with; prepare the corpus and
    build the model, all from the seed; put the newest resume state back; cut the CSVs to its step; train.

    Args:
        recipe: what to do.
        make_task: the family's Task; made of the recipe and of a function that shows a line to the user.

    Returns:
        the exit code: 0 finished, 130 interrupted after a clean save.

    Raises:
        UserError: with the exit code that belongs to it.
    """
    run = RunDir(Path(recipe.run.dir) / recipe.run.name)
    with lock(run):
        console = Console(run.log_txt)
        try:
            return _fit(recipe, make_task, run, console)
        finally:
            console.close()


def _fit(recipe, make_task, run, console) -> int:
    _refuse_other_recipe(run, recipe, console)
    saved = newest_meta(run)
    begun = saved[1]["step"] if saved else 0
    if begun >= recipe.train.steps:
        _record_end(run, "finished")  # a process that was killed right after its last save could not say so
        console.say(
            f"{run.path} is finished: {begun:,} steps. To train on: --set train.steps={2 * begun}. "
            f"{make_task.hint.format(run=run.path)}"
        )
        return FINISHED
    _record_start(run, recipe)
    with _end_recorded(run):
        task = make_task(recipe, console.say)
        # Not before the corpus is ready: a recipe that cannot be begun binds nobody to its mistakes.
        atomic.write_text(run.recipe, to_toml(recipe))
        console.doing("building the model")
        keras.utils.set_random_seed(recipe.run.seed)
        backend.make_deterministic()
        model = task.build_model()
        meta = _restore(run, saved, task, model, console)
        with _session(recipe, task, run, console, meta) as session:
            console.doing("")
            _describe(session, model)
            return _train(session, model)


def _refuse_other_recipe(run: RunDir, recipe: Recipe, console: Console) -> None:
    if not run.recipe.exists():
        return
    changes = differences(load(run.recipe), recipe)
    unsafe = [str(change) for change in changes if not change.safe]
    if unsafe:
        raise CallError(
            f"{run.path} was begun with another recipe, and these changes would make it another training:\n  "
            + "\n  ".join(unsafe)
            + "\nBegin a new run with --set run.name=NAME, or take the changes back."
        )
    began_with = record.read(run).get("backend")
    if began_with and began_with != backend.name():
        raise CallError(
            f"{run.path} was begun on {began_with}, and goes on exactly only there. Set KERAS_BACKEND={began_with}, or "
            "begin a new run with --set run.name=NAME."
        )
    for change in changes:
        console.say(f"changed since the run was begun: {change}")


def _restore(run: RunDir, saved, task: Task, model: keras.Model, console: Console) -> dict:
    """Model and CSVs as they were at the newest saved state; returns its meta, that of step 0 where there is none."""
    meta = {"step": 0, "elapsed_s": 0.0, "steps_csv": None, "validation_csv": None}
    if saved:
        path, meta = saved
        if meta["fingerprint"] != task.fingerprint:
            raise UserError(
                f"{run.path} was trained on another preparation of the corpus than the store holds now. Restore that "
                "corpus, or begin a new run with --set run.name=NAME."
            )
        restore_state(path, model)
        console.say(f"resuming at step {meta['step']:,} from {path}")
    for csv, offset in ((run.steps_csv, meta["steps_csv"]), (run.validation_csv, meta["validation_csv"])):
        if csv.exists():
            _cut(csv, offset, meta["step"])
    return meta


def _cut(csv: Path, offset: int | None, step: int) -> None:
    try:
        if offset is None:
            cut_after_step(csv, step)
        else:
            cut(csv, offset)
    except CutError:
        cut_after_step(csv, step)


@contextmanager
def _session(recipe, task, run, console, meta) -> Iterator[Session]:
    train, start = task.batches("train"), meta["step"]
    accumulate = recipe.train.accumulate
    feed = Feed(train, start * accumulate, recipe.train.steps * accumulate, task.frames)
    heartbeat = Heartbeat(run)
    with (
        CsvLog(run.steps_csv, names(step_columns(task.columns))) as steps_csv,
        CsvLog(run.validation_csv, names(validation_columns(task.columns))) as validation_csv,
    ):
        session = Session(
            recipe=recipe,
            task=task,
            run=run,
            train=train,
            validation=task.batches("validation"),
            feed=feed,
            steps_csv=steps_csv,
            validation_csv=validation_csv,
            heartbeat=heartbeat,
            console=console,
            clock=Clock(meta["elapsed_s"]),
            start=start,
            stop=recipe.train.steps,
        )
        heartbeat.step = start
        heartbeat.start()
        try:
            yield session
        finally:
            feed.close()
            heartbeat.stop()


def _describe(session: Session, model: keras.Model) -> None:
    recipe, run = session.recipe, session.run
    record.update(
        run,
        status="training",
        parameters=model.count_params(),
        fingerprint=session.task.fingerprint,
        columns=as_json(step_columns(session.task.columns)),
    )
    session.event(session.start, "resumed" if session.start else "started")
    train = session.train
    session.console.say(
        f"{run.path}: {recipe.kind} on {backend.name()} ({', '.join(backend.devices())}), "
        f"{model.count_params():,} parameters, {train.utterances:,} utterances in {train.steps_per_epoch:,} batches of "
        f"{len(train.shapes)} shapes ({train.padding_share:.1%} padding). Ctrl-C stops and saves."
    )


def _train(session: Session, model: keras.Model) -> int:
    run, console = session.run, session.console
    twin = _Twin(session.task)
    compiling = callbacks.Compiling(session)
    between_steps = [
        callbacks.Compiled(compiling),
        callbacks.GuardFinite(session),
        callbacks.LogStep(session),
        callbacks.Validate(session),
        callbacks.StepCheckpoint(session, twin),
        callbacks.Sample(session, twin),
        callbacks.Backup(session),
        compiling,
    ]
    batches = (session.stop - session.start) * session.recipe.train.accumulate
    data = backend.as_dataset(session.feed, session.train.batch(0))
    session.heartbeat.activity = "training"
    try:
        with _signals_ask(session.stop_requested), session.feed.raising_as_read():
            model.fit(data, steps_per_epoch=batches, epochs=1, verbose=0, shuffle=False, callbacks=between_steps)
    except callbacks.Interrupted as stop:
        _record_end(run, "interrupted")
        console.say(f"stopped at step {stop.args[0]:,}, everything saved. The same command again goes on from there.")
        return INTERRUPTED
    session.event(session.stop, "finished")
    _record_end(run, "finished")
    console.say(
        f"finished {session.stop:,} steps in {duration(session.clock.elapsed())}. "
        f"{session.task.hint.format(run=run.path)}"
    )
    return FINISHED


class _Twin:
    """The inference model with the training model's current weights; made when first asked for."""

    def __init__(self, task: Task):
        self._task, self._model = task, None

    def __call__(self, model: keras.Model) -> keras.Model:
        if self._model is None:
            self._model = self._task.inference_model()
        self._model.set_weights(model.get_weights())
        return self._model


@contextmanager
def _signals_ask(requested: list) -> Iterator[None]:
    """Ctrl-C and SIGTERM only ask: an exception inside a step can lose state that was donated to it (facts.md, 22)."""

    def ask(number, frame):
        if requested:
            raise KeyboardInterrupt  # asked twice: at once, and the last saved state counts
        requested.append(signal.Signals(number).name)
        os.write(2, b"\nfinishing this step, then saving (once more: stop at once)\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _record_start(run: RunDir, recipe: Recipe) -> None:
    record.update(
        run,
        kind=recipe.kind,
        status="starting",
        **identity(),
        backend=backend.name(),
        versions=backend.versions(),
        devices=backend.devices(),
        total_steps=recipe.train.steps,
        checkpoint_every=recipe.train.checkpoint_every,
    )


@contextmanager
def _end_recorded(run: RunDir) -> Iterator[None]:
    """Writes into run.json how a training failed. What is refused before it begins leaves the record as it was."""
    try:
        yield
    except UserError as error:
        _record_end(run, "nan" if isinstance(error, NotFinite) else "failed")
        raise
    except KeyboardInterrupt:
        _record_end(run, "interrupted")
        raise
    except BaseException:
        _record_end(run, "crashed")
        raise


def _record_end(run: RunDir, status: str) -> None:
    if run.run_json.exists():
        record.update(run, status=status)
