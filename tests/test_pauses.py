"""From where phonemes were found to the symbols of a voice: every frame has an owner, and nobody loses one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.corpus.pauses import PAUSE, is_mark, place
from fs2keras.text.words import MARKS

SHORTEST, LONGEST_END = 4, 9
# Texts before espeak's words: the symbols of a mark are itself, or (ARPAbet) the pause.
WORD = st.tuples(
    st.sampled_from(["had", "it's", "5", "%", "&"]), st.lists(st.sampled_from("abc"), min_size=1).map(tuple)
)
MARK = st.sampled_from([(mark, (mark,)) for mark in MARKS] + [(",", (PAUSE,))])


@st.composite
def found_texts(draw):
    """Words and marks; starts and ends of the phonemes as the lattice allows them (two frames at least, a gap between
    words only); the frames of the clip."""
    words = draw(st.lists(st.one_of(WORD, MARK), max_size=12))
    words.insert(draw(st.integers(0, len(words))), draw(WORD))
    frame, starts, ends = 0, [], []
    for text, symbols in words:
        if not is_mark(text):
            frame += draw(st.integers(0, 12))
            for _ in symbols:
                starts.append(frame)
                frame += draw(st.integers(2, 9))
                ends.append(frame)
    return words, starts, ends, frame + draw(st.integers(0, 15))


LIMITS = {"shortest_pause": st.integers(0, 8), "longest_end": st.integers(0, 12)}


def spoken(words):
    """The words that are no marks, each with its symbols."""
    return [(text, symbols) for text, symbols in words if not is_mark(text)]


def phonemes_of(words, placed):
    """Positions in `placed` of the phonemes, the marks and the pauses."""
    is_phoneme = np.array([owner != "" and not is_mark(owner) for owner in placed.words])
    is_marked = np.array([owner != "" and is_mark(owner) for owner in placed.words])
    return np.flatnonzero(is_phoneme), np.flatnonzero(is_marked), np.flatnonzero(~is_phoneme & ~is_marked)


@given(found_texts(), st.fixed_dictionaries(LIMITS))
def test_every_frame_has_one_owner_and_the_text_stays(found, limits):
    words, starts, ends, frames = found
    placed = place(words, starts, ends, frames, **limits)
    assert placed.durations.min() >= 0
    assert placed.durations.dtype.kind == "i"
    assert len(placed.symbols) == len(placed.words) == len(placed.durations)
    assert placed.edges.tolist() == [placed.first, *(placed.first + np.cumsum(placed.durations)).tolist()]
    assert placed.first == starts[0]
    assert ends[-1] <= placed.edges[-1] <= frames
    assert placed.durations.sum() == placed.edges[-1] - placed.first
    phonemes, _, pauses = phonemes_of(words, placed)
    assert [(placed.words[k], placed.symbols[k]) for k in phonemes] == [
        (text, symbol) for text, symbols in spoken(words) for symbol in symbols
    ]
    assert {placed.symbols[k] for k in pauses} <= {PAUSE}


@given(found_texts(), st.fixed_dictionaries(LIMITS))
def test_a_phoneme_keeps_every_frame_where_it_was_found(found, limits):
    """And gets more only beside a silence that nobody else owns: at most half of it, rounded up."""
    words, starts, ends, frames = found
    placed = place(words, starts, ends, frames, **limits)
    phonemes, _, _ = phonemes_of(words, placed)
    begin, end = placed.edges[phonemes], placed.edges[phonemes + 1]
    assert (begin <= starts).all()
    assert (end >= ends).all()
    half = -(-(max(1, limits["shortest_pause"]) - 1) // 2)
    assert (np.array(starts) - begin <= half).all()
    assert (end - np.array(ends) <= half).all()


@given(found_texts(), st.fixed_dictionaries(LIMITS))
def test_marks_and_pauses_stand_between_the_right_words(found, limits):
    words, starts, ends, frames = found
    placed = place(words, starts, ends, frames, **limits)
    # Between two words, and after the last one, stands the first mark that is written there, or a pause, or nothing.
    written, count = {}, 0
    for text, symbols in words:
        if not is_mark(text):
            count += len(symbols)
        elif count:
            written.setdefault(count, (symbols[0], text))
    phonemes, _, _ = phonemes_of(words, placed)
    last = [k for k, (text, symbols) in enumerate(spoken(words)) for _ in symbols]
    for number, (k, after) in enumerate(pairwise([*phonemes, len(placed.symbols)]), start=1):
        between = list(zip(placed.symbols[k + 1 : after], placed.words[k + 1 : after], strict=True))
        is_end = number == len(starts)
        if number in written:
            assert between == [written[number]]
            assert placed.edges[k + 1] == ends[number - 1]
            assert placed.edges[k + 2] == (min(frames, ends[-1] + limits["longest_end"]) if is_end else starts[number])
        elif is_end or last[number] == last[number - 1]:
            assert between == []
        else:
            gap = starts[number] - ends[number - 1]
            assert between == ([(PAUSE, "")] if gap >= max(1, limits["shortest_pause"]) else [])


# --- by hand

AB, C = ("ab", ("a", "b")), ("c", ("c",))


def placed(words, starts, ends, frames=40):
    result = place(words, starts, ends, frames, shortest_pause=SHORTEST, longest_end=LONGEST_END)
    return list(zip(result.symbols, result.words, result.durations.tolist(), strict=True)), result.first


@pytest.mark.parametrize(
    ("gap", "between", "durations"),
    [
        (0, [], [5, 6]),
        (1, [], [5, 7]),  # half of one frame: the later word's
        (3, [], [6, 8]),
        (4, [4], [5, 6]),  # the threshold is a pause
        (5, [5], [5, 6]),
    ],
)
def test_a_gap_between_two_words(gap, between, durations):
    rows, first = placed([AB, C], [3, 7, 12 + gap], [7, 12, 18 + gap])
    assert first == 3
    assert rows == [
        ("a", "ab", 4),
        ("b", "ab", durations[0]),
        *((PAUSE, "", duration) for duration in between),
        ("c", "c", durations[1]),
    ]


@pytest.mark.parametrize("gap", [0, 1, 3, 4, 11])
def test_a_mark_owns_the_gap_however_short(gap):
    rows, _ = placed([AB, (",", (",",)), C], [3, 7, 12 + gap], [7, 12, 18 + gap])
    assert rows == [("a", "ab", 4), ("b", "ab", 5), (",", ",", gap), ("c", "c", 6)]


def test_of_several_marks_the_first_owns_the_gap():
    marks = [(mark, (mark,)) for mark in ("?", "!", ";")]
    rows, _ = placed([AB, *marks, C, *marks[1:]], [3, 7, 20], [7, 12, 25])
    assert [(symbol, duration) for symbol, _, duration in rows] == [("a", 4), ("b", 5), ("?", 8), ("c", 5), ("!", 9)]


def test_a_mark_before_the_first_word_has_no_place():
    rows, first = placed([("!", ("!",)), C], [6], [11])
    assert (rows, first) == ([("c", "c", 5)], 6)


@pytest.mark.parametrize(("frames", "silence"), [(18, 0), (19, 1), (27, 9), (28, 9), (99, 9)])
def test_a_mark_at_the_end_takes_what_there_is_up_to_the_limit(frames, silence):
    rows, _ = placed([C, (".", (".",))], [10], [18], frames)
    assert rows == [("c", "c", 8), (".", ".", silence)]


def test_without_a_mark_the_silence_at_both_ends_is_nobody_s():
    rows, first = placed([C], [10], [18])
    assert (rows, first) == ([("c", "c", 8)], 10)


def test_arpabet_s_mark_is_a_pause_that_has_a_word():
    rows, _ = placed([AB, (",", (PAUSE,)), C], [3, 7, 14], [7, 12, 18])
    assert rows[2] == (PAUSE, ",", 2)


def test_with_a_threshold_of_0_every_gap_is_a_pause_but_none_is_empty():
    for gap, pauses in ((0, 0), (1, 1)):
        result = place([AB, C], [3, 7, 12 + gap], [7, 12, 18 + gap], 40, shortest_pause=0, longest_end=0)
        assert result.symbols.count(PAUSE) == pauses
        assert result.durations.min() > 0


@pytest.mark.parametrize("word", [*MARKS, "...", "?!"])
def test_marks(word):
    assert is_mark(word)


@pytest.mark.parametrize("word", ["a", "it's", "7", "é", "ж", "%", "&", "+", "=", "'", "-", ""])
def test_what_is_spoken_is_no_mark(word):
    assert not is_mark(word)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", 'He said "well" - 5 % & more!'),
        ("de", "5 % & mehr, a + b."),
        ("es", "el 5 % & más;"),
        ("ru", "5 % & ещё?"),
    ],
)
def test_marks_are_those_that_the_frontend_calls_so(language, text):
    from fs2keras.text.espeak import EspeakFrontend

    words = EspeakFrontend(language).words(text)
    assert sum(word.punctuation for word in words) >= 1
    for word in words:
        assert is_mark(word.text) == word.punctuation, word
