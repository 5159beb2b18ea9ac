"""TextGrids of the Montreal Forced Aligner: where the phones are, and what they teach about words and pauses."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from praatio import textgrid as praat
from praatio.data_classes.interval_tier import IntervalTier
from praatio.utilities.errors import PraatioException

from fs2keras.corpus.utterance import CorpusError, Segment, Utterance
from fs2keras.text.normalize import normalize
from fs2keras.text.symbols import PAUSE
from fs2keras.text.words import split_clauses

UNKNOWN = "spn"  # MFA's phone for a word it has no pronunciation for; its word is UNKNOWN_WORD
UNKNOWN_WORD = "<unk>"
SILENCES = frozenset({"sil", "sp", ""})

# A TextGrid may end this much before or after its clip: aligners work in frames of 10 ms.
END_TOLERANCE_S = 0.05
# Share of words in common. On LJSpeech a clip's own TextGrid has at least .8, another clip's at most .5.
SAME_TRANSCRIPT = 0.6

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def read_textgrid(
    path: str | Path, duration: float | None = None, text: str | None = None, language: str = "en-us"
) -> tuple[Segment, ...]:
    """Phones of a TextGrid, contiguous, each with its word; silences become "sp", neighbouring ones a single one.

    `spn`, the aligner's phone for an unknown word, is kept. With `duration`, the clip's length in seconds, and `text`,
    its transcript in `language`, it is checked that the TextGrid belongs to the clip.

    Raises CorpusError when the file is missing, damaged, has no tiers `words` and `phones`, or is another clip's.
    """
    words_tier, phones_tier = _read_tiers(Path(path))
    words, phones = words_tier.entries, phones_tier.entries
    # The phones may end with a silence that lasts longer than the clip (LJ001-0042); the words do not.
    end = words_tier.maxTimestamp
    if duration is not None and abs(end - duration) > END_TOLERANCE_S:
        raise CorpusError(f"{path}: TextGrid of another clip: it ends at {end:.2f} s, the clip at {duration:.2f} s")
    if text is not None:
        _check_transcript(path, [word.label for word in words if word.label], normalize(text, language))
    segments = _joined(_with_words(words, phones), end)
    if all(segment.symbol == PAUSE for segment in segments):
        raise CorpusError(f"{path}: holds no phones, only silence")
    return segments


def _read_tiers(path: Path) -> tuple[IntervalTier, IntervalTier]:
    if not path.is_file():
        raise CorpusError(f"{path}: no such TextGrid; is alignment.textgrids the folder of <id>.TextGrid files?")
    try:
        grid = praat.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except (PraatioException, LookupError, ValueError, TypeError, OSError) as error:
        raise CorpusError(f"{path}: not a readable TextGrid ({error}); align this clip again") from error
    for name in ("words", "phones"):
        if name not in grid.tierNames:
            raise CorpusError(f"{path}: no tier {name!r}, it has {', '.join(grid.tierNames) or 'none'}; align with MFA")
        if not isinstance(grid.getTier(name), IntervalTier) or not grid.getTier(name).entries:
            raise CorpusError(f"{path}: tier {name!r} holds no intervals; align this clip again")
    return grid.getTier("words"), grid.getTier("phones")


def _check_transcript(path: str | Path, labels: list[str], text: str) -> None:
    spoken = [_bare(label) for label in labels if label != UNKNOWN_WORD]
    written = transcript_words(text)
    same = sum(block.size for block in SequenceMatcher(None, spoken, written, autojunk=False).get_matching_blocks())
    unknown = len(labels) - len(spoken)
    if same + unknown < SAME_TRANSCRIPT * max(len(labels), len(written)):
        raise CorpusError(
            f"{path}: TextGrid of another clip: {same} of its {len(labels)} words are in the transcript "
            f"({' '.join(labels[:6])!r} ... against {text[:40]!r} ...)"
        )


def _with_words(words: Sequence[Any], phones: Sequence[Any]) -> Iterator[Segment]:
    """Each phone with the word that its middle lies in."""
    following = iter(words)
    word, previous = next(following), None
    for phone in phones:
        middle = (phone.start + phone.end) / 2
        while word.end <= middle and word is not words[-1]:
            word = next(following)
        if phone.label in SILENCES:
            yield Segment(PAUSE, phone.start, phone.end)
        else:
            yield Segment(phone.label, phone.start, phone.end, word.label, starts_word=word is not previous)
            previous = word


def _joined(segments: Iterable[Segment], end: float) -> tuple[Segment, ...]:
    """The same segments, contiguous: pauses in a row become one, gaps become pauses, pauses beyond `end` go."""
    joined: list[Segment] = []
    for segment in segments:
        if segment.symbol == PAUSE and segment.start >= end:
            continue
        before = joined[-1] if joined else None
        if before and segment.symbol == PAUSE == before.symbol:
            joined[-1] = replace(before, end=segment.end)
        elif before and segment.start > before.end and before.symbol == PAUSE:
            joined[-1] = replace(before, end=segment.start)
            joined.append(segment)
        elif before and segment.start > before.end:
            joined += [Segment(PAUSE, before.end, segment.start), segment]
        else:
            joined.append(segment)
    return tuple(joined)


class Durations(NamedTuple):
    """Phonemes on the frames of a clip: `sum(durations)` frames from `first_frame` on."""

    symbols: list[str]
    durations: np.ndarray  # (P,) int32, frames
    first_frame: int
    words: list[str]


def durations_in_frames(segments: Sequence[Segment], sample_rate: int, hop: int) -> Durations:
    """Durations of segments in frames, without the silences at both ends.

    The reference's arithmetic: `round(end * sample_rate / hop) - round(start * sample_rate / hop)`, half to even, so
    that rounding never adds up. A phoneme shorter than a frame may get 0.

    Raises CorpusError when nothing but silence is left.
    """
    spoken = [index for index, segment in enumerate(segments) if segment.symbol != PAUSE]
    if not spoken:
        raise CorpusError("the alignment holds no phonemes, only silence")
    kept = segments[spoken[0] : spoken[-1] + 1]
    starts = np.round(np.array([segment.start for segment in kept]) * sample_rate / hop)
    ends = np.round(np.array([segment.end for segment in kept]) * sample_rate / hop)
    return Durations(
        [segment.symbol for segment in kept],
        (ends - starts).astype(np.int32),
        int(starts[0]),
        [segment.word for segment in kept],
    )


def gather_lexicon(utterances: Iterable[Utterance], language: str = "en-us") -> dict[str, dict[str, Any]]:
    """What the aligned utterances teach about new text: {"words": {word: [phone, ...]}, "pauses": {mark: share}}.

    words: the most frequent pronunciation of each word (in lower case); words with an unknown phone are left out.
    pauses: for each punctuation mark inside transcripts, the share after which a pause was made. A mark counts only
    where the words on both sides are found side by side in the alignment.
    """
    pronunciations: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    paused: dict[str, list[bool]] = defaultdict(list)
    for utterance in utterances:
        spoken = _spoken_words(utterance.segments or ())
        for word in spoken:
            if UNKNOWN not in word.phones:
                pronunciations[word.text.lower()][word.phones] += 1
        for mark, pause in _pauses_after_marks(normalize(utterance.text, language), spoken):
            paused[mark].append(pause)
    return {
        "words": {word: list(_most_frequent(counts)) for word, counts in sorted(pronunciations.items())},
        "pauses": {mark: sum(pauses) / len(pauses) for mark, pauses in sorted(paused.items())},
    }


class _SpokenWord(NamedTuple):
    text: str
    phones: tuple[str, ...]
    pause_after: bool


def _spoken_words(segments: Sequence[Segment]) -> list[_SpokenWord]:
    words: list[_SpokenWord] = []
    for segment in segments:
        if segment.symbol == PAUSE:
            if words:
                words[-1] = words[-1]._replace(pause_after=True)
        elif segment.starts_word or not words or words[-1].text != segment.word:
            words.append(_SpokenWord(segment.word, (segment.symbol,), False))
        else:
            words[-1] = words[-1]._replace(phones=(*words[-1].phones, segment.symbol), pause_after=False)
    return words


def _pauses_after_marks(text: str, spoken: Sequence[_SpokenWord]) -> Iterator[tuple[str, bool]]:
    """Each mark inside a normalised text that can be placed in the alignment, and whether a pause follows it."""
    written: list[str] = []
    marks: dict[int, str] = {}
    for clause, mark in split_clauses(text):
        written.extend(transcript_words(clause))
        marks[len(written) - 1] = mark
    matcher = SequenceMatcher(None, written, [_bare(word.text) for word in spoken], autojunk=False)
    place = {a + i: b + i for a, b, size in matcher.get_matching_blocks() for i in range(size)}
    for index, mark in marks.items():
        if mark and index in place and place.get(index + 1) == place[index] + 1:
            yield mark, spoken[place[index]].pause_after


def _most_frequent(counts: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    return min(counts, key=lambda phones: (-counts[phones], phones))


def transcript_words(text: str) -> list[str]:
    """Words of a transcript as an aligner sees them: lower case, hyphens apart, no marks but inner apostrophes."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def _bare(label: str) -> str:
    return label.lower().strip("'")
