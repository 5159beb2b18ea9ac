"""`fs2keras align` from a corpus without times to a voice that trains on it, through the real commands.

Three histories run in processes of their own, from the first test on and beside the others: a `fit` that is stopped in
its aligner and in its voice, an aligner on TensorFlow, and a corpus with mistakes in it.
"""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
from tiny import Tiny, assert_same_run

from fs2keras import cli
from fs2keras.corpus.alignment_file import Alignment, read_alignment
from fs2keras.corpus.demo import write_demo
from fs2keras.corpus.prepare import ensure
from fs2keras.corpus.store_file import StoreFile
from fs2keras.corpus.textgrid import read_textgrid
from fs2keras.recipe import load
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows
from fs2keras.text.espeak import EspeakFrontend

STEPS = 24  # too few to align well, enough for everything else; the corpus with mistakes gets more
HOP_S = 256 / 22050
ARRAYS = ("offsets", "symbols", "durations", "pitch", "energy", "first", "last", "confidence", "kept")
STORE_FILES = {"store.h5", "alignment-learned.h5", "alignment-learned.tsv", "quarantine.tsv", "prepare.lock"}


@dataclass(frozen=True)
class Aligned:
    """A store with a learned alignment, and the run of its aligner."""

    tiny: Tiny
    name: str

    @property
    def store(self) -> Path:
        return self.tiny.folder / self.name

    @property
    def run(self) -> RunDir:
        return self.tiny.run(f"{self.name}-aligner")

    @property
    def alignment(self) -> Alignment:
        return read_alignment(self.store, "learned")

    def arguments(self, verb: str, *changes: str, voice: str = "voice") -> list[str]:
        """The command line; the last of several changes of a key counts."""
        own = ("alignment.source=learned", f"alignment.steps={STEPS}", f"corpus.store={self.store}")
        # So little training trusts few utterances for certain.
        return self.tiny.arguments(voice, *own, "corpus.max_quarantined=0.5", *changes, verb=verb)

    def recipe(self, *changes: str):
        _, path, *pairs = self.arguments("align", *changes)
        return load(path, pairs[1::2])

    def align(self, *changes: str, options: tuple[str, ...] = ()) -> int:
        """`fs2keras align` in this process; returns the exit code."""
        return cli.main([*self.arguments("align", *changes), *options])

    def copy(self, name: str) -> "Aligned":
        """Another one, to try something on."""
        other = Aligned(self.tiny, name)
        shutil.copytree(self.store, other.store)
        shutil.copytree(self.run.path, other.run.path)
        return other

    def contents(self) -> dict[str, tuple[bytes, int]]:
        """Every file of store and run, with the time of its last change."""
        files = [path for folder in (self.store, self.run.path) for path in folder.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def histories(tiny):
    """What happens in other processes meanwhile: a future each."""
    with ThreadPoolExecutor(2) as pool:
        yield {
            "stopped": pool.submit(_stopped_fit, tiny),
            "mistakes": pool.submit(_aligned_with_mistakes, tiny),
            "tensorflow": pool.submit(_tensorflow, tiny),
        }


@pytest.fixture(scope="module")
def learned(tiny, histories):
    """An alignment made from nothing in this process, with what the command said. Copy it before you change it."""
    aligned, said = Aligned(tiny, "learned"), io.StringIO()
    with contextlib.redirect_stdout(said):
        assert aligned.align() == 0
    return aligned, said.getvalue()


@pytest.fixture
def aligned(learned):
    """The alignment alone."""
    return learned[0]


@dataclass(frozen=True)
class Row:
    """One utterance of an alignment; `n` is its number in the store, `starts` (P + 1,) the frames of its symbols, and
    that after the last."""

    n: int
    id: str
    is_kept: bool
    symbols: list[str]
    starts: np.ndarray

    @property
    def phonemes(self) -> list[tuple[str, float]]:
        """Each phoneme and when it begins, in seconds; frame t is the sound around t hops."""
        seconds = np.maximum((self.starts - 0.5) * HOP_S, 0.0)
        return [(s, at) for s, at in zip(self.symbols, seconds, strict=False) if s != "sp" and is_spoken(s)]


def rows_of(folder: Path) -> list[Row]:
    """Every utterance of the learned alignment in a store's folder."""
    store, alignment = StoreFile(folder), read_alignment(folder, "learned")
    rows = []
    for n, id in enumerate(alignment.ids):
        mine = slice(alignment.offsets[n], alignment.offsets[n + 1])
        symbols = [store.symbols[k] for k in alignment.symbols[mine]]
        starts = alignment.first[n] + np.cumsum([0, *alignment.durations[mine]])
        assert starts[-1] == alignment.last[n]
        rows.append(Row(store.ids.index(id), id, bool(alignment.kept[n]), symbols, starts))
    return rows


def is_spoken(word: str) -> bool:
    """Not so punctuation marks."""
    return any(map(str.isalnum, word))


def assert_same_alignment(one: Alignment, other: Alignment) -> None:
    assert (one.store, one.ids, one.settings) == (other.store, other.ids, other.settings)
    assert one.statistics == other.statistics
    different = [name for name in ARRAYS if not np.array_equal(getattr(one, name), getattr(other, name))]
    assert not different


def table(folder: Path) -> list[dict[str, str]]:
    """alignment-learned.tsv."""
    with (folder / "alignment-learned.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def quarantined(folder: Path) -> dict[str, str]:
    lines = (folder / "quarantine.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id\treason"
    return dict(line.split("\t") for line in lines[1:])


# From nothing


def test_align_makes_a_store_a_run_and_an_alignment(learned):
    aligned, said = learned
    assert {path.name for path in aligned.store.iterdir()} == STORE_FILES
    record = json.loads(aligned.run.run_json.read_text())
    assert (record["kind"], record["status"], record["total_steps"]) == ("aligner", "finished", STEPS)
    rows = read_rows(aligned.run.steps_csv)
    assert [row["step"] for row in rows] == [10, 20, STEPS]
    assert all(row["loss"] == pytest.approx(row["gaussian"] + row["heard"]) for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert [row["step"] for row in read_rows(aligned.run.validation_csv)] == [STEPS]
    assert [step for step, _ in aligned.run.list_checkpoints()] == [STEPS]
    pictures = sorted(aligned.run.sample_folder(STEPS).iterdir())
    assert len(pictures) == 2
    assert all(path.suffix == ".png" and path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert {path.stem for path in pictures} <= set(aligned.alignment.ids)
    for words in ("Speaking 24 sentences", "Prepared", "still to be learned", "runs/learned-aligner", "Aligned ", "Hz"):
        assert words in said


def test_the_table_and_the_quarantine_tell_of_every_utterance(aligned):
    rows, ids = table(aligned.store), StoreFile(aligned.store).ids
    assert len(ids) == 24
    assert sorted(row["id"] for row in rows) == sorted(ids)
    confidences = [float(row["confidence"]) for row in rows]
    assert confidences == sorted(confidences)
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert all(re.fullmatch(r'".+" at \d+\.\d\d s', row["least heard"]) for row in rows)
    assert quarantined(aligned.store) == {row["id"]: row["verdict"] for row in rows if row["verdict"] != "kept"}
    kept = {row.id for row in rows_of(aligned.store) if row.is_kept}
    assert kept == {row["id"] for row in rows if row["verdict"] == "kept"}
    assert len(kept) >= 12


def test_only_what_is_kept_is_trained_on(aligned):
    prepared = ensure(aligned.recipe())
    ids = prepared.ids("train") + prepared.ids("validation")
    assert sorted(ids) == sorted(row.id for row in rows_of(aligned.store) if row.is_kept)
    for id in ids:
        example = prepared.example(id)
        assert example["durations"].sum() == len(example["mel"])
        assert all(np.isfinite(example[key]).all() for key in ("pitch", "energy", "mel"))


def test_every_frame_goes_to_a_symbol_of_the_text_or_a_pause(aligned):
    store, frontend = StoreFile(aligned.store), EspeakFrontend("en-us")
    rows = rows_of(aligned.store)
    assert sorted(row.id for row in rows) == sorted(store.ids)
    for row in rows:
        assert 0 <= row.starts[0] < row.starts[-1] <= store.frames(row.n)
        spoken = [symbol for word in frontend.words(store.texts[row.n]) for symbol in word.symbols]
        assert [symbol for symbol in row.symbols if symbol != "sp"] == spoken
        durations = np.diff(row.starts)
        assert durations.min() >= 0
        assert all(durations[[is_spoken(symbol) for symbol in row.symbols]] > 0)


def test_the_checkpoint_opens_with_plain_keras(aligned):
    code = (
        "import sys, fs2keras, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(model.name, model.count_params())"
    )
    done = aligned.tiny.process([str(aligned.run.checkpoint(STEPS))], "-c", code)
    parameters = json.loads(aligned.run.run_json.read_text())["parameters"]
    assert done.stdout.split() == ["aligner", str(parameters)], done.stderr


# Again


def test_aligned_once_it_says_so_and_touches_nothing(aligned, capsys):
    before = aligned.contents()
    assert aligned.align() == 0
    assert "is aligned already, with the same settings" in capsys.readouterr().out
    assert aligned.contents() == before


def test_other_settings_align_anew_and_train_nothing(aligned, capsys):
    other = aligned.copy("pauses")
    trained = [other.run.steps_csv, other.run.checkpoint(STEPS)]
    before = [path.read_bytes() for path in trained]
    assert other.align("alignment.shortest_pause=0") == 0
    assert "alignment.shortest_pause: 0.05 -> 0.0" in capsys.readouterr().out
    all_pauses = _pauses(other)
    assert other.align("alignment.shortest_pause=0.2") == 0
    long_pauses = _pauses(other)
    assert min(long_pauses, default=1.0) >= 0.2 - HOP_S / 2
    assert len(long_pauses) < len(all_pauses)
    # And back: the same aligner finds the same.
    assert other.align() == 0
    assert_same_alignment(other.alignment, aligned.alignment)
    assert [path.read_bytes() for path in trained] == before


def _pauses(aligned):
    """Seconds of each pause without a mark."""
    durations = ((row.symbols, np.diff(row.starts)) for row in rows_of(aligned.store))
    return [
        n * HOP_S for symbols, frames in durations for symbol, n in zip(symbols, frames, strict=True) if symbol == "sp"
    ]


def test_an_alignment_of_another_store_is_made_anew(aligned, capsys):
    other = aligned.copy("foreign")
    with h5py.File(other.store / "alignment-learned.h5", "a") as file:
        file.attrs["store"] = "of another corpus"
    assert other.align() == 0
    assert "aligned already" not in capsys.readouterr().out
    assert_same_alignment(other.alignment, aligned.alignment)


def test_more_steps_train_on(aligned, capsys):
    other = aligned.copy("longer")
    assert other.align(f"alignment.steps={STEPS + 3}") == 0
    assert f"resuming at step {STEPS}" in capsys.readouterr().out
    assert [step for step, _ in other.run.list_checkpoints()][-1] == STEPS + 3
    assert not np.array_equal(other.alignment.confidence, aligned.alignment.confidence)


def test_an_alignment_that_was_interrupted_is_made_from_the_trained_aligner(aligned, monkeypatch, capsys):
    other = aligned.copy("between")
    (other.store / "alignment-learned.h5").unlink()
    trained = other.run.steps_csv.read_bytes()

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("fs2keras.aligner.write.write_alignment", interrupted)
    assert other.align() == 130
    assert "the same command again goes on" in capsys.readouterr().err
    assert not list(other.store.glob("*alignment-learned.h5"))
    monkeypatch.undo()
    assert other.align() == 0
    assert other.run.steps_csv.read_bytes() == trained
    assert_same_alignment(other.alignment, aligned.alignment)


# A voice on it


def test_dry_run_says_how_to_align(tiny, aligned, capsys):
    without = Aligned(tiny, "without")
    assert cli.main([*without.arguments("fit"), "--dry-run"]) == 2
    assert "Run `fs2keras align` with the same recipe" in capsys.readouterr().err
    assert not without.store.exists()
    shutil.copytree(aligned.store, without.store, ignore=shutil.ignore_patterns("alignment-*"))
    assert cli.main([*without.arguments("fit"), "--dry-run"]) == 2
    assert "Run `fs2keras align` with the same recipe" in capsys.readouterr().err
    assert not without.run.path.exists()

    assert cli.main([*aligned.arguments("fit"), "--dry-run"]) == 0
    kept = int(aligned.alignment.kept.sum())
    train, validation = re.search(r"(\d+) utterances to train on, (\d+) to", capsys.readouterr().out).groups()
    assert int(train) + int(validation) == kept


# (moment, signal, which time): twice in the aligner's training, and in the voice's. The state of step 9 is there to go
# on from after the kill.
ACCIDENTS = [("before_a_step", "SIGTERM", 9), ("inside_a_checkpoint", "SIGKILL", 1), ("before_a_step", "SIGTERM", 20)]


def _stopped_fit(tiny):
    """One `fit` that prepares, aligns and trains: what each of its processes said."""
    stopped = Aligned(tiny, "stopped")
    arguments = stopped.arguments("fit", voice="stopped-voice")
    history = [tiny.accident(*accident, arguments) for accident in ACCIDENTS]
    return stopped, [*history, tiny.process(arguments)]


def test_fit_prepares_aligns_and_trains_however_often_it_is_stopped(tiny, aligned, histories):
    stopped, processes = histories["stopped"].result()
    assert [process.returncode for process in processes] == [130, -9, 130, 0], processes[-1].stderr
    first, second, third, last = (process.stdout for process in processes)
    assert "Prepared" in first
    assert "stopped at step 9, everything saved" in first
    assert "resuming at step 9" in second
    assert "resuming at step 9" in third
    assert "Aligned" in third
    assert "stopped at step 5, everything saved" in third
    assert "resuming at step 5" in last
    assert "aligner" not in last
    assert "finished 12 steps" in last
    # As if it had been `align`, then `fit`, neither of them stopped.
    assert_same_run(stopped.run, aligned.run, STEPS)
    assert_same_alignment(stopped.alignment, aligned.alignment)
    assert cli.main(aligned.arguments("fit")) == 0
    assert_same_run(tiny.run("stopped-voice"), tiny.run("voice"))


def _tensorflow(tiny):
    """An aligner on TensorFlow, and one that was stopped, killed and went on, with what each process said."""
    changes = ("run.backend=tensorflow", "alignment.steps=6")
    whole, killed = Aligned(tiny, "whole-tf"), Aligned(tiny, "killed-tf")
    processes = [tiny.process(whole.arguments("align", *changes), backend="tensorflow")]
    shutil.copytree(whole.store, killed.store, ignore=shutil.ignore_patterns("alignment-*"))
    arguments = killed.arguments("align", *changes)
    for accident in (("before_a_step", "SIGTERM", 2), ("before_a_step", "SIGKILL", 3)):
        processes.append(tiny.accident(*accident, arguments, "tensorflow"))
    return whole, killed, [*processes, tiny.process(arguments, backend="tensorflow")]


def test_on_tensorflow_too(aligned, histories):
    whole, killed, processes = histories["tensorflow"].result()
    assert [process.returncode for process in processes] == [0, 130, -9, 0], processes[-1].stderr
    assert "aligner on tensorflow" in processes[0].stdout
    assert all("resuming at step 2 " in process.stdout for process in processes[2:])
    assert_same_run(killed.run, whole.run, 6)
    assert_same_alignment(killed.alignment, whole.alignment)
    assert [row.id for row in rows_of(whole.store)] == aligned.alignment.ids


# For people and other programs


@pytest.fixture(scope="module")
def exported(learned):
    """TextGrids and the page of the alignment, made in one call, and what it said."""
    aligned, said = learned[0], io.StringIO()
    grids, page = aligned.tiny.folder / "grids", aligned.tiny.folder / "page.html"
    with contextlib.redirect_stdout(said):
        assert aligned.align(options=("--textgrid", str(grids), "--report", str(page))) == 0
    return grids, page.read_text(encoding="utf-8"), said.getvalue()


def test_textgrids_say_what_the_alignment_says(aligned, exported):
    grids, _, said = exported
    store, kept = StoreFile(aligned.store), [row for row in rows_of(aligned.store) if row.is_kept]
    assert {path.name for path in grids.iterdir()} == {f"{row.id}.TextGrid" for row in kept}
    assert f"{len(kept)} TextGrids in {grids}" in said
    for row in kept:
        duration = soundfile.info(aligned.tiny.folder / "corpus/wavs" / f"{row.id}.wav").duration
        segments = read_textgrid(grids / f"{row.id}.TextGrid", duration, store.texts[row.n])
        phones = [segment for segment in segments if segment.word]
        words = [segment.word for segment in phones if segment.starts_word]
        assert words == [word for word, _ in store.words(row.n) if is_spoken(word)]
        assert [segment.symbol for segment in phones] == [symbol for symbol, _ in row.phonemes]
        starts = [segment.start for segment in phones]
        np.testing.assert_allclose(starts, [at for _, at in row.phonemes], atol=1e-4)


def test_the_page_shows_the_worst_first(aligned, exported):
    _, page, said = exported
    rows = table(aligned.store)
    assert re.findall(r"<h2>(.*?)</h2>", page) == [row["id"] for row in rows]  # few enough to show them all
    assert page.count("data:audio/flac") == len(rows)
    assert page.count("set aside: ") == sum(row["verdict"] != "kept" for row in rows)
    assert f"24 of {len(rows)} utterances to hear and see, the worst first" in said


def test_a_page_without_a_name_lies_beside_the_store(aligned, capsys):
    other = aligned.copy("paged")
    assert other.align(options=("--report",)) == 0
    page = other.store / "alignment-learned.html"
    assert str(page) in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").count("<h2>") == 24


# A corpus with mistakes

SENTENCES = 100
SWAPPED = (("demo-00011", "demo-00061"), ("demo-00031", "demo-00091"))
CUT = "demo-00046"
MISTAKES = {CUT}.union(*SWAPPED)
MISTAKEN = """\
kind = "fastspeech2"
[corpus]
reader = "ljspeech"
path = "mistaken"
store = "mistaken-store"
jobs = 1
[alignment]
steps = 100
"""


def _aligned_with_mistakes(tiny):
    """A corpus of which some texts belong to other recordings and one recording is cut off: the folder of its store,
    and the process that aligned it."""
    corpus = tiny.folder / "mistaken"
    write_demo(corpus, SENTENCES)
    (corpus / "demo.json").unlink()  # a corpus like any other
    rows = dict(line.split("|", 1) for line in (corpus / "metadata.csv").read_text().splitlines())
    for one, other in SWAPPED:
        rows[one], rows[other] = rows[other], rows[one]
    (corpus / "metadata.csv").write_text("".join(f"{id}|{texts}\n" for id, texts in rows.items()))
    wav = corpus / "wavs" / f"{CUT}.wav"
    samples, rate = soundfile.read(wav)
    soundfile.write(wav, samples[: len(samples) // 3], rate)
    (tiny.folder / "mistaken.toml").write_text(MISTAKEN)
    return tiny.folder / "mistaken-store", tiny.process(["align", "mistaken.toml", "--report"])


def test_recordings_that_say_something_else_are_set_aside(histories):
    store, process = histories["mistakes"].result()
    assert process.returncode == 0, process.stderr
    reasons = quarantined(store)
    assert set(reasons) == MISTAKES
    assert all("hardly heard" in reason or "too short" in reason for reason in reasons.values())
    assert f"Aligned {SENTENCES - len(MISTAKES)} utterances, set {len(MISTAKES)} aside" in process.stdout
    rows = table(store)
    assert {row["id"] for row in rows[: len(MISTAKES)]} == MISTAKES
    page = (store / "alignment-learned.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*?)</h2>", page)[:30] == [row["id"] for row in rows[:30]]
    assert {row.id for row in rows_of(store) if not row.is_kept} <= MISTAKES


def test_phonemes_begin_where_espeak_says(tiny, histories):
    told: dict[str, list[float]] = {}
    for line in (tiny.folder / "mistaken/phones.tsv").read_text(encoding="utf-8").splitlines():
        id, word, _, start, _ = line.split("\t")
        if is_spoken(word):
            told.setdefault(id, []).append(float(start))
    rows = [row for row in rows_of(histories["mistakes"].result()[0]) if row.is_kept and row.id in told]
    assert len(rows) > 0.9 * SENTENCES
    errors = np.concatenate([np.subtract([at for _, at in row.phonemes], told[row.id]) for row in rows])
    assert np.median(np.abs(errors)) < 0.02  # .0105 was measured


# What it refuses


def test_a_given_alignment_is_not_learned(tiny, capsys):
    assert cli.main(tiny.arguments("given", verb="align")) == 2
    error = capsys.readouterr().err
    assert '"given"' in error
    assert "--set alignment.source=learned" in error
    assert not tiny.run("store-aligner").path.exists()


def test_a_corpus_that_is_not_there(tiny, capsys):
    nowhere = Aligned(tiny, "nowhere-store")
    assert nowhere.align("corpus.reader=ljspeech", "corpus.path=nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
    assert not list(nowhere.store.glob("*.h5"))
    assert not nowhere.run.recipe.exists()


def test_too_many_set_aside_are_a_sentence(aligned, capsys):
    other = aligned.copy("strict")
    before = (other.store / "alignment-learned.h5").read_bytes()
    assert other.align("alignment.least_confidence=1.0", "corpus.max_quarantined=0.1") == 1
    error = capsys.readouterr().err
    assert "corpus.max_quarantined = 0.1" in error
    assert "hardly heard" in error
    assert (other.store / "alignment-learned.h5").read_bytes() == before


def test_an_aligner_of_another_training_is_left_alone(aligned, capsys):
    other = aligned.copy("otherwise")
    before = other.run.recipe.read_bytes()
    assert other.align("alignment.steps=60", "corpus.validation=0.3") == 2
    error = capsys.readouterr().err
    assert 'corpus.validation: "0.2" -> "0.3"' in error
    assert f"move {other.run.path} away" in error
    assert other.run.recipe.read_bytes() == before


@pytest.mark.parametrize("option", ["--report", "--textgrid=grids-of-nothing"])
def test_recordings_that_are_not_there_any_more(aligned, tmp_path, capsys, option):
    corpus = shutil.copytree(aligned.tiny.folder / "corpus", tmp_path / "corpus")
    changes, store = (f"corpus.path={corpus}",), aligned.store
    wav = sorted((corpus / "wavs").iterdir())[3]
    wav.unlink()
    assert aligned.align(*changes, options=(option,)) == 1
    assert "are not the ones that were prepared" in capsys.readouterr().err
    shutil.rmtree(corpus)
    assert aligned.align(*changes, options=(option,)) == 1
    error = capsys.readouterr().err
    assert "cannot be read" in error
    assert "Point corpus.path at the recordings" in error
    assert {path.name for path in store.iterdir()} == STORE_FILES


@contextlib.contextmanager
def as_nobody():
    """Root may write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_may_not_be_written_is_a_sentence(aligned, capsys):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        shutil.copy(aligned.tiny.recipe, folder / "tiny.toml")
        other = Aligned(Tiny(folder), "closed")
        shutil.copytree(aligned.store, other.store)
        shutil.copytree(aligned.run.path, folder / "runs" / other.run.path.name)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        other.store.chmod(0o555)
        changes = (f"run.dir={folder}/runs", f"corpus.path={folder}/nowhere", "alignment.shortest_pause=0.2")
        try:
            with as_nobody():
                code = other.align(*changes)
        finally:
            other.store.chmod(0o755)
        assert read_alignment(other.store, "learned").settings["shortest_pause"] == 0.05
    assert code == 1
    error = capsys.readouterr().err
    assert "cannot be written" in error
    assert "alignment-learned" in error
