"""store.h5: what is known of a corpus before anyone asks where its phonemes lie.

Ragged arrays are concatenated, with offsets: utterance n owns rows offsets[n] to offsets[n + 1]. Large ones are
chunked with checksums, so that a flipped bit is an error and not a strange voice.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fs2keras.corpus.features import Features
from fs2keras.errors import UserError
from fs2keras.rundir.atomic import replacing

FORMAT = 2
STORE_NAME = "store.h5"
_CHUNK_FRAMES = 256
_STRING = h5py.string_dtype()


class StoreError(UserError):
    """A store that is missing, damaged, or was prepared from something else."""


@contextmanager
def damaged_is_error(path: Path) -> Iterator[None]:
    """Turns HDF5's errors on a truncated, foreign or corrupt file into a StoreError that says what to do."""
    try:
        yield
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"{path}: not readable as a whole fs2keras file ({error}). It was cut short, damaged, or written by "
            f"something else. Delete the folder {path.parent} and run `fs2keras prepare` with your recipe."
        ) from error


@contextmanager
def full_disk_is_error(folder: Path) -> Iterator[None]:
    """HDF5 reports a full disk in a sentence of its own, without errno."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if "No space left" not in str(error) and "quota" not in str(error).lower():
            raise
        raise StoreError(f"{folder}: no room left on the disk. Free some, then run the same command again.") from error


def open_file(path: Path, kind: str) -> h5py.File:
    """An HDF5 file of ours, open for reading. Raises StoreError when it is missing, damaged, or of another kind."""
    if not path.is_file():
        raise StoreError(f"{path}: no such file. Run `fs2keras prepare` with your recipe.")
    with damaged_is_error(path):
        file = h5py.File(path, "r")
    if file.attrs.get("kind") != kind or file.attrs.get("format") != FORMAT:
        found = f"{file.attrs.get('kind', 'unknown contents')} of format {file.attrs.get('format', 'unknown')}"
        file.close()
        raise StoreError(
            f"{path}: {found}; this version reads {kind} of format {FORMAT}. Delete the folder {path.parent} and run "
            "`fs2keras prepare` with your recipe."
        )
    return file


def write_strings(file: h5py.Group, name: str, strings: list[str]) -> None:
    file.create_dataset(name, data=np.array(strings, object), shape=(len(strings),), dtype=_STRING)


def read_strings(file: h5py.Group, name: str) -> list[str]:
    return [string.decode() for string in file[name][:]]


@contextmanager
def writing_store(folder: Path, mels: int) -> Iterator["StoreWriter"]:
    """A StoreWriter whose file gets its name when the block ends well; otherwise nothing is left behind."""
    with replacing(folder / STORE_NAME) as temporary, full_disk_is_error(folder), h5py.File(temporary, "w") as file:
        yield StoreWriter(file, mels)


class StoreWriter:
    """Writes store.h5, utterance by utterance, so that a corpus need not fit in memory. `finish` comes last."""

    def __init__(self, file: h5py.File, mels: int):
        self._file = file
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._speakers: list[str] = []
        self._words: list[list[tuple[str, tuple[str, ...]]]] = []
        self._offsets = [0]
        shapes = {"mel": ((mels,), np.float16), "energy": ((), np.float32), "f0": ((), np.float32)}
        for name, (row, dtype) in shapes.items():
            chunks = (_CHUNK_FRAMES, *row)
            file.create_dataset(name, (0, *row), dtype, maxshape=(None, *row), chunks=chunks, fletcher32=True)

    def add(
        self, id: str, text: str, speaker: str, words: list[tuple[str, tuple[str, ...]]], features: Features
    ) -> None:
        """One utterance: `words` are its words and marks, each with its symbols; `features` untrimmed."""
        start, end = self._offsets[-1], self._offsets[-1] + len(features.mel)
        for name in ("mel", "energy", "f0"):
            self._file[name].resize(end, axis=0)
            self._file[name][start:end] = getattr(features, name)
        self._ids.append(id)
        self._texts.append(text)
        self._speakers.append(speaker)
        self._words.append(words)
        self._offsets.append(end)

    def finish(
        self,
        symbols: list[str],
        lexicon: dict[str, Any],
        splits: dict[str, list[str]],
        settings: dict[str, Any],
        files: str,
        fingerprint: str,
    ) -> None:
        """Everything that is known only at the end. `files` is the digest of the corpus files."""
        file, numbers = self._file, {symbol: n for n, symbol in enumerate(symbols)}
        names = sorted(set(self._speakers))
        write_strings(file, "ids", self._ids)
        write_strings(file, "texts", self._texts)
        write_strings(file, "speakers", names)
        write_strings(file, "symbols", symbols)
        file["speaker"] = np.array([names.index(speaker) for speaker in self._speakers], np.int32)
        file["frame_offsets"] = np.array(self._offsets, np.int64)
        words = [word for row in self._words for word in row]
        write_strings(file, "words", [text for text, _ in words])
        file["word_offsets"] = np.cumsum([0, *map(len, self._words)], dtype=np.int64)
        file["phoneme_offsets"] = np.cumsum([0, *(len(phonemes) for _, phonemes in words)], dtype=np.int64)
        file["phonemes"] = np.array([numbers[symbol] for _, phonemes in words for symbol in phonemes], np.int32)
        for name, ids in splits.items():
            write_strings(file.require_group("splits"), name, ids)
        write_strings(file, "json", [json.dumps(lexicon, ensure_ascii=False), json.dumps(settings)])
        file.attrs.update(kind="store", format=FORMAT, files=files, fingerprint=fingerprint)


class StoreFile:
    """store.h5, open for reading; the mel stays on disk.

    Word w of the corpus owns phonemes phoneme_offsets[w] to phoneme_offsets[w + 1]; utterance n the words
    word_offsets[n] to word_offsets[n + 1].

    Attributes: ids, texts, speakers (names), speaker (N,), symbols, frame_offsets (N + 1,), splits, lexicon, settings,
    files, fingerprint.
    """

    def __init__(self, folder: Path):
        self.path = folder / STORE_NAME
        self._file = open_file(self.path, "store")
        with damaged_is_error(self.path):
            file = self._file
            self.fingerprint, self.files = str(file.attrs["fingerprint"]), str(file.attrs["files"])
            self.ids, self.texts = read_strings(file, "ids"), read_strings(file, "texts")
            self.speakers, self.symbols = read_strings(file, "speakers"), read_strings(file, "symbols")
            self.speaker, self.frame_offsets = file["speaker"][:], file["frame_offsets"][:]
            self._words, self._word_offsets = read_strings(file, "words"), file["word_offsets"][:]
            self._phonemes, self._phoneme_offsets = file["phonemes"][:], file["phoneme_offsets"][:]
            self.splits = {name: read_strings(file["splits"], name) for name in file["splits"]}
            lexicon, settings = read_strings(file, "json")
            self.lexicon, self.settings = json.loads(lexicon), json.loads(settings)
            self._mel = file["mel"]
            self.mels = int(self._mel.shape[1])
            if self.frame_offsets[-1] != len(self._mel) or len(self.frame_offsets) != len(self.ids) + 1:
                raise ValueError(f"{len(self._mel)} frames, {self.frame_offsets[-1]} expected")

    def frames(self, n: int) -> int:
        """Frames of utterance n, untrimmed."""
        return int(self.frame_offsets[n + 1] - self.frame_offsets[n])

    def words(self, n: int) -> list[tuple[str, tuple[str, ...]]]:
        """The words and marks of utterance n, each with its symbols; pauses that are not written are not among them."""
        ends = self._phoneme_offsets
        return [
            (self._words[w], tuple(self.symbols[k] for k in self._phonemes[ends[w] : ends[w + 1]]))
            for w in range(self._word_offsets[n], self._word_offsets[n + 1])
        ]

    def features(self, n: int) -> Features:
        """All features of utterance n, untrimmed."""
        return Features(self.mel(n), self.energy(n), self.f0(n))

    def mel(self, n: int, first: int = 0, last: int | None = None) -> np.ndarray:
        """Frames `first` to `last` of utterance n: float16 (last - first, M)."""
        return self._rows("mel", n, first, last)

    def energy(self, n: int) -> np.ndarray:
        """Energy (T,) of utterance n, float32."""
        return self._rows("energy", n)

    def f0(self, n: int) -> np.ndarray:
        """F0 (T,) of utterance n in Hz, float32, 0 where unvoiced."""
        return self._rows("f0", n)

    def _rows(self, name: str, n: int, first: int = 0, last: int | None = None) -> np.ndarray:
        start = self.frame_offsets[n]
        end = self.frame_offsets[n + 1] if last is None else start + last
        dataset = self._mel if name == "mel" else self._file[name]
        with damaged_is_error(self.path):
            return dataset[start + first : end]

    def close(self) -> None:
        self._file.close()
