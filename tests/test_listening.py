"""The page to listen on: its sounds and pictures, what a blind page keeps to itself, what it makes of answers."""

import base64
import json
import re
import shutil
import subprocess
from html import unescape
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binomtest
from strict_page import Page

from fs2keras.audio import mel, wav
from fs2keras.errors import UserError
from fs2keras.evaluation.listening import Item, Sound, Table, write_page

RATE, HOP = 22050, 256
NAMES = ("grebe@25000", "heron@200000", "recording")
TABLE = Table("means of grebe@25000", ("metric", "grebe@25000"), (("mcd_espnet", "8.12"),))
NO_NODE = pytest.mark.skipif(not shutil.which("node"), reason="node is not here to run the page's script")
NO_CHROMIUM = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not here to open the page")


def voice(seconds=0.4, pitch=120.0, level=0.5) -> np.ndarray:
    """Harmonics that swell and fade four times a second, with some breath."""
    time = np.arange(round(seconds * RATE)) / RATE
    harmonics = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    breath = np.random.default_rng(1).normal(0, 0.02, len(time))
    return (level * (harmonics / 2 * (0.55 - 0.45 * np.cos(8 * np.pi * time)) + breath)).clip(-1, 1).astype(np.float32)


def sound(system=NAMES[0], samples=None, **changes) -> Sound:
    samples = voice() if samples is None else samples
    values = {
        "mel": np.tile(np.linspace(0, -9, 80), (1 + len(samples) // HOP, 1)),
        "facts": (("mcd_espnet", "8.1 dB"),),
    }
    return Sound(system, samples, RATE, **{**values, **changes})


def items(names=NAMES, count=3) -> list[Item]:
    return [Item(f"LJ-{i}", f"Sentence {i}.", tuple(sound(name) for name in names)) for i in range(count)]


def page_of(folder: Path, **changes) -> Path:
    values = {
        "title": "Voices",
        "summary": [("voices", NAMES[0])],
        "systems": NAMES,
        "items": items(),
        "tables": [TABLE],
    }
    write_page(folder / "page.html", **{**values, **changes})
    return folder / "page.html"


def embedded(uri: str, kind: str) -> BytesIO:
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return BytesIO(base64.b64decode(data, validate=True))


def heard(path: Path) -> list[np.ndarray]:
    found = [soundfile.read(embedded(audio["src"], "audio/ogg")) for audio in Page.of(path).all("audio")]
    assert all(rate == RATE for _, rate in found)
    return [samples for samples, _ in found]


def decibels(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def unsealed(page: Page) -> dict:
    return json.loads(base64.b64decode(page.scripts[0], validate=True))


class TestPage:
    def test_shows_every_sentence_in_every_voice(self, tmp_path):
        page = Page.of(page_of(tmp_path))
        assert re.search(r"Voices\s+voices\s*grebe@25000", page.text)
        assert [page.text.count(f"Sentence {i}.") for i in range(3)] == [1, 1, 1]
        assert len(page.all("audio")) == len(page.all("img")) == 9
        for name in NAMES[1:]:
            assert page.text.count(name) == 3 * 3  # beside its player, above its picture, above its facts
        assert page.text.index("means of grebe@25000") > page.text.index("Sentence 2.")
        assert page.text.count("8.1 dB") == 9
        assert [file.name for file in tmp_path.iterdir()] == ["page.html"]

    def test_voices_stand_in_the_order_of_the_page(self, tmp_path):
        backwards = Item("one", "One.", tuple(sound(name) for name in NAMES[::-1]))
        page = Page.of(page_of(tmp_path, items=[backwards]))
        places = [page.text.index(name, page.text.index("One.")) for name in NAMES]
        assert places == sorted(places)
        assert [row["data-digit"] for row in page.all("li", "sound")] == ["1", "2", "3"]

    def test_a_missing_voice_leaves_its_key_free_and_a_reason(self, tmp_path):
        some = Item("one", "One.", (sound(NAMES[0]), sound(NAMES[2])), problem="heron@200000 does not know ʔ.")
        page = Page.of(page_of(tmp_path, items=[some, Item("two", "Two.", (), problem="Nobody does.")]))
        assert [row["data-digit"] for row in page.all("li", "sound")] == ["1", "3"]
        assert "does not know ʔ." in page.text
        assert "Nobody does." in page.text

    def test_a_fact_that_only_one_voice_has(self, tmp_path):
        two = (sound(NAMES[0], facts=(("cer", "4 %"),)), sound(NAMES[1], facts=(("wer", "9 %"),)))
        page = Page.of(page_of(tmp_path, items=[Item("one", "One.", two)], tables=()))
        assert re.search(r"cer\s*4 %\s*wer\s*9 %", page.text)

    def test_without_sentences(self, tmp_path):
        page = Page.of(page_of(tmp_path, items=[], summary=[], tables=()))
        assert "No sentences to hear." in page.text
        assert not page.all("audio")

    def test_refuses_a_voice_that_is_not_on_the_page(self, tmp_path):
        with pytest.raises(ValueError, match="'stork'"):
            page_of(tmp_path, items=items(["stork"]))
        assert not list(tmp_path.iterdir())

    def test_says_where_it_cannot_write(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(UserError, match="cannot be written"):
            page_of(tmp_path / "file")

    def test_needs_nothing_from_outside(self, tmp_path):
        for blind in (False, True):
            path = page_of(tmp_path, blind=blind)
            page = Page.of(path)
            assert not re.search(r"https?:|@import|url\(", path.read_text(encoding="utf-8"))
            for _, attributes in page.elements:
                for name in {"src", "href", "xlink:href", "data", "poster", "action"} & attributes.keys():
                    assert attributes[name].startswith("data:")
            (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
            assert policy.startswith("default-src 'none'")  # and the browser holds it to that

    HOSTILE = '</p></script><script>alert("1")</script><!-- &amp; $items ${x} \' > 🦆\n'
    TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("<>&'\"$/\n🦆"), min_size=1, max_size=30)

    @pytest.mark.parametrize("blind", [False, True])
    @settings(max_examples=10, deadline=None)
    @given(texts=st.lists(st.just(HOSTILE) | TEXTS, min_size=6, max_size=6))
    def test_escapes_what_it_is_given(self, tmp_path_factory, blind, texts):
        def page(title, id, text, problem, system, cell):
            systems = [system, system + "t"]
            sounds = tuple(sound(name, voice(0.05), facts=((cell, cell),)) for name in systems)
            values = {"items": [Item(id, text, sounds, problem)], "tables": [Table(cell, (cell,), ((cell,),))]}
            folder = tmp_path_factory.mktemp("escapes")
            return Page.of(page_of(folder, title=title, summary=[(cell, cell)], systems=systems, blind=blind, **values))

        plain, given_texts = page(*"abcdef"), page(*texts)
        assert [tag for tag, _ in plain.elements] == [tag for tag, _ in given_texts.elements]
        assert len(plain.scripts) == len(given_texts.scripts)
        for shown in texts[:3] if blind else texts:
            assert shown in given_texts.text
        if blind:
            assert unsealed(given_texts)["systems"] == [texts[4], texts[4] + "t"]


class TestSound:
    def test_is_nearly_what_was_spoken(self, tmp_path):
        spoken = [voice(0.9, 110), voice(0.7, 190, level=0.1)]
        path = page_of(tmp_path, items=[Item("one", "One.", (sound(NAMES[0], spoken[0]), sound(NAMES[1], spoken[1])))])
        for given_samples, samples in zip(spoken, heard(path), strict=True):
            assert len(samples) == len(given_samples)
            assert decibels(samples) == pytest.approx(decibels(given_samples), abs=0.1)  # a louder voice is preferred
            assert decibels(samples - given_samples) < decibels(given_samples) - 15
        sliders = [float(slider["max"]) for slider in Page.of(path).all("input") if slider["type"] == "range"]
        assert sliders == pytest.approx([0.9, 0.7], abs=1e-4)

    def test_too_loud_is_cut_not_wrapped(self, tmp_path):
        (samples,) = heard(page_of(tmp_path, items=[Item("one", "One.", (sound(samples=3 * voice()),))]))
        assert decibels(samples - np.clip(3 * voice(), -1, 1)) < -15

    @pytest.mark.parametrize("count", [1, 300, (1 << 21) + 1])  # what libsndfile is given at once must not be that long
    def test_very_short_and_very_long(self, tmp_path, count):
        (samples,) = heard(page_of(tmp_path, items=[Item("one", "One.", (sound(samples=np.zeros(count, "float32")),))]))
        np.testing.assert_allclose(samples, np.zeros(count), atol=1e-4)

    def test_flac_where_there_is_no_vorbis(self, tmp_path, monkeypatch):
        monkeypatch.setattr(soundfile, "available_subtypes", lambda format: {})
        (audio,) = Page.of(page_of(tmp_path, items=[Item("one", "One.", (sound(),))])).all("audio")
        samples, rate = soundfile.read(embedded(audio["src"], "audio/flac"))
        assert rate == RATE
        np.testing.assert_allclose(samples, voice(), atol=1 / 32768)

    def test_real_speech_is_small_and_near(self, tmp_path, ljspeech):
        samples = wav.scale_peak(wav.read(ljspeech / "wavs" / "LJ001-0002.wav", RATE), 1.0)
        spectrum = mel.log_mel(mel.stft_magnitude(samples, 1024, HOP, 1024), RATE, 1024, 80, 0.0, 8000.0)
        empty = page_of(tmp_path, items=[]).stat().st_size
        path = page_of(tmp_path, items=[Item("one", "One.", (sound(samples=samples, mel=spectrum),))])
        (found,) = heard(path)
        assert decibels(found - samples) < decibels(samples) - 15
        assert (path.stat().st_size - empty) / (len(samples) / RATE) < 16_000  # a short one: its tables count


class TestPicture:
    def pictures(self, path: Path) -> list[np.ndarray]:
        images = [Image.open(embedded(image["src"], "image/png")) for image in Page.of(path).all("img")]
        return [np.asarray(image.convert("L")).astype(int) for image in images]

    def test_greys_are_the_same_for_all_voices_of_a_sentence(self, tmp_path):
        loud, soft = (np.tile(np.linspace(top, top - 4, 80), (36, 1)) for top in (0.0, -2.0))
        path = page_of(tmp_path, items=[Item("one", "One.", (sound(NAMES[0], mel=loud), sound(NAMES[1], mel=soft)))])
        first, second = self.pictures(path)
        assert first.shape == second.shape == (80, 36)
        assert (first[-1] == 0).all()  # low bands below; loud is dark
        assert (second[0] == 255).all()
        assert second[-1, 0] == first[39, 0]  # two nepers less, as the middle of the first one

    def test_what_is_80_db_below_the_loudest_is_white(self, tmp_path):
        spectrum = np.tile(np.linspace(0, -18.42, 80), (36, 1))
        (grey,) = self.pictures(page_of(tmp_path, items=[Item("one", "One.", (sound(mel=spectrum),))]))
        assert (grey[:40] == 255).all()
        assert grey[-1, 0] == 0

    def test_draws_silence(self, tmp_path):
        (grey,) = self.pictures(page_of(tmp_path, items=[Item("one", "One.", (sound(mel=np.full((36, 80), -11.5)),))]))
        assert np.ptp(grey) == 0

    def test_a_second_is_as_wide_in_all_of_them(self, tmp_path):
        two = (sound(NAMES[0], voice(0.5)), sound(NAMES[1], voice(1.5)))
        page = Page.of(page_of(tmp_path, items=[Item("one", "One.", two)]))
        short, long = (float(re.search(r"width:([\d.]+)px", strip["style"])[1]) for strip in page.all("div", "strip"))
        assert long == pytest.approx(3 * short, abs=0.2)
        assert re.search(r"mel band0\s*40\s*80", page.text)
        assert "0.5 s1 s1.5 s" in page.text


class TestBlindPage:
    def test_names_are_nowhere_but_in_the_sealed_block(self, tmp_path):
        problem = [Item("x", "X.", (sound(NAMES[1]),), problem="grebe@25000 cannot.")]
        path = page_of(tmp_path, items=items() + problem, blind=True, reference="recording")
        page = Page.of(path)
        source = path.read_text(encoding="utf-8").replace(page.scripts[0], "")
        assert not re.search(r"grebe|heron|8\.1 dB|mcd_espnet", source)
        assert "recording" in page.text
        secret = unsealed(page)
        assert secret["systems"] == list(NAMES)
        assert secret["sounds"] == [[0, 1, 2]] * 3 + [[1]]
        assert secret["problems"][-1] == "grebe@25000 cannot."
        assert "means of grebe@25000" in secret["tables"]
        assert "8.1 dB" in secret["facts"][0]
        assert "Not every voice could speak this sentence." in page.text

    def test_pictures_wait(self, tmp_path):
        page = Page.of(page_of(tmp_path, blind=True))
        assert all("hidden" in figure for figure in page.all("figure"))
        assert not any("hidden" in figure for figure in Page.of(page_of(tmp_path)).all("figure"))

    def test_asks_where_there_is_something_to_choose(self, tmp_path):
        alone = Item("alone", "Alone.", (sound(NAMES[0]), sound("recording")))
        page = Page.of(page_of(tmp_path, items=[*items(count=1), alone], blind=True, reference="recording"))
        assert len(page.all("fieldset")) == 1
        assert len([field for field in page.all("input") if field["type"] == "radio"]) == 3  # A, B, no difference
        assert "Which is better?" in page.text
        assert "Which is best?" in Page.of(page_of(tmp_path, blind=True)).text  # of three
        assert len(page.all("li", "sound voter")) == 3

    def test_other_sounds_are_another_page(self, tmp_path):
        def digest(**changes):
            (block,) = [
                script
                for script in Page.of(page_of(tmp_path, blind=True, **changes)).all("script")
                if "data-page" in script
            ]
            return block["data-page"]

        other = [Item(item.id, item.text, (sound(NAMES[0], voice(pitch=130)), *item.sounds[1:])) for item in items()]
        assert digest() == digest(title="The same") != digest(items=other)


@NO_NODE
class TestStatistics:
    """The functions of the page's script, run by node."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        script = next(s for s in Page.of(page_of(tmp_path_factory.mktemp("page"))).scripts if "function signTest" in s)

        def run(expression: str):
            found = subprocess.run(
                ["node", "-e", f"{script}\nconsole.log(JSON.stringify({expression}))"],
                capture_output=True,
                text=True,
                check=True,
            )
            return json.loads(found.stdout)

        return run

    PAIRS = [(0, 1), (1, 0), (7, 3), (3, 7), (5, 5), (9, 1), (0, 12), (60, 40), (700, 600), (3000, 2800)]

    def test_the_sign_test_is_scipys(self, run):
        found = run(f"{json.dumps(self.PAIRS)}.map(([wins, losses]) => signTest(wins, losses))")
        assert found == pytest.approx([binomtest(a, a + b).pvalue for a, b in self.PAIRS], rel=1e-9)

    def test_the_interval_is_scipys(self, run):
        found = run(f"{json.dumps(self.PAIRS)}.map(([wins, losses]) => wilson(wins, wins + losses))")
        for (wins, losses), interval in zip(self.PAIRS, found, strict=True):
            expected = binomtest(wins, wins + losses).proportion_ci(method="wilson")
            assert interval == pytest.approx([expected.low, expected.high], abs=1e-12)

    def test_percentages(self, run):
        assert run("[0, .0004, .0123, .0994, .0996, .34375, 1].map(percent)") == [
            *("0 %", "less than 0.1 %", "1.2 %", "9.9 %", "10 %", "34 %", "100 %")
        ]

    def test_says_it_in_words(self, run):
        words = run('[[7, 3], [1, 12], [4, 4], [0, 0]].map((wins) => verdict(["x", "y"], wins, 2))')
        assert words[0] == (
            "7 of 10 preferred x, 3 y; chance alone would give this or more, for either voice, in 34 % of such tests "
            "(p = 0.34, exact sign test without ties): it may be chance. In 2 more there was no difference."
        )
        assert words[1].startswith(
            "12 of 13 preferred y, 1 x; chance alone would give this or more, for either voice, in 0.3 %"
        )
        assert "hardly chance." in words[1]
        assert words[2].startswith("4 of 8 preferred x, 4 y: no preference.")
        assert words[3].startswith("No sentence was decided.")


def browse(page: Path, script: str) -> dict:
    """What `script` gave to `finish` when it ran in the page, in a browser."""
    beginning = """
        const violations = [];
        document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
        const press = (key) => (document.activeElement ?? document.body).dispatchEvent(
          new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        const finish = (found) => document.body.append(Object.assign(document.createElement("pre"),
          {id: "found", textContent: JSON.stringify({...found, violations})}));
    """
    copy = page.with_name("with-script.html")
    content = page.read_text(encoding="utf-8")
    copy.write_text(content.replace("</body>", f"<script>{beginning}\n{script}</script></body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    options += ["--mute-audio", "--autoplay-policy=no-user-gesture-required"]
    found = subprocess.run(
        ["chromium", *options, f"--user-data-dir={page.parent / 'profile'}", "--dump-dom", copy.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if found.returncode:
        pytest.skip(f"chromium does not run here: {found.stderr[-300:]}")
    (json_text,) = re.findall(r'<pre id="found">(.*?)</pre>', found.stdout, re.DOTALL)
    return json.loads(unescape(json_text))


@NO_CHROMIUM
class TestInABrowser:
    def test_keys_play_and_go_on(self, tmp_path):
        found = browse(
            page_of(tmp_path),
            """
            const steps = [], isPlaying = (player) => Number(!player.audio.paused);
            const look = () => steps.push([current, ...items.map((item) => item.players.map(isPlaying).join(""))]);
            look();
            press("2"); look();
            press("3"); look();
            press("3"); look();
            press("ArrowDown"); press("1"); look();
            press("ArrowDown"); press("ArrowDown"); press("3"); look();
            press("ArrowUp"); press("3"); look();
            const [first, second, third] = items[1].players;
            press("k"); third.seek(.3); press("1");
            const kept = first.audio.currentTime;
            press("k"); press("2");
            const fresh = second.audio.currentTime, left = first.audio.currentTime;
            second.audio.addEventListener("play", () => finish({
              steps, kept, fresh, left, label: second.button.getAttribute("aria-label"),
              shown: !document.querySelector("main").hidden,
            }));
            """,
        )
        assert found["steps"] == [
            [0, "000", "000", "000"],
            [0, "010", "000", "000"],
            [0, "001", "000", "000"],  # one falls silent when another begins
            [0, "000", "000", "000"],
            [1, "000", "100", "000"],
            [2, "000", "000", "001"],  # there is no fourth item
            [1, "000", "001", "000"],
        ]
        assert found["kept"] == pytest.approx(0.3, abs=0.05)
        assert found["fresh"] == found["left"] == 0
        assert found["label"] == "pause heron@200000"
        assert found["shown"]
        assert not found["violations"]

    def test_a_blind_test_from_beginning_to_end(self, tmp_path):
        path = page_of(tmp_path, items=items(count=8), blind=True, reference="recording")
        found = browse(
            path,
            """
            // The listener likes the second system, sound 1, but for one sentence; reloads; then answers the last.
            const letters = state.orders.map((order) => "ab"[order.indexOf(1)]);
            const first = !sessionStorage.getItem("orders");
            if (first) {
              sessionStorage.setItem("orders", JSON.stringify(state.orders));
              for (let i = 0; i < 7; i++) {
                press(i === 4 ? "n" : i === 5 ? {a: "b", b: "a"}[letters[i]] : letters[i]);
                press("ArrowDown");
              }
              location.reload();
            } else {
              const before = document.querySelector("main").innerText, count = byId("count").textContent;
              const same = sessionStorage.getItem("orders") === JSON.stringify(state.orders);
              const asked = [];
              window.confirm = (question) => { asked.push(question); return false; };
              byId("reveal").click();
              const refused = state.revealed;
              items[7].radios["ab".indexOf(letters[7])].click();
              byId("reveal").click();
              const files = [];
              URL.createObjectURL = (blob) => { files.push(blob); return "data:,"; };
              byId("save").click();
              files[0].text().then((json) => finish({
                before, count, same, asked, refused, result: JSON.parse(json),
                text: document.querySelector("textarea").value,
                names: items.map((item) => item.rows.map((row) => row.querySelector(".name").textContent)),
                orders: state.orders, after: document.querySelector("main").innerText,
                figures: document.querySelectorAll("figure:not([hidden])").length,
                disabled: items[0].radios.every((radio) => radio.disabled),
              }));
            }
            """,
        )
        assert not re.search("grebe|heron|8.1 dB", found["before"])
        assert re.search(r"recording\s*A\s*B", re.sub(r"0\.0 / \d\.\d s|[012]", "", found["before"]))
        assert found["count"] == "7 of 8 answered"
        assert found["same"]
        assert len(found["asked"]) == 1
        assert not found["refused"]
        assert all(sorted(order) == [0, 1] for order in found["orders"])
        for names, order in zip(found["names"], found["orders"], strict=True):
            assert names == ["recording", f"A = {NAMES[order[0]]}", f"B = {NAMES[order[1]]}"]
        result = found["result"]
        assert [(voice["name"], voice["preferred"], voice["of"]) for voice in result["voices"]] == [
            ("grebe@25000", 1, 7),
            ("heron@200000", 6, 7),
        ]
        assert result["no_difference"] == 1
        assert result["sign_test_p"] == pytest.approx(binomtest(6, 7).pvalue)
        assert [choice["answer"] for choice in result["choices"]].count("preferred") == 7
        assert "6 of 7 preferred heron@200000, 1 grebe@25000" in found["text"]
        assert "LJ-4: no difference" in found["text"]
        assert "means of grebe@25000" in found["after"]
        assert "8.1 dB" in found["after"]
        assert found["figures"] == 8
        assert found["disabled"]
        assert not found["violations"]

    def test_three_voices_are_counted_where_they_were_heard(self, tmp_path):
        some = [*items(count=2), Item("pair", "Pair.", (sound(NAMES[0]), sound(NAMES[1])), problem="recording is lost")]
        found = browse(
            page_of(tmp_path, items=some, blind=True),
            """
            items.forEach((item) => item.radios[state.orders[item.index].indexOf(0)].click());
            byId("reveal").click();
            const cells = [...document.querySelectorAll("#result tbody tr")].map((row) => [...row.cells].slice(0, 3));
            finish({
              words: document.querySelector(".verdict").textContent,
              problem: document.querySelector(".problem").textContent,
              rows: cells.map((row) => row.map((cell) => cell.textContent)),
            });
            """,
        )
        assert found["words"] == "Sentences decided: 3, without a difference: 0."
        assert found["rows"] == [["grebe@25000", "3", "3"], ["heron@200000", "0", "3"], ["recording", "0", "2"]]
        assert found["problem"] == "recording is lost"
        assert not found["violations"]

    def test_does_without_a_memory(self, tmp_path):
        path = page_of(tmp_path, blind=True)
        forgets = (
            '<script>Object.defineProperty(window, "sessionStorage", {get() { throw new Error("no"); }});</script>'
        )
        path.write_text(path.read_text(encoding="utf-8").replace("<main", forgets + "<main", 1), encoding="utf-8")
        found = browse(path, 'press("a"); finish({count: byId("count").textContent})')
        assert found["count"] == "1 of 3 answered"
