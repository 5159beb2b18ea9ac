"""The report as it is written: an HTML file that needs nothing besides, and a PDF, for every state a run can be in."""

import base64
import os
import re
import shutil
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_runs import (
    SENTENCE,
    run_at,
    whole_run,
    write_beats,
    write_events,
    write_sample,
    write_steps,
    write_validation,
)
from strict_page import Page
from synthetic_run import write_run

from fs2keras.errors import CallError, UserError
from fs2keras.report import page, samples
from fs2keras.report.canvas import style
from fs2keras.report.document import Chart, Listing, Section, Sound, Sounds, Table, Text
from fs2keras.report.facts import read_run
from fs2keras.report.sections import sections
from fs2keras.report.write import MOST_RUNS, write_report
from fs2keras.rundir.layout import RunDir

CHAPTERS = ["Summary", "Losses", "Validation against training", "Speed", "Learning rate and gradients", "Storage"]
CHAPTERS += ["Evaluation", "Prosody and alignment", "Samples", "Recipe", "Machine and versions"]


def written(tmp_path: Path, *runs: RunDir, pdf: bool = False) -> Page:
    """The page of a report on these runs."""
    html = tmp_path / "out" / "report.html"
    write_report(runs, html, html.with_suffix(".pdf") if pdf else None, lambda line: None)
    return Page(html.read_text(encoding="utf-8"))


