"""The LJSpeech layout, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs2keras.corpus.readers import read_ljspeech, read_phones
from fs2keras.corpus.utterance import CorpusError, Segment
from fs2keras.errors import UserError


def corpus(folder, metadata, phones=None):
    (folder / "metadata.csv").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
    if phones is not None:
        (folder / "phones.tsv").write_text(phones, encoding="utf-8")
    return folder


def test_prefers_the_normalised_text(tmp_path):
    lines = 'a|Dr. A|Doctor A\nb|only one\nc|kept|\nd|"quoted", with \'marks\'|"So" it is\n'
    texts = {u.id: u.text for u in read_ljspeech(corpus(tmp_path, lines))}
    assert texts == {"a": "Doctor A", "b": "only one", "c": "kept", "d": '"So" it is'}


def test_yields_clips_that_are_missing(tmp_path):
    (utterance,) = read_ljspeech(corpus(tmp_path, "a|text"))
    assert utterance.wav == tmp_path / "wavs" / "a.wav"
    assert utterance.segments is None
    assert utterance.speaker == ""


def test_accepts_what_editors_do_to_files(tmp_path):
    folder = corpus(tmp_path, "\ufeffa|Zoë|Zoë\r\n\r\nb|two\u2028lines|\r\n".encode())
    assert [(u.id, u.text) for u in read_ljspeech(folder)] == [("a", "Zoë"), ("b", "two\u2028lines")]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("a|x\nb\n", r"metadata\.csv:2: 1 fields"),
        ("a|x|y|z\n", r"metadata\.csv:1: 4 fields"),
        ("a|x\n|y\n", r"metadata\.csv:2: no id"),
        ("a|x\nb||\n", r"metadata\.csv:2: b has no text"),
        ("a|x\nb|x\na|y\n", r"metadata\.csv:3: id 'a' is already on line 1"),
        ("../x|y\n", r"metadata\.csv:1: id '\.\./x' is no plain file name"),
        ("a|x\n/etc/passwd|y\n", r"metadata\.csv:2: id '/etc/passwd'"),
        ("..|y\n", "no plain file name"),
        ("a\\b|y\n", "no plain file name"),
        ("a\0b|y\n", "no plain file name"),
        ("a\tb|y\n", "no plain file name"),
        ("", "holds no utterances"),
        (b"a|x\n" + b"b|\xff\xfe\n", "not UTF-8"),
    ],
)
def test_refuses_bad_metadata_at_once(tmp_path, metadata, message):
    with pytest.raises(CorpusError, match=message):
        read_ljspeech(corpus(tmp_path, metadata))


def test_says_what_a_corpus_folder_is(tmp_path):
    with pytest.raises(CorpusError, match=r"no such file.*LJSpeech.*corpus\.path"):
        read_ljspeech(tmp_path / "nowhere")
    assert issubclass(CorpusError, UserError)


@given(st.text(max_size=20))
def test_no_id_leads_out_of_the_folder(tmp_path_factory, id):
    folder = tmp_path_factory.mktemp("corpus")
    try:
        utterances = list(read_ljspeech(corpus(folder, f"{id}|text\n".encode("utf-8", "surrogatepass"))))
    except CorpusError:
        return
    for utterance in utterances:
        assert utterance.wav.resolve().parent == (folder / "wavs").resolve()


class TestGivenAlignment:
    METADATA = "a|Hi.\nb|Oh\n"
    PHONES = "a\thi\th\t0.000000\t0.100000\na\thi\taɪ\t0.100000\t0.300000\na\t.\t.\t0.300000\t0.400000\n"

    def test_is_attached(self, tmp_path):
        first, second = read_ljspeech(corpus(tmp_path, self.METADATA, self.PHONES))
        assert first.segments == (
            Segment("h", 0.0, 0.1, "hi"),
            Segment("aɪ", 0.1, 0.3, "hi"),
            Segment(".", 0.3, 0.4, "."),
        )
        assert second.segments is None

    def test_may_have_a_header(self, tmp_path):
        corpus(tmp_path, self.METADATA, "id\tword\tsymbol\tstart_s\tend_s\n" + self.PHONES)
        assert len(read_phones(tmp_path / "phones.tsv")["a"]) == 3

    @pytest.mark.parametrize(
        ("phones", "message"),
        [
            ("a\thi\th\t0\n", r"phones\.tsv:1: 4 tab-separated fields"),
            (PHONES + "a\tx\ty\tzero\t1\n", r"phones\.tsv:4: start and end are 'zero'"),
            (PHONES + "a\tx\ty\t0.5\t0.6\n", r"phones\.tsv:4: 'y' of a starts at 0\.5 s, but .* ends at 0\.4 s"),
            ("a\tx\ty\t0.5\t0.4\n", "expected 0 <= start <= end"),
            ("a\tx\ty\t-1\t0.4\n", "expected 0 <= start <= end"),
            ("a\tx\ty\t0\tnan\n", "expected 0 <= start <= end"),
            ("a\tx\ty\t0\tinf\n", "expected 0 <= start <= end"),
            ("a\tx\t\t0\t1\n", "no symbol"),
            ("z\tx\ty\t0\t1\n", "'z' is not an id of"),
        ],
    )
    def test_refuses_bad_lines(self, tmp_path, phones, message):
        with pytest.raises(CorpusError, match=message):
            read_ljspeech(corpus(tmp_path, self.METADATA, phones))


def test_reads_the_shared_clips(ljspeech):
    utterances = list(read_ljspeech(ljspeech))
    assert len(utterances) == 385
    assert utterances[1].text == "in being comparatively modern."
    assert all(utterance.wav.is_file() for utterance in utterances)
