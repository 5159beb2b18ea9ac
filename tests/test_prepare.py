"""From a corpus folder to a store: features against independent arithmetic, bad input, splits, atomicity."""

import dataclasses
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import librosa
import numpy as np
import pytest
import pyworld
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras import recipe as recipes
from fs2keras.corpus import measure
from fs2keras.corpus.prepare import ensure, is_aligned, open_store, prepare, store_folder
from fs2keras.corpus.quarantine import Quarantine
from fs2keras.corpus.splits import split
from fs2keras.corpus.store import StoreError
from fs2keras.corpus.store_file import StoreFile
from fs2keras.errors import CallError, UserError
from fs2keras.text.espeak import EspeakFrontend

RATE, HOP = 22050, 256
RECIPE = """
kind = "fastspeech2"
[run]
name = "test"
[corpus]
path = "{path}"
store = "{store}"
jobs = 1
max_quarantined = {share}
[text]
frontend = "{frontend}"
[alignment]
source = "{source}"
textgrids = "{textgrids}"
"""


def _recipe(folder: Path, *sets, source="given", frontend="espeak", textgrids="", share=0.05, path=None):
    file = folder / "recipe.toml"
    values = {"source": source, "frontend": frontend, "textgrids": textgrids, "share": share}
    file.write_text(RECIPE.format(path=path or folder / "corpus", store=folder / "store", **values))
    return recipes.load(str(file), sets)


def _hum(seconds, pitch=120.0):
    """A voiced sound: the first harmonics of a pitch."""
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.3 * sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 9))


def _corpus(folder: Path, count=12, seconds=0.6):
    """Hums with two phonemes and a mark, aligned by phones.tsv."""
    (folder / "wavs").mkdir(parents=True)
    metadata, phones = [], []
    for n in range(count):
        id, length = f"c{n:02d}", seconds + 0.01 * n
        soundfile.write(folder / "wavs" / f"{id}.wav", _hum(length, 100 + 5 * n), RATE, subtype="PCM_16")
        metadata.append(f"{id}|Ah e.|ah e.\n")
        edges = [0.0, 0.25, 0.4, length]
        words, symbols = ("ah", "e", "."), ("ɑː", "ˈɛ", ".")
        for word, symbol, start, end in zip(words, symbols, edges, edges[1:], strict=False):
            phones.append(f"{id}\t{word}\t{symbol}\t{start:.6f}\t{end:.6f}\n")
    (folder / "metadata.csv").write_text("".join(metadata), encoding="utf-8")
    (folder / "phones.tsv").write_text("".join(phones), encoding="utf-8")
    return folder


@pytest.fixture
def corpus(tmp_path):
    return _corpus(tmp_path / "corpus")


def _prepared(recipe, report=print):
    """Prepares the corpus, and opens what that left, which is not worth another word."""
    assert prepare(recipe, report) == store_folder(recipe)
    return ensure(recipe, report)