def pages_of(pdf: Path) -> int:
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    return len(re.findall(rb"/Type /Page\b", data))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with everything in it, its page, and the lines that were reported."""
    folder = tmp_path_factory.mktemp("whole")
    run, lines = whole_run(folder / "runs" / "small"), []
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    write_report([run], folder / "report.html", folder / "report.pdf", lines.append)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before  # it only reads
    return folder, Page((folder / "report.html").read_text(encoding="utf-8")), lines


class TestWholeRun:
    def test_has_all_chapters_and_links_to_them(self, whole):
        _, found, _ = whole
        assert found.headings == CHAPTERS
        names = {attributes["id"] for attributes in found.all("h2")}
        assert {f"#{name}" for name in names} == {attributes["href"] for attributes in found.all("a")}

    def test_says_the_facts_in_words(self, whole):
        _, found, _ = whole
        assert "small (fastspeech2, 2.7 million parameters) is finished: 400 steps are done." in found.text
        assert "In training the loss went from 10.51 to 2.353 (78 % less)" in found.text
        assert "lowest at step 400, 2.553 (checkpoints/step-0000400.keras)" in found.text
        assert "resumed once, after 19 min in all without a process and with 20 steps to be done again" in found.text
        assert "mcd_espnet 8.00 dB (7.20 to 8.80; copy-synthesis 4.00)" in found.text

    def test_needs_nothing_besides(self, whole):
        folder, found, _ = whole
        source = (folder / "report.html").read_text(encoding="utf-8")
        assert not re.search(r"https?://|src=\"(?!data:)|@import|url\((?!#)", source)
        policy = next(tag for tag in found.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
        assert policy["content"].startswith("default-src 'none';")

    def test_colours_are_the_pages_so_that_a_dark_window_has_its_own(self, whole):
        folder, _, _ = whole
        body = (folder / "report.html").read_text(encoding="utf-8").partition("<body>")[2]
        assert "var(--series-0)" in body
        assert not re.search(r"(fill|stroke): #(?!000000|ffffff)", body)

    def test_can_be_read_without_seeing_it(self, whole):
        _, found, _ = whole
        assert all(tag["aria-label"] and tag["role"] == "img" for tag in found.all("svg"))
        assert all(tag["scope"] for tag in found.all("th"))
        assert all(tag["aria-label"] for tag in found.all("audio"))
        assert next(tag for tag in found.all("html"))["lang"] == "en"

    def test_what_others_wrote_is_escaped(self, whole):
        folder, found, _ = whole
        assert SENTENCE in found.text
        assert "<b>" not in (folder / "report.html").read_text(encoding="utf-8")

    def test_sound_is_the_wav(self, whole):
        folder, found, _ = whole
        sounds = found.all("audio")
        assert len(sounds) == 1 + 2  # the last one, and the first sentence over two steps
        head, _, data = sounds[0]["src"].partition(",")
        assert head == "data:audio/flac;base64"
        mine, rate = soundfile.read(BytesIO(base64.b64decode(data)), dtype="int16")
        theirs, _ = soundfile.read(folder / "runs/small/samples/step-0000400/01.wav", dtype="int16")
        assert rate == 22050
        np.testing.assert_array_equal(mine, theirs)

    def test_the_pdf_has_the_same_and_pages(self, whole):
        folder, _, lines = whole
        count = pages_of(folder / "report.pdf")
        assert count >= 5
        assert lines[-1].startswith(f"{folder / 'report.pdf'}: {count} pages, ")
        assert lines[-2].startswith(f"{folder / 'report.html'}: ")


class TestStates:
    def test_still_training(self, tmp_path):
        run = write_run(tmp_path / "run", 600, status="training", pid=os.getpid())
        text = written(tmp_path, run).text
        assert re.search(r"run \(fastspeech2, 8\.3 million parameters\) is training now, at step 600 of 750", text)
        assert "the steps that are left need about" in text

    def test_crashed_on_another_machine(self, tmp_path):
        run = run_at(tmp_path / "run", status="training", total_steps=400)
        write_steps(run, range(10, 101, 10), np.linspace(9, 5, 10))
        write_beats(run, (0, 3, 0, 100, "training"))
        text = written(tmp_path, run, pdf=True).text
        assert "run (fastspeech2, 2.7 million parameters) stands still at step 100 of 400 (25 %): process 1" in text
        assert "on host elsewhere cannot be seen from here" in text
        assert pages_of(tmp_path / "out" / "report.pdf") >= 2

    def test_crashed_here(self, tmp_path):
        text = written(tmp_path, write_run(tmp_path / "run", 400, status="crashed")).text
        assert "crashed at step 400 of 500 (80 %): process 4194305 is gone" in text

    def test_nan(self, tmp_path):
        run = run_at(tmp_path / "run", status="nan")
        write_steps(run, (10, 20, 30), (9, 8, float("nan")))
        write_events(run, (0, 0, "started"), (1, 30, "nan", "LJ-7"))
        text = written(tmp_path, run).text
        assert "ended at step 30 of 400 (7.5 %): the gradients became NaN or infinite at step 30" in text

    def test_without_validation_evaluation_or_samples(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_steps(run, range(10, 401, 10), np.linspace(9, 5, 40))
        found = written(tmp_path, run)
        assert "There is no validation yet." in found.text
        assert f"These figures are made by: fs2keras evaluate {run.path}" in found.text
        assert "There are no samples" in found.text
        assert found.headings == CHAPTERS

    def test_suggested_commands_can_be_typed_where_names_have_blanks(self, tmp_path):
        run = run_at(tmp_path / "a run")
        assert written(tmp_path, run).text.count(f": fs2keras evaluate '{run.path}'") == 2

    def test_a_recipe_and_nothing_else(self, tmp_path):
        run = run_at(tmp_path / "run")
        run.run_json.unlink()
        text = written(tmp_path, run, pdf=True).text
        assert "run has not been trained: there is no run.json" in text
        assert "No step has been logged yet" in text
        assert "where it was trained is not known" in text

    def test_a_damaged_record_is_a_sentence(self, tmp_path):
        run = run_at(tmp_path / "run")
        run.run_json.write_text("{", encoding="utf-8")
        assert "run.json: cannot be read" in written(tmp_path, run).text

    def test_an_aligner_shows_pictures_without_sound(self, tmp_path):
        run = run_at(tmp_path / "run", kind="aligner")
        write_sample(run, 100, "LJ-1")
        (run.sample_folder(100) / "LJ-1.wav").unlink()
        found = written(tmp_path, run)
        assert not found.all("audio")
        assert "LJ-1" in found.text
        assert any("LJ-1" in tag["aria-label"] for tag in found.all("svg"))

    def test_what_cannot_be_heard_or_seen_is_a_sentence(self, tmp_path):
        run = run_at(tmp_path / "run")
        write_sample(run, 100)
        for name in ("01.wav", "01.png"):
            (run.sample_folder(100) / name).write_bytes(b"nonsense")
        text = written(tmp_path, run).text
        assert "01.wav cannot be played" in text
        assert "01.png cannot be shown" in text


class TestSeveralRuns:
    def test_stand_beside_each_other(self, tmp_path):
        one, other = whole_run(tmp_path / "one"), whole_run(tmp_path / "other")
        text = other.recipe.read_text(encoding="utf-8")
        other.recipe.write_text(text.replace("clip = 1.0", "clip = 0.5\nwarmup = 100"), encoding="utf-8")
        write_validation(other, (200, 400), (4.0, 2.0))
        found = written(tmp_path, one, other, pdf=True)
        assert found.headings == CHAPTERS
        assert "lowest validation loss is that of other, 2 at step 400; then one 2.553 at step 400" in found.text
        assert re.search(r"train\.warmup\s*4000\s*100\s*yes", found.text)
        assert re.search(r"train\.clip\s*1\.0\s*0\.5\s*yes", found.text)
        assert found.text.count("mel-cepstral distortion [mcd_espnet]") == 1
        assert pages_of(tmp_path / "out" / "report.pdf") >= 4

    def test_of_the_same_name_are_told_apart_by_their_paths(self, tmp_path):
        runs = [run_at(tmp_path / folder / "same") for folder in ("a", "b")]
        text = written(tmp_path, *runs).text
        assert all(str(run.path) in text for run in runs)

    def test_of_different_kinds(self, tmp_path):
        one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other", kind="aligner")
        other.recipe.write_text(other.recipe.read_text().replace('"fastspeech2"', '"aligner"'), encoding="utf-8")
        text = written(tmp_path, one, other).text
        assert "their losses cannot be compared" in text
        assert "whose recipes have different keys" in text

    def test_a_recipe_of_another_version_is_a_sentence(self, tmp_path):
        one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other")
        other.recipe.write_text('kind = "fastspeech3"\n', encoding="utf-8")
        assert "The recipe of other cannot be compared" in written(tmp_path, one, other).text

    def test_are_not_too_many(self, tmp_path):
        with pytest.raises(CallError, match=f"1 to {MOST_RUNS} runs, not 9"):
            write_report([RunDir(tmp_path)] * 9, tmp_path / "x.html", None, print)
        with pytest.raises(CallError, match="not 0"):
            write_report([], tmp_path / "x.html", None, print)


class TestWriting:
    def test_a_place_that_cannot_be_written_is_refused_before_the_work(self, tmp_path):
        run = run_at(tmp_path / "run")
        (tmp_path / "file").write_text("")
        lines = []
        with pytest.raises(UserError, match=r"cannot be written .*Name another place: -o report\.html"):
            write_report([run], tmp_path / "file" / "report.html", None, lines.append)
        assert not lines

    def test_too_much_sound_is_left_out_and_said(self, tmp_path, monkeypatch):
        run = run_at(tmp_path / "run")
        for step in (100, 200, 300):
            write_sample(run, step, picture=False)
        size = len(samples._flac(run.sample_folder(300) / "01.wav")[0])
        monkeypatch.setattr(samples, "MOST_BYTES", round(1.5 * size * 4 / 3))
        found = written(tmp_path, run)
        assert len(found.all("audio")) == 1
        assert "3 sounds were left out" in found.text

    def test_the_first_sentence_is_heard_over_at_most_eight_steps(self, tmp_path):
        run = run_at(tmp_path / "run")
        for step in range(10, 201, 10):
            write_sample(run, step, picture=False)
        found = read_run(run, "run", lambda line: None)
        last, over = samples.blocks([found], samples.Budget(samples.MOST_BYTES))
        assert [sound.title for sound in last.sounds] == [SENTENCE]
        titles = [sound.title for sound in over.sounds]
        assert len(titles) == 8
        assert (titles[0], titles[-1]) == ("step 10", "step 200")

    def test_200_000_steps_take_seconds(self, tmp_path):
        run = write_run(tmp_path / "run", 20_000)  # a tenth of it
        begin = time.process_time()
        written(tmp_path, run)
        assert time.process_time() - begin < 20


class TestPage:
    BLOCKS = (
        Text("one & two", warns=True),
        Table("a <table>", ("x", "y"), [("among",), ("1", "<2>")], frozenset({1})),
        Listing("file", "<tag> = 1"),
        Sounds("sounds", [Sound("title", "sentence", b"", "cannot be played: <why>", None)]),
    )

    def test_everything_is_escaped(self):
        with style(9):
            source = page.render("<title>", "made & done", [Section("name", "<chapter>", self.BLOCKS)], print)
        found = Page(source)
        for text in ("<title>", "made & done", "<chapter>", "one & two", "a <table>", "<2>", "<tag> = 1", "<why>"):
            assert text in found.text

    def test_names_in_one_chart_are_not_found_in_another(self):
        def draw(area):
            area.axes(1, 1, 3, 1).plot([0, 1], [0, 1], "o", clip_on=True)

        charts = [Chart(name, "", "alt", "", 3.0, draw) for name in ("one", 'a "name" of a file')]
        source = page.render("t", "m", [Section("name", "title", charts)], lambda line: None)
        found = Page(source)
        names = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
        used = {attributes["href"] for attributes in found.all("use")}
        used |= {attributes["clip-path"][4:-1] for _, attributes in found.elements if "clip-path" in attributes}
        assert len(used) >= 4
        assert {name.lstrip("#") for name in used} <= names


CELL = st.sampled_from(["", "nan", "inf", "-1", "0", "7", "1e30", "1e300", "-inf", "x", "9" * 400, '"', "\0", "ü"])
FILES = ("steps.csv", "validation.csv", "events.csv", "process.csv")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return whole_run(tmp_path_factory.mktemp("broken") / "run")


def spoilt(data: st.DataObject, run: RunDir, folder: Path) -> RunDir:
    """A copy of a run, some of its CSV files with broken cells, or cut anywhere."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("run.json", "recipe.toml", *FILES):
        shutil.copy(run.path / name, folder / name)
    for name in FILES:
        rows = [line.split(",") for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for _ in range(data.draw(st.integers(0, 6))):
            row = data.draw(st.integers(0, len(rows) - 1))
            rows[row][data.draw(st.integers(0, len(rows[row]) - 1))] = data.draw(CELL)
        text = "".join(",".join(row) + "\n" for row in rows)
        (folder / name).write_text(text[: data.draw(st.integers(0, len(text)))] if data.draw(st.booleans()) else text)
    return RunDir(folder)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_broken_files_leave_a_report(data, broken, tmp_path_factory):
    run = spoilt(data, broken, tmp_path_factory.getbasetemp() / "spoilt")
    found = sections([read_run(run, "run", lambda line: None)], lambda line: None)
    assert [section.title for section in found][0] == "Summary"


@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(data=st.data())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_broken_files_leave_a_page(data, broken, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    assert "Summary" in written(folder, spoilt(data, broken, folder / "spoilt-page")).headings
