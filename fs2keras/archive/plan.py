"""What an update of an archive does with each file: take it from the run, keep it as it is, or drop it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from fs2keras.archive.content import Snapshot, Source, digest
from fs2keras.archive.manifest import Entry, Identity, Manifest
from fs2keras.errors import UserError
from fs2keras.progress import Progress

Watch = Callable[[str, int], Progress]  # what is done, bytes in all


@dataclass
class Plan:
    """An update. `old` is what the archive holds, `keep` what stays of it, by path; `take` is read from the run."""

    identity: Identity
    made: str
    old: dict[str, Entry] = field(default_factory=dict)
    keep: dict[str, Entry] = field(default_factory=dict)
    take: list[Source] = field(default_factory=list)

    @property
    def bytes_to_take(self) -> int:
        return sum(source.size for source in self.take)

    @property
    def drop(self) -> dict[str, Entry]:
        """What the archive holds and will not hold any more."""
        stays = {source.path for source in self.take} | self.keep.keys()
        return {path: entry for path, entry in self.old.items() if path not in stays}

    @property
    def is_empty(self) -> bool:
        return not self.take and self.keep == self.old

    def vanished(self, source: Source) -> None:
        """A file of the run is gone that was there: it is left out, unless the archive has an older state of it."""
        if source.path in self.old:
            raise UserError(f"{source.file} was replaced while it was read. Run the same command again.")


def make_plan(
    old: Manifest | None,
    is_whole: Callable[[Entry], bool],
    sources: Sequence[Source],
    identity: Identity,
    made: str,
    watch: Watch,
) -> Plan:
    """Takes what is new or another than in the archive, and keeps all the rest.

    A file is the same when size and time of change are; where only the time differs, when its checksum is.

    Args:
        old: what the archive holds.
        is_whole: whether a file of the archive is there.
        sources: the chosen files of the run.

    Raises:
        UserError: a file of the run bears the name of a folder of the archive, or the other way round.
    """
    plan = Plan(identity, made, old=dict(old.entries) if old else {})
    plan.keep = dict(plan.old)
    _refuse_clashes(plan, sources)
    known = [(source, plan.old[source.path]) for source in sources if source.path in plan.old]
    doubtful = []
    for source, entry in known:
        if entry.size != source.size or not is_whole(entry):
            del plan.keep[source.path]
        elif entry.mtime_ns != source.mtime_ns:
            doubtful.append((source, entry))
    with watch("comparing", sum(source.size for source, _ in doubtful)) as progress:
        for source, entry in doubtful:
            if _has_content(source, entry, progress):
                plan.keep[source.path] = replace(entry, mtime_ns=source.mtime_ns)
            else:
                del plan.keep[source.path]
    plan.take = [source for source in sources if source.path not in plan.keep]
    return plan


def _has_content(source: Source, entry: Entry, progress: Progress) -> bool:
    try:
        with Snapshot(source) as snapshot:
            return digest(progress.through(snapshot.blocks())) == entry.sha256
    except FileNotFoundError:
        return False


def _refuse_clashes(plan: Plan, sources: Sequence[Source]) -> None:
    files = plan.old.keys() | {source.path for source in sources}
    for path in files:
        parts = path.split("/")
        for count in range(1, len(parts)):
            if (name := "/".join(parts[:count])) in files:
                raise UserError(
                    f"{name} is a folder in the run and a file in the archive, or was. Choose another --to."
                )
