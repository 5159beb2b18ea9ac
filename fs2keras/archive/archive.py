"""`fs2keras archive`: a run to another place, or what has changed of it, verified."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fs2keras.archive import place
from fs2keras.archive.manifest import Damaged, Entry, Identity, Manifest
from fs2keras.archive.plan import Plan, make_plan
from fs2keras.archive.select import identify, is_training, named, select
from fs2keras.errors import UserError
from fs2keras.progress import Progress
from fs2keras.rundir import clock
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration

_SHOWN = 20  # paths in a list of what would be deleted


@dataclass(frozen=True)
class Summary:
    """What was done: files (and their bytes) that were copied, that the archive had already, and that were deleted from
    it; what could not be archived, in words; seconds in all."""

    path: Path
    copied: int
    copied_bytes: int
    kept: int
    kept_bytes: int
    deleted: int
    deleted_bytes: int
    left_out: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        total, seconds = self.copied_bytes + self.kept_bytes, max(self.seconds, 1e-3)
        deleted = f", {self.deleted:,} deleted ({file_size(self.deleted_bytes)})" if self.deleted else ""
        return (
            f"{self.path}: {self.copied + self.kept:,} files, {file_size(total)}, read back, checksums agree. "
            f"{self.copied:,} copied ({file_size(self.copied_bytes)}), {self.kept:,} were there{deleted}. "
            f"{duration(seconds)}, {file_size(total / seconds)}/s."
        )


def archive(
    run: RunDir,
    to: Path,
    *,
    logs_only: bool = False,
    checkpoints: str | None = None,
    prune: bool = False,
    confirm: Callable[[str], bool],
    report: Callable[[str], None],
) -> Summary:
    """Writes a run, or what has changed of it, to `to` (see `place.target`), and reads everything back.

    Args:
        run: stays as it is; it may be training.
        logs_only, checkpoints: see `select.select`.
        prune: delete from the archive what was not chosen now, or is gone from the run, if `confirm(question)`.
        report: takes one line at a time.

    Raises:
        CallError, UserError: as `place.target`, `select` and `make_plan`; the target is another run's archive, is
            damaged, or cannot be written. It is then as it was before.
    """
    begin = time.monotonic()
    found = place.target(run, to)
    named(run, logs_only, checkpoints)  # a wrong call makes no folder
    with place.alone_in(found.path.absolute().parent, report), ExitStack() as until:
        training = is_training(run)
        if training:
            report(f"{run.path} is training: it is archived as it is now. Run this again when it has ended.")
        old = found.manifest()
        identity = _same_run(identify(run), old, found.path)
        sources, left_out = select(run, logs_only, checkpoints, training, until)
        watch = partial(Progress, report=report, in_bytes=True)
        plan = make_plan(old, found.is_whole, sources, identity, clock.now(), watch)
        if prune:
            _prune(plan, {source.path for source in sources}, run, found.path, confirm, report)
        _refuse_lost(plan, found)
        try:
            manifest = found.update(plan, watch)
        except Damaged as error:
            raise UserError(f"{error} Nothing was changed. {found.remedy}") from error
    left_out += [f"{source.path} (gone)" for source in plan.take if source.path not in manifest.entries]
    if left_out:
        report(f"Left out: {', '.join(left_out)}")
    return _summary(found.path, plan, manifest, left_out, time.monotonic() - begin)


def _same_run(identity: Identity, old: Manifest | None, path: Path) -> Identity:
    """The identity with what the archive knows of it besides. UserError when it is another run's archive."""
    if old is None:
        return identity
    if difference := old.identity.differs_from(identity):
        raise UserError(f"{path} is the archive of another run: {difference}. Choose another --to.")
    known = {name: value for name, value in vars(identity).items() if value is not None}
    return replace(old.identity, **known)


def _prune(plan: Plan, chosen: set[str], run: RunDir, path: Path, confirm: Callable, report: Callable) -> None:
    """Takes out of the plan what is not chosen, when that is confirmed."""
    unwanted = [entry for name, entry in plan.keep.items() if name not in chosen]
    if not unwanted:
        return
    gone = [entry for entry in unwanted if not (run.path / entry.path).exists()]
    others = [entry for entry in unwanted if entry not in gone]
    for words, entries in ((f"gone from {run.path}", gone), ("in the run, but not chosen now", others)):
        if entries:
            report(f"--prune deletes from {path}, {words}:")
            for entry in entries[:_SHOWN]:
                report(f"  {entry.path}  {file_size(entry.size)}")
            if len(entries) > _SHOWN:
                report(f"  and {len(entries) - _SHOWN:,} more")
    if confirm(f"Delete {_count(unwanted)} from the archive {path}? The run stays as it is."):
        for entry in unwanted:
            del plan.keep[entry.path]
    else:
        report("nothing is deleted")


def _refuse_lost(plan: Plan, found: place.Archive) -> None:
    for entry in plan.keep.values():
        if not found.is_whole(entry):
            raise UserError(
                f"{found.path}: {entry.path} is missing there or was cut short, and is not among what is archived now. "
                "Archive it again, or let the archive forget it: --prune"
            )


def _count(entries: list[Entry]) -> str:
    return f"{len(entries):,} file{'s' if len(entries) > 1 else ''} ({file_size(sum(e.size for e in entries))})"


def _summary(path: Path, plan: Plan, manifest: Manifest, left_out: list[str], seconds: float) -> Summary:
    copied = [entry for name, entry in manifest.entries.items() if name not in plan.keep]
    return Summary(
        path=path,
        copied=len(copied),
        copied_bytes=sum(entry.size for entry in copied),
        kept=len(plan.keep),
        kept_bytes=sum(entry.size for entry in plan.keep.values()),
        deleted=len(plan.drop),
        deleted_bytes=sum(entry.size for entry in plan.drop.values()),
        left_out=tuple(left_out),
        seconds=seconds,
    )
