"""What several verbs share: their options, and what RUN, RECIPE and --checkpoint mean."""

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fs2keras.errors import CallError, UserError

_RESUMING = {"fit", "prepare", "align", "evaluate", "compare", "best", "validate"}  # the other verbs begin again


def verb(verbs, name: str, function, help_text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
    parser.add_argument("--debug", action="store_true", help="show a traceback where something fails")
    parser.set_defaults(verb=function, resumes=name in _RESUMING)
    return parser


def add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of one that comes with fs2keras")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides", help="override a key"
    )


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def load_recipe(options):
    from fs2keras.recipe import load

    recipe = load(options.recipe, options.overrides)
    choose_backend(recipe.run.backend)
    return recipe


def choose_backend(name: str) -> None:
    """Before keras is imported, and only where the user has not chosen."""
    os.environ.setdefault("KERAS_BACKEND", name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notes about its build help nobody here


def family(kind: str):
    """The Task of a kind of model: each family has a module `task` with one class of that protocol."""
    module = importlib.import_module(f"fs2keras.{kind}.task")
    return next(c for c in vars(module).values() if getattr(c, "kind", None) == kind)


def add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run: its folder, or its name under runs/")


def add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="overrides",
        help="override a key of the run's recipe, such as corpus.path or corpus.store where they lie elsewhere",
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="STEP|best|last|PATH", help="which one of the run (default: the last)")


def recipe_of(run, overrides=()):
    """The recipe that a run was begun with. To judge, JAX will do, which is always there, whatever the run was trained
    with; unless the call names another backend."""
    from fs2keras.recipe import load

    if not run.recipe.exists():
        raise UserError(f"{run.recipe}: no such file. A run without its recipe cannot be judged; restore it.")
    recipe = load(run.recipe, overrides)
    choose_backend(recipe.run.backend if any(pair.startswith("run.backend") for pair in overrides) else "jax")
    return recipe


def checkpoint(run: str, wanted: str | None) -> Path:
    """The .keras file that RUN and --checkpoint mean. CallError, which says what there is, where it means none."""
    if wanted and not wanted.isdecimal() and wanted not in ("best", "last"):
        path = Path(wanted).expanduser()
        if not os.path.isfile(path):
            raise CallError(f"{wanted}: no such checkpoint. {_choice(run)}")
        return path
    if run.endswith(".keras"):
        return Path(run)
    from fs2keras.rundir.runs import find_run

    found = find_run(run)
    if wanted == "best":
        if not found.best_checkpoint.exists():
            raise UserError(f"{found.best_checkpoint}: not chosen yet. Run `fs2keras best {quoted(found.path)}`.")
        return found.best_checkpoint
    checkpoints = dict(found.list_checkpoints())
    if not checkpoints:
        status = f"`fs2keras status {quoted(found.path)}`"
        raise UserError(f"{found.path} has no checkpoint yet; {status} says when the next is due")
    if wanted and wanted != "last" and int(wanted) not in checkpoints:
        raise CallError(f"{found.path} has no checkpoint of step {wanted}, but {', '.join(map(str, checkpoints))}")
    return checkpoints[int(wanted) if wanted and wanted != "last" else max(checkpoints)]


def _choice(run: str) -> str:
    """What --checkpoint may be, in a sentence."""
    if run.endswith(".keras"):
        return "Name a .keras file."
    from fs2keras.rundir.runs import find_run

    found = find_run(run)
    names = [str(step) for step, _ in found.list_checkpoints()]
    names += (["last"] if names else []) + (["best"] if found.best_checkpoint.exists() else [])
    there = f"{found.path} has {', '.join(names) or 'none yet'}"
    return f"{there}; or name a .keras file."


def quoted(path: str | Path) -> str:
    """A path as it must be typed in a command that is suggested: it may have blanks in it."""
    return shlex.quote(str(path))


def new_file(stem: str, suffix: str) -> Path:
    """A name that does not exist yet: nothing is overwritten unless it was named."""
    candidates = (Path(f"{stem}{'' if n == 1 else f'-{n}'}{suffix}") for n in range(1, sys.maxsize))
    return next(path for path in candidates if not path.exists())


@contextmanager
def shown(activity: str) -> Iterator[None]:
    """Shows what takes its time, with the seconds it has taken so far."""
    from fs2keras.training.console import Console

    console = Console(stream=sys.stderr)
    console.doing(activity)
    try:
        yield
    finally:
        console.close()
