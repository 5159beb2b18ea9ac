"""The work between steps, each kind a callback of its own.

Keras calls `on_train_batch_end` with the logs of that step, which makes it wait for the device at every step; and on
JAX touching `self.model` copies all state back. So a step's work is done at the beginning of the next one, that of the
last one in `on_train_end`, and only the callbacks that are due touch the model.
"""

import time

import keras

from fs2keras import backend
from fs2keras.errors import NotFinite, UserError
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.tail import read_rows
from fs2keras.training.checkpoint import prune, save_checkpoint
from fs2keras.training.feed import Feed
from fs2keras.training.session import Session
from fs2keras.training.state import save_state


class Interrupted(Exception):  # noqa: N818
    """Training stopped between two steps because a signal asked for it; everything is saved."""


class AfterStep:
    """Mixin: calls `after_step(step)` with the number of each completed step."""

    session: Session

    def on_train_batch_begin(self, batch, logs=None):
        step = self.session.step_after(batch)
        if step is not None:
            self.after_step(step)

    def on_train_end(self, logs=None):
        self.after_step(self.session.stop)

    def after_step(self, step: int) -> None:
        raise NotImplementedError


class GuardFinite(AfterStep, keras.callbacks.Callback):
    """Stops at NaN or infinity before anything of it is written, and names the utterances of the first bad batch."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session

    def after_step(self, step):
        train = self.session.recipe.train
        every = (train.log_every, train.validate_every, train.checkpoint_every, train.backup_every, train.sample_every)
        if not any(self.session.is_due(step, n) for n in every) and not self.session.stop_requested:
            return
        bad = int(self.model.optimizer.first_bad_update)
        if not bad:
            return
        batches = range((bad - 1) * train.accumulate, bad * train.accumulate)
        utterances = ", ".join(name for i in batches for name in self.session.train.ids(i))
        self.session.event(bad, "nan", utterances)
        raise NotFinite(
            f"The gradients became NaN or infinite at step {bad}, in the batch of {utterances}. The last good state is "
            f"kept in {self.session.run.resume}. Listen to these recordings, or begin a new run with "
            "--set train.learning_rate_scale=0.5 --set run.name=NAME."
        )


class LogStep(AfterStep, keras.callbacks.Callback):
    """Writes a row of steps.csv and renews the live line."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self._mark(session.start)

    def _mark(self, step):
        self._step, self._seconds, self._waited = step, self.session.clock.stepping(), self.session.feed.waited

    def after_step(self, step):
        self.session.heartbeat.step = step
        if not self.session.is_due(step, self.session.recipe.train.log_every):
            return
        session, optimizer = self.session, self.model.optimizer
        losses = session.task.losses(self.model.get_metrics_result())
        row = {
            "step": step,
            "epoch": session.train.epoch(step * session.recipe.train.accumulate - 1),
            "elapsed_s": round(session.clock.elapsed(), 3),
            **{name: float(value) for name, value in losses.items()},
            "learning_rate": float(optimizer.last_rate),
            "grad_norm": float(optimizer.grad_norm),
            **self._speeds(step),
        }
        session.steps_csv.append(row)
        session.console.progress(self._line(row, losses))
        self._mark(step)

    def _speeds(self, step) -> dict[str, float]:
        session, accumulate = self.session, self.session.recipe.train.accumulate
        seconds = max(session.clock.stepping() - self._seconds, 1e-9)
        first, last = ((s - session.start) * accumulate for s in (self._step, step))
        return {
            "steps_per_s": round((step - self._step) / seconds, 4),
            "frames_per_s": round(sum(session.feed.frames[first:last]) / seconds, 1),
            "data_wait_share": round(min(1.0, (session.feed.waited - self._waited) / seconds), 4),
        }

    def _line(self, row, losses) -> str:
        train = self.session.recipe.train
        step, total = row["step"], train.steps
        rate = row["steps_per_s"]
        left = (total - step) / rate if rate else 0.0
        next_save = min((step // train.checkpoint_every + 1) * train.checkpoint_every, total)
        loss, *parts = (f"{name} {value:.3f}" for name, value in losses.items())
        end = time.strftime("%a %H:%M", time.localtime(time.time() + left))
        return f"step {step:,}/{total:,}  {loss} ({', '.join(parts)})  {rate:.2f} steps/s  " + (
            f"done in {duration(left)}, {end}  next checkpoint {next_save:,}" if step < total else "done"
        )


class Compiling(keras.callbacks.Callback):
    """Says so while the first batch of a shape is compiled, and keeps that time out of the speed.

    Belongs last in the list, so that the compilation begins after the work between the steps; `Compiled`, first in the
    list, ends it before that of the next one.
    """

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self._seen: set = set()
        self._activity = None

    def on_train_batch_begin(self, batch, logs=None):
        shape = self.session.train.shape(self.session.start * self.session.recipe.train.accumulate + batch)
        if shape in self._seen or (self._seen and not backend.jit_compile()):
            return
        self._seen.add(shape)
        words = f"compiling shape {len(self._seen)} of {len(self.session.train.shapes)}, {shape}"
        self._activity = self.session.activity("compiling", words)
        self._activity.__enter__()

    def end(self):
        if self._activity:
            self._activity.__exit__(None, None, None)
            self._activity = None


class Compiled(keras.callbacks.Callback):
    """Ends what `Compiling` began."""

    def __init__(self, compiling: Compiling):
        super().__init__()
        self._compiling = compiling

    def on_train_batch_begin(self, batch, logs=None):
        self._compiling.end()

    def on_train_end(self, logs=None):
        self._compiling.end()


class Validate(AfterStep, keras.callbacks.Callback):
    """Writes the losses on the whole validation split to validation.csv."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session

    def after_step(self, step):
        session = self.session
        if not session.is_due(step, session.recipe.train.validate_every):
            return
        begin = time.monotonic()
        batches = session.validation
        with session.activity("validating", f"validating on {batches.utterances} utterances"):
            feed = Feed(batches, 0, batches.steps_per_epoch)
            data = backend.as_dataset(feed, batches.batch(0))
            with feed.raising_as_read():
                results = self.model.evaluate(data, steps=batches.steps_per_epoch, return_dict=True, verbose=0)
            feed.close()
        losses = session.task.losses(results)
        session.validation_csv.append({"step": step, **{name: float(value) for name, value in losses.items()}})
        session.event(step, "validation", seconds=time.monotonic() - begin)
        words = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        session.console.say(f"validation at step {step:,}: {words}")


class StepCheckpoint(keras.callbacks.ModelCheckpoint):
    """ModelCheckpoint by the global step: at every multiple of checkpoint_every, interrupted or not, and at the end.

    The stock one counts from the start of the process, writes in place, and saves the optimiser (facts.md, 1 and 9).
    """

    def __init__(self, session: Session, twin):
        super().__init__(str(session.run.checkpoints / "step-{step:07d}.keras"), save_freq=1)
        self.session, self._twin = session, twin

    on_train_batch_begin = AfterStep.on_train_batch_begin
    on_train_end = AfterStep.on_train_end
    # The stock hook, if it stayed, would make Keras wait for the device at every step.
    on_train_batch_end = keras.callbacks.Callback.on_train_batch_end

    def after_step(self, step):
        session, train = self.session, self.session.recipe.train
        if not session.is_due(step, train.checkpoint_every):
            return
        begin = time.monotonic()
        path = session.run.checkpoint(step)
        with session.activity("saving", f"saving {path.name}"):
            size = save_checkpoint(self._twin(self.model), path)
        session.event(step, "checkpoint", path.name, size, time.monotonic() - begin)
        session.console.say(f"checkpoint {path} ({size / 1e6:.1f} MB)")
        for removed in prune(session.run, train.keep_last, train.keep_every, self._best):
            session.event(step, "removed", session.run.checkpoint(removed).name)

    def _best(self) -> int | None:
        kept = {step for step, _ in self.session.run.list_checkpoints()}
        rows = [row for row in read_rows(self.session.run.validation_csv) if row["step"] in kept]
        return min(rows, key=lambda row: row["loss"])["step"] if rows else None


class Sample(AfterStep, keras.callbacks.Callback):
    """Lets the model show what it has learned, to listen to or look at while it goes on."""

    def __init__(self, session: Session, twin):
        super().__init__()
        self.session, self._twin = session, twin

    def after_step(self, step):
        session = self.session
        if not session.task.samples or not session.is_due(step, session.recipe.train.sample_every):
            return
        begin = time.monotonic()
        folder = session.run.sample_folder(step)
        with session.activity("sampling", f"making {len(session.task.samples)} samples"):
            try:
                paths = session.task.sample(self._twin(self.model), folder)
            except UserError as error:  # a voice that has not learned durations yet is no reason to stop
                session.event(step, "no sample", str(error))
                session.console.say(f"no samples at step {step:,}: {error}")
                return
        session.event(step, "sample", folder.name, sum(path.stat().st_size for path in paths), time.monotonic() - begin)
        session.console.say(f"samples {folder}")


class Backup(AfterStep, keras.callbacks.Callback):
    """Saves the resume state, last of a step's work, so that what the CSVs say up to it is complete."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session

    def after_step(self, step):
        session = self.session
        if not session.is_due(step, session.recipe.train.backup_every) and not session.stop_requested:
            return
        with session.activity("saving", "saving the resume state"):
            meta = {
                "step": step,
                "elapsed_s": session.clock.elapsed(),
                "fingerprint": session.task.fingerprint,
                "steps_csv": session.steps_csv.size(),
                "validation_csv": session.validation_csv.size(),
            }
            save_state(session.run, self.model, meta)
        if session.stop_requested and step < session.stop:
            session.event(step, "stopped", session.stop_requested[0])
            raise Interrupted(step)
