"""The resume state: all that makes step n + 1 after a kill the same, bit for bit, as step n + 1 without one."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from fs2keras.errors import UserError
from fs2keras.rundir.atomic import replacing
from fs2keras.rundir.layout import RunDir

GENERATIONS = 2  # if the newest turns out unreadable, the one before it still serves


def save_state(run: RunDir, model: keras.Model, meta: dict) -> Path:
    """Writes resume/step-<meta["step"]>.npz, atomically: weights, BatchNorm statistics, the seeds of dropout, the
    optimiser with its moments, and `meta`. Older generations than the last two are removed afterwards."""
    path = run.resume / f"step-{meta['step']:07d}.npz"
    arrays = {f"model_{i:05d}": np.asarray(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer_{i:05d}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    with replacing(path) as temporary:
        np.savez(temporary, meta=np.array(json.dumps(meta)), **arrays)
    for old in _generations(run)[GENERATIONS:]:
        old.unlink()
    return path


def newest_meta(run: RunDir) -> tuple[Path, dict] | None:
    """The newest whole generation and its meta, or None where there is none yet.

    Raises:
        UserError: generations exist, and not one of them can be read.
    """
    broken = []
    for path in _generations(run):
        try:
            return path, json.loads(str(_read(path)["meta"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            broken.append(f"{path} ({error})")
    if broken:
        raise UserError(
            f"No state to resume from can be read: {'; '.join(broken)}. Move {run.path} away to begin again, or load a "
            f"checkpoint from {run.checkpoints}."
        )
    return None


def restore_state(path: Path, model: keras.Model) -> None:
    """Puts a generation's arrays back into a compiled model of the same recipe.

    Raises:
        UserError: the arrays are not those of this model.
    """
    # The moments exist only after build; loading before it loses them without a word (facts.md, 3).
    model.optimizer.build(model.trainable_variables)
    arrays = _read(path)
    for prefix, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        stored = sorted(key for key in arrays if key.startswith(f"{prefix}_"))
        shapes = [arrays[key].shape for key in stored]
        if shapes != [tuple(v.shape) for v in variables]:
            raise UserError(
                f"{path} holds the state of another model: {len(shapes)} {prefix} arrays where this recipe has "
                f"{len(variables)}, or other shapes. Give the run another name with --set run.name=NAME."
            )
        for key, variable in zip(stored, variables, strict=True):
            variable.assign(arrays[key])


def _read(path: Path) -> dict[str, np.ndarray]:
    # Read whole and at once: np.load is lazy, and only reading an array checks its CRC.
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _generations(run: RunDir) -> list[Path]:
    return sorted(run.resume.glob("step-*.npz"), reverse=True)
