"""alignment-<source>.h5: everything that depends on where the phonemes are."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fs2keras.corpus.align import Aligned
from fs2keras.corpus.store_file import (
    FORMAT,
    damaged_is_error,
    full_disk_is_error,
    open_file,
    read_strings,
    write_strings,
)
from fs2keras.rundir.atomic import replacing

Statistics = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True, eq=False)
class Alignment:
    """An alignment in memory. Utterance n owns phonemes offsets[n] to offsets[n + 1].

    `symbols`, `durations` (frames) int32; `pitch` (Hz), `energy` float32, means over the phoneme, 0 where it has no
    frame; `first`, `last` (N,) the frames used, which may end up to 2 frames beyond the clip. `confidence` (N,) from 0
    to 1 and `kept` (N,) bool: one that is not kept is there to be looked at, and nobody trains on it. `statistics`, of
    those that are kept, as in fs2keras.corpus.statistics. `settings`: of the recipe, what a learned one depends on.
    """

    source: str
    store: str
    ids: list[str]
    offsets: np.ndarray
    symbols: np.ndarray
    durations: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    first: np.ndarray
    last: np.ndarray
    confidence: np.ndarray
    kept: np.ndarray
    statistics: Statistics
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The same for the same phonemes at the same places."""
        digest = hashlib.sha256(f"{self.store}\n{self.source}\n".encode())
        for name in ("offsets", "symbols", "durations", "first", "kept"):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()


_ARRAYS = ("offsets", "symbols", "durations", "pitch", "energy", "first", "last", "confidence", "kept")


def alignment_path(folder: Path, source: str) -> Path:
    return folder / f"alignment-{source}.h5"


def collect(
    source: str,
    store: str,
    ids: list[str],
    rows: list[Aligned],
    symbols: list[str],
    statistics: Statistics,
    *,
    confidence: Sequence[float] | None = None,
    kept: Sequence[bool] | None = None,
    settings: dict[str, Any] | None = None,
) -> Alignment:
    """One Alignment of all utterances. `store` is the fingerprint of the store that it belongs to. Without confidence
    and kept, all are trusted and kept."""
    numbers = {symbol: n for n, symbol in enumerate(symbols)}
    return Alignment(
        source=source,
        store=store,
        ids=ids,
        offsets=np.cumsum([0, *(len(row.durations) for row in rows)], dtype=np.int64),
        symbols=np.array([numbers[symbol] for row in rows for symbol in row.symbols], np.int32),
        durations=np.concatenate([row.durations for row in rows]).astype(np.int32),
        pitch=np.concatenate([row.pitch for row in rows]).astype(np.float32),
        energy=np.concatenate([row.energy for row in rows]).astype(np.float32),
        first=np.array([row.first for row in rows], np.int32),
        last=np.array([row.last for row in rows], np.int32),
        confidence=np.asarray(np.ones(len(rows)) if confidence is None else confidence, np.float32),
        kept=np.asarray(np.ones(len(rows)) if kept is None else kept, bool),
        statistics=statistics,
        settings=settings or {},
    )


def write_alignment(folder: Path, alignment: Alignment) -> Path:
    """Writes the alignment beside its store, whole or not at all."""
    path = alignment_path(folder, alignment.source)
    with replacing(path) as temporary, full_disk_is_error(folder), h5py.File(temporary, "w") as file:
        for name in _ARRAYS:
            file.create_dataset(name, data=getattr(alignment, name), chunks=True, fletcher32=True)
        write_strings(file, "ids", alignment.ids)
        write_strings(file, "json", [json.dumps(alignment.statistics), json.dumps(alignment.settings)])
        file.attrs.update(kind="alignment", format=FORMAT, source=alignment.source, store=alignment.store)
    return path


def read_alignment(folder: Path, source: str) -> Alignment:
    """The alignment of `source` ("given", "textgrid", ...). Raises StoreError when missing or damaged."""
    path = alignment_path(folder, source)
    file = open_file(path, "alignment")
    with damaged_is_error(path), file:
        arrays = {name: file[name][:] for name in _ARRAYS}
        statistics, settings = read_strings(file, "json")
        return Alignment(
            source=str(file.attrs["source"]),
            store=str(file.attrs["store"]),
            ids=read_strings(file, "ids"),
            statistics=json.loads(statistics),
            settings=json.loads(settings),
            **arrays,
        )