def _quarantined(folder: Path) -> dict[str, str]:
    lines = (folder / "store/quarantine.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id\treason"
    return dict(line.split("\t") for line in lines[1:])


def test_a_given_alignment_becomes_a_store(corpus, tmp_path):
    lines = []
    prepared = _prepared(_recipe(tmp_path), lines.append)
    assert prepared.symbols == ["_", ".", "ɑː", "ˈɛ"]
    assert prepared.lexicon == {}
    assert len(prepared.ids("train")) == 11
    assert len(prepared.ids("validation")) == 1
    for id in prepared.ids("train"):
        example = prepared.example(id)
        assert example["durations"].sum() == len(example["mel"])
        assert example["symbols"].tolist() == [2, 3, 1]
        assert all(np.isfinite(example[key]).all() for key in ("pitch", "energy", "mel"))
    assert prepared.text("c03") == "ah e."
    assert prepared.statistics["pitch"]["phoneme"]["mean"] == pytest.approx(127.5, rel=0.02)
    summary = "\n".join(lines)
    for word in ("Prepared", "12 (11 train, 1 validation, 0 test)", "quarantined  0", "symbols      4", "Hz"):
        assert word in summary
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert names == {"store.h5", "alignment-given.h5", "quarantine.tsv", "prepare.lock"}


def test_once_prepared_it_is_only_opened(corpus, tmp_path):
    first = _prepared(_recipe(tmp_path), [].append)
    stamp = (tmp_path / "store/store.h5").stat().st_mtime_ns
    lines = []
    again, quiet = _prepared(_recipe(tmp_path), lines.append), ensure(_recipe(tmp_path), lines.append)
    assert len(lines) == 1
    assert "prepared already" in lines[0]
    assert again.fingerprint == quiet.fingerprint == first.fingerprint
    assert (tmp_path / "store/store.h5").stat().st_mtime_ns == stamp


def test_a_moved_or_missing_corpus_still_trains(corpus, tmp_path):
    first = _prepared(_recipe(tmp_path), [].append)
    shutil.copytree(corpus, tmp_path / "elsewhere")
    assert ensure(_recipe(tmp_path, path=tmp_path / "elsewhere")).fingerprint == first.fingerprint
    shutil.rmtree(corpus)
    assert ensure(_recipe(tmp_path)).fingerprint == first.fingerprint


def test_another_split_reuses_the_store(corpus, tmp_path):
    first = _prepared(_recipe(tmp_path), [].append)
    (corpus / "val.txt").write_text("c01\nc05\nabsent\n")
    other = ensure(_recipe(tmp_path, "corpus.validation=val.txt"))
    assert other.ids("validation") == ["c01", "c05"]
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("audio.hop=128", r"audio.hop: the store has 256, the recipe 128"),
        ("audio.fmax=7000.0", r"audio.fmax: the store has 8000.0, the recipe 7000.0"),
        ("text.language=de", r"text.language: the store has 'en-us', the recipe 'de'"),
        ("alignment.source=learned", r"alignment.source: the store has 'given', the recipe 'learned'"),
    ],
)
def test_a_store_of_another_recipe_is_refused(corpus, tmp_path, override, said):
    prepare(_recipe(tmp_path), [].append)
    with pytest.raises(StoreError, match=said) as caught:
        ensure(_recipe(tmp_path, override))
    assert "corpus.store" in str(caught.value)


@pytest.mark.parametrize("change", ["wav", "metadata", "phones"])
def test_a_changed_corpus_is_refused(corpus, tmp_path, change):
    prepare(_recipe(tmp_path), [].append)
    if change == "wav":
        soundfile.write(corpus / "wavs/c00.wav", _hum(0.7), RATE, subtype="PCM_16")
    else:
        path = corpus / {"metadata": "metadata.csv", "phones": "phones.tsv"}[change]
        path.write_text(path.read_text().replace("0.400000", "0.410000").replace("ah e.", "ah, e."))
    with pytest.raises(StoreError, match="not the ones that were prepared"):
        ensure(_recipe(tmp_path))


def _spoil(corpus: Path, id: str, kind: str) -> None:
    path, good = corpus / "wavs" / f"{id}.wav", _hum(0.65)
    if kind == "missing":
        path.unlink()
    elif kind == "unreadable":
        path.write_bytes(b"RIFF and then nothing")
    elif kind == "nan":
        soundfile.write(path, np.where(np.arange(len(good)) == 9, np.nan, good), RATE, subtype="FLOAT")
    elif kind == "no alignment":
        phones = corpus / "phones.tsv"
        phones.write_text("".join(line for line in phones.read_text().splitlines(True) if not line.startswith(id)))
    else:
        sounds = {
            "empty": good[:0],
            "silent": 0 * good,
            "stereo": np.stack([good, good], 1),
            "rate": good,
            "short": good[:9000],
        }
        soundfile.write(path, sounds[kind], 16000 if kind == "rate" else RATE, subtype="PCM_16")


BAD = {
    "missing": "no such file", "unreadable": "not a readable audio file", "empty": "empty", "silent": "silent",
    "nan": "NaN", "stereo": "2 channels", "rate": "16000 Hz", "short": "frames after the clip's",
    "no alignment": "no alignment",
}  # fmt: skip


def test_bad_utterances_are_quarantined_with_their_reasons(corpus, tmp_path):
    for n, kind in enumerate(BAD):
        _spoil(corpus, f"c{n:02d}", kind)
    prepared = _prepared(_recipe(tmp_path, share=0.9), [].append)
    reasons = _quarantined(tmp_path)
    assert list(reasons) == [f"c{n:02d}" for n in range(len(BAD))]
    for (id, reason), said in zip(reasons.items(), BAD.values(), strict=True):
        assert said in reason, id
    assert sorted(prepared.ids("train") + prepared.ids("validation")) == ["c09", "c10", "c11"]


