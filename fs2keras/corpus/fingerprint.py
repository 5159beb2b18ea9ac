"""What a store was made from, so that it is never mistaken for another."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from fs2keras.corpus import features
from fs2keras.recipe import Audio, Recipe

_TEXT_FILES = ("metadata.csv", "phones.tsv")


def settings(recipe: Recipe) -> dict[str, Any]:
    """Every key of the recipe that changes what is in the store; paths and splits are not among them."""
    keys = {
        "corpus": ["reader"],
        "text": ["frontend", "language"],
        "audio": [field.name for field in dataclasses.fields(Audio)],
        "alignment": ["source"],
    }
    if recipe.corpus.reader == "demo":
        keys |= {"corpus": ["reader", "sentences"], "run": ["seed"]}
    chosen = {f"{section}.{key}": getattr(getattr(recipe, section), key) for section in keys for key in keys[section]}
    return chosen | {"features": features.VERSION}


def corpus_files(recipe: Recipe) -> str:
    """Digest of the corpus: the text files and TextGrids by their contents, the recordings by name and size.

    Neither the folder's place nor times of change count, so a corpus may be moved or copied.
    """
    digest, folder = hashlib.sha256(), Path(recipe.corpus.path)
    for name in _TEXT_FILES:
        if (folder / name).is_file():
            _add(digest, name, (folder / name).read_bytes())
    for path in sorted((folder / "wavs").glob("*.wav")):
        digest.update(f"{path.name}\0{path.stat().st_size}\n".encode())
    if recipe.alignment.source == "textgrid":
        root = Path(recipe.alignment.textgrids)
        for path in sorted(root.rglob("*.TextGrid")):
            _add(digest, str(path.relative_to(root)), path.read_bytes())
    return digest.hexdigest()


def fingerprint(settings: dict[str, Any], files: str) -> str:
    """One name for settings and files together."""
    return hashlib.sha256(json.dumps([settings, files], sort_keys=True).encode()).hexdigest()


def _add(digest, name: str, contents: bytes) -> None:
    digest.update(f"{name}\0{len(contents)}\n".encode())
    digest.update(contents)
