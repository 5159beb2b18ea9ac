"""Verbs that make a voice: fit, prepare, align; and status."""

import os
from pathlib import Path

from fs2keras.cli.options import add_recipe, family, load_recipe, shown, verb
from fs2keras.errors import CallError


def add_verbs(verbs) -> None:
    fit = verb(verbs, "fit", _fit, "train a recipe; the same command again resumes")
    add_recipe(fit)
    fit.add_argument("--dry-run", action="store_true", help="print the resolved plan and train nothing")

    prepare = verb(verbs, "prepare", _prepare, "only prepare the corpus of a recipe (fit does it when needed)")
    add_recipe(prepare)

    align = verb(verbs, "align", _align, "learn where the phonemes of a corpus are (fit does it when needed)")
    add_recipe(align)
    align.add_argument(
        "--report", type=Path, nargs="?", const=True, metavar="HTML", help="a page to hear and see it, the worst first"
    )
    align.add_argument("--textgrid", type=Path, metavar="DIR", help="write TextGrids for Praat, with words and phones")

    status = verb(verbs, "status", _status, "say how a run is doing")
    status.add_argument("run", metavar="RUN", nargs="?", help="a run (default: the newest under runs/)")


def _fit(options) -> int:
    recipe = load_recipe(options)
    if options.dry_run:
        return _dry_run(recipe)
    with shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.training.fit import fit

        task = family(recipe.kind)
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
    with shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.training.plan import describe

        plan = describe(recipe, family(recipe.kind)(recipe, print))
    print(plan)
    return 0


def _prepare(options) -> int:
    recipe = load_recipe(options)
    from fs2keras.corpus.prepare import prepare

    prepare(recipe, print)
    return 0


def _align(options) -> int:
    recipe = load_recipe(options)
    if recipe.alignment.source != "learned":
        raise CallError(
            f'alignment.source = "{recipe.alignment.source}": this corpus brings its alignment, and `fs2keras prepare` '
            "reads it. To learn one instead: --set alignment.source=learned"
        )
    with shown(f"starting Keras on {os.environ['KERAS_BACKEND']}"):
        from fs2keras.alignment import align
    if code := align(recipe, print):
        return code
    from fs2keras.aligner import output

    if options.textgrid:
        output.write_textgrids(recipe, options.textgrid, print)
    if options.report:
        output.write_page(recipe, None if options.report is True else options.report, print)
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
