"""`fs2keras align`: from a prepared corpus to its alignment. Where the aligner, its training and the corpus meet."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import keras

from fs2keras import backend
from fs2keras.aligner.config import Model
from fs2keras.aligner.task import AlignerTask
from fs2keras.aligner.verdicts import SOURCE
from fs2keras.aligner.write import settings, write
from fs2keras.corpus.alignment_file import alignment_path, read_alignment
from fs2keras.corpus.prepare import describe, is_prepared, store_folder
from fs2keras.corpus.store_file import StoreFile
from fs2keras.errors import CallError, UserError
from fs2keras.progress import spoken_time
from fs2keras.recipe import Recipe, Samples, Train
from fs2keras.rundir.layout import RunDir
from fs2keras.training.fit import FINISHED, fit

_RATE, _WARMUP = 0.01, 30  # the highest learning rate, and the step at which it is reached


def align(recipe: Recipe, report: Callable[[str], None] = print) -> int:
    """Learns where the phonemes of the recipe's corpus are, and writes alignment-learned.h5 beside the store.

    The training is a run of its own, runs/<store>-aligner, and goes on where it was stopped.

    Returns:
        the exit code: 0 done, 130 interrupted after a clean save.

    Raises:
        UserError: with the exit code that belongs to it.
    """
    if _is_done(recipe):
        report(f"{store_folder(recipe)} is aligned already, with the same settings.")
        return FINISHED
    begin, own = time.monotonic(), recipe_of(recipe)
    try:
        if code := fit(own, AlignerTask):
            return code
    except CallError as error:  # its run is not named by run.name, as fit must think
        name = own.run.name
        raise CallError(
            f"{error}\nFor the aligner: move {own.run.dir}/{name} away, or give another corpus.store."
        ) from error
    alignment = write(recipe, AlignerTask(own, report), _load(own), report)
    for line in describe(alignment.statistics):
        report(line)
    report(f"  time         {spoken_time(time.monotonic() - begin)}")
    keras.utils.clear_session()  # what is trained next in this process begins as in one of its own
    return FINISHED


def _is_done(recipe: Recipe) -> bool:
    """Whether this very store has been aligned with the settings of the recipe."""
    folder = store_folder(recipe)
    if not is_prepared(recipe) or not alignment_path(folder, SOURCE).exists():
        return False
    alignment, store = read_alignment(folder, SOURCE), StoreFile(folder)
    store.close()
    return alignment.store == store.fingerprint and alignment.settings == settings(recipe)


def recipe_of(recipe: Recipe) -> Recipe:
    """The recipe of the aligner for the corpus of a voice's recipe."""
    return dataclasses.replace(
        recipe,
        kind="aligner",
        run=dataclasses.replace(recipe.run, name=f"{store_folder(recipe).name}-aligner"),
        model=Model(),
        train=Train(
            steps=recipe.alignment.steps,
            batch_size=16,
            max_shapes=4,
            log_every=10,
            validate_every=100,
            checkpoint_every=100,
            keep_last=1,
            backup_every=50,
            sample_every=100,
            learning_rate_scale=_RATE * _WARMUP**0.5,
            warmup=_WARMUP,
        ),
        samples=Samples(),
    )


def _load(own: Recipe) -> keras.Model:
    """The aligner that has been trained, ready to align."""
    run = RunDir(Path(own.run.dir) / own.run.name)
    checkpoints = run.list_checkpoints()
    if not checkpoints:
        raise UserError(f"{run.path} has no checkpoint. Move it away, then run `fs2keras align` again.")
    model = keras.saving.load_model(checkpoints[-1][1], compile=False)
    model.compile(jit_compile=backend.jit_compile())
    return model
