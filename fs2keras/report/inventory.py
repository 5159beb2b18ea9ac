"""What a run took and what it ran on: the disk, the recipe, the machine."""

import platform
from collections.abc import Iterator, Sequence

from fs2keras import __version__
from fs2keras.errors import UserError
from fs2keras.recipe import Recipe, differences, load
from fs2keras.recipe_text import quoted
from fs2keras.report import resources, storage
from fs2keras.report.document import Block, Listing, Table, Text
from fs2keras.report.facts import Run
from fs2keras.report.figures import figure, when
from fs2keras.report.phases import Phase
from fs2keras.rundir import clock
from fs2keras.rundir.sizes import file_size

_LONGEST = 40
_RECORD = {
    "kind": "model",
    "parameters": "parameters",
    "host": "host",
    "devices": "devices",
    "backend": "backend",
    "versions": "versions",
    "fingerprint": "fingerprint of the corpus",
}


def disk(runs: Sequence[Run], found: Sequence[Sequence[Phase]]) -> Iterator[Block | None]:
    yield resources.disk(runs, found)
    kinds = {run.label: storage.kept(run) for run in runs}
    if len(runs) == 1:
        kept = kinds[runs[0].label]
        rows = [(one.kind, f"{one.files:,}", file_size(one.bytes)) for one in kept]
        rows.append(("in all", f"{sum(one.files for one in kept):,}", file_size(sum(one.bytes for one in kept))))
        yield Table("On the disk now", ("kind", "files", "size"), rows, frozenset({1, 2}))
        yield _checkpoints(runs[0])
        return
    rows = []
    for label, kept in kinds.items():
        sizes = {one.kind: one.bytes for one in kept}
        rows.append(
            (label, *(file_size(sizes.get(kind, 0)) for kind in storage.KINDS.values()), file_size(sum(sizes.values())))
        )
    heads = ("run", *storage.KINDS.values(), "in all")
    yield Table("On the disk now", heads, rows, frozenset(range(1, len(heads))))


def _checkpoints(run: Run) -> Table | None:
    found = run.snapshot.checkpoints
    if not found:
        return None
    rows = [
        (
            one.path.name,
            f"{one.step:,}",
            file_size(one.bytes),
            figure(one.loss),
            when(one.time),
            "lowest" if one.best else "",
        )
        for one in found
    ]
    heads = ("checkpoint", "step", "size", "validation loss", "written", "")
    return Table(f"All {len(found)} checkpoints", heads, rows, frozenset({1, 2, 3}), folded=True)


def machine(runs: Sequence[Run]) -> Iterator[Block | None]:
    """Where and with what it was trained, and where the report was made."""
    rows = []
    for name, label in _RECORD.items():
        cells = [_words(run.snapshot.record.get(name)) for run in runs]
        if any(cells):
            rows.append((label, *cells))
    precisions = [str(run.recipe("train").get("precision") or "") for run in runs]
    if any(precisions):
        rows.append(("precision", *precisions))
    if rows:
        yield Table("Where and with what it was trained", ("", *(run.label for run in runs)), rows)
    else:
        yield Text("There is no run.json: where it was trained is not known.")
    yield resources.machine(runs)
    made = when(clock.unix())
    yield Text(f"This report was made by fs2keras {__version__} on {platform.node()}, {made}.")


def recipe(runs: Sequence[Run]) -> Iterator[Block]:
    if len(runs) > 1:
        yield from _differences(runs)
        return
    (run,) = runs
    if run.snapshot.recipe:
        yield Listing(str(run.rundir.recipe), run.snapshot.recipe)
    else:
        yield Text(f"{run.rundir.recipe} is not there, or empty.")


def _differences(runs: Sequence[Run]) -> Iterator[Block]:
    recipes: list[Recipe | None] = []
    for run in runs:
        try:
            recipes.append(load(run.rundir.recipe))
        except UserError as error:
            yield Text(f"The recipe of {run.label} cannot be compared: {error}", warns=True)
            recipes.append(None)
    known = [one for one in recipes if one]
    if len(known) < 2:
        return
    if len({one.kind for one in known}) > 1:
        yield Text("The runs are of different kinds, whose recipes have different keys.")
        return
    found = {change.key: change.safe for other in known[1:] for change in differences(known[0], other)}
    rows = [
        (key, *(_value(one, key) for one in recipes), "no" if safe else "yes")
        for key, safe in found.items()
        if key != "run.name"
    ]
    if rows:
        yield Table("Keys that differ", ("key", *(run.label for run in runs), "another training"), rows)
    else:
        yield Text("The recipes do not differ.")


def _value(recipe: Recipe | None, key: str) -> str:
    if recipe is None:
        return "unknown"
    section, name = key.split(".")
    return quoted(getattr(getattr(recipe, section), name))


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value or "")
    return text if len(text) <= _LONGEST else f"{text[:16]}…"  # a fingerprint
