"""The demo corpus: sentences of our own, spoken by espeak, with the times of the phonemes that its events tell."""

import hashlib
import json
import re
import unicodedata
import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fs2keras.corpus.sentences import demo_sentences
from fs2keras.corpus.speaker import SAMPLE_RATE, Speaker, Spoken
from fs2keras.errors import UserError
from fs2keras.rundir.atomic import write_text
from fs2keras.text.espeak import EspeakFrontend
from fs2keras.text.normalize import normalize
from fs2keras.text.words import Word

FORMAT = 2
FINAL_SILENCE = SAMPLE_RATE // 10  # samples
# espeak weighs a word in a whole sentence a little differently from a clause; more than this is another reading.
_MOST_DIFFERENCES = 3

_ID = re.compile(r"demo-\d{5}")
_FILES = {"wavs", "metadata.csv", "phones.tsv", "demo.json"}


class MismatchError(Exception):
    """The events do not tell where the frontend's symbols are; the message is the reason."""


@dataclass(frozen=True)
class Clip:
    """One spoken sentence: samples up to `end`, and (word, symbol, first sample, end sample), contiguous from 0.

    phones: none where it is not known when the symbols sound.
    mended: phonemes where events and frontend had to be brought together.
    """

    phones: tuple[tuple[str, str, int, int], ...]
    end: int
    mended: int


