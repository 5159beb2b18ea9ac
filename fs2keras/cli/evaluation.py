"""Verbs that judge a voice: evaluate, samples, compare, best, validate."""

from pathlib import Path
from tempfile import TemporaryDirectory

from fs2keras.cli.options import (
    add_checkpoint,
    add_corpus,
    add_run,
    checkpoint,
    new_file,
    recipe_of,
    shown,
    verb,
)
from fs2keras.errors import CallError

SPLITS = ("validation", "test", "train")


def add_verbs(verbs) -> None:
    evaluate = verb(verbs, "evaluate", _evaluate, "measure a checkpoint on a split of its corpus")
    add_run(evaluate)
    add_checkpoint(evaluate)
    _add_split(evaluate)
    modes = evaluate.add_mutually_exclusive_group()
    modes.add_argument("--free-running", action="store_true", help="only what the voice makes of the text alone")
    modes.add_argument("--teacher-forced", action="store_true", help="only with durations, pitch and energy given")
    _add_opinions(evaluate)
    evaluate.add_argument("--wavs", action="store_true", help="keep what was spoken")
    _add_output(evaluate)
    add_corpus(evaluate)

    samples = verb(verbs, "samples", _samples, "speak many sentences into wav files, with a page to listen on")
    add_run(samples)
    add_checkpoint(samples)
    _add_texts(samples)
    samples.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: in RUN/evaluation")
    add_corpus(samples)

    compare = verb(verbs, "compare", _compare, "the same sentences from several voices, side by side")
    compare.add_argument("runs", metavar="RUN[@STEP]", nargs="+", help="a run, or its checkpoint: ljspeech@5000, @best")
    _add_texts(compare)
    _add_opinions(compare)
    compare.add_argument("--blind", action="store_true", help="a page that shuffles the voices and tells at the end")
    compare.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: a new compare*")
    add_corpus(compare)

    best = verb(verbs, "best", _best, "choose a checkpoint, and write checkpoints/best.keras")
    add_run(best)
    best.add_argument(
        "--by",
        default="validation",
        metavar="CRITERION",
        help="validation: validation.csv; or a metric, which is then measured, such as mcd_espnet or loss; or several, "
        "mel_postnet=1,mcd_espnet=0.1, with weights above 0 (default: validation)",
    )
    best.add_argument("--last", type=int, default=0, metavar="N", help="of the last N checkpoints (default: all)")
    best.add_argument(
        "--average", type=int, default=0, metavar="K", help="try the average of K, and keep it only if it is better"
    )
    best.add_argument("--of", choices=("best", "last"), default="last", help="which K to average (default: last)")
    _add_split(best)
    _add_opinions(best)
    _add_output(best)
    add_corpus(best)

    validate = verb(verbs, "validate", _validate, "the final gate: every criterion of [validate], exit code 0 or 1")
    add_run(validate)
    add_checkpoint(validate)
    _add_split(validate)
    _add_output(validate)
    add_corpus(validate)


def _add_split(parser) -> None:
    parser.add_argument("--split", choices=SPLITS, default="validation", help="of the corpus (default: validation)")


def _add_texts(parser) -> None:
    texts = parser.add_mutually_exclusive_group()
    texts.add_argument("--sentences", type=Path, metavar="FILE", help="a sentence a line, or id|sentence")
    texts.add_argument("--split", choices=SPLITS, default="validation", help="of the corpus (default: validation)")


def _add_opinions(parser) -> None:
    parser.add_argument("--recogniser", metavar="NAME", help="also cer and wer; moonshine is offline and knows English")
    parser.add_argument("--dnsmos", action="store_true", help="also the quality that DNSMOS guesses")


def _add_output(parser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="instead of RUN/evaluation")


def _evaluate(options) -> int:
    run, recipe, path = _judged(options)
    with shown(f"loading {path}"):
        from fs2keras.evaluation.evaluate import MODES, evaluate
        from fs2keras.evaluation.table import render
    chosen = {"teacher-forced": options.teacher_forced, "free-running": options.free_running}
    result = evaluate(
        run,
        recipe,
        path,
        options.split,
        modes=[mode for mode in MODES if chosen[mode]] or MODES,
        wanted=_wanted(options),
        output=options.output,
        wavs=options.wavs,
    )
    print(render(result))
    return 0


def _samples(options) -> int:
    run, recipe, path = _judged(options)
    with shown(f"loading {path}"):
        from fs2keras.evaluation.evaluate import open_corpus
        from fs2keras.evaluation.samples import recordings_of, write_samples
        from fs2keras.evaluation.sentences import read_sentences
        from fs2keras.voice import Voice

        sentences = read_sentences(options.sentences) if options.sentences else None
        voice, prepared = Voice.load(path), None if sentences else open_corpus(recipe, options.split)
    if sentences:
        name, recordings = f"sentences-{options.sentences.stem}", lambda id: None
    else:
        name, recordings = f"samples-{options.split}", recordings_of(prepared, Path(recipe.corpus.path), voice.audio)
        sentences = {id: prepared.text(id) for id in prepared.ids(options.split)}
    folder = options.output or run.evaluation / f"{path.stem}-{name}"
    page, count = write_samples(voice, sentences, folder, f"{run.name}, {path.stem}", recordings, print)
    spoken = f"{count:,}" if count == len(sentences) else f"{count:,} of {len(sentences):,}"
    print(f"{spoken} sentences in {folder}. Listen: {page}")
    return 0


