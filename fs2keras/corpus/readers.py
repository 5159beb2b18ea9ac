"""Corpus folders as utterances."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from fs2keras.corpus.utterance import CorpusError, Segment, Utterance

# Phonemes follow one another; a file written with six digits is this exact.
CONTIGUOUS_S = 1e-4


def read_ljspeech(folder: str | Path) -> Iterator[Utterance]:
    """Utterances of a corpus laid out as LJSpeech, in the order of its metadata.

    `metadata.csv` has lines `id|text|normalised text` (or `id|text`), no header, no quoting; the normalised text is
    taken where there is one. Clips are `wavs/<id>.wav`: one that is missing is yielded all the same, for `prepare` to
    quarantine. Where the folder holds `phones.tsv` (see `read_phones`), its segments are attached.

    Raises CorpusError, with file and line, on the call, before the first utterance.
    """
    folder = Path(folder)
    texts = _read_metadata(folder / "metadata.csv")
    phones = folder / "phones.tsv"
    segments = read_phones(phones) if phones.exists() else {}
    strangers = segments.keys() - texts.keys()
    if strangers:
        raise CorpusError(
            f"{phones}: {min(strangers)!r} is not an id of {folder / 'metadata.csv'}: files of two corpora?"
        )
    return (Utterance(id, wav_path(folder, id), text, "", segments.get(id)) for id, text in texts.items())


def wav_path(folder: Path, id: str) -> Path:
    """Where the clip of an utterance lies in a corpus folder."""
    return folder / "wavs" / f"{id}.wav"


def read_phones(path: str | Path) -> dict[str, tuple[Segment, ...]]:
    """Segments by utterance id from a given alignment.

    Tab-separated lines `id, word or mark, symbol, start, end` in seconds, in order and contiguous within an utterance;
    a first line of column names is allowed. Raises CorpusError with file and line.
    """
    segments: dict[str, list[Segment]] = defaultdict(list)
    for number, line in _lines(Path(path)):
        fields = line.split("\t")
        if len(fields) != 5:
            raise CorpusError(
                f"{path}:{number}: {len(fields)} tab-separated fields, expected id, word, symbol, start, end"
            )
        if number == 1 and fields[0] == "id":
            continue
        segment = _segment(f"{path}:{number}", *fields[1:])
        before = segments[fields[0]]
        if before and abs(segment.start - before[-1].end) > CONTIGUOUS_S:
            raise CorpusError(
                f"{path}:{number}: {segment.symbol!r} of {fields[0]} starts at {segment.start:g} s, "
                f"but the symbol before it ends at {before[-1].end:g} s; expected them to touch"
            )
        before.append(segment)
    return {id: tuple(row) for id, row in segments.items()}


def _segment(place: str, word: str, symbol: str, start: str, end: str) -> Segment:
    try:
        start_s, end_s = float(start), float(end)
    except ValueError:
        raise CorpusError(f"{place}: start and end are {start!r} and {end!r}, expected seconds") from None
    if not symbol:
        raise CorpusError(f"{place}: no symbol")
    if not (math.isfinite(end_s) and 0 <= start_s <= end_s):
        raise CorpusError(f"{place}: {symbol!r} lasts from {start} to {end} s, expected 0 <= start <= end")
    return Segment(symbol, start_s, end_s, word)


def _read_metadata(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise CorpusError(
            f"{path}: no such file. Expected a folder laid out as LJSpeech: metadata.csv with lines "
            "id|text|normalised text, and wavs/<id>.wav. Set corpus.path to that folder."
        )
    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        place = f"{path}:{number}"
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in (2, 3):
            raise CorpusError(
                f"{place}: {len(fields)} fields separated by `|`, expected id|text or id|text|normalised text"
            )
        id, text = fields[0], fields[-1] or fields[1]
        _check_id(place, id)
        if not text:
            raise CorpusError(f"{place}: {id} has no text")
        if id in texts:
            raise CorpusError(f"{place}: id {id!r} is already on line {lines[id]}; ids must be unique")
        texts[id], lines[id] = text, number
    if not texts:
        raise CorpusError(f"{path}: holds no utterances")
    return texts


def _check_id(place: str, id: str) -> None:
    """An id becomes part of file names: it must not lead out of the folder they are in."""
    if not id:
        raise CorpusError(f"{place}: no id")
    if id in (".", "..") or not id.isprintable() or any(separator in id for separator in "/\\"):
        raise CorpusError(
            f"{place}: id {id!r} is no plain file name; expected one without / and \\, such as LJ001-0001"
        )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file, without their ends; blank ones left out."""
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: after line {number}: not UTF-8 ({error.reason}); convert it with iconv") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
