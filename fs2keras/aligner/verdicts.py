"""How far each alignment can be trusted, and which are set aside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fs2keras.aligner.paths import Found
from fs2keras.corpus.pauses import is_mark
from fs2keras.errors import UserError
from fs2keras.rundir.atomic import write_text

SOURCE = "learned"
TABLE = f"alignment-{SOURCE}.tsv"
TOO_SHORT = "the recording is too short for its text: cut off, or another recording's text"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one utterance.

    confidence: from 0 to 1, the mean over the phonemes of the probability that they are heard where they were put.
    worst: the word that is heard least, and where, such as '"harbour" at 2.31 s'; "" where there is none.
    reason: why the utterance is set aside; "" while it is kept.
    """

    id: str
    confidence: float
    worst: str = ""
    reason: str = ""


def judge(found: Found, words: Sequence[tuple[str, Sequence[str]]], seconds_per_frame: float) -> Verdict:
    """The verdict on one utterance by itself; `words` with their symbols, marks among them."""
    if found.starts is None:
        return Verdict(found.id, 0.0, reason=TOO_SHORT)
    spoken = [(word, len(symbols)) for word, symbols in words if not is_mark(word)]
    first = np.cumsum([0, *(count for _, count in spoken)])
    means = [found.confidence[a:b].mean() for a, b in zip(first, first[1:], strict=False)]
    worst = int(np.argmin(means))
    at = found.starts[first[worst]] * seconds_per_frame
    return Verdict(found.id, float(found.confidence.mean()), f'"{spoken[worst][0]}" at {at:.2f} s')


def set_aside(verdicts: Sequence[Verdict], least: float) -> list[Verdict]:
    """The same verdicts, with a reason for those whose confidence is below `least` times that of the middle utterance.

    Confidence grows with the training and the size of the corpus, so an utterance is compared with the others.
    """
    aligned = [verdict.confidence for verdict in verdicts if not verdict.reason]
    bound = least * float(np.median(aligned)) if aligned else 0.0
    return [
        replace(
            verdict,
            reason=f"the text is hardly heard: confidence {verdict.confidence:.2f}, {bound:.2f} asked; least "
            f"{verdict.worst}",
        )
        if not verdict.reason and verdict.confidence < bound
        else verdict
        for verdict in verdicts
    ]


def write_table(path: Path, verdicts: Sequence[Verdict]) -> None:
    """A table of all utterances, the least certain first, for people who want to know what to listen to."""
    rows = sorted(verdicts, key=lambda verdict: (verdict.confidence, verdict.id))
    lines = (f"{v.id}\t{v.confidence:.4f}\t{v.worst}\t{v.reason or 'kept'}\n" for v in rows)
    write_text(path, "".join(["id\tconfidence\tleast heard\tverdict\n", *lines]))


def read_table(path: Path) -> list[Verdict]:
    """What `write_table` wrote, the least certain first. Raises UserError where it is not there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Run `fs2keras align` again.") from error
    rows = (line.split("\t") for line in lines)
    return [Verdict(id, float(c), worst, "" if verdict == "kept" else verdict) for id, c, worst, verdict in rows]