def _compare(options) -> int:
    from fs2keras.rundir.runs import find_run

    sentences = None
    if options.sentences:
        from fs2keras.evaluation.sentences import read_sentences

        sentences = read_sentences(options.sentences)
    named = []
    for name in options.runs:
        run_name, step = _run_and_step(name)
        run = find_run(run_name)
        recipe = recipe_of(run, options.overrides)
        _refuse_aligner(run, recipe)
        path = checkpoint(run_name, step)
        named.append((run, recipe, path, path.stem.removeprefix("step-").lstrip("0") or "0"))
    runs = {run.path.resolve() for run, *_ in named}
    same_names = len({run.name for run, *_ in named}) < len(runs)
    with shown("starting Keras"):
        from fs2keras.evaluation.compare import System, compare
    folder = options.output or new_file("compare", "")
    systems = [
        System(f"{run.path if same_names else run.name}@{step}", run, recipe, path) for run, recipe, path, step in named
    ]
    page, tables = compare(
        systems, folder, split=options.split, sentences=sentences, wanted=_wanted(options), blind=options.blind
    )
    for table in () if options.blind else tables:
        print(_as_text(table))
    print(f"Listen: {page}")
    return 0


def _run_and_step(name: str) -> tuple[str, str | None]:
    """RUN@STEP, where RUN may be a path with an @ in it."""
    from fs2keras.rundir.runs import is_run

    run, at, step = name.rpartition("@")
    whole = not at or is_run(name) or is_run(Path("runs") / name)
    return (name, None) if whole else (run, step or None)


def _as_text(table) -> str:
    rows = [table.head, *table.rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([table.caption, *(f"  {line}" for line in lines)])


def _best(options) -> int:
    from fs2keras.rundir.runs import find_run

    run = find_run(options.run)
    recipe = recipe_of(run, options.overrides)
    _refuse_aligner(run, recipe)
    if options.average == 1 or min(options.average, options.last) < 0:
        raise CallError("--average takes 2 or more checkpoints, --last 1 or more.")
    with shown("starting Keras"):
        from fs2keras.evaluation.best import Chooser, describe
    chooser = Chooser(run, recipe, options.split, _wanted(options), options.output, print)
    choice = chooser.choose(options.by, options.last)
    print("\n".join(describe(choice)))
    averaged, steps = None, ()
    with TemporaryDirectory(prefix="fs2keras-") as scratch:
        if options.average:
            steps = _averaged_steps(run, choice, options)
            averaged = chooser.average(choice, options.by, steps, Path(scratch))
        path = chooser.write(choice, averaged, steps)
    what = f"the average of {len(steps)} checkpoints" if averaged else f"step {choice.best.step:,}"
    print(f"{path}: {what}")
    return 0


def _averaged_steps(run, choice, options) -> list[int]:
    ranked = sorted(choice.candidates, key=lambda candidate: candidate.score)
    steps = [step for step, _ in run.list_checkpoints()] if options.of == "last" else [c.step for c in ranked]
    steps = steps[-options.average :] if options.of == "last" else steps[: options.average]
    if len(steps) < options.average:
        raise CallError(f"--average {options.average} needs as many checkpoints; {run.path} has {len(steps)}.")
    return sorted(steps)


def _validate(options) -> int:
    run, recipe, path = _judged(options)
    with shown(f"loading {path}"):
        from fs2keras.evaluation.gate import validate
    failed = count = 0
    for verdict in validate(run, recipe, path, options.split, options.output, print):
        print(verdict, flush=True)
        failed, count = failed + (not verdict.holds), count + 1
    print(f"{path}: " + (f"{failed} of {count} criteria FAIL" if failed else f"all {count} criteria hold"))
    return 1 if failed else 0


def _judged(options):
    """The run, its recipe, and the checkpoint that is meant; the backend chosen."""
    from fs2keras.rundir.runs import find_run

    run = find_run(options.run)
    recipe = recipe_of(run, options.overrides)
    _refuse_aligner(run, recipe)
    path = checkpoint(options.run, options.checkpoint)
    return run, recipe, path


def _wanted(options):
    from fs2keras.evaluation.judging import Wanted

    return Wanted(options.recogniser, options.dnsmos)


def _refuse_aligner(run, recipe) -> None:
    if recipe.kind == "aligner":
        raise CallError(f"{run.path} is an aligner, no voice. To look at its work: fs2keras align RECIPE --report")
