"""The demo corpus: its sentences, and what espeak speaks of them."""

import itertools
import json
import wave
from collections import Counter

import pytest

from fs2keras.corpus.demo import SAMPLE_RATE, MismatchError, Spoken, locate, write_demo
from fs2keras.corpus.sentences import demo_sentences, written_sentences
from fs2keras.corpus.speaker import Speaker
from fs2keras.errors import UserError
from fs2keras.text.frontends import build, symbols_of
from fs2keras.text.words import Word


def rows_of(folder):
    rows = [line.split("\t") for line in (folder / "phones.tsv").read_text(encoding="utf-8").splitlines()]
    return {name: list(group) for name, group in itertools.groupby(rows, key=lambda row: row[0])}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora") / "demo"
    return folder, write_demo(folder, sentences=300)


def test_sentences_are_many_different_and_of_moderate_length():
    assert len(written_sentences()) >= 300
    sentences = demo_sentences(2000, seed=3)
    assert len(set(sentences)) == 2000
    assert all(4 <= len(sentence.split()) <= 14 and sentence[-1] in ".?!" for sentence in sentences)
    assert sentences == demo_sentences(2000, seed=3)
    assert sentences[:300] == demo_sentences(300, seed=3)
    assert demo_sentences(20, seed=1) != demo_sentences(20, seed=2)


def test_files_agree(demo):
    folder, summary = demo
    metadata = [line.split("|") for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    rows = rows_of(folder)
    assert [name for name, _, _ in metadata] == list(rows) == sorted(rows)
    assert sorted(path.stem for path in (folder / "wavs").iterdir()) == sorted(rows)
    assert summary["utterances"] == len(rows)
    assert summary["quarantined"] == 300 - len(rows) <= 6
    assert summary == json.loads((folder / "demo.json").read_text())


def test_phones_are_contiguous_and_end_with_the_clip(demo):
    folder, _ = demo
    for name, rows in rows_of(folder).items():
        with wave.open(str(folder / "wavs" / f"{name}.wav")) as clip:
            assert clip.getparams()[:3] == (1, 2, SAMPLE_RATE)
            length = clip.getnframes()
        assert rows[0][3] == "0.000000"
        assert round(float(rows[-1][4]) * SAMPLE_RATE) == length
        assert all(one[4] == other[3] for one, other in itertools.pairwise(rows))
        assert all(float(row[3]) < float(row[4]) for row in rows)
        assert rows[-1][2] in ".?!"
        assert float(rows[-1][4]) - float(rows[-1][3]) == pytest.approx(0.1, abs=2e-6)


def test_symbols_are_the_frontend_s_but_for_what_was_resolved(demo):
    folder, _ = demo
    frontend, rows = build("espeak"), rows_of(folder)
    differing = 0
    for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines():
        name, text, _ = line.split("|")
        symbols, words = symbols_of(frontend.words(text))
        assert [row[1] for row in rows[name]] == words
        differing += [row[2] for row in rows[name]] != symbols
    assert differing <= 6


def test_units_are_covered(demo):
    folder, _ = demo
    counts = Counter(row[2] for rows in rows_of(folder).values() for row in rows)
    assert len(counts) > 100
    assert sum(count >= 8 for count in counts.values()) / len(counts) > 0.85
    assert min(counts[mark] for mark in ",.:?!") >= 8


def test_the_pause_is_silent_and_the_vowel_is_not(demo):
    folder, _ = demo
    name, rows = next(iter(rows_of(folder).items()))
    with wave.open(str(folder / "wavs" / f"{name}.wav")) as clip:
        samples = memoryview(clip.readframes(clip.getnframes())).cast("h")

    def level(row):
        part = samples[round(float(row[3]) * SAMPLE_RATE) : round(float(row[4]) * SAMPLE_RATE)]
        return max(map(abs, part))

    assert level(rows[-1]) < 0.1 * max(level(row) for row in rows if "ˈ" in row[2])


def test_again_is_identical_and_a_whole_corpus_is_left_alone(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    Speaker().speak("Another speaker in the same process changes nothing.")
    write_demo(first, sentences=12)
    build("espeak").words("Nor does phonemizer.")
    calls = []
    write_demo(second, sentences=12, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (12, 12)
    files = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert len(files) == 15
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    write_demo(first, sentences=12, progress=lambda done, total: pytest.fail("spoken again"))


def test_other_arguments_and_interrupted_corpora_are_written_anew(tmp_path):
    write_demo(tmp_path / "demo", sentences=12)
    assert write_demo(tmp_path / "demo", sentences=10)["utterances"] == 10
    assert len(list((tmp_path / "demo" / "wavs").iterdir())) == 10
    (tmp_path / "demo" / "demo.json").unlink()
    assert write_demo(tmp_path / "demo", sentences=10)["utterances"] == 10


def test_a_folder_of_something_else_is_refused_untouched(tmp_path):
    for foreign in ("metadata.csv", "notes.txt", "wavs/LJ001-0001.wav"):
        folder = tmp_path / foreign.replace("/", "-")
        (folder / foreign).parent.mkdir(parents=True)
        (folder / foreign).write_text("LJ001-0001|precious|precious\n")
        with pytest.raises(UserError, match="already holds something else"):
            write_demo(folder, sentences=10)
        assert [path for path in folder.rglob("*") if path.is_file()] == [folder / foreign]


def test_languages(tmp_path):
    assert write_demo(tmp_path / "gb", sentences=10, language="en-gb")["utterances"] >= 9
    for language, message in (("de", "they are English"), ("tlh-xx", "no voice")):
        with pytest.raises(UserError, match=message):
            write_demo(tmp_path / language, sentences=40, language=language)
        assert not (tmp_path / language / "demo.json").exists()


WORDS = [Word("oh", ("ˈoʊ",)), Word("all", ("ˈɔː", "l")), Word(".", (".",), punctuation=True)]


def test_a_phoneme_without_time_shares_the_one_before():
    events = ((0, "ˈoʊ"), (1000, "ˈɔː"), (4000, "l"), (4000, ""), (9000, ""))
    clip = locate(WORDS, Spoken(b"\0" * 18000, events))
    assert [row[2:] for row in clip.phones] == [(0, 1000), (1000, 3000), (3000, 4000), (4000, 6205)]
    assert clip.mended == 1
    assert clip.end == 6205


def test_the_spoken_stress_wins():
    events = ((0, "ˌoʊ"), (1000, "ˈɔː"), (4000, "l"), (5000, ""))
    clip = locate(WORDS, Spoken(b"\0" * 18000, events))
    assert clip.phones[0][:2] == ("oh", "ˌoʊ")
    assert clip.mended == 1


@pytest.mark.parametrize(
    "events",
    [
        ((0, "ˈoʊ"), (1000, "ˈɔː"), (5000, "")),
        ((0, "ˈoʊ"), (1000, "ˈɔː"), (4000, "l")),
        ((0, "ˈoʊ"), (0, "ˈɔː"), (0, "l"), (5000, "")),
    ],
)
def test_events_that_do_not_fit_drop_the_sentence(events):
    with pytest.raises(MismatchError):
        locate(WORDS, Spoken(b"\0" * 18000, events))
