"""TextGrids as the Montreal Forced Aligner writes them, for Praat and for whoever reads them next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.textgrid import Textgrid
from praatio.utilities.constants import Interval

from fs2keras.corpus.utterance import Segment
from fs2keras.rundir.atomic import replacing

SAME_TIME_S = 1e-6  # the end of a segment and the start of the next may differ by this: sums of floats
# Two samples at 22 kHz. praatio writes 0.00009 as 9e-05, which neither it nor Praat's own reader takes for a time.
SHORTEST_S = 1e-4


def write_textgrid(path: str | Path, segments: Sequence[Segment], duration: float) -> None:
    """Write segments as a TextGrid with the tiers `words` and `phones` (long text format, UTF-8), atomically.

    segments: contiguous, from 0 to `duration`, in seconds. Pauses (see `is_pause`) get the empty label, neighbouring
    ones a single interval; a pause of no time is left out. A word ends where the next one starts (`starts_word`, or
    another `word`) and at each pause.

    Raises ValueError when the segments are not contiguous or a phoneme has no time (less than `SHORTEST_S`), and
    UserError when the file cannot be written.
    """
    _check_contiguous(segments, duration)
    words, phones = tiers(list(_lasting(segments, duration)))
    grid = Textgrid(0.0, duration)
    grid.addTier(IntervalTier("words", words, 0.0, duration), reportingMode="error")
    grid.addTier(IntervalTier("phones", phones, 0.0, duration), reportingMode="error")
    with replacing(path) as temporary:
        grid.save(str(temporary), "long_textgrid", includeBlankSpaces=True, reportingMode="error")


def is_pause(segment: Segment) -> bool:
    """Whether a segment is silence: its word is empty, or a punctuation mark (no letter or digit in it)."""
    return not any(character.isalnum() for character in segment.word)


def tiers(segments: Iterable[Segment]) -> tuple[list[Interval], list[Interval]]:
    """(words, phones): intervals of (start, end, label) in seconds; a pause has the label ""."""
    words: list[Interval] = []
    phones: list[Interval] = []
    for segment in segments:
        pause = is_pause(segment)
        phone, word = ("", "") if pause else (segment.symbol, segment.word)
        if pause and phones and not phones[-1].label:
            phones[-1] = phones[-1]._replace(end=segment.end)
        else:
            phones.append(Interval(segment.start, segment.end, phone))
        if words and words[-1].label == word and (pause or not segment.starts_word):
            words[-1] = words[-1]._replace(end=segment.end)
        else:
            words.append(Interval(segment.start, segment.end, word))
    return words, phones


def _check_contiguous(segments: Sequence[Segment], duration: float) -> None:
    end = 0.0
    for segment in segments:
        if abs(segment.start - end) > SAME_TIME_S:
            raise ValueError(f"{_name(segment)} starts at {segment.start:g} s, where {end:g} s was expected")
        end = segment.end
    if not segments or abs(end - duration) > SAME_TIME_S:
        raise ValueError(f"the segments end at {end:g} s, the recording at {duration:g} s")


def _lasting(segments: Sequence[Segment], duration: float) -> Iterator[Segment]:
    """The segments that last, each from the end of the one before it on, the last one to `duration`."""
    lasting = []
    for segment in segments:
        if segment.end - segment.start >= SHORTEST_S:
            lasting.append(segment)
        elif not is_pause(segment):
            raise ValueError(f"{_name(segment)} has no time ({segment.start:g} to {segment.end:g} s)")
    start = 0.0
    for segment, following in zip(lasting, [*lasting[1:], None], strict=True):
        end = following.start if following else duration
        yield replace(segment, start=start, end=end)
        start = end


def _name(segment: Segment) -> str:
    return f"{segment.symbol!r} of {segment.word!r}" if segment.word else repr(segment.symbol)