def test_too_many_quarantined_fail_and_leave_no_store(corpus, tmp_path):
    for n in (1, 2, 3):
        _spoil(corpus, f"c{n:02d}", "silent")
    with pytest.raises(UserError, match="3 of 12 utterances cannot be used") as caught:
        prepare(_recipe(tmp_path), [].append)
    assert "3 x, for example c01" in str(caught.value)
    assert "--set corpus.max_quarantined=0.25" in str(caught.value)
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"quarantine.tsv", "prepare.lock"}
    assert len(_quarantined(tmp_path)) == 3
    # The advice works.
    assert len(_prepared(_recipe(tmp_path, "corpus.max_quarantined=0.25"), [].append).ids("train")) == 8


def test_all_quarantined_fail_whatever_is_allowed():
    quarantine = Quarantine({f"u{n}": f"/x/u{n}.wav: silent, {n} of 9" for n in range(4)})
    with pytest.raises(UserError, match="4 x, for example u0"):
        quarantine.check(4, 1.0, Path("q.tsv"))


def test_an_interrupted_preparation_leaves_no_store_and_runs_again(corpus, tmp_path, monkeypatch):
    real, calls = measure.measure, []

    def stops(utterance, recipe):
        calls.append(utterance)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(utterance, recipe)

    monkeypatch.setattr(measure, "measure", stops)
    with pytest.raises(KeyboardInterrupt):
        prepare(_recipe(tmp_path), [].append)
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"prepare.lock"}
    monkeypatch.undo()
    assert len(_prepared(_recipe(tmp_path), [].append).ids("train")) == 11


def test_a_killed_preparation_leaves_no_store_and_no_processes(tmp_path):
    _corpus(tmp_path / "corpus", count=60, seconds=2)
    recipe = _recipe(tmp_path, "corpus.jobs=2")
    code = (
        "from fs2keras import recipe; from fs2keras.corpus.prepare import prepare; "
        f"prepare(recipe.load({str(tmp_path / 'recipe.toml')!r}, ['corpus.jobs=2']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1], start_new_session=True)
    written = tmp_path / "store/.tmp-store.h5"
    _wait(written.exists)
    time.sleep(2)  # the workers are measuring by now
    process.kill()
    process.wait()
    assert not (tmp_path / "store/store.h5").exists()
    _wait(lambda: not _alive(process.pid))
    for n in range(12, 60):
        (tmp_path / "corpus/wavs" / f"c{n:02d}.wav").unlink()
    prepared = _prepared(dataclasses.replace(recipe, corpus=dataclasses.replace(recipe.corpus, max_quarantined=0.9)))
    assert len(prepared.ids("train") + prepared.ids("validation")) == 12
    assert not written.exists()


def _wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_store_being_prepared_is_left_alone(corpus, tmp_path):
    (tmp_path / "store").mkdir()
    with (tmp_path / "store/prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="by another process"):
            prepare(_recipe(tmp_path), [].append)


def test_a_store_that_cannot_be_written_is_one_sentence(corpus, tmp_path):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        prepare(_recipe(tmp_path), [].append)


def test_processes_measure_what_one_does(tmp_path):
    _corpus(tmp_path / "corpus", count=34, seconds=0.5)
    alone = _prepared(_recipe(tmp_path), [].append)
    parallel = _prepared(_recipe(tmp_path, "corpus.jobs=2", f"corpus.store={tmp_path / 'two'}"), [].append)
    assert parallel.fingerprint == alone.fingerprint
    assert parallel.statistics == alone.statistics
    for id in alone.ids("train"):
        np.testing.assert_array_equal(parallel.example(id)["mel"], alone.example(id)["mel"])


def test_an_alignment_to_be_learned_leaves_the_store_alone_and_the_words_of_the_frontend_in_it(corpus, tmp_path):
    (corpus / "phones.tsv").unlink()  # wavs and text are enough
    recipe, lines = _recipe(tmp_path, source="learned"), []
    assert not is_aligned(recipe)
    assert prepare(recipe, lines.append) == tmp_path / "store"
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"store.h5", "quarantine.tsv", "prepare.lock"}
    assert not is_aligned(recipe)
    store = open_store(recipe, lines.append)
    expected = [(word.text, word.symbols) for word in EspeakFrontend("en-us").words("ah e.")]
    assert [text for text, _ in expected] == ["ah", "e", "."]
    assert all(store.words(n) == expected for n in range(len(store.ids)))
    # A pause may be found wherever a word ends, though no text holds one.
    assert set(store.symbols) == {"_", "sp"}.union(*(symbols for _, symbols in expected))
    summary = "\n".join(lines)
    for word in ("12 (11 train, 1 validation, 0 test)", "quarantined  0", "symbols      ", "still to be learned"):
        assert word in summary
    assert "Hz" not in summary  # the pitch of phonemes is not known before


def test_a_store_without_its_alignment_says_how_to_get_one(corpus, tmp_path):
    recipe, lines = _recipe(tmp_path, source="learned"), []
    with pytest.raises(StoreError, match="is not aligned yet. Run `fs2keras align`"):
        ensure(recipe, lines.append)
    assert "Prepared" in lines[0]
    with pytest.raises(StoreError, match="not aligned yet"):
        ensure(recipe, lines.append)


def test_textgrids_want_the_arpabet_frontend_and_a_folder(corpus, tmp_path):
    with pytest.raises(CallError, match="arpabet"):
        prepare(_recipe(tmp_path, source="textgrid", textgrids=tmp_path), [].append)
    with pytest.raises(UserError, match="--set alignment.textgrids"):
        prepare(_recipe(tmp_path, source="textgrid", frontend="arpabet", textgrids=tmp_path / "none"), [].append)


def test_a_symbol_outside_the_table_is_quarantined_by_name(corpus, tmp_path):
    with pytest.raises(UserError, match="12 of 12"):
        prepare(_recipe(tmp_path, frontend="arpabet"), [].append)
    assert "the symbol 'ɑː' of the word 'ah'" in _quarantined(tmp_path)["c00"]


def _some_ljspeech(ljspeech: Path, folder: Path, ids) -> Path:
    """A corpus of a few real clips."""
    (folder / "wavs").mkdir(parents=True)
    lines = (ljspeech / "metadata.csv").read_text(encoding="utf-8").splitlines(True)
    (folder / "metadata.csv").write_text("".join(line for line in lines if line.split("|")[0] in ids), encoding="utf-8")
    for id in ids:
        (folder / "wavs" / f"{id}.wav").symlink_to(ljspeech / "wavs" / f"{id}.wav")
    return folder


def _phones(path: Path) -> list[tuple[float, float, str]]:
    """The phones tier of a TextGrid, read with a regular expression."""
    tier = path.read_text(encoding="utf-8").split('name = "phones"')[1]
    found = re.findall(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "([^"]*)"', tier)
    rows = [(float(start), float(end), label) for start, end, label in found]
    spoken = [n for n, row in enumerate(rows) if row[2] not in ("", "sil", "sp")]
    return rows[spoken[0] : spoken[-1] + 1]


