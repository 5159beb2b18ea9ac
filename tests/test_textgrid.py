"""TextGrids: phones with their words, durations in frames, and the lexicon."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.corpus.readers import read_ljspeech
from fs2keras.corpus.textgrid import durations_in_frames, gather_lexicon, read_textgrid
from fs2keras.corpus.utterance import CorpusError, Segment, Utterance

RATE, HOP = 22050, 256
HAD = [("had", 0.1, 0.5), ("had", 0.5, 0.9), ("", 0.9, 1.2), ("it", 1.2, 1.5)]
PHONES = [
    ("sil", 0.0, 0.1),
    *[("HH", 0.1, 0.2), ("AE1", 0.2, 0.4), ("D", 0.4, 0.5)],
    *[("HH", 0.5, 0.6), ("AH0", 0.6, 0.8), ("D", 0.8, 0.9)],
    *[("sp", 0.9, 1.0), ("", 1.0, 1.2)],
    *[("IH1", 1.2, 1.3), ("T", 1.3, 1.5)],
    ("sp", 1.5, 1.6),
]


def tier(name, intervals, end):
    rows = "".join(f'xmin = {start}\nxmax = {stop}\ntext = "{label}"\n' for label, start, stop in intervals)
    rows = "".join(f"intervals [{i}]:\n{row}" for i, row in enumerate(rows.split("xmin")[1:], 1) if row)
    rows = rows.replace(":\n =", ":\nxmin =")
    return f'item [1]:\nclass = "IntervalTier"\nname = "{name}"\nxmin = 0.0\nxmax = {end}\nintervals: size = 9\n{rows}'


def grid(path, words=HAD, phones=PHONES, end=1.6, names=("words", "phones")):
    head = (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0.0\nxmax = {end}\ntiers? <exists>\nsize = 2\n'
    )
    tiers = [tier(name, rows, end) for name, rows in zip(names, (words, phones), strict=True)]
    path.write_text(head + "item []:\n" + "".join(tiers), encoding="utf-8")
    return path


@pytest.fixture
def had(tmp_path):
    return grid(tmp_path / "had.TextGrid")


class TestReadTextgrid:
    def test_gives_phones_with_words_and_single_pauses(self, had):
        segments = read_textgrid(had, duration=1.6, text="Had had -- it.")
        assert [segment.symbol for segment in segments] == [
            "sp",
            "HH",
            "AE1",
            "D",
            "HH",
            "AH0",
            "D",
            "sp",
            "IH1",
            "T",
            "sp",
        ]
        assert [segment.word for segment in segments] == ["", *["had"] * 6, "", "it", "it", ""]
        assert [i for i, segment in enumerate(segments) if segment.starts_word] == [1, 4, 8]
        assert segments[7] == Segment("sp", 0.9, 1.2)

    def test_turns_gaps_into_pauses(self, tmp_path):
        phones = [row for row in PHONES if row[0] not in ("sil", "sp", "")]
        segments = read_textgrid(grid(tmp_path / "gap.TextGrid", phones=phones))
        assert [segment.symbol for segment in segments] == ["HH", "AE1", "D", "HH", "AH0", "D", "sp", "IH1", "T"]
        assert segments[6] == Segment("sp", 0.9, 1.2)

    def test_forgives_a_silence_longer_than_the_clip(self, tmp_path):
        path = grid(tmp_path / "long.TextGrid", phones=[*PHONES, ("sil", 1.6, 2.5)])
        assert read_textgrid(path, duration=1.6)[-1] == Segment("sp", 1.5, 1.6)

    def test_keeps_the_unknown_phone(self, tmp_path):
        words = [("<unk>", 0.1, 0.5), *HAD[1:]]
        path = grid(tmp_path / "unk.TextGrid", words, [("spn", 0.1, 0.5), *PHONES[4:]])
        assert read_textgrid(path, 1.6, "Zeiner had it")[0] == Segment("spn", 0.1, 0.5, "<unk>", starts_word=True)

    def test_refuses_a_clip_of_another_length(self, had):
        assert read_textgrid(had, duration=1.64)
        with pytest.raises(CorpusError, match=r"had\.TextGrid: TextGrid of another clip: it ends at 1\.60 s.*1\.70 s"):
            read_textgrid(had, duration=1.7)

    def test_refuses_another_transcript(self, had):
        with pytest.raises(CorpusError, match="TextGrid of another clip: 0 of its 3 words"):
            read_textgrid(had, text="nothing of the kind")

    def test_refuses_silence(self, tmp_path):
        with pytest.raises(CorpusError, match="holds no phones"):
            read_textgrid(grid(tmp_path / "a.TextGrid", [("", 0.0, 1.6)], [("sil", 0.0, 1.6)]))

    def test_names_the_missing_tier_and_file(self, tmp_path):
        with pytest.raises(CorpusError, match="no tier 'words', it has text, phones"):
            read_textgrid(grid(tmp_path / "a.TextGrid", names=("text", "phones")))
        with pytest.raises(CorpusError, match=r"no such TextGrid.*alignment\.textgrids"):
            read_textgrid(tmp_path / "b.TextGrid")

    @given(st.data())
    def test_damage_is_a_clear_error_or_harmless(self, tmp_path_factory, data):
        path = grid(tmp_path_factory.mktemp("grid") / "a.TextGrid")
        content = path.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        damaged = content[:at] + data.draw(st.binary(max_size=6)) + content[at + data.draw(st.integers(0, 400)) :]
        path.write_bytes(damaged)
        try:
            segments = read_textgrid(path)
        except CorpusError:
            return
        assert all(before.end == after.start for before, after in pairwise(segments))


class TestDurationsInFrames:
    def test_trims_silence_and_rounds_boundaries(self, had):
        symbols, durations, first_frame, words = durations_in_frames(read_textgrid(had), RATE, HOP)
        assert symbols == ["HH", "AE1", "D", "HH", "AH0", "D", "sp", "IH1", "T"]
        edges = [0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 1.2, 1.3, 1.5]
        frames = [round(edge * RATE / HOP) for edge in edges]
        assert (first_frame, list(durations)) == (frames[0], list(np.diff(frames)))
        assert words == ["had"] * 6 + ["", "it", "it"]

    def test_rounds_half_to_even(self):
        segments = [Segment("a", 0.5, 1.5), Segment("b", 1.5, 2.5)]
        _, durations, first_frame, _ = durations_in_frames(segments, 1, 1)
        assert (first_frame, list(durations)) == (0, [2, 0])

    def test_refuses_nothing_but_silence(self):
        with pytest.raises(CorpusError, match="only silence"):
            durations_in_frames([Segment("sp", 0, 1)], RATE, HOP)

    @given(st.lists(st.tuples(st.sampled_from(["sp", "a", ",", "spn"]), st.floats(0, 0.7)), min_size=1, max_size=40))
    def test_sums_to_the_speech(self, rows):
        edges = np.concatenate([[0], np.cumsum([length for _, length in rows])])
        segments = [
            Segment(symbol, start, end) for (symbol, _), start, end in zip(rows, edges[:-1], edges[1:], strict=True)
        ]
        spoken = [segment for segment in segments if segment.symbol != "sp"]
        if not spoken:
            return
        symbols, durations, first_frame, words = durations_in_frames(segments, RATE, HOP)
        assert len(symbols) == len(durations) == len(words)
        assert (durations >= 0).all()
        assert first_frame == np.round(spoken[0].start * RATE / HOP)
        assert first_frame + durations.sum() == np.round(spoken[-1].end * RATE / HOP)
        assert symbols[0] != "sp"
        assert symbols[-1] != "sp"


def spoken(text, *words):
    """An utterance from words such as ("had", "HH AE1 D") and "" for a pause."""
    segments, now = [], 0.0
    for word in words:
        label, phones = word or ("", "sp")
        for index, phone in enumerate(phones.split()):
            segments.append(Segment(phone, now, now + 0.1, label, starts_word=bool(word) and index == 0))
            now += 0.1
    return Utterance("a", None, text, segments=tuple(segments))


class TestGatherLexicon:
    A, DOG, RAN = ("a", "AH0"), ("dog", "D AO1 G"), ("ran", "R AE1 N")

    def test_most_frequent_pronunciation_wins(self):
        utterances = [
            spoken("a a a", ("a", "EY1"), self.A, self.A),
            spoken("a <unk>", ("A", "EY1"), self.A, ("<unk>", "spn")),
        ]
        assert gather_lexicon(utterances)["words"] == {"a": ["AH0"]}

    def test_repeated_words_stay_apart(self, had):
        lexicon = gather_lexicon([Utterance("a", None, "had had it", segments=read_textgrid(had))])
        assert lexicon["words"] == {"had": ["HH", "AE1", "D"], "it": ["IH1", "T"]}

    def test_counts_pauses_after_marks(self):
        utterances = [
            spoken("A dog, ran.", self.A, self.DOG, "", self.RAN),
            spoken("A dog, ran; a dog.", self.A, self.DOG, self.RAN, "", self.A, self.DOG, ""),
        ]
        assert gather_lexicon(utterances)["pauses"] == {",": 0.5, ";": 1.0}

    def test_leaves_out_marks_it_cannot_place(self):
        odd = spoken("A zebra, ran.", self.A, ("<unk>", "spn"), "", self.RAN)
        assert gather_lexicon([odd]) == {"words": {"a": ["AH0"], "ran": ["R", "AE1", "N"]}, "pauses": {}}


class TestRealSpeech:
    def test_every_shared_textgrid_is_its_clip_s(self, ljspeech):
        lengths = dict(line.split("\t", 1) for line in (ljspeech / "lengths.tsv").read_text().splitlines())
        lexicon_from = []
        for utterance in read_ljspeech(ljspeech):
            seconds = soundfile.info(utterance.wav).duration
            path = ljspeech / "TextGrid" / f"{utterance.id}.TextGrid"
            segments = read_textgrid(path, seconds, utterance.text)
            aligned = durations_in_frames(segments, RATE, HOP)
            frames = int(lengths[utterance.id].split()[1])
            assert aligned.first_frame + aligned.durations.sum() <= frames
            assert (aligned.durations > 0).all()
            lexicon_from.append(replace(utterance, segments=segments))
        lexicon = gather_lexicon(lexicon_from)
        assert lexicon["words"]["printing"] == ["P", "R", "IH1", "N", "T", "IH0", "NG"]
        assert len(lexicon["words"]) > 1500
        assert lexicon["pauses"][","] > 0.7

    def test_refuses_another_clip_s(self, ljspeech):
        first, second, *_ = read_ljspeech(ljspeech)
        path = ljspeech / "TextGrid" / f"{first.id}.TextGrid"
        with pytest.raises(CorpusError, match="another clip"):
            read_textgrid(path, text=second.text)
        with pytest.raises(CorpusError, match="another clip"):
            read_textgrid(path, duration=soundfile.info(second.wav).duration)
