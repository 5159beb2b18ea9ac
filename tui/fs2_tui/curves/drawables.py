"""What of the runs can be drawn: the columns, as run.json describes them. Pure: it knows no Textual."""

from collections.abc import Sequence
from dataclasses import dataclass

from fs2keras.rundir.watch import Snapshot

_LAST_GROUP = "progress"  # epoch and training time: what the others are drawn over


@dataclass(frozen=True)
class Drawable:
    """A column that can be drawn, as run.json describes it."""

    name: str
    label: str
    unit: str = ""
    group: str = ""
    better: str = ""


def drawables(snapshots: Sequence[Snapshot]) -> list[Drawable]:
    """The columns of all runs that have numbers, by group; those that run.json does not describe come last."""
    found: dict[str, Drawable] = {}
    for snapshot in snapshots:
        present = {*snapshot.steps.columns, *snapshot.validation.columns}
        described = snapshot.record.get("columns") or snapshot.summary.get("columns") or {}
        for name, facts in described.items():
            if name != "step" and (name in present or not present):
                found.setdefault(name, _drawable(name, facts))
        for name in (*snapshot.steps.columns, *snapshot.validation.columns):
            if name != "step":
                found.setdefault(name, Drawable(name, name.replace("_", " "), group="other"))
    groups = list(dict.fromkeys(column.group for column in found.values()))
    groups.sort(key=lambda group: group == _LAST_GROUP)
    return [column for group in groups for column in found.values() if column.group == group]


def _drawable(name: str, facts: object) -> Drawable:
    facts = facts if isinstance(facts, dict) else {}
    texts = {key: str(facts.get(key) or "") for key in ("label", "unit", "group", "better")}
    return Drawable(name, **texts | {"label": texts["label"] or name, "group": texts["group"] or "other"})
