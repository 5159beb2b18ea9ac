"""What the aligner shows to people: the report as an HTML page, and its training sample as a picture."""

import base64
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from strict_page import Page

from fs2keras.aligner.picture import save_alignment
from fs2keras.aligner.report import Entry, write_report
from fs2keras.corpus.utterance import Segment

RATE, HOP = 22050, 256
SEGMENTS = (
    Segment("sp", 0.0, 0.1),
    Segment("t͡ʃ", 0.1, 0.15, "<chip>", True),
    Segment("ˈɪ", 0.15, 0.18, "<chip>"),
    Segment("p", 0.18, 0.5, "<chip>"),
    Segment(",", 0.5, 0.6, ","),
    Segment("ʃ", 0.6, 1.0, "shop", True),
)


def clip(path: Path, seconds=1.0, subtype="PCM_16", channels=1) -> Path:
    samples = np.random.default_rng(1).uniform(-1, 1, (int(seconds * RATE), channels))
    soundfile.write(path, samples, RATE, subtype=subtype)
    return path


def entry(wav: Path, **changes) -> Entry:
    mel = np.tile(np.linspace(-8, 0, 80, dtype=np.float16), (87, 1))
    values = {"id": "one", "text": "Chip, shop.", "segments": SEGMENTS, "confidence": 0.61824, "reason": ""}
    return Entry(wav=wav, **{**values, "mel": mel, "worst": '"shop" at 0.60 s', **changes})


def embedded(uri: str, kind: str) -> BytesIO:
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return BytesIO(base64.b64decode(data, validate=True))


