"""The command line: each mistake is one clear message and an exit code, nothing half written, no traceback."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile
from tiny import ROOT, environment

from fs2keras import cli
from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir


@pytest.fixture
def said(capsys):
    """Runs a command line in this process and returns its exit code and what it printed and complained."""

    def run(*arguments) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            code = end.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(said):
    """Likewise for one that must fail: the exit code and the message, which is no traceback."""

    def run(*arguments) -> tuple[int, str]:
        code, _, error = said(*arguments)
        assert "Traceback" not in error
        assert "This should not happen" not in error
        return code, error

    return run


@pytest.fixture
def corpus(tiny, tmp_path):
    """A copy of the small corpus to spoil, and the options that name it and a store that does not exist yet."""
    folder = shutil.copytree(tiny.folder / "corpus", tmp_path / "corpus")
    (folder / "demo.json").unlink()  # a corpus like any other
    options = ["corpus.reader=ljspeech", f"corpus.path={folder}", f"corpus.store={tmp_path}/store"]
    return folder, [word for option in options for word in ("--set", option)]


# Recipes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.step=3", ["train.step", "train.steps"]),
        ("train.steps=many", ["train.steps", "many"]),
        ("train.steps=0", ["train.steps"]),
        ("train.clip=nan", ["train.clip"]),
        ("audio.hop=4096", ["audio.hop", "audio.window"]),
        ("alignment.source=learnt", ["learnt", '"learned"']),
        ("nonsense", ["nonsense"]),
    ],
)
@pytest.mark.parametrize("verb", ["fit", "prepare", "align"])
def test_wrong_recipes(tiny, refused, verb, change, words):
    code, error = refused(verb, tiny.recipe, "--set", "run.name=wrong", "--set", change)
    assert code == 2
    assert all(word in error for word in words)
    assert not tiny.run("wrong").path.exists()


def test_a_recipe_that_is_not_there(refused):
    code, error = refused("fit", "nowhere.toml")
    assert code == 2
    assert "nowhere.toml" in error


def test_the_ljspeech_recipe_asks_for_what_it_needs(refused):
    code, error = refused("fit", "ljspeech")
    assert code == 2
    assert "--set corpus.path=FOLDER." in error
    code, error = refused("fit", "ljspeech", "--set", "alignment.source=textgrid", "--set", "text.frontend=arpabet")
    assert code == 2
    assert "--set corpus.path=FOLDER --set alignment.textgrids=FOLDER" in error


def test_debug_shows_where(tiny):
    with pytest.raises(Exception, match=r"train\.steps"):
        cli.main(["fit", tiny.recipe, "--debug", "--set", "train.steps=0"])


def test_a_disk_that_fails_is_not_our_mistake(refused, monkeypatch, tmp_path):
    record.write(RunDir(tmp_path))

    def failing(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO), "runs/voice/run.json")

    monkeypatch.setattr(record, "read", failing)
    code, error = refused("status", tmp_path)
    assert code == 1
    assert "runs/voice/run.json: Input/output error" in error


# Corpora and stores


def test_bad_recordings_are_quarantined_with_a_reason_each(corpus, said, tmp_path):
    folder, options = corpus
    wavs = sorted((folder / "wavs").iterdir())
    sound, rate = soundfile.read(wavs[0])
    wavs[0].write_bytes(b"RIFF, but not really")
    wavs[1].write_bytes(b"")
    soundfile.write(wavs[2], np.zeros_like(sound), rate)
    soundfile.write(wavs[3], np.where(np.arange(len(sound)) == 99, np.nan, sound), rate, subtype="FLOAT")
    soundfile.write(wavs[4], np.stack([sound, sound], axis=1), rate)
    soundfile.write(wavs[5], sound, 16000)
    bad = {path.stem for path in wavs[:6]}

    code, _, error = said("prepare", corpus_recipe(tmp_path), *options)
    assert code == 1
    assert "max_quarantined" in error
    assert "Traceback" not in error
    assert not list((tmp_path / "store").glob("*.h5"))

    code, *_ = said("prepare", corpus_recipe(tmp_path), *options, "--set", "corpus.max_quarantined=0.5")
    assert code == 0
    rows = [line.split("\t") for line in (tmp_path / "store/quarantine.tsv").read_text().splitlines()[1:]]
    assert {row[0] for row in rows} == bad
    assert all(len(row[1]) > 10 for row in rows)


def corpus_recipe(folder):
    """A recipe for a corpus with phones.tsv; the options of `corpus` say where it is."""
    path = folder / "any.toml"
    path.write_text('kind = "fastspeech2"\n[alignment]\nsource = "given"\n[corpus]\njobs = 1\nvalidation = "0.2"\n')
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("demo-00001", "expected"),
        ("demo-00002|Again.|Again.", "demo-00002"),
        ("../../etc/passwd|Out.|Out.", "../../etc/passwd"),
        ("/etc/passwd|Out.|Out.", "/etc/passwd"),
    ],
)
def test_bad_metadata_is_refused_with_its_line(corpus, refused, tmp_path, line, words):
    folder, options = corpus
    lines = (folder / "metadata.csv").read_text().splitlines()
    (folder / "metadata.csv").write_text("\n".join([*lines, line]) + "\n")
    code, error = refused("prepare", corpus_recipe(tmp_path), *options)
    assert code == 1
    assert words in error
    assert "metadata.csv" in error
    assert str(len(lines) + 1) in error
    assert not list((tmp_path / "store").glob("*.h5"))


def test_a_store_of_another_recipe_and_a_truncated_one(tiny, refused, tmp_path):
    store = shutil.copytree(tiny.folder / "store", tmp_path / "store")
    options = ["--set", f"corpus.store={store}", "--set", "run.name=other-store"]
    code, error = refused("fit", tiny.recipe, *options, "--set", "audio.hop=200")
    assert code == 1
    assert "audio.hop: the store has 256, the recipe 200" in error

    (store / "store.h5").write_bytes((store / "store.h5").read_bytes()[:-2000])
    code, error = refused("fit", tiny.recipe, *options)
    assert code == 1
    assert "store.h5" in error
    assert "fs2keras prepare" in error
    assert not tiny.run("other-store").recipe.exists()


# The plan


def test_dry_run_prints_the_plan_and_writes_nothing(tiny, said):
    code, out, _ = said("fit", tiny.recipe, "--dry-run", "--set", "run.name=dry", "--set", "train.keep_last=1")
    assert code == 0
    lines = {line[:12].strip() or "shape": line[13:] for line in out.splitlines()}
    assert "trainable parameters" in lines["model"]
    assert "the padding included: " in lines["symbols"]
    assert "utterances to train on" in lines["corpus"]
    assert "batches in an epoch" in lines["steps"]
    assert "are padding; 2 shapes" in lines["batches"]
    assert "phonemes" in lines["shape"]
    assert lines["checkpoints"].startswith("3 of ")
    assert "2 kept" in lines["checkpoints"]
    assert "needed" in lines["disk"]
    assert "free" in lines["disk"]
    assert not tiny.run("dry").path.exists()


def test_dry_run_says_how_to_prepare(tiny, refused, tmp_path):
    code, error = refused("fit", tiny.recipe, "--dry-run", "--set", f"corpus.store={tmp_path}/none")
    assert code == 2
    assert "fs2keras prepare" in error
    assert not (tmp_path / "none").exists()


def test_prepare_twice_does_nothing(tiny, said):
    before = (tiny.folder / "store/store.h5").stat().st_mtime_ns
    code, out, _ = said("prepare", tiny.recipe)
    assert code == 0
    assert "prepared already" in out
    assert (tiny.folder / "store/store.h5").stat().st_mtime_ns == before


# Speaking

HEARD = "The child asked why the sky is blue."  # of the corpus: every phoneme is known


@pytest.mark.parametrize("option", ["--speed", "--pitch", "--energy"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "fast"])
def test_controls_must_be_positive(refused, option, value):
    code, error = refused("say", "runs/demo", "Hello.", f"{option}={value}")
    assert code == 2
    assert option in error
    assert "must be a number above 0" in error


@pytest.mark.parametrize(("text", "words"), [("", "nothing to speak"), ("🙂", "nothing to speak")])
def test_text_that_cannot_be_spoken(whole, refused, tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    code, error = refused("say", whole.path, text)
    assert code == 1
    assert words in error
    assert not list(tmp_path.iterdir())


def test_a_truncated_checkpoint(whole, refused, tmp_path):
    path = tmp_path / "cut.keras"
    path.write_bytes(whole.checkpoint(12).read_bytes()[:5000])
    code, error = refused("say", path, "Hello.", "-o", tmp_path / "say.wav")
    assert code == 1
    assert "cut.keras" in error
    assert not (tmp_path / "say.wav").exists()


def test_runs_and_checkpoints_that_do_not_exist(tiny, whole, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny.folder)
    assert refused("say", "runs/whale", "Hello.")[0] == 3
    assert refused("say", "whale", "Hello.")[0] == 3
    code, error = refused("say", "whole", "Hello.", "--checkpoint", "7")
    assert code == 2
    assert "5, 10, 12" in error
    for run in ("whole", str(whole.checkpoint(5))):
        code, error = refused("say", run, "Hello.", "--checkpoint", "no.keras")
        assert code == 2
        assert "no.keras: no such checkpoint" in error
        assert "ame a .keras file" in error
    code, error = refused("evaluate", "whole", "--checkpoint", "lasst")
    assert code == 2
    assert "lasst: no such checkpoint. runs/whole has 5, 10, 12, last; or name a .keras file" in error
    assert refused("say", "whale", "Hello.", "--checkpoint", "lasst")[0] == 3
    code, error = refused("status", "whale")
    assert code == 3
    assert "Did you mean whole?" in error
    monkeypatch.chdir(tmp_path)
    code, error = refused("status")
    assert code == 3
    assert "fs2keras fit demo" in error


def test_say_writes_what_it_is_told_and_overwrites_nothing(whole, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fs2keras.voice.Voice._checked_frames", lambda self, frames, phonemes: max(frames, 40))
    code, out, _ = said("say", whole.path, HEARD)
    assert code == 0
    assert "say.wav" in out
    first = (tmp_path / "say.wav").read_bytes()
    assert said("say", whole.checkpoint(5), HEARD)[0] == 0
    assert (tmp_path / "say-2.wav").is_file()
    assert (tmp_path / "say.wav").read_bytes() == first
    assert said("say", whole.path, HEARD, "--checkpoint", "10", "-o", "new/named.wav")[0] == 0
    assert soundfile.info("new/named.wav").samplerate == 22050


def test_suggested_commands_can_be_typed_where_names_have_blanks(whole, refused, tmp_path):
    run = RunDir(shutil.copytree(whole.path, tmp_path / "a voice"))
    _, error = refused("say", run.path, "Hello.", "--checkpoint", "best")
    assert f"Run `fs2keras best '{run.path}'`" in error
    shutil.rmtree(run.checkpoints)
    _, error = refused("say", run.path, "Hello.")
    assert f"`fs2keras status '{run.path}'` says when" in error


# Reports


@pytest.mark.parametrize(
    ("output", "page"),
    [
        ("paper.pdf", "paper.html"),
        ("recipe.toml", "recipe.html"),
        ("page", "page.html"),
        ("a b.txt", "'a b.html'"),
        ("there", "there/report.html"),
        (".", "report.html"),
    ],
)
def test_a_report_goes_into_a_page_only(whole, refused, tmp_path, monkeypatch, output, page):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "recipe.toml").write_text("mine")
    code, error = refused("report", whole.path, "-o", output)
    assert code == 2
    assert error.rstrip().endswith(f"Write: -o {page}")
    assert "matplotlib" not in error  # before anything is done
    assert (tmp_path / "recipe.toml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.toml", "there"]


# Status


def test_status_of_a_finished_run(whole, said):
    code, out, _ = said("status", whole.path)
    assert code == 0
    assert "finished: all steps are done" in out
    assert "12 of 12" in out
    assert "step-0000012.keras" in out


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("interrupted", 130, "interrupted: it was asked to stop. Run the same command again"),
        ("nan", 4, "nan: the gradients became NaN"),
        ("failed", 1, "crashed: it ended with an error"),
    ],
)
def test_status_of_a_run_that_ended_early(tiny, whole, said, status, code, words):
    run = tiny.run(f"ended-{status}")
    shutil.copytree(whole.path, run.path)
    record.update(run, status=status)
    found, out, _ = said("status", run.path)
    assert found == code
    assert words in out


# A process that owns the run of its argument as `fit` does, without the seconds of Keras.
OWNER = """\
import sys, time
from fs2keras.rundir import record
from fs2keras.rundir.heartbeat import Heartbeat
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
from fs2keras.rundir.process import identity

