"""Archives: what goes in comes out; what is there is not copied again; what is damaged is refused by name."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from archive_runs import KINDS, bring_back, change, held, keep, make_run, place, tree, unsynced  # noqa: F401
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fs2keras import progress
from fs2keras.archive.manifest import NAME
from fs2keras.archive.restore import restore, verify
from fs2keras.errors import CallError, UserError
from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs" / "demo")


@pytest.fixture(params=KINDS)
def where(request, tmp_path):
    """--to, and the archive that it makes, of both kinds."""
    return place(tmp_path, request.param)


# ---- there and back


def test_what_goes_in_comes_out(run, where, tmp_path):
    to, archive = where
    summary = keep(run, to)
    back = bring_back(archive, tmp_path / "elsewhere")
    assert back.path == tmp_path / "elsewhere" / "demo"
    assert tree(back.path) == tree(run.path)
    assert (summary.path, summary.copied, summary.kept) == (archive, len(tree(run.path)), 0)
    assert os.listdir(tmp_path / "elsewhere") == ["demo"]
    assert not (back.path / "run.lock").exists()
    assert not list(back.path.rglob(".tmp-*"))


def test_only_what_changed_is_copied_again(run, where, tmp_path):
    to, archive = where
    keep(run, to)
    assert keep(run, to).copied == 0
    change(run.steps_csv, run.steps_csv.read_bytes() + b"201,0\n")
    change(run.checkpoint(300), b"a new one")
    os.utime(run.checkpoint(100), ns=(7, 7))  # the same content
    summary = keep(run, to)
    assert summary.copied == 2
    assert summary.copied_bytes == run.steps_csv.stat().st_size + 9
    assert tree(bring_back(archive, tmp_path / "back").path) == tree(run.path)


def test_a_change_that_leaves_size_and_place_is_seen_by_its_time(run, where, tmp_path):
    to, archive = where
    keep(run, to)
    data = run.checkpoint(100).read_bytes()
    change(run.checkpoint(100), data[::-1])
    assert keep(run, to).copied == 1
    assert bring_back(archive, tmp_path / "back").checkpoint(100).read_bytes() == data[::-1]


def test_the_folder_is_a_run_directory_that_sha256sum_checks(run, tmp_path):
    keep(run, tmp_path / "backup")
    folder = tmp_path / "backup" / "demo"
    plain = tree(folder)
    del plain[NAME]
    assert plain == tree(run.path)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", NAME], cwd=folder, check=True)


@pytest.mark.skipif(not (shutil.which("zstd") and shutil.which("tar")), reason="needs zstd and tar")
def test_other_programs_open_the_tarball(run, tmp_path):
    keep(run, tmp_path / "demo.tar.zst")
    change(run.steps_csv, b"step\n")
    keep(run, tmp_path / "demo.tar.zst")
    subprocess.run(["tar", "--zstd", "-xf", "demo.tar.zst"], cwd=tmp_path, check=True)
    folder = tmp_path / "demo"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", NAME], cwd=folder, check=True)
    found = tree(folder)
    del found[NAME]
    assert found == tree(run.path)
    subprocess.run(["zstd", "--test", "--quiet", "demo.tar.zst"], cwd=tmp_path, check=True)


names = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=()), min_size=1, max_size=12).filter(
    lambda name: _is_name(name)
)
files = st.dictionaries(st.tuples(st.sampled_from(["", "a/", "checkpoints/", "b/c/"]), names), st.binary(max_size=300))


def _is_name(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    reserved = {".", "..", "a", "b", "c", "checkpoints", NAME, ".incoming", "run.lock"}
    return name not in reserved and not name.startswith(".tmp-") and not name.endswith(".tmp")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(files, min_size=1, max_size=3), kind=st.sampled_from(KINDS))
def test_any_tree_archived_changed_updated_and_restored_is_the_same(states, kind):
    with tempfile.TemporaryDirectory() as temporary:
        run, everything = RunDir(Path(temporary) / "runs" / "demo"), {}
        to, archive = place(Path(temporary), kind)
        for number, state in enumerate(states):
            shutil.rmtree(run.path, ignore_errors=True)
            run.path.mkdir(parents=True)
            for (folder, name), data in state.items():
                path = run.path / f"{folder}{name}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                os.utime(path, ns=(number, 10**18 + number))
            keep(run, to)
            everything |= tree(run.path)  # what is gone stays in the archive
        assert tree(bring_back(archive, Path(temporary) / "back").path) == everything
        keep(run, to, prune=True, confirm=lambda question: True)
        assert tree(bring_back(archive, Path(temporary) / "pruned").path) == tree(run.path)


# ---- which files

LOGS = {"recipe.toml", "run.json", "steps.csv", "validation.csv", "events.csv", "process.csv", "log.txt"}
BEST = {"checkpoints/best.keras", "checkpoints/best.json"}
OTHERS = {"resume/step-0000001.npz", "resume/step-0000200.npz", "samples/step-0000100/01.wav"}


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({"logs_only": True}, LOGS),
        ({"logs_only": True, "checkpoints": "best"}, LOGS | BEST),
        ({"checkpoints": "none"}, LOGS | OTHERS),
        ({"checkpoints": "best,last"}, LOGS | OTHERS | BEST | {"checkpoints/step-0000200.keras"}),
        ({"checkpoints": "100"}, LOGS | OTHERS | {"checkpoints/step-0000100.keras"}),
    ],
)
def test_a_choice_of_files(run, tmp_path, options, files):
    keep(run, tmp_path / "backup", **options)
    assert held(tmp_path / "backup") == files


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ("150", CallError, "no checkpoint of step 150. It has: 100, 200"),
        ("newest", CallError, "expected best, last, all, none or steps"),
        ("best", UserError, "Run `fs2keras best "),
        ("last", UserError, "no checkpoint yet"),
    ],
)
def test_a_checkpoint_that_is_not_there(run, tmp_path, words, error, message):
    if error is UserError:
        shutil.rmtree(run.checkpoints)
    with pytest.raises(error, match=message):
        keep(run, tmp_path / "new" / "deep", checkpoints=words)
    assert not (tmp_path / "new").exists()


def test_the_command_that_chooses_can_be_typed_where_names_have_blanks(tmp_path):
    run = make_run(tmp_path / "a voice")
    run.best_checkpoint.unlink()
    with pytest.raises(UserError, match=f"Run `fs2keras best '{run.path}'`"):
        keep(run, tmp_path / "backup", checkpoints="best")


def test_links_are_followed_and_a_broken_one_is_named(run, tmp_path):
    run.best_checkpoint.unlink()
    run.best_checkpoint.symlink_to("step-0000200.keras")
    (run.checkpoints / "lost.keras").symlink_to("nowhere")
    (run.samples / "again").symlink_to("..")  # a circle
    lines = []
    summary = keep(run, tmp_path / "backup", report=lines.append)
    assert summary.left_out == ("checkpoints/lost.keras (a link to nothing)",)
    assert lines == ["Left out: checkpoints/lost.keras (a link to nothing)"]
    back = bring_back(tmp_path / "backup", tmp_path / "back")
    assert back.best_checkpoint.read_bytes() == run.checkpoint(200).read_bytes()


# ---- prune


def test_nothing_is_deleted_without_prune_and_a_yes(run, where):
    to, archive = where
    keep(run, to)
    before = held(archive)
    run.checkpoint(100).unlink()
    keep(run, to)
    assert held(archive) == before
    lines = []
    keep(run, to, prune=True, confirm=lambda question: False, report=lines.append)
    assert held(archive) == before
    assert lines[0].endswith(f"gone from {run.path}:")
    assert lines[1:] == ["  checkpoints/step-0000100.keras  3.0 kB", "nothing is deleted"]
    questions = []
    summary = keep(run, to, prune=True, confirm=lambda question: not questions.append(question))
    assert questions == [f"Delete 1 file (3.0 kB) from the archive {archive}? The run stays as it is."]
    assert (summary.deleted, summary.deleted_bytes) == (1, 3000)
    assert held(archive) == before - {"checkpoints/step-0000100.keras"}
    keep(run, to, prune=True)  # nothing to ask for


def test_prune_leaves_what_is_chosen_now(run, where):
    to, archive = where
    keep(run, to)
    lines = []
    keep(run, to, checkpoints="last", prune=True, confirm=lambda question: True, report=lines.append)
    assert {path for path in held(archive) if "checkpoints" in path} == {"checkpoints/step-0000200.keras"}
    assert any(line.endswith("in the run, but not chosen now:") for line in lines)
    assert run.checkpoint(100).exists()


def test_a_long_list_is_cut(run, tmp_path):
    for number in range(30):
        change(run.samples / f"{number}.wav", b"")
    keep(run, tmp_path / "backup")
    shutil.rmtree(run.samples)
    lines = []
    keep(run, tmp_path / "backup", prune=True, confirm=lambda question: True, report=lines.append)
    assert "  and 11 more" in lines  # others tell of the progress where it takes its time
    assert not (tmp_path / "backup/demo/samples").exists()


# ---- other runs


@pytest.mark.parametrize("changed", ["fingerprint", "begun", "name"])
def test_the_archive_of_another_run_is_not_overwritten(run, where, tmp_path, changed):
    to, archive = where
    keep(run, to)
    before = archive.read_bytes() if archive.is_file() else tree(archive)
    if changed == "fingerprint":
        record.update(run, fingerprint="f" * 64)
        words = r"it learned from another store \(00000000, not ffffffff\)"
    elif changed == "begun":
        change(run.events_csv, run.events_csv.read_bytes().replace(b"2026-", b"2027-"))
        words = "it began at 2026-.*, this one at 2027-"
    else:
        run = RunDir(run.path.rename(tmp_path / "runs" / "other"))
        to, words = archive, "its name is demo, not other"
    with pytest.raises(UserError, match=words):
        keep(run, to)
    assert (archive.read_bytes() if archive.is_file() else tree(archive)) == before


def test_a_damaged_record_is_archived_and_says_nothing(run, where, tmp_path):
    to, archive = where
    keep(run, to)
    change(run.run_json, b"{")
    run.events_csv.unlink()
    keep(run, to)
    identity = verify(archive, lambda line: None).identity
    assert identity.fingerprint == "0" * 64
    assert identity.begun.startswith("2026-")


# ---- restore


def test_restoring_again_does_nothing_and_overwrites_nothing(run, where, tmp_path):
    to, archive = where
    keep(run, to)
    back = bring_back(archive, tmp_path / "back")
    change(back.checkpoint(300), b"trained on")
    lines = []
    restore(archive, tmp_path / "back", report=lines.append)
    assert lines[-1].endswith("nothing to do")
    change(back.steps_csv, b"other")
    with pytest.raises(UserError, match=r"steps.csv is another than the archive's. Nothing is overwritten"):
        bring_back(archive, tmp_path / "back")
    assert back.steps_csv.read_bytes() == b"other"


def test_where_a_restored_run_goes(run, tmp_path, monkeypatch):
    keep(run, tmp_path / "backup")
    archive = tmp_path / "backup/demo"
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(run.path)
    assert restore(archive, None, report=print).path == Path("runs/demo")
    (tmp_path / "new/demo").mkdir(parents=True)
    assert bring_back(archive, tmp_path / "new/demo").path == tmp_path / "new/demo"
    with pytest.raises(CallError, match="is the archive itself"):
        bring_back(archive, tmp_path / "backup")
    shutil.copytree(archive, tmp_path / "backup/demo2")
    with pytest.raises(CallError, match=r"several archives. Give one: .*demo, .*demo2"):
        bring_back(tmp_path / "backup", tmp_path / "back")


# ---- where an archive goes


def test_to_names_a_folder_of_archives_or_the_archive(run, tmp_path):
    assert keep(run, tmp_path / "backup").path == tmp_path / "backup/demo"
    assert keep(run, tmp_path / "backup/demo").copied == 0
    assert keep(run, tmp_path / "new/demo").path == tmp_path / "new/demo"
    assert keep(run, tmp_path / "new/demo").copied == 0
    (tmp_path / "full/demo").mkdir(parents=True)
    (tmp_path / "full/demo/else").write_text("")
    assert keep(run, tmp_path / "full/demo").path == tmp_path / "full/demo/demo"


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("runs", "where the run is"),
        ("runs/demo", "lies in the run"),
        ("runs/demo/a.tar.zst", "lies in the run"),
        ("runs/demo/backup", "lies in the run"),
        ("a.tar.gz", r"end in .tar.zst"),
        ("a.zip", r"end in .tar.zst"),
        ("folder", "something else of that name is there"),
        ("folder.tar.zst", "a folder of that name is there"),
        ("file", "is a file. Expected a folder"),
        ("file/a.tar.zst", "in the way"),
    ],
)
def test_a_target_that_will_not_do(run, tmp_path, to, message):
    for folder in ("folder/demo", "folder.tar.zst"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "folder/demo/else").write_text("")
    (tmp_path / "file").write_text("")
    before = tree(tmp_path)
    with pytest.raises(UserError, match=message):
        keep(run, tmp_path / to)
    assert tree(tmp_path) == before


def test_a_run_inside_its_archive(tmp_path):
    run = make_run(tmp_path / "demo/runs/demo")
    with pytest.raises(CallError, match="lies in it"):
        keep(run, tmp_path)


# ---- progress


def test_a_line_now_and_then_where_there_is_no_terminal(run, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    lines = []
    keep(run, tmp_path / "backup", report=lines.append)
    total = sum(len(data) for data, _ in tree(run.path).values())
    assert [line.split()[0] for line in lines if "copying" in line or "checking" in line][:1] == ["copying"]
    assert any(line.startswith("checking") and line.endswith("/s, 0 s left") for line in lines), (lines, total)
