"""The demo corpus: its sentences, and what espeak speaks of them."""

import hashlib
import itertools
import json
import re
import wave
from collections import Counter

import pytest

from fs2keras import recipe as recipes
from fs2keras.corpus import demo as demo_corpus
from fs2keras.corpus.demo import SAMPLE_RATE, MismatchError, Spoken, locate, write_demo
from fs2keras.corpus.prepare import prepare
from fs2keras.corpus.readers import read_ljspeech, read_phones
from fs2keras.corpus.sentences import demo_sentences, languages, written_sentences
from fs2keras.corpus.speaker import Speaker
from fs2keras.errors import UserError
from fs2keras.text.frontends import build, symbols_of
from fs2keras.text.normalize import normalize
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


def test_the_demo_voice_learns_from_the_sentences_it_always_had():
    digest = hashlib.sha256("\n".join(demo_sentences(600, seed=1)).encode()).hexdigest()
    assert digest == "be128c51ba700d0e6130b3b174fbdb4a5127072eb2e08b40c4a621acca56d8b0"
    assert demo_sentences(600, seed=1, language="en-gb") == demo_sentences(600, seed=1)


LETTERS = {"de": "[a-zäöüß]", "en": "[a-z']", "es": "[a-záéíóúüñ]", "ru": "[а-яё]"}
OTHERS = [language for language in LETTERS if language != "en"]


def test_there_are_sentences_in_these_languages():
    assert languages() == sorted(LETTERS)


@pytest.mark.parametrize("language", LETTERS)
def test_sentences_of_each_language_are_many_and_different(language):
    sentences = demo_sentences(1500, 1, language)
    assert len(set(sentences)) == 1500
    assert len(set(written_sentences(language))) == len(written_sentences(language)) >= 120
    assert set(sentences[: len(written_sentences(language))]) == set(written_sentences(language))
    assert all(sum(s.endswith(mark) for s in sentences) >= 8 for mark in ".?!")
    assert all(sum(mark in s for s in sentences) >= 8 for mark in ",;:")


@pytest.mark.parametrize("language", LETTERS)
def test_sentences_are_written_in_the_letters_of_their_language(language):
    """Four to fourteen words, a capital first and a mark last; no digits, hyphens or quotes."""
    sentences = demo_sentences(1500, 1, language)
    word = LETTERS[language] + "+"
    shape = re.compile(rf"[¿¡]?{word}([,;:?]? {word}){{3,13}}[.?!]", re.IGNORECASE)
    assert [sentence for sentence in sentences if not shape.fullmatch(sentence)] == []
    assert all(sentence.lstrip("¿¡")[0].isupper() for sentence in sentences)
    alphabet = {chr(code) for code in range(0x500) if re.fullmatch(LETTERS[language], chr(code))}
    missing = alphabet - set("".join(sentences).lower())
    assert missing <= ({"k", "w"} if language == "es" else set())  # Spanish has them in foreign words only


def test_spanish_questions_and_exclamations_have_both_marks():
    for sentence in demo_sentences(1500, 1, "es"):
        assert (sentence[0] == "¿") == sentence.endswith("?")
        assert (sentence[0] == "¡") == sentence.endswith("!")


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_each_language_has_phonemes(language):
    frontend = build("espeak", language)
    counts = Counter()
    for sentence in demo_sentences(300, 1, language):
        normalised = normalize(sentence, language)
        words = frontend.words(normalised)
        assert " ".join(word.text for word in words if not word.punctuation) == re.sub("[,;:.?!¿¡]", "", sentence)
        assert all(word.symbols for word in words)
        counts.update(symbol for word in words for symbol in word.symbols)
    assert sum(count >= 8 for count in counts.values()) / len(counts) > 0.7
    assert not [symbol for symbol in counts if re.search(r"[\d()]", symbol)]  # "(en)" would be another language


def test_only_the_first_part_of_a_language_counts():
    spanish = demo_sentences(200, 1, "es")
    assert demo_sentences(200, 1, "es-419") == spanish == demo_sentences(200, 1, "ES")
    assert demo_sentences(200, 1, "de") != spanish


def test_another_language_is_refused_with_the_ones_there_are(tmp_path):
    for language in ("fr-fr", "e", "", "tlh"):
        with pytest.raises(UserError, match="only for de, en, es, ru"):
            write_demo(tmp_path / "demo", sentences=10, language=language)
    assert not (tmp_path / "demo").exists()


