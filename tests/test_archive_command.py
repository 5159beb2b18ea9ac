"""`fs2keras archive` and `restore`, as they are typed."""

import subprocess
import sys

import pytest
from archive_runs import KINDS, make_run, place, tree


def fs2keras(folder, *words):
    found = subprocess.run([sys.executable, "-m", "fs2keras.cli", *words], cwd=folder, capture_output=True, text=True)
    return found.returncode, found.stdout, found.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_away_and_back(tmp_path, kind):
    run = make_run(tmp_path / "runs" / "demo")
    before = tree(run.path)
    to, archive = (path.relative_to(tmp_path) for path in place(tmp_path, kind))
    code, out, _ = fs2keras(tmp_path, "archive", "demo", "--to", str(to))
    assert code == 0
    assert f"Bring it back: fs2keras restore {archive}" in out
    code, out, _ = fs2keras(tmp_path, "restore", str(archive), "--verify")
    assert (code, "checksums agree" in out) == (0, True)
    run.path.rename(tmp_path / "gone")
    code, out, _ = fs2keras(tmp_path, "restore", str(archive))
    assert code == 0
    assert tree(run.path) == before
    assert out.splitlines()[-1] == "Train on: fs2keras fit runs/demo/recipe.toml"
    code, out, _ = fs2keras(tmp_path, "restore", str(archive), "--to", "elsewhere")
    assert out.splitlines()[-1].endswith("--set run.dir=elsewhere")


def test_suggested_commands_can_be_typed_where_names_have_blanks(tmp_path):
    make_run(tmp_path / "runs" / "a voice")
    code, out, _ = fs2keras(tmp_path, "archive", "a voice", "--to", "back up")
    assert code == 0
    assert "Bring it back: fs2keras restore 'back up/a voice'" in out
    code, out, _ = fs2keras(tmp_path, "restore", "back up", "--to", "else where")
    assert out.splitlines()[-1] == (
        "Train on: fs2keras fit 'else where/a voice/recipe.toml' --set 'run.dir=else where'"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_refused_by_name(tmp_path, kind):
    make_run(tmp_path / "runs" / "demo")
    to, archive = place(tmp_path, kind)
    assert fs2keras(tmp_path, "archive", "demo", "--to", str(to))[0] == 0
    file = archive / "steps.csv" if kind == "folder" else archive
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    code, out, err = fs2keras(tmp_path, "restore", str(archive), "--to", "elsewhere")
    assert code == 1
    assert file.name in err
    assert "Traceback" not in err
    assert not (tmp_path / "elsewhere" / "demo").exists()


def test_an_archive_that_is_not_there(tmp_path):
    code, _, err = fs2keras(tmp_path, "restore", "nothing.tar.zst")
    assert code == 1
    assert "nothing.tar.zst: no such file or folder" in err