def write_demo(
    folder: str | Path,
    sentences: int = 300,
    language: str = "en-us",
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Write the corpus in LJSpeech's layout, with phones.tsv beside it, and return what demo.json says.

    A clip whose phonemes cannot be timed has no line in phones.tsv; demo.json counts it as "unaligned".
    demo.json comes last and marks a whole corpus: called again with the same arguments nothing happens; with others,
    or after an interruption, the corpus is written anew. `progress(done, total)` is called after each sentence.
    Raises UserError when there are no sentences in that language, or the folder holds anything that is not the demo's,
    before a file is touched.
    """
    folder = Path(folder)
    texts = demo_sentences(sentences, seed, language)
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    wanted = {"format": FORMAT, "language": language, "sentences": sentences, "seed": seed, "digest": digest}
    _refuse_foreign(folder)
    found = read_summary(folder)
    if found is not None and {key: found.get(key) for key in wanted} == wanted:
        return found
    _clear(folder)
    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    summary = {**wanted, **_speak_all(folder, texts, language, progress)}
    write_text(folder / "demo.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary


def read_summary(folder: str | Path) -> dict | None:
    """What demo.json says, or None where there is no whole demo corpus."""
    try:
        return json.loads((Path(folder) / "demo.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _speak_all(folder: Path, texts: list[str], language: str, progress: Callable[[int, int], None] | None) -> dict:
    speaker, frontend = Speaker(language), EspeakFrontend(language)
    metadata, rows, reasons = [], [], Counter()
    resolved = samples = 0
    for number, text in enumerate(texts, start=1):
        name, normalised = f"demo-{number:05d}", normalize(text, language)
        spoken = speaker.speak(normalised)
        try:
            clip = locate(frontend.words(normalised), spoken)
        except MismatchError as reason:  # the learned aligner needs no phones
            reasons[str(reason)] += 1
            clip = Clip((), len(spoken.pcm) // 2, 0)
        _write_wav(folder / "wavs" / f"{name}.wav", spoken.pcm, clip.end)
        metadata.append(f"{name}|{text}|{normalised}\n")
        rows += [f"{name}\t{word}\t{symbol}\t{_seconds(a)}\t{_seconds(b)}\n" for word, symbol, a, b in clip.phones]
        resolved += clip.mended > 0
        samples += clip.end
        if progress:
            progress(number, len(texts))
    write_text(folder / "metadata.csv", "".join(metadata))
    write_text(folder / "phones.tsv", "".join(rows))
    return {
        "utterances": len(metadata),
        "seconds": round(samples / SAMPLE_RATE, 3),
        "resolved": resolved,
        "unaligned": reasons.total(),
        "reasons": dict(reasons),
    }


def locate(words: list[Word], spoken: Spoken) -> Clip:
    """Where each symbol of the frontend lies in the spoken samples.

    A phoneme lasts until the next one; where a mark follows it, until espeak's silence, which belongs to the mark.
    Where the two differ in a vowel or its stress, the symbol that was spoken wins. Raises MismatchError when the events
    cannot be matched.
    """
    expected = [(word.text, symbol, word.punctuation) for word in words for symbol in word.symbols]
    phones = _phones(spoken)
    silences = [start for start, unit in spoken.events if not unit]
    differences = _count_differences([symbol for _, symbol, mark in expected if not mark], [unit for _, unit in phones])
    starts = [0, *(start for start, _ in phones[1:]), len(spoken.pcm) // 2]
    rows: list[tuple[str, str, int, int]] = []
    taken = 0
    for text, symbol, mark in expected:
        if not mark:
            rows.append((text, phones[taken][1], starts[taken], starts[taken + 1]))
            taken += 1
            continue
        word, unit, start, _ = rows[-1]
        silence = next((at for at in silences if start <= at < starts[taken]), None)
        if silence is None:
            raise MismatchError("espeak made no pause at a mark")
        rows[-1] = (word, unit, start, silence)
        rows.append((text, symbol, silence, starts[taken]))
    rows, shared = _share_time(rows)
    return _with_final_silence(rows, differences + shared)


def _phones(spoken: Spoken) -> list[tuple[int, str]]:
    """(first sample, symbol) of each phoneme: espeak tells of a palatal sign alone, after its consonant ("r", "ʲ")."""
    phones: list[tuple[int, str]] = []
    for start, unit in spoken.events:
        if phones and unit and all(unicodedata.category(letter) == "Lm" for letter in unit):
            phones[-1] = (phones[-1][0], phones[-1][1] + unit)
        elif unit:
            phones.append((start, unit))
    return phones


def _count_differences(written: list[str], spoken: list[str]) -> int:
    if len(written) != len(spoken):
        raise MismatchError("events and frontend differ in the number of phonemes")
    differences = sum(one != other for one, other in zip(written, spoken, strict=True))
    if differences > _MOST_DIFFERENCES:
        raise MismatchError(f"events and frontend differ in more than {_MOST_DIFFERENCES} phonemes")
    return differences


def _share_time(rows: list[tuple[str, str, int, int]]) -> tuple[list[tuple[str, str, int, int]], int]:
    """espeak speaks a vowel and the dark l after it ("walls") as one sound, and reports the l when it is over.

    A phoneme without time gets the last third of the one before it. Returns the rows and how many were mended.
    """
    mended = 0
    for index, (word, symbol, start, end) in enumerate(rows):
        if start < end:
            continue
        if index == 0 or start > end:
            raise MismatchError("a phoneme without time")
        before, unit, first, last = rows[index - 1]
        split = last - (last - first) // 3
        if not first < split < last:
            raise MismatchError("a phoneme without time")
        rows[index - 1], rows[index] = (before, unit, first, split), (word, symbol, split, end)
        mended += 1
    return rows, mended


def _with_final_silence(rows: list[tuple[str, str, int, int]], mended: int) -> Clip:
    """The last mark gets 100 ms, whatever espeak left there."""
    word, symbol, start, _ = rows[-1]
    rows[-1] = (word, symbol, start, start + FINAL_SILENCE)
    return Clip(tuple(rows), start + FINAL_SILENCE, mended)


def _seconds(sample: int) -> str:
    return f"{sample / SAMPLE_RATE:.6f}"


def _write_wav(path: Path, pcm: bytes, end: int) -> None:
    """16 bit mono; cut, or filled with silence, to `end` samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm[: 2 * end].ljust(2 * end, b"\0"))


def _refuse_foreign(folder: Path) -> None:
    """corpus.path may point at real recordings by mistake: never write among them."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file. Give corpus.path a folder of its own for the demo corpus.")
    foreign = [path.name for path in sorted(folder.iterdir()) if path.name.removeprefix(".tmp-") not in _FILES]
    foreign += [f"wavs/{path.name}" for path in sorted((folder / "wavs").glob("*")) if not _ID.fullmatch(path.stem)]
    metadata = folder / "metadata.csv"
    if metadata.is_file() and not _ID.match(metadata.read_text(encoding="utf-8", errors="replace")[:10]):
        foreign.append("metadata.csv")
    if foreign:
        raise UserError(
            f"{folder} already holds something else ({', '.join(foreign[:3])}). "
            "Give corpus.path a folder of its own for the demo corpus."
        )


def _clear(folder: Path) -> None:
    for name in ("demo.json", "metadata.csv", "phones.tsv"):  # the mark of completeness goes first
        (folder / name).unlink(missing_ok=True)
    for path in (folder / "wavs").glob("demo-*.wav"):
        path.unlink()
