"""TextGrids that are written are read back as they were."""

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid as praat

from fs2keras.corpus.textgrid import read_textgrid
from fs2keras.corpus.textgrid_writer import write_textgrid
from fs2keras.corpus.utterance import Segment

SYMBOLS = st.sampled_from(["AE1", "HH", "t͡ʃ", "ˈɑːɹ", "ʲ", "ɐ̃", "oʊ", '"', "ŋ"])
WORDS = st.sampled_from(
    ["had", "it's", "Straße", "год", "naïve", "o’clock", "हिन्दी", "three", 'so-"called"', "in the", "3"]
)
PAUSES = st.sampled_from([("sp", ""), (",", ","), ("sp", "…"), ("?", "?"), ("—", "—")])
LENGTHS = st.one_of(st.floats(1e-3, 2.0), st.integers(1, 200).map(lambda frames: frames * 256 / 22050))


@st.composite
def utterances(draw) -> list[Segment]:
    """Words of one to four phonemes, pauses (some of no time) between them."""
    segments, time = [], 0.0

    def add(symbol, word, length, starts_word=False):
        nonlocal time
        segments.append(Segment(symbol, time, time + length, word, starts_word))
        time += length

    for word in draw(st.lists(WORDS, min_size=1, max_size=6)):
        for symbol, mark in draw(st.lists(PAUSES, max_size=2)):
            add(symbol, mark, draw(st.just(0.0) | LENGTHS))
        for index, symbol in enumerate(draw(st.lists(SYMBOLS, min_size=1, max_size=4))):
            add(symbol, word, draw(LENGTHS), starts_word=index == 0)
    for symbol, mark in draw(st.lists(PAUSES, max_size=2)):
        add(symbol, mark, draw(st.just(0.0) | LENGTHS))
    return segments


def as_read(segments: list[Segment]) -> list[Segment]:
    """What a reader of TextGrids can know: no marks, one pause in a row, none of no time."""
    known: list[Segment] = []
    for segment in segments:
        if any(character.isalnum() for character in segment.word):
            known.append(segment)
        elif segment.end > segment.start:
            joined = known and known[-1].symbol == "sp"
            start = known.pop().start if joined else segment.start
            known.append(Segment("sp", start, segment.end))
    return known


def grid_of(path: Path) -> dict[str, list[tuple]]:
    grid = praat.openTextgrid(str(path), includeEmptyIntervals=True)
    return {name: [tuple(entry) for entry in grid.getTier(name).entries] for name in grid.tierNames}


HAD = [
    Segment("sp", 0.0, 0.1),
    Segment("h", 0.1, 0.2, "had", True),
    Segment("æ", 0.2, 0.3, "had"),
    Segment("h", 0.3, 0.4, "had", True),
    Segment("æ", 0.4, 0.5, "had"),
    Segment(",", 0.5, 0.7, ","),
    Segment("sp", 0.7, 0.8),
    Segment("ɪ", 0.8, 1.0, "it", True),
]


class TestWriteTextgrid:
    @given(utterances())
    def test_is_read_back_as_it_was(self, segments):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.TextGrid"
            write_textgrid(path, segments, segments[-1].end)
            read = read_textgrid(path, duration=segments[-1].end)
            entries = grid_of(path)
        expected = as_read(segments)
        assert [(s.symbol, s.word, s.starts_word) for s in read] == [
            (s.symbol, s.word, s.starts_word) for s in expected
        ]
        for mine, theirs in zip(expected, read, strict=True):
            assert (theirs.start, theirs.end) == pytest.approx((mine.start, mine.end), abs=1e-9)
        for tier in entries.values():  # whole, as Praat wants it
            assert tier[0][0] == 0
            assert tier[-1][1] == pytest.approx(segments[-1].end)
            assert all(before[1] == after[0] for before, after in pairwise(tier))

    def test_has_the_tiers_of_the_montreal_forced_aligner(self, tmp_path):
        write_textgrid(tmp_path / "had.TextGrid", HAD, 1.0)
        assert grid_of(tmp_path / "had.TextGrid") == {
            "words": [(0.0, 0.1, ""), (0.1, 0.3, "had"), (0.3, 0.5, "had"), (0.5, 0.8, ""), (0.8, 1.0, "it")],
            "phones": [
                (0.0, 0.1, ""),
                (0.1, 0.2, "h"),
                (0.2, 0.3, "æ"),
                (0.3, 0.4, "h"),
                (0.4, 0.5, "æ"),
                (0.5, 0.8, ""),
                (0.8, 1.0, "ɪ"),
            ],
        }
        text = (tmp_path / "had.TextGrid").read_text(encoding="utf-8")
        assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
        assert "intervals [2]:" in text  # the long format
        assert [file.name for file in tmp_path.iterdir()] == ["had.TextGrid"]

    def test_leaves_out_a_pause_of_no_time(self, tmp_path):
        instant = [Segment("sp", 0.0, 0.0), *HAD[1:5], Segment(",", 0.5, 0.5, ","), replace(HAD[-1], start=0.5)]
        instant[1] = replace(instant[1], start=0.0)
        write_textgrid(tmp_path / "had.TextGrid", instant, 1.0)
        assert [word for *_, word in grid_of(tmp_path / "had.TextGrid")["words"]] == ["had", "had", "it"]

    def test_names_a_phoneme_of_no_time(self, tmp_path):
        instant = [*HAD[:4], replace(HAD[4], end=0.4), replace(HAD[5], start=0.4), *HAD[6:]]
        with pytest.raises(ValueError, match=r"'æ' of 'had' has no time \(0.4 to 0.4 s\)"):
            write_textgrid(tmp_path / "had.TextGrid", instant, 1.0)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("segments", "duration", "message"),
        [
            (HAD[1:], 1.0, "'h' of 'had' starts at 0.1 s, where 0 s was expected"),
            ([*HAD[:2], *HAD[3:]], 1.0, "'h' of 'had' starts at 0.3 s, where 0.2 s"),
            (HAD, 1.2, "end at 1 s, the recording at 1.2 s"),
            ([], 1.0, "end at 0 s"),
        ],
    )
    def test_refuses_segments_with_gaps(self, tmp_path, segments, duration, message):
        with pytest.raises(ValueError, match=message):
            write_textgrid(tmp_path / "had.TextGrid", segments, duration)

    def test_forgives_sums_of_floats(self, tmp_path):
        segments = [Segment("a", 0.0, 0.1 + 0.2, "a", True), Segment("b", 0.3, 0.7 - 1e-9, "b", True)]
        write_textgrid(tmp_path / "sum.TextGrid", segments, 0.7)
        assert [entry[:2] for entry in grid_of(tmp_path / "sum.TextGrid")["phones"]] == [(0.0, 0.3), (0.3, 0.7)]

    def test_writes_real_alignments_as_they_were(self, ljspeech, tmp_path):
        for path in sorted((ljspeech / "TextGrid").iterdir())[:40]:
            segments = read_textgrid(path)
            write_textgrid(tmp_path / path.name, segments, segments[-1].end)
            assert read_textgrid(tmp_path / path.name) == segments