class TestWriteReport:
    def test_shows_each_recording_in_the_order_given(self, tmp_path):
        wav = clip(tmp_path / "one.wav")
        entries = [entry(wav, id="b", reason="confidence below .5"), entry(wav, id="a")]
        write_report(tmp_path / "report.html", entries, [("set aside", "1 of 2"), ("confidence", ".62")])
        page = Page.of(tmp_path / "report.html")
        assert re.search(r"set aside\s*1 of 2\s*confidence\s*.62", page.text)
        assert page.text.index("set aside: confidence below .5") < page.text.index("kept")
        assert 'confidence 0.618, least certain: "shop" at 0.60 s' in page.text
        assert len(page.all("audio")) == len(page.all("img")) == len(page.all("article")) == 2
        assert sorted(file.name for file in tmp_path.iterdir()) == ["one.wav", "report.html"]

    def test_the_sound_is_the_recording(self, tmp_path):
        wav = clip(tmp_path / "one.wav")
        write_report(tmp_path / "report.html", [entry(wav)], [])
        (audio,) = Page.of(tmp_path / "report.html").all("audio")
        heard, rate = soundfile.read(embedded(audio["src"], "audio/flac"), dtype="int16")
        assert rate == RATE
        np.testing.assert_array_equal(heard, soundfile.read(wav, dtype="int16")[0])
        assert "controls" in audio

    @pytest.mark.parametrize(("subtype", "channels"), [("FLOAT", 1), ("PCM_24", 2), ("PCM_U8", 1)])
    def test_other_wavs_sound_too(self, tmp_path, subtype, channels):
        wav = clip(tmp_path / "one.wav", subtype=subtype, channels=channels)
        write_report(tmp_path / "report.html", [entry(wav)], [])
        (audio,) = Page.of(tmp_path / "report.html").all("audio")
        heard, _ = soundfile.read(embedded(audio["src"], "audio/flac"))
        np.testing.assert_allclose(heard, soundfile.read(wav)[0], atol=1 / 32768)

    def test_the_picture_is_the_spectrogram(self, tmp_path):
        write_report(tmp_path / "report.html", [entry(clip(tmp_path / "one.wav"))], [])
        (image,) = Page.of(tmp_path / "report.html").all("img")
        grey = np.asarray(Image.open(embedded(image["src"], "image/png")))
        assert grey.shape == (80, 87)
        assert (grey[0].max(), grey[-1].min()) == (0, 255)  # high bands above; loud is dark
        assert image["alt"]

    def test_labels_stand_under_their_phonemes(self, tmp_path):
        write_report(tmp_path / "report.html", [entry(clip(tmp_path / "one.wav"))], [])
        page = Page.of(tmp_path / "report.html")
        phones = [text for text in page.all("text") if text.get("class") == "phone"]
        assert [float(text["x"]) for text in phones] == pytest.approx([20, 26.4, 54.4, 128])
        assert phones[0]["y"] != phones[1]["y"]  # too narrow for both names
        (strip,) = [element for element in page.all("div") if element.get("class") == "strip seeks"]
        assert strip["style"].startswith("width:160px")
        assert (strip["role"], strip["tabindex"], float(strip["data-seconds"])) == ("slider", "0", 1.0)
        for label in ("t͡ʃ", "<chip>, 0.100 to 0.500 s", "shop", "0.5 s"):
            assert label in page.text

    def test_escapes_what_comes_from_the_corpus(self, tmp_path):
        hostile = '</p></script><script>alert("1")</script><!-- &amp; $entries ${x} \' >'
        changes = dict.fromkeys(("id", "text", "reason", "worst"), hostile)
        changes["segments"] = (Segment(hostile, 0.0, 0.5, hostile + "a", True), Segment("sp", 0.5, 1.0))
        wav = clip(tmp_path / "one.wav")
        write_report(tmp_path / "plain.html", [entry(wav)], [("name", "value")])
        entries = [entry(wav, **changes), entry(tmp_path / "<b>gone.wav", **changes)]
        write_report(tmp_path / "report.html", entries, [(hostile, hostile)])
        page = Page.of(tmp_path / "report.html")
        assert {tag for tag, _ in page.elements} == {tag for tag, _ in Page.of(tmp_path / "plain.html").elements}
        assert len(page.all("script")) == 1
        assert page.text.count(hostile) >= 11  # two in the table; id, text, reason, worst of each; labels
        assert "$entries" in page.text

    def test_needs_nothing_from_outside(self, tmp_path):
        write_report(tmp_path / "report.html", [entry(clip(tmp_path / "one.wav"))], [("a", "b")])
        page = Page.of(tmp_path / "report.html")
        assert not re.search(r"https?:|@import|url\(", (tmp_path / "report.html").read_text(encoding="utf-8"))
        for _, attributes in page.elements:
            for name in {"src", "href", "xlink:href", "data", "poster"} & attributes.keys():
                assert attributes[name].startswith("data:")
        (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
        assert policy.startswith("default-src 'none'")  # and the browser holds it to that

    @pytest.mark.parametrize("content", [None, b"", b"no wav at all"])
    def test_says_which_recording_cannot_be_played(self, tmp_path, content):
        wav = tmp_path / "two.wav"
        if content is not None:
            wav.write_bytes(content)
        write_report(tmp_path / "report.html", [entry(clip(tmp_path / "one.wav")), entry(wav)], [])
        page = Page.of(tmp_path / "report.html")
        assert len(page.all("audio")) == 1
        assert len(page.all("img")) == 2
        assert "two.wav cannot be played" in page.text

    def test_says_when_nothing_could_be_aligned(self, tmp_path):
        wav = clip(tmp_path / "one.wav")
        write_report(tmp_path / "report.html", [entry(wav, segments=(), reason="too short", worst="")], [])
        page = Page.of(tmp_path / "report.html")
        assert "Nothing could be aligned." in page.text
        assert (len(page.all("audio")), len(page.all("img"))) == (1, 0)

    def test_draws_a_recording_of_silence(self, tmp_path):
        still = entry(clip(tmp_path / "one.wav"), segments=(Segment("sp", 0.0, 1.0),), mel=np.full((87, 80), -11.5))
        write_report(tmp_path / "report.html", [still], [])
        assert len(Page.of(tmp_path / "report.html").all("img")) == 1

    def test_a_page_without_recordings(self, tmp_path):
        write_report(tmp_path / "report.html", [], [])
        page = Page.of(tmp_path / "report.html")
        assert "No recordings to show." in page.text
        assert not page.all("audio")
        assert not page.all("table")


class TestSaveAlignment:
    SYMBOLS = ("t͡ʃ", "ˈɪ", "p", "$", "ʃ")
    STARTS, ENDS = np.array([8, 12, 15, 40, 43]), np.array([12, 15, 35, 43, 80])  # a pause after "p"

    def save(self, path, frames=87, **changes):
        soft = np.zeros((frames, 5))
        for row, (start, end) in enumerate(zip(self.STARTS, self.ENDS, strict=True)):
            soft[start:end, row] = 1.0
        mel = np.tile(np.linspace(-8, 0, 80, dtype=np.float16), (frames, 1))
        values = {"soft": soft, "mel": mel, "symbols": self.SYMBOLS, "starts": self.STARTS, "ends": self.ENDS}
        save_alignment(path, **{**values, **changes}, hop=HOP, sample_rate=RATE, title="Chip, $ shop")

    def test_says_where_the_spectrogram_stands(self, tmp_path):
        self.save(tmp_path / "one.png")
        assert [file.name for file in tmp_path.iterdir()] == ["one.png"]
        with Image.open(tmp_path / "one.png") as picture:
            assert set(picture.text) == {"Software", "spectrogram", "seconds"}
            assert float(picture.text["seconds"]) == pytest.approx(87 * HOP / RATE, rel=1e-4)
            box = tuple(int(edge) for edge in picture.text["spectrogram"].split())
            inside = np.asarray(picture.convert("RGB").crop(box)).astype(int)
        frame = inside.shape[1] / 87
        still = inside[:, : int(7 * frame)]
        assert (still == still[:, :1]).all()  # no frame and no margin at the side
        assert still[0].sum() > still[-1].sum()  # yellow above, violet below
        brightness = inside[inside.shape[0] * 3 // 4].sum(axis=1)  # where the spectrogram is dark
        lines = np.flatnonzero(brightness > brightness[0] + 100) / frame
        found = np.unique(np.round(lines))
        np.testing.assert_array_equal(found, np.union1d(self.STARTS, self.ENDS))

    def test_other_starts_are_another_picture(self, tmp_path):
        self.save(tmp_path / "one.png")
        self.save(tmp_path / "same.png")
        self.save(tmp_path / "other.png", starts=self.STARTS + 1)
        one, same, other = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "same", "other"))
        assert one == same != other

    def test_is_wider_for_a_longer_recording(self, tmp_path):
        self.save(tmp_path / "short.png")
        self.save(tmp_path / "long.png", frames=900)
        with Image.open(tmp_path / "short.png") as short, Image.open(tmp_path / "long.png") as long:
            assert long.width > 1.5 * short.width
            assert long.height == short.height
