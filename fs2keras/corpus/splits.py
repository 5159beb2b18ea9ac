"""Which utterances train, validate and test: by list, or by a seeded hash of the id."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from fs2keras.errors import UserError


def split(ids: Sequence[str], validation: str, test: str, seed: int, corpus: str | Path = "") -> dict[str, list[str]]:
    """Every id in exactly one of "train", "validation", "test", each in the order of `ids`.

    Args:
        ids: of the whole corpus.
        validation, test: a share such as "0.02" of the ids, chosen by a hash of seed and id, so that an utterance stays
            in its split when others come and go; or a text file with an id on each line, looked for in the current
            folder and then in the corpus; or "" for none. A share holds at least one utterance.
        seed: of the recipe.
        corpus: the corpus folder.

    Raises:
        UserError: no such list, a list without any id of the corpus, an id in both lists, or nothing left to train on.
    """
    chosen: dict[str, set[str]] = {"validation": set(), "test": set()}
    given = {"validation": validation, "test": test}
    shares = {name: _share(value) for name, value in given.items()}
    for name, value in given.items():
        if value and shares[name] is None:
            chosen[name] = _listed(name, value, ids, Path(corpus))
    if both := sorted(chosen["validation"] & chosen["test"]):
        raise UserError(f"{both[0]} is in both lists, corpus.validation = {validation!r} and corpus.test = {test!r}.")
    start = 0.0
    for name, share in shares.items():
        if share is not None:
            chosen[name] = _hashed(ids, start, share, seed, taken=chosen["validation"] | chosen["test"])
            start += share
    train = [id for id in ids if id not in chosen["validation"] and id not in chosen["test"]]
    if not train:
        raise UserError(
            f"corpus.validation = {validation!r} and corpus.test = {test!r} leave none of the {len(ids)} utterances to "
            "train on. Make the shares or lists smaller, or the corpus larger."
        )
    return {"train": train} | {name: [id for id in ids if id in members] for name, members in chosen.items()}


def _share(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _hashed(ids: Sequence[str], start: float, share: float, seed: int, taken: set[str]) -> set[str]:
    """The free ids whose hash, a number from 0 to 1, lies in [start, start + share); at least the nearest one."""
    places = {id: _place(id, seed) for id in ids if id not in taken}
    inside = {id for id, place in places.items() if start <= place < start + share}
    return inside or set(sorted(places, key=lambda id: (abs(places[id] - start), id))[:1])


def _place(id: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _listed(name: str, value: str, ids: Sequence[str], corpus: Path) -> set[str]:
    """The ids of a list file that the corpus holds; those that were quarantined are simply not there."""
    path = next((path for path in (Path(value), corpus / value) if path.is_file()), None)
    if path is None:
        raise UserError(
            f"corpus.{name} = {value!r}: neither a share such as 0.02 nor a list file, here or in the corpus folder "
            f"{corpus}. Give a file with one utterance id on each line, or a share."
        )
    listed = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} - {""}
    if not (found := listed.intersection(ids)):
        raise UserError(f"{path}: none of its {len(listed)} ids is in the corpus, whose first id is {ids[0]!r}.")
    return found
