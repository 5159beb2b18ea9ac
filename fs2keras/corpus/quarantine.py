"""The utterances that were left out, each with its reason."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fs2keras.errors import UserError
from fs2keras.rundir.atomic import write_text

NAME = "quarantine.tsv"
_DETAILS = re.compile(r"\S*/\S*|\S*\d\S*|'[^']*'")  # paths, numbers, quotations: what differs between alike reasons


@dataclass
class Quarantine:
    """Reasons by utterance id, in the order they were found."""

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, id: str, reason: str) -> None:
        self.reasons[id] = " ".join(reason.split())  # one line each, no tabs

    @classmethod
    def read(cls, folder: Path) -> "Quarantine":
        """What `write` wrote there; empty where there is nothing."""
        path = folder / NAME
        lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.is_file() else []
        return cls(dict(line.split("\t", 1) for line in lines))

    def write(self, folder: Path) -> Path:
        """quarantine.tsv: id and reason, sorted by id; with its header alone when nothing was left out."""
        rows = [f"{id}\t{self.reasons[id]}\n" for id in sorted(self.reasons)]
        write_text(folder / NAME, "".join(["id\treason\n", *rows]))
        return folder / NAME

    def check(self, total: int, share: float, path: Path) -> None:
        """Raise UserError when more than `share` of `total` utterances, or all of them, were left out."""
        count = len(self.reasons)
        if total > count and count / total <= share:
            return
        examples: dict[str, str] = {}
        kinds = Counter()
        for id, reason in self.reasons.items():
            kind = _DETAILS.sub("", reason)
            kinds[kind] += 1
            examples.setdefault(kind, f"{id}: {reason}")
        commonest = "\n".join(f"  {n} x, for example {examples[kind]}" for kind, n in kinds.most_common(3))
        raise UserError(
            f"{count} of {total} utterances cannot be used, more than corpus.max_quarantined = {share:g} allows; "
            f"{path} lists them all. The commonest reasons:\n{commonest}\nPut them right, or allow more with "
            f"--set corpus.max_quarantined={math.ceil(100 * count / max(total, 1)) / 100:g}."
        )
