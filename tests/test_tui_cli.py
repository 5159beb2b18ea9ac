"""The command fs2-tui without a screen: --once, --json, --export, and what it says to bad input."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from synthetic_run import write_run

from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir


def fs2_tui(*arguments, folder=None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fs2_tui.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_run(folder / "runs" / "finished", 300)
    write_run(folder / "runs" / "crashed", 300, status="crashed")
    nan = write_run(folder / "runs" / "nan", 300, status="crashed")
    record.update(nan, status="nan")
    stopped = write_run(folder / "runs" / "stopped", 300, status="crashed")
    record.update(stopped, status="interrupted")
    return folder


@pytest.mark.parametrize(
    ("run", "code"), [("finished", 0), ("training", 0), ("stopped", 0), ("crashed", 1), ("nan", 4)]
)
def test_the_exit_code_says_how_it_is(folder, run, code):
    if run == "training":  # its last heartbeat must be of this minute
        write_run(folder / "runs" / "training", 300, status="training", pid=os.getpid())
    done = fs2_tui(run, "--once", folder=folder)
    assert done.returncode == code, done.stderr
    assert "300 of" in done.stdout
    assert done.stderr == ""


def test_the_worst_of_several_counts(folder):
    assert fs2_tui("finished", "crashed", "--once", folder=folder).returncode == 1
    assert fs2_tui("crashed", "nan", "finished", "--json", folder=folder).returncode == 4


def test_once_says_what_status_says(folder):
    ours = fs2_tui("finished", "--once", folder=folder).stdout.splitlines()
    command = [sys.executable, "-m", "fs2keras.cli", "status", "runs/finished"]
    theirs = subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout.splitlines()
    assert theirs
    assert ours[: len(theirs)] == theirs


def test_json_is_for_machines(folder):
    facts = json.loads(fs2_tui("crashed", "--json", folder=folder).stdout)
    assert facts["state"] == "crashed"
    assert facts["rows"] == 300
    assert facts["alerts"][0]["kind"] == "gone"
    assert [entry["name"] for entry in json.loads(fs2_tui("finished", "nan", "--json", folder=folder).stdout)] == [
        "finished",
        "nan",
    ]


@pytest.mark.parametrize("kind", ["svg", "png", "csv"])
def test_curves_are_exported(folder, tmp_path, kind):
    path = tmp_path / f"curves.{kind}"
    done = fs2_tui("finished", "--export", path, folder=folder)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 1000


def test_an_export_of_another_kind_is_refused(folder, tmp_path):
    done = fs2_tui("finished", "--export", tmp_path / "curves.pdf", folder=folder)
    assert done.returncode == 2
    assert "svg" in done.stderr


def test_without_a_terminal_it_says_what_to_do(folder):
    done = fs2_tui("finished", folder=folder)
    assert done.returncode == 2
    assert "--once" in done.stderr


def test_no_such_run(folder, tmp_path):
    done = fs2_tui("finnished", "--once", folder=folder)
    assert done.returncode == 3
    assert "Did you mean finished?" in done.stderr
    done = fs2_tui("--once", folder=tmp_path)
    assert done.returncode == 3
    assert "fs2keras fit demo" in done.stderr


def test_a_wrong_call(folder):
    assert fs2_tui("--sideways", folder=folder).returncode == 2


def broken(name):
    """Ways in which a run directory can be no run: each gets a folder and spoils it."""
    return pytest.param(name, id=name.__name__)


def empty(run: Path):
    run.mkdir()


def without_run_json(run: Path):
    write_run(run, 20).run_json.unlink()


def with_broken_run_json(run: Path):
    write_run(run, 20).run_json.write_text('{"format": 1, "sta')


def with_the_csv_of_another_program(run: Path):
    for path in (made := write_run(run, 20)).steps_csv, made.validation_csv, made.events_csv, made.process_csv:
        path.write_text("name,price\nbread,2\n")


def with_rubbish(run: Path):
    made = write_run(run, 20)
    for path in (made.steps_csv, made.validation_csv, made.events_csv, made.process_csv, made.log_txt):
        path.write_bytes(os.urandom(5000))


def with_a_recipe_of_rubbish(run: Path):
    write_run(run, 20).recipe.write_bytes(b"\xff\xfe\x00[train\n")


def with_a_symlink_loop(run: Path):
    made = write_run(run, 20)
    made.steps_csv.unlink()
    made.steps_csv.symlink_to(made.steps_csv.name)


def with_folders_for_files(run: Path):
    made = write_run(run, 20)
    for path in (made.steps_csv, made.events_csv, made.log_txt):
        path.unlink()
        path.mkdir()


BROKEN = [
    empty,
    without_run_json,
    with_broken_run_json,
    with_the_csv_of_another_program,
    with_rubbish,
    with_a_recipe_of_rubbish,
    with_a_symlink_loop,
    with_folders_for_files,
]


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_a_broken_run_gets_a_sentence(tmp_path, spoil):
    spoil(tmp_path / "runs" / "bad") if spoil is not empty else (tmp_path / "runs").mkdir() or empty(
        tmp_path / "runs" / "bad"
    )
    done = fs2_tui("runs/bad", "--once", folder=tmp_path)
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode in (0, 1, 3)
    assert (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("spoil", BROKEN[1:], ids=lambda spoil: spoil.__name__)
def test_a_broken_run_can_be_looked_at(tmp_path, spoil):
    from tui_pilot import drive, monitor, press

    from fs2_tui.app import PANES

    spoil(tmp_path / "bad")

    async def script(pilot):
        return [await press(pilot, key) for key, *_ in PANES]

    assert all(drive(monitor(RunDir(tmp_path / "bad"), poll_s=0.05), script))


AS_NOBODY = """
import os, sys
import encodings.utf_8_sig
from fs2_tui import cli
if os.geteuid() == 0:  # root may read everything
    os.setgid(65534)
    os.setuid(65534)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("closed", ["steps.csv", "run.json", "events.csv", "checkpoints", "log.txt", ".", ".."])
def test_what_may_not_be_read_gets_a_sentence(closed):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        run = write_run(folder / "runs" / "secret", 6000)
        (run.path / closed).chmod(0)
        try:
            command = [sys.executable, "-c", AS_NOBODY, "runs/secret", "--once"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)
        finally:
            (run.path / closed).chmod(0o755)
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 3)
    assert "permission" in (done.stdout + done.stderr).lower() or "no such run" in done.stderr