run = RunDir(sys.argv[1])
with lock(run):
    record.update(run, status="training", **identity())
    heartbeat = Heartbeat(run)
    heartbeat.activity, heartbeat.step = "training", 8
    heartbeat.start()
    time.sleep(1)
    print("on", flush=True)
    time.sleep(60)
"""


def test_status_of_a_run_under_way_and_of_one_that_was_killed(whole, said, tmp_path):
    run = RunDir(shutil.copytree(whole.path, tmp_path / "run"))
    command = [sys.executable, "-c", OWNER, str(run.path)]
    with subprocess.Popen(command, env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "on\n"
        code, out, _ = said("status", run.path)
        assert code == 0
        assert "training: the last heartbeat" in out
        process.send_signal(signal.SIGKILL)
    code, out, _ = said("status", run.path)
    assert code == 1
    assert "crashed" in out
    assert "Run the same command again" in out


def test_a_second_process_is_refused_and_told_who_has_the_run(tiny, whole, tmp_path):
    from fs2keras.rundir.lock import lock

    run = tiny.copy(whole, "owned")
    with lock(run):
        second = tiny.process(tiny.arguments("owned", "train.steps=20"))
    assert second.returncode == 1
    assert f"is in use by pid {os.getpid()}" in second.stderr
    assert "Traceback" not in second.stderr
    assert json.loads(run.run_json.read_text())["status"] == "finished"


# Asked to stop


def _asked_to_stop(monkeypatch, by: signal.Signals):
    """Whatever looks for a run is asked to stop meanwhile."""
    monkeypatch.setattr("fs2keras.rundir.runs.find_run", lambda *_: signal.raise_signal(by))


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("words", "goes_on"),
    [
        (["evaluate", "voice"], True),
        (["compare", "voice"], True),
        (["best", "voice"], True),
        (["validate", "voice"], True),
        (["samples", "voice"], False),
        (["report", "voice"], False),
        (["archive", "voice", "--to", "backup"], False),
        (["say", "voice", "Hello."], False),
        (["status", "voice"], False),
    ],
)
def test_every_verb_ends_with_a_sentence_that_is_true(said, monkeypatch, words, goes_on, by):
    before = signal.getsignal(signal.SIGTERM)
    _asked_to_stop(monkeypatch, by)
    code, _, error = said(*words)
    assert code == 130
    assert "fs2keras: interrupted" in error
    assert ("goes on from the last saved state" in error) == goes_on
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_preparation_ends_so_too(tiny, said, monkeypatch):
    monkeypatch.setattr("fs2keras.recipe.load", lambda *_: signal.raise_signal(signal.SIGTERM))
    code, _, error = said("prepare", tiny.recipe)
    assert (code, "goes on" in error) == (130, True)


def test_outside_of_the_main_thread_signals_are_left_alone(whole, said):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["status", str(whole.path)])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_who_reads_may_go(whole):
    """As in `fs2keras status RUN | head -1`."""
    command = [sys.executable, "-u", "-m", "fs2keras.cli", "status", str(whole.path)]
    with subprocess.Popen(
        command, env=environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_help_answers_quickly():
    def seconds() -> float:
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "fs2keras.cli", "--help"], env=environment(), check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - begin

    assert min(seconds() for _ in range(2)) < 3  # .1 s on an idle machine
