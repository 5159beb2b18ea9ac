"""The command line. Each verb imports its room only when called; the backend is chosen before keras is imported."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fs2keras import __version__
from fs2keras.errors import CallError, UserError

EXAMPLES = """\
examples:
  fs2keras fit demo                                   a small voice from nothing, in minutes, on a CPU
  fs2keras say runs/demo "Any sentence." -o say.wav   let it speak
  fs2keras fit ljspeech --set corpus.path=LJSpeech-1.1      a corpus to a voice: prepare, align, train
  fs2keras status runs/ljspeech                       how far it is
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code: 0 done, 1 failed, 2 wrong call or recipe, 3 no such run, 4 NaN,
    130 interrupted after a clean save."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(options) or 0
    except UserError as error:
        if options.debug:
            raise
        print(f"fs2keras: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nfs2keras: interrupted; the same command again goes on from the last saved state", file=sys.stderr)
        return 130
    except Exception as error:
        if options.debug:
            raise
        kind = type(error).__name__
        print(f"fs2keras: {kind}: {error}\nThis should not happen; --debug shows where.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fs2keras",
        description="Train a voice (FastSpeech 2 in Keras 3) and let it speak.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fs2keras {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    fit = _verb(verbs, "fit", _fit, "train a recipe; the same command again resumes")
    _add_recipe(fit)
    fit.add_argument("--dry-run", action="store_true", help="print the resolved plan and train nothing")

    prepare = _verb(verbs, "prepare", _prepare, "only prepare the corpus of a recipe (fit does it when needed)")
    _add_recipe(prepare)

    align = _verb(verbs, "align", _align, "learn where the phonemes of a corpus are (fit does it when needed)")
    _add_recipe(align)
    align.add_argument(
        "--report", type=Path, nargs="?", const=True, metavar="HTML", help="a page to hear and see it, the worst first"
    )
    align.add_argument("--textgrid", type=Path, metavar="DIR", help="write TextGrids for Praat, with words and phones")

    say = _verb(verbs, "say", _say, "speak a text into a wav")
    say.add_argument("run", metavar="RUN", help="a run (folder, or name under runs/) or a .keras checkpoint")
    say.add_argument("text", metavar="TEXT", help='the text, or "-" to read it from standard input')
    say.add_argument("-o", "--output", type=Path, metavar="WAV", help="the file to write (default: a new say*.wav)")
    say.add_argument("--speed", type=_positive, default=1.0, metavar="X", help="2 is twice as fast (default: 1)")
    say.add_argument("--pitch", type=_positive, default=1.0, metavar="X", help="factor on the pitch in Hz (default: 1)")
    say.add_argument("--energy", type=_positive, default=1.0, metavar="X", help="factor on the energy (default: 1)")
    say.add_argument("--checkpoint", metavar="STEP|PATH", help="which checkpoint of the run (default: the last)")

    status = _verb(verbs, "status", _status, "say how a run is doing")
    status.add_argument("run", metavar="RUN", nargs="?", help="a run (default: the newest under runs/)")
    return parser


def _verb(verbs, name: str, function, help_text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
    parser.add_argument("--debug", action="store_true", help="show a traceback where something fails")
    parser.set_defaults(verb=function)
    return parser


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of one that comes with fs2keras")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides", help="override a key"
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def _fit(options) -> int:
    recipe = _load_recipe(options)
    if options.dry_run:
        return _dry_run(recipe)
    with _shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.training.fit import fit

        task = _family(recipe.kind)
    if code := _align_first(recipe):
        return code
    return fit(recipe, task)


def _align_first(recipe) -> int:
    """Learns the alignment that the recipe wants, where there is none yet; returns the exit code."""
    from fs2keras.corpus.prepare import is_aligned

    if recipe.alignment.source != "learned" or recipe.kind == "aligner" or is_aligned(recipe):
        return 0
    from fs2keras.alignment import align

    return align(recipe, print)


def _dry_run(recipe) -> int:
    from fs2keras.corpus.prepare import is_aligned, store_folder

    if recipe.kind != "aligner" and not is_aligned(recipe):
        verb = "align" if recipe.alignment.source == "learned" else "prepare"
        raise CallError(
            f"The plan needs the aligned corpus, and {store_folder(recipe)} has none yet. Run `fs2keras {verb}` with "
            "the same recipe and options first."
        )
    with _shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.training.plan import describe

        plan = describe(recipe, _family(recipe.kind)(recipe, print))
    print(plan)
    return 0


def _prepare(options) -> int:
    recipe = _load_recipe(options)
    from fs2keras.corpus.prepare import prepare

    prepare(recipe, print)
    return 0


def _align(options) -> int:
    recipe = _load_recipe(options)
    if recipe.alignment.source != "learned":
        raise CallError(
            f'alignment.source = "{recipe.alignment.source}": this corpus brings its alignment, and `fs2keras prepare` '
            "reads it. To learn one instead: --set alignment.source=learned"
        )
    with _shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.alignment import align
    if code := align(recipe, print):
        return code
    from fs2keras.aligner import output

    if options.textgrid:
        output.write_textgrids(recipe, options.textgrid, print)
    if options.report:
        output.write_page(recipe, None if options.report is True else options.report, print)
    return 0


def _say(options) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    path = _checkpoint(options.run, options.checkpoint)
    _choose_backend("jax")
    with _shown(f"loading {path}"):
        from fs2keras.voice import Voice

        voice = Voice.load(path)
    with _shown("speaking"):
        speech = voice.speak(text, speed=options.speed, pitch=options.pitch, energy=options.energy)
    output = options.output or _new_file("say", ".wav")
    speech.save(output)
    print(f"{output}: {speech.seconds:.1f} s of speech, made in {speech.seconds_spent:.1f} s")
    return 0


def _status(options) -> int:
    from fs2keras.errors import NoSuchRun
    from fs2keras.rundir.runs import find_run, list_runs
    from fs2keras.rundir.summary import exit_code, render, summarise

    runs = [find_run(options.run)] if options.run else list_runs()
    if not runs:
        raise NoSuchRun("runs/ holds no run. Start one: fs2keras fit demo")
    summary = summarise(runs[0])
    print(render(summary))
    return exit_code(summary)


def _load_recipe(options):
    from fs2keras.recipe import load

    # SIGTERM ends a preparation as Ctrl-C does; the training takes both over.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    recipe = load(options.recipe, options.overrides)
    _choose_backend(recipe.run.backend)
    return recipe


def _choose_backend(name: str) -> None:
    """Before keras is imported, and only where the user has not chosen."""
    os.environ.setdefault("KERAS_BACKEND", name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notes about its build help nobody here


def _family(kind: str):
    """The Task of a kind of model: each family has a module `task` with one class of that protocol."""
    module = importlib.import_module(f"fs2keras.{kind}.task")
    return next(c for c in vars(module).values() if getattr(c, "kind", None) == kind)


def _checkpoint(run: str, wanted: str | None) -> Path:
    """The .keras file that RUN and --checkpoint mean."""
    if wanted and not wanted.isdecimal():
        return Path(wanted)
    if run.endswith(".keras"):
        return Path(run)
    from fs2keras.rundir.runs import find_run

    found = find_run(run)
    checkpoints = dict(found.list_checkpoints())
    if not checkpoints:
        raise UserError(f"{found.path} has no checkpoint yet; `fs2keras status {found.path}` says when the next is due")
    if wanted and int(wanted) not in checkpoints:
        raise CallError(f"{found.path} has no checkpoint of step {wanted}, but {', '.join(map(str, checkpoints))}")
    return checkpoints[int(wanted) if wanted else max(checkpoints)]


def _new_file(stem: str, suffix: str) -> Path:
    """A name that does not exist yet: nothing is overwritten unless it was named."""
    candidates = (Path(f"{stem}{'' if n == 1 else f'-{n}'}{suffix}") for n in range(1, sys.maxsize))
    return next(path for path in candidates if not path.exists())


@contextmanager
def _shown(activity: str) -> Iterator[None]:
    """Shows what takes its time, with the seconds it has taken so far."""
    from fs2keras.training.console import Console

    console = Console(stream=sys.stderr)
    console.doing(activity)
    try:
        yield
    finally:
        console.close()


if __name__ == "__main__":
    sys.exit(main())
