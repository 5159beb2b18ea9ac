import dataclasses
import math
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras import recipe as recipes
from fs2keras.errors import CallError
from fs2keras.recipe_text import find_line, parse_overrides, quoted

ROOT = Path(__file__).parents[1]
SMALL = """\
# a recipe
kind = "fastspeech2"

[corpus]
reader = "demo"
path = "somewhere"

[alignment]
source = "given"

[train]
steps = 100  # few
"""


TEXTGRIDS = ("alignment.source=textgrid", "text.frontend=arpabet")


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def complaint(path, *overrides):
    with pytest.raises(CallError) as caught:
        recipes.load(path, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_and_what_depends_on_the_file_name(write):
    recipe = recipes.load(write(SMALL))
    assert (recipe.run.name, recipe.corpus.store) == ("mine", "stores/mine")
    assert recipe.train.steps == 100
    assert recipe.train.anneal_steps == (300000, 400000, 500000)
    assert (recipe.audio.hop, recipe.audio.fmax, recipe.model.width) == (256, 8000.0, 256)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.train.steps = 5


def test_every_key_is_documented():
    for cls in recipes.SECTIONS.values():
        assert all(field.metadata["doc"] for field in dataclasses.fields(cls))


@pytest.mark.parametrize("name", ["demo", "ljspeech", "ljspeech-small"])
def test_recipes_that_come_with_us(name, monkeypatch, tmp_path):
    folders = [] if name == "demo" else ["corpus.path=/lj"]
    by_path = recipes.load(ROOT / "recipes" / f"{name}.toml", folders)
    monkeypatch.chdir(tmp_path)
    assert recipes.load(name, folders) == by_path
    assert by_path.run.name == name


def test_ljspeech_is_the_published_model_and_small_differs_only_where_it_says():
    folders = ["corpus.path=/lj"]
    full, small = recipes.load("ljspeech", folders), recipes.load("ljspeech-small", folders)
    assert full.model == type(full.model)()
    assert full.train == recipes.Train()
    assert full.audio == recipes.Audio()
    changed = {change.key for change in recipes.differences(full, small)}
    assert changed == {
        "run.name", "model.encoder_blocks", "model.decoder_blocks", "model.width", "model.conv_filters",
        "model.predictor_filters", "train.batch_size",
    }  # fmt: skip


def test_ljspeech_asks_for_its_folder_and_with_textgrids_for_both_at_once():
    message = complaint("ljspeech")
    assert "--set corpus.path=FOLDER" in message
    assert "textgrids" not in message
    assert len(message.splitlines()) == 1
    message = complaint("ljspeech", *TEXTGRIDS)
    assert "--set corpus.path=FOLDER --set alignment.textgrids=FOLDER" in message
    assert 'alignment.source = "learned" does without them' in message
    assert len(message.splitlines()) == 1
    recipe = recipes.load("ljspeech", [*TEXTGRIDS, "corpus.path=/lj", "alignment.textgrids=/tg"])
    assert recipe.alignment == recipes.Alignment("textgrid", "/tg")


def test_the_alignment_is_learned_unless_another_source_is_named(write):
    assert recipes.Alignment().source == "learned"
    assert recipes.load("ljspeech", ["corpus.path=/lj"]).alignment == recipes.Alignment()
    for reader in ("demo", "ljspeech"):
        text = SMALL.replace("demo", reader).replace('source = "given"', "")
        assert recipes.load(write(text)).alignment.source == "learned"


def test_resolved_recipe_reads_back_equal(write, tmp_path):
    recipe = recipes.load("demo", ["samples.sentences=['a \"b\" \\ c', 'née']", "train.clip=1e-7", "corpus.test=0.02"])
    again = recipes.load(write(recipes.to_toml(recipe), "recipe.toml"))
    assert again == recipe
    tables = tomllib.loads(recipes.to_toml(recipe))
    for section in recipes.SECTIONS:
        assert set(tables[section]) == {field.name for field in dataclasses.fields(recipes.SECTIONS[section])}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("steps = 100", "stepz = 100", 12, ["train.stepz", "Did you mean train.steps?"]),
        ("steps = 100", "hop = 100", 12, ["train.hop", "Did you mean audio.hop?"]),
        ("steps = 100", 'steps = "many"', 12, ['train.steps = "many"', "a whole number"]),
        ("steps = 100", "steps = true", 12, ["a whole number"]),
        ("steps = 100", "steps = 1e5", 12, ["a whole number"]),
        ("steps = 100", "steps = 0", 12, ["at least 1"]),
        ("steps = 100", "learning_rate_scale = inf", 12, ["a finite number"]),
        ("steps = 100", "learning_rate_scale = 0", 12, ["more than 0"]),
        ("steps = 100", "anneal_steps = [1, 2.5]", 12, ["a list of whole numbers"]),
        ("steps = 100", "anneal_steps = [2, 1]", 12, ["rising"]),
        ("steps = 100", 'precision = "bfloat16"', 12, ['"float32" or "mixed_bfloat16"']),
        ("[train]", "[trian]", 11, ["[trian] is not a section", "Did you mean train?"]),
        ('kind = "fastspeech2"', 'kind = "fastspeech"', 2, ["fastspeech2"]),
        ('kind = "fastspeech2"', "steps = 3", None, ["kind is missing"]),
        ('path = "somewhere"', "path = 3", 6, ["text in quotes"]),
        ('path = "somewhere"', "validation = 0.02", 6, ["text in quotes"]),
        ('path = "somewhere"', 'path = ""', 6, ["corpus.path must be given"]),
        ('path = "somewhere"', 'path = "x"\nvalidation = "1.5"', 7, ["a share between 0 and 1"]),
        ('path = "somewhere"', 'path = "x"\ntest = "0.9"\nvalidation = "0.2"', 8, ["nothing to train on"]),
        ('reader = "demo"', 'reader = "ljspech"', 5, ['"ljspeech" or "demo"']),
        ('source = "given"', 'source = "learnt"', 9, ['"given" or "textgrid" or "learned"']),
        ('source = "given"', 'source = "textgrid"', 5, ["demo", '"given" or "learned"']),
        ('source = "given"', "steps = 0", 9, ["alignment.steps", "at least 1"]),
        ('source = "given"', "shortest_pause = -0.1", 9, ["alignment.shortest_pause", "at least 0"]),
        ('source = "given"', "least_confidence = 1.5", 9, ["alignment.least_confidence", "at most 1"]),
        ("[train]", "[audio]\nhop = 2000\n[train]", 12, ["audio.window"]),
        ("[train]", "[audio]\nwindow = 2000\n[train]", 12, ["audio.fft"]),
        ("[train]", "[audio]\nfmax = 12000.0\n[train]", 12, ["half of audio.sample_rate"]),
        ("[train]", "[audio]\nfmin = 9000\n[train]", 12, ["not below audio.fmax"]),
        ("[train]", "[model]\nheads = 3\n[train]", 12, ["does not divide"]),
        ("[train]", "[model]\ndropout = 1\n[train]", 12, ["less than 1"]),
        ("steps = 100", "steps = 100\nsteps = 200", 13, ["not TOML"]),
        ("steps = 100", "steps = many", 12, ["not TOML", "quotes"]),
        ("steps = 100", "steps =", 12, ["not TOML"]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, old, new, line, words):
    path = write(SMALL.replace(old, new))
    message = complaint(path)
    assert str(path) in message
    assert line is None or f"line {line}" in message
    for word in words:
        assert word in message


def test_everything_wrong_is_said_at_once(write):
    message = complaint(write(SMALL.replace("steps = 100", "stepz = 1\nwarmup = -1\nclip = 'x'")))
    assert [f"line {line}:" in message for line in (12, 13, 14)] == [True] * 3


def test_files_that_are_no_recipe(write, tmp_path):
    assert "Did you mean demo?" in complaint(tmp_path / "demmo.toml")
    assert "called by its name: demo" in complaint(tmp_path / "demo.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in complaint(tmp_path / "binary.toml")
    (tmp_path / "run").mkdir()
    write(SMALL, "run/recipe.toml")
    assert str(tmp_path / "run" / "recipe.toml") in complaint(tmp_path / "run")


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    (tmp_path / "w.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert recipes.load(tmp_path / "w.toml").train.steps == 100
    assert "line 12" in complaint_of_crlf(tmp_path)


def complaint_of_crlf(tmp_path):
    path = tmp_path / "v.toml"
    path.write_bytes(SMALL.replace("steps", "stepz").replace("\n", "\r\n").encode())
    return complaint(path)


def test_overrides(write):
    path = write(SMALL)
    recipe = recipes.load(
        path,
        ["train.steps=20", "run.name=2024", "corpus.validation=0.1", "corpus.path=/a b/c", "train.clip=2",
         'samples.sentences=["One.", "Two."]', "train.steps=30", "corpus.test="],
    )  # fmt: skip
    assert (recipe.train.steps, recipe.run.name, recipe.corpus.validation) == (30, "2024", "0.1")
    assert (recipe.corpus.path, recipe.train.clip, recipe.corpus.test) == ("/a b/c", 2.0, "")
    assert recipe.samples.sentences == ("One.", "Two.")
    assert recipe.corpus.store == "stores/2024"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.stepz=1", ["--set train.stepz=1", "train.steps"]),
        ("steps=1", ["--set steps=1", "Did you mean alignment.steps or train.steps?"]),
        ("train.steps", ["section.key=value"]),
        ("train.steps=2e5", ["a whole number"]),
        ("train.steps=", ["a whole number"]),
        ("train=1", ["[train]"]),
        ("run.name=../up", ["run.name"]),
        ("samples.sentences=Hello", ["a list of quoted text"]),
        ('samples.sentences=[" "]', ["empty sentence"]),
        ("a.b.c=1", ["section.key=value"]),
        ("text.frontend=arpabet", ["demo"]),
    ],
)
def test_wrong_overrides(write, override, words):
    message = complaint(write(SMALL), override)
    for word in words:
        assert word in message


def test_an_override_adds_no_second_key():
    assert parse_overrides(["run.name=1\nx = 2"])["run.name"].value == "1\nx = 2"


def test_textgrids_and_espeak_symbols_do_not_go_together(write):
    text = SMALL.replace('reader = "demo"', "")
    path = write(text.replace('source = "given"', 'source = "textgrid"\ntextgrids = "tg"'))
    assert 'text.frontend = "arpabet"' in complaint(path)
    assert recipes.load(path, ["text.frontend=arpabet"]).alignment.textgrids == "tg"
    assert "only en-us" in complaint(path, "text.frontend=arpabet", "text.language=de")


def test_home_folder(write, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    assert recipes.load(write(SMALL), ["corpus.path=~/lj"]).corpus.path == "/home/anna/lj"


def test_differences_tell_safe_changes(write):
    path = write(SMALL)
    old = recipes.load(path)
    assert recipes.differences(old, recipes.load(path)) == []
    new = recipes.load(
        path, ["train.steps=200", "run.seed=7", "corpus.path=moved", "model.width=64", "train.warmup=10"]
    )
    changes = {change.key: change for change in recipes.differences(old, new)}
    assert {key for key, change in changes.items() if change.safe} == {"train.steps", "corpus.path"}
    assert {key for key, change in changes.items() if not change.safe} == {"run.seed", "model.width", "train.warmup"}
    assert str(changes["train.steps"]) == "train.steps: 100 -> 200"


def test_an_alignment_may_be_learned_longer_and_judged_anew_but_comes_from_one_source(write):
    path = write(SMALL)
    values = ("steps=9", "shortest_pause=0.2", "least_confidence=0.1", "textgrids=moved", "source=learned")
    new = recipes.load(path, [f"alignment.{value}" for value in values])
    changes = recipes.differences(recipes.load(path), new)
    assert len(changes) == len(values)
    assert [change.key for change in changes if not change.safe] == ["alignment.source"]


def test_find_line_is_not_fooled():
    text = 'train.clip = 2\nrun = {seed = 3}\n[samples]\nsentences = [\n  "steps = 3",\n]\n'
    text += '[ "train" ] # here\n"steps" = 1\n'
    assert find_line(text, "train.steps") == 8
    assert find_line(text, "train.clip") == 1
    assert find_line(text, "run.seed") == 2
    assert find_line(text, "samples.sentences") == 4
    assert find_line(text, "train.warmup") == 7
    assert find_line(text, "audio.hop") is None


@given(st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans() | st.lists(st.text()))
@settings(deadline=None)
def test_quoted_is_toml(value):
    try:
        text = f"value = {quoted(value)}"
        text.encode()
    except UnicodeEncodeError:  # lone surrogates are no text in any file
        return
    assert tomllib.loads(text)["value"] == value


@given(st.text(string.printable, max_size=80))
@settings(deadline=None, max_examples=50)
def test_any_text_is_a_recipe_or_a_clear_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("r") / "any.toml"
    path.write_text(text)
    with pytest.raises(CallError, match="any.toml"):
        recipes.load(path)


@given(
    steps=st.integers(1, 10**9),
    clip=st.floats(1e-6, 1e6),
    sentences=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), max_size=3
    ),
)
@settings(deadline=None, max_examples=50)
def test_any_recipe_reads_back_equal(tmp_path_factory, steps, clip, sentences):
    recipe = recipes.load(
        "demo", [f"train.steps={steps}", f"train.clip={clip!r}", f"samples.sentences={quoted(sentences)}"]
    )
    assert recipe.train.clip == clip
    assert recipe.samples.sentences == tuple(sentences)
    path = tmp_path_factory.mktemp("r") / "recipe.toml"
    path.write_text(recipes.to_toml(recipe), encoding="utf-8")
    assert recipes.load(path) == recipe
    assert all(math.isfinite(value) for value in (recipe.train.clip, recipe.audio.fmax))


def test_loading_imports_nothing_heavy():
    code = (
        "import sys; from fs2keras.recipe import load; load('demo');"
        "print([m for m in ('keras', 'jax', 'tensorflow', 'numpy', 'h5py') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "[]"
