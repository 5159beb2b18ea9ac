"""A prepared corpus: its store and its alignment, seen as one."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from fs2keras.corpus.align import edge_padded
from fs2keras.corpus.alignment_file import Alignment, alignment_path, read_alignment
from fs2keras.corpus.store_file import StoreError, StoreFile

__all__ = ["Prepared", "StoreError"]

SPLITS = ("train", "validation", "test")


class Prepared:
    """What training reads: examples by id, and all that is known of the corpus.

    Attributes:
        folder: where the store lies.
        symbols: the symbol table, padding first.
        lexicon: {"words": {word: symbols}, "pauses": {mark: share}}, or empty when the corpus gives none.
        statistics: {"pitch" | "energy": {"phoneme" | "frame": {"mean", "std", "min", "max"}}}: mean and std in Hz or
            raw energy, min and max normalised by them.
        speakers: names; `example` gives a number in this list.
        mels: M.
        settings: of the recipe that prepared it, key by key.
    """

    def __init__(self, store: StoreFile, alignment: Alignment, splits: dict[str, list[str]]):
        self._store, self._alignment, self._splits = store, alignment, splits
        self.folder = store.path.parent
        self.symbols, self.lexicon = store.symbols, store.lexicon
        self.speakers, self.mels, self.settings = store.speakers, store.mels, store.settings
        self.statistics = alignment.statistics
        self._number = {id: n for n, id in enumerate(alignment.ids) if alignment.kept[n]}
        place = {id: n for n, id in enumerate(store.ids)}
        self._place = [place[id] for id in alignment.ids]  # of alignment's utterance n in the store
        spoken = alignment.durations > 0
        self._pitch = _normalised(alignment.pitch, self.statistics["pitch"]["phoneme"], spoken)
        self._energy = _normalised(alignment.energy, self.statistics["energy"]["phoneme"], spoken)

    @classmethod
    def open(cls, folder: str | Path, source: str, splits: dict[str, list[str]] | None = None) -> "Prepared":
        """Open a store with its alignment of `source` ("given", "textgrid", "learned").

        `splits` replaces the splits that the corpus was prepared with: features do not depend on them.

        Raises StoreError when either file is missing, cut short, damaged, or when they do not belong together.
        """
        folder = Path(folder)
        store, alignment = StoreFile(folder), read_alignment(folder, source)
        if alignment.store != store.fingerprint or not set(alignment.ids) <= set(store.ids):
            raise StoreError(
                f"{alignment_path(folder, source)} belongs to another {store.path.name}. Delete the folder {folder} "
                "and run `fs2keras prepare` with your recipe."
            )
        return cls(store, alignment, store.splits if splits is None else splits)

    @property
    def fingerprint(self) -> str:
        """The same for the same examples in the same splits: a run goes on only with the fingerprint it began with."""
        digest = hashlib.sha256(f"{self._store.fingerprint}\n{self._alignment.digest}\n".encode())
        for split in SPLITS:
            digest.update("\n".join([split, *self.ids(split), ""]).encode())
        return digest.hexdigest()

    @property
    def fingerprint_of_alignment(self) -> str:
        """The same for the same examples, in whichever splits."""
        return self._alignment.digest

    def ids(self, split: str) -> list[str]:
        """The ids of "train", "validation" or "test", in corpus order."""
        if split not in SPLITS:
            raise ValueError(f"a split is one of {', '.join(SPLITS)}, not {split!r}")
        return [id for id in self._splits.get(split, []) if id in self._number]

    def lengths(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Phonemes (N,) and frames (N,) of the utterances of a split, in the order of `ids`."""
        numbers = [self._number[id] for id in self.ids(split)]
        alignment = self._alignment
        return np.diff(alignment.offsets)[numbers], (alignment.last - alignment.first)[numbers]

    def example(self, id: str, frame_level: Collection[str] = ()) -> dict[str, Any]:
        """symbols, durations int32 (P,); pitch, energy float32 (P,), normalised, 0 for a phoneme of no frame, or (T,)
        for those named in `frame_level`, unvoiced frames at 0 Hz; mel float32 (T, M); speaker int. The durations sum
        to T.

        Raises StoreError when the id is unknown or its data is damaged.
        """
        n, alignment = self._row(id), self._alignment
        phonemes = slice(alignment.offsets[n], alignment.offsets[n + 1])
        first, last = int(alignment.first[n]), int(alignment.last[n])
        place = self._place[n]
        mel = self._store.mel(place, first, min(last, self._store.frames(place)))
        contours = {"pitch": self._pitch[phonemes], "energy": self._energy[phonemes]}
        contours |= {name: self._frames(name, place, first, last) for name in frame_level}
        return {
            "symbols": alignment.symbols[phonemes],
            "durations": alignment.durations[phonemes],
            **contours,
            "mel": edge_padded(mel, 0, last - first).astype(np.float32),
            "speaker": int(self._store.speaker[place]),
        }

    def _frames(self, name: str, n: int, first: int, last: int) -> np.ndarray:
        """Pitch or energy (T,) of the store's utterance n, frame by frame, normalised with the statistics of frames."""
        values = {"pitch": self._store.f0, "energy": self._store.energy}[name](n)
        statistics = self.statistics[name]["frame"]
        return ((edge_padded(values, first, last) - statistics["mean"]) / statistics["std"]).astype(np.float32)

    def span(self, id: str) -> tuple[int, int]:
        """The first frame of the recording that the example uses, and the one after the last."""
        n = self._row(id)
        return int(self._alignment.first[n]), int(self._alignment.last[n])

    def text(self, id: str) -> str:
        """The transcript of an utterance."""
        return self._store.texts[self._place[self._row(id)]]

    def close(self) -> None:
        self._store.close()

    def _row(self, id: str) -> int:
        if id not in self._number:
            raise StoreError(
                f"{self._store.path}: no utterance {id!r}; see quarantine.tsv beside it for the ones left out"
            )
        return self._number[id]


def _normalised(values: np.ndarray, statistics: dict[str, float], spoken: np.ndarray) -> np.ndarray:
    """Raw values to z-scores; a phoneme of no frame gets 0, the corpus mean."""
    return np.where(spoken, (values - statistics["mean"]) / statistics["std"], 0).astype(np.float32)