IDS = ["LJ001-0002", "LJ001-0007", "LJ001-0013", "LJ002-0020"]


def test_real_speech_against_librosa_and_pyworld(ljspeech, tmp_path):
    corpus = _some_ljspeech(ljspeech, tmp_path / "corpus", IDS)
    grids = ljspeech / "TextGrid"
    prepared = _prepared(
        _recipe(tmp_path, source="textgrid", frontend="arpabet", textgrids=grids, share=0.5), [].append
    )
    store = StoreFile(prepared.folder)
    for id in prepared.ids("train"):
        rows, example = _phones(grids / f"{id}.TextGrid"), prepared.example(id)
        starts = np.array([int(np.round(start * RATE / HOP)) for start, _, _ in rows])
        ends = np.array([int(np.round(end * RATE / HOP)) for _, end, _ in rows])
        labels = [label if label not in ("", "sil") else "sp" for _, _, label in rows]
        assert [prepared.symbols[n] for n in example["symbols"]] == labels
        np.testing.assert_array_equal(example["durations"], ends - starts)

        samples, _ = soundfile.read(corpus / "wavs" / f"{id}.wav")
        samples = samples / np.abs(samples).max()
        magnitude = np.abs(librosa.stft(samples.astype(np.float32), n_fft=1024, hop_length=HOP, pad_mode="reflect"))
        basis = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
        mel = np.log(np.maximum(basis @ magnitude, 1e-5)).T[starts[0] : ends[-1]]
        np.testing.assert_allclose(example["mel"], mel, atol=0.006)

        energy = np.sqrt((magnitude**2).sum(axis=0))[starts[0] : ends[-1]]
        f0, times = pyworld.dio(samples, RATE, frame_period=HOP / RATE * 1000)
        f0 = pyworld.stonemask(samples, f0, times, RATE)[starts[0] : ends[-1]]
        voiced = np.flatnonzero(f0)
        f0 = np.interp(np.arange(len(f0)), voiced, f0[voiced])
        for name, values in (("pitch", f0), ("energy", energy)):
            moments = prepared.statistics[name]["phoneme"]
            got = example[name] * moments["std"] + moments["mean"]
            want = [values[start - starts[0] : end - starts[0]].mean() for start, end in zip(starts, ends, strict=True)]
            np.testing.assert_allclose(got, want, rtol=2e-3)
    assert len(store.ids) == len(IDS)
    assert prepared.lexicon["words"]["being"]