def test_files_agree(demo):
    folder, summary = demo
    metadata = [line.split("|") for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    rows = rows_of(folder)
    assert [name for name, _, _ in metadata] == list(rows) == sorted(rows)
    assert sorted(path.stem for path in (folder / "wavs").iterdir()) == sorted(rows)
    assert summary["utterances"] == len(rows)
    assert summary["unaligned"] == 300 - len(rows) == 0
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


@pytest.mark.parametrize("language", [*OTHERS, "es-419", "en-gb"])
def test_each_language_is_spoken_and_timed(tmp_path, language):
    folder = tmp_path / "demo"
    summary = write_demo(folder, sentences=40, language=language)
    utterances = list(read_ljspeech(folder))
    rows = rows_of(folder)
    assert [utterance.text for utterance in utterances] == [
        normalize(sentence, language) for sentence in demo_sentences(40, 1, language)
    ]
    assert summary["utterances"] == len(list((folder / "wavs").iterdir())) == 40
    assert summary["unaligned"] == 40 - len(rows) <= 2
    frontend = build("espeak", language)
    for utterance in utterances:
        with wave.open(str(utterance.wav)) as clip:
            assert clip.getparams()[:3] == (1, 2, SAMPLE_RATE)
            length = clip.getnframes()
            assert len(clip.readframes(length)) == 2 * length > SAMPLE_RATE
        if utterance.id not in rows:
            continue
        symbols, words = symbols_of(frontend.words(utterance.text))
        assert [row[1] for row in rows[utterance.id]] == words
        assert len([row for row, symbol in zip(rows[utterance.id], symbols, strict=True) if row[2] != symbol]) <= 3
        assert rows[utterance.id][0][3] == "0.000000"
        assert round(float(rows[utterance.id][-1][4]) * SAMPLE_RATE) == length
        assert all(one[4] == other[3] for one, other in itertools.pairwise(rows[utterance.id]))
    assert write_demo(folder, sentences=40, language=language) == summary


def test_a_language_that_espeak_does_not_speak_is_refused(tmp_path):
    with pytest.raises(UserError, match="no voice"):
        Speaker("tlh-xx")
    with pytest.raises(UserError, match="cannot speak"):
        write_demo(tmp_path / "demo", sentences=10, language="en-nowhere")
    assert not (tmp_path / "demo" / "demo.json").exists()


@pytest.mark.parametrize("timed", [range(0), range(0, 12, 2)])
def test_clips_that_cannot_be_timed_are_written_whole(tmp_path, monkeypatch, timed):
    """The learned aligner needs their text and sound only; `given` finds no phones and sets them aside."""
    calls = itertools.count()

    def locate_some(words, spoken):
        if next(calls) in timed:
            return locate(words, spoken)
        raise MismatchError("for a reason")

    everything = write_demo(tmp_path / "all", sentences=12)
    monkeypatch.setattr(demo_corpus, "locate", locate_some)
    summary = write_demo(tmp_path / "some", sentences=12)
    names = [f"demo-{number + 1:05d}" for number in range(12)]
    kept = [names[number] for number in timed]
    assert summary["utterances"] == 12
    assert summary["unaligned"] == 12 - len(timed)
    assert summary["reasons"] == {"for a reason": 12 - len(timed)}
    assert summary["seconds"] > everything["seconds"]
    assert (tmp_path / "some" / "metadata.csv").read_bytes() == (tmp_path / "all" / "metadata.csv").read_bytes()
    assert list(read_phones(tmp_path / "some" / "phones.tsv")) == kept
    assert [u.id for u in read_ljspeech(tmp_path / "some") if u.segments is None] == sorted({*names} - {*kept})
    assert rows_of(tmp_path / "some") == {name: rows_of(tmp_path / "all")[name] for name in kept}
    for name in names:
        whole, cut = ((tmp_path / part / "wavs" / f"{name}.wav").read_bytes()[44:] for part in ("some", "all"))
        assert (whole == cut) == (name in kept)
        length = min(len(whole), len(cut)) - SAMPLE_RATE // 4  # the cut one may end in silence of its own
        assert whole[:length] == cut[:length]


def test_given_sets_aside_what_cannot_be_timed(tmp_path, monkeypatch):
    def locate_most(words, spoken):
        if next(calls) == 4:
            raise MismatchError("for a reason")
        return locate(words, spoken)

    calls = itertools.count()
    monkeypatch.setattr(demo_corpus, "locate", locate_most)
    sets = [f"corpus.path={tmp_path}/demo", f"corpus.store={tmp_path}/store", "corpus.sentences=12", "corpus.jobs=1"]
    recipe = recipes.load("demo", [*sets, "corpus.max_quarantined=0.1", "corpus.validation=0.1", "text.language=ru"])
    prepare(recipe, [].append)
    quarantined = (tmp_path / "store" / "quarantine.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert quarantined == ["demo-00005\tno alignment: phones.tsv has no line for it"]


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


def test_a_palatal_sign_belongs_to_the_consonant_before():
    words = [Word("хорь", ("x", "ˈo", "rʲ")), Word(".", (".",), punctuation=True)]
    events = ((0, "x"), (1000, "ˈo"), (2000, "r"), (3000, "ʲ"), (4000, ""))
    clip = locate(words, Spoken(b"\0" * 18000, events))
    assert [row[1:] for row in clip.phones] == [
        ("x", 0, 1000),
        ("ˈo", 1000, 2000),
        ("rʲ", 2000, 4000),
        (".", 4000, 6205),
    ]
    assert clip.mended == 0


@pytest.mark.parametrize(
    "events",
    [
        ((0, "ˈoʊ"), (1000, "ˈɔː"), (5000, "")),
        ((0, "ˈoʊ"), (1000, "ˈɔː"), (4000, "l")),
        ((0, "ˈoʊ"), (0, "ˈɔː"), (0, "l"), (5000, "")),
    ],
)
def test_events_that_do_not_fit_are_a_mismatch(events):
    with pytest.raises(MismatchError):
        locate(WORDS, Spoken(b"\0" * 18000, events))