def test_textgrids_of_other_clips_and_unknown_words_are_quarantined(ljspeech, tmp_path):
    _some_ljspeech(ljspeech, tmp_path / "corpus", [*IDS, "LJ001-0018"])
    grids = tmp_path / "grids"
    grids.mkdir()
    for id in [*IDS, "LJ001-0018"]:
        shutil.copy(ljspeech / "TextGrid" / f"{id}.TextGrid", grids)
    shutil.copy(ljspeech / "TextGrid/LJ001-0100.TextGrid", grids / "LJ001-0002.TextGrid")
    (grids / "LJ001-0007.TextGrid").unlink()
    prepare(_recipe(tmp_path, source="textgrid", frontend="arpabet", textgrids=grids, share=0.9), [].append)
    reasons = _quarantined(tmp_path)
    assert set(reasons) == {"LJ001-0002", "LJ001-0007", "LJ001-0018"}
    assert "another clip" in reasons["LJ001-0002"]
    assert "no such TextGrid" in reasons["LJ001-0007"]
    assert "spn" in reasons["LJ001-0018"]


def test_the_demo_reader_makes_its_own_corpus(tmp_path):
    pytest.importorskip("fs2keras.corpus.demo")
    sets = ("corpus.reader=demo", "corpus.sentences=12", "corpus.validation=0.1")
    prepared = _prepared(_recipe(tmp_path, *sets), [].append)
    assert len(prepared.ids("train")) >= 9
    assert prepared.symbols[0] == "_"


IDENTIFIERS = st.lists(st.text("abcdef0123", min_size=1, max_size=6), min_size=12, max_size=60, unique=True)


@given(IDENTIFIERS, st.integers(0, 99), st.floats(0.01, 0.3), st.floats(0.01, 0.3))
@settings(deadline=None)
def test_shares_part_the_ids_whatever_else_is_there(ids, seed, validation, test):
    parts = split(ids, str(validation), str(test), seed)
    assert sorted(sum(parts.values(), [])) == sorted(ids)
    assert all(parts.values())
    assert split(ids, str(validation), str(test), seed) == parts


def test_a_share_is_about_that_share_and_depends_on_the_seed():
    ids = [f"LJ{n:05d}" for n in range(13100)]
    parts = split(ids, "0.02", "", 1)
    assert len(parts["validation"]) == pytest.approx(262, abs=50)
    assert parts["test"] == []
    assert split(ids, "0.02", "", 2)["validation"] != parts["validation"]
    # An utterance stays in its split when others go.
    half = split(ids[::2], "0.02", "", 1)
    assert half["validation"] == [id for id in ids[::2] if id in set(parts["validation"])]


def test_lists_of_ids_are_checked(tmp_path):
    ids = [f"u{n}" for n in range(5)]
    for name, lines in {"one": "u1\nu2\n", "two": "u2\n", "strangers": "x\ny\n", "all": "\n".join(ids)}.items():
        (tmp_path / name).write_text(lines)
    assert split(ids, "one", "", 1, tmp_path)["validation"] == ["u1", "u2"]
    assert split(ids, str(tmp_path / "one"), "", 1)["train"] == ["u0", "u3", "u4"]
    with pytest.raises(UserError, match="u2 is in both lists"):
        split(ids, "one", "two", 1, tmp_path)
    with pytest.raises(UserError, match="none of its 2 ids"):
        split(ids, "strangers", "", 1, tmp_path)
    with pytest.raises(UserError, match="neither a share"):
        split(ids, "no-such-list", "", 1, tmp_path)
    with pytest.raises(UserError, match="leave none"):
        split(ids, "all", "", 1, tmp_path)
