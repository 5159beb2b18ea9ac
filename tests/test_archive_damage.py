"""What is not as it was archived is refused, and the file named: flipped bytes, cut files, foreign and evil ones."""

import os
import subprocess
from pathlib import Path

import pytest
import zstandard
from archive_runs import KINDS, bring_back, change, keep, make_run, place, tree, unsynced  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.archive import manifest
from fs2keras.archive.manifest import NAME, Entry, Identity, Manifest
from fs2keras.archive.restore import restore
from fs2keras.errors import UserError
from fs2keras.rundir.layout import RunDir


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs" / "demo")


@pytest.fixture(params=KINDS)
def where(request, tmp_path):
    """--to, and the archive that it makes, of both kinds."""
    return place(tmp_path, request.param)


# ---- a flipped byte


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_anywhere_in_a_tarball_is_refused(small_archives, data):
    path = small_archives / "demo.tar.zst"
    position = data.draw(st.integers(0, path.stat().st_size - 1))
    _refused_when_flipped(path, path, position, data.draw(st.integers(1, 255)))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_anywhere_in_a_folder_is_refused(small_archives, data):
    files = sorted(path for path in (small_archives / "backup").rglob("*") if path.is_file() and path.stat().st_size)
    path = data.draw(st.sampled_from(files))
    position = data.draw(st.integers(0, path.stat().st_size - 1))
    message = _refused_when_flipped(small_archives / "backup", path, position, data.draw(st.integers(1, 255)))
    assert path.relative_to(small_archives / "backup" / "demo").as_posix() in message


@pytest.fixture(scope="module")
def small_archives(tmp_path_factory):
    """A folder with archives of both kinds."""
    folder = tmp_path_factory.mktemp("small")
    run = RunDir(folder / "runs" / "demo")
    for name in ("recipe.toml", "steps.csv", "checkpoints/step-0000001.keras", "samples/ü/1.wav", "empty"):
        change(run.path / name, b"" if name == "empty" else os.urandom(100) + bytes(100))
    for kind in KINDS:
        keep(run, place(folder, kind)[0])
    return folder


def _refused_when_flipped(archive: Path, path: Path, position: int, bits: int) -> str:
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[position] ^= bits
    path.write_bytes(broken)
    try:
        with pytest.raises(UserError) as caught:
            restore(archive, archive.parent / "back", report=lambda line: None)
    finally:
        path.write_bytes(whole)
    assert os.listdir(archive.parent / "back") == [] if (archive.parent / "back").exists() else True
    return str(caught.value)


def test_the_damaged_file_is_named(run, where, tmp_path):
    to, archive = where
    keep(run, to)
    path = archive / "checkpoints/step-0000100.keras" if archive.is_dir() else archive
    data = path.read_bytes()
    at = data.index(run.checkpoint(100).read_bytes()[500:540])  # noise does not compress
    path.write_bytes(data[:at] + b"!" + data[at + 1 :])
    with pytest.raises(UserError, match=r"checkpoints/step-0000100.keras is damaged.* Nothing was restored") as caught:
        bring_back(archive, tmp_path / "back")
    assert str(archive) in str(caught.value)
    assert os.listdir(tmp_path / "back") == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_tarball_that_was_cut_short(run, tmp_path, share):
    path = tmp_path / "demo.tar.zst"
    keep(run, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"cut short|was not written by fs2keras"):
        bring_back(path, tmp_path / "back")
    with pytest.raises(UserError, match=r"cut short|was not written by fs2keras"):
        keep(run, path)


def test_a_file_that_is_missing_in_the_folder(run, tmp_path):
    keep(run, tmp_path / "backup")
    (tmp_path / "backup/demo/log.txt").unlink()
    with pytest.raises(UserError, match=r"log.txt is missing"):
        bring_back(tmp_path / "backup", tmp_path / "back")


def test_files_of_others(tmp_path):
    foreign = tmp_path / "foreign.tar.zst"
    (tmp_path / "file").write_text("x")
    subprocess.run(["tar", "-cf", "foreign.tar", "file"], cwd=tmp_path, check=True)
    for data in (zstandard.compress((tmp_path / "foreign.tar").read_bytes()), b"", b"no archive at all"):
        foreign.write_bytes(data)
        with pytest.raises(UserError, match="was not written by fs2keras"):
            bring_back(foreign, tmp_path / "back")
    with pytest.raises(UserError, match="it has no SHA256SUMS"):
        bring_back(tmp_path, tmp_path / "back")
    (tmp_path / NAME).write_text("0" * 64 + "  file\n")
    with pytest.raises(UserError, match="was not written by fs2keras"):
        bring_back(tmp_path, tmp_path / "back")
    with pytest.raises(UserError, match="no such file or folder"):
        bring_back(tmp_path / "nowhere", tmp_path / "back")


def test_a_newer_format(run, where, tmp_path, monkeypatch):
    to, archive = where
    line = manifest.FIRST_LINE.replace("format 1", "format 2")
    monkeypatch.setattr(manifest, "FIRST_LINE", line)
    monkeypatch.setattr("fs2keras.archive.frames.FIRST_LINE", line)
    monkeypatch.setattr(manifest, "FORMAT", 2)
    keep(run, to)
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"has format 2, this fs2keras knows 1. Upgrade"):
        bring_back(archive, tmp_path / "back")
    if archive.is_file():  # also where the end of the file is another
        archive.write_bytes(archive.read_bytes() + b"!")
        with pytest.raises(UserError, match="has format 2"):
            bring_back(archive, tmp_path / "back")


# ---- the list of files

ENTRY = Entry("checkpoints/ü \\ \n.keras", 5, -3, "0" * 64)


def test_a_manifest_is_read_as_it_was_written():
    written = Manifest(Identity("demo", "ab" * 32, None), {ENTRY.path: ENTRY}, "2026-11-22T12:00:00.000Z")
    assert manifest.parse(written.render(), "here") == written
    assert written.size == 5


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "", NAME, ".incoming/a", "a/.", "nul\0"]
)
def test_a_path_that_leads_out_is_refused(path):
    evil = Manifest(Identity("demo"), {path: Entry(path, 1, 0, "0" * 64)})
    with pytest.raises(UserError, match="is not as fs2keras writes it"):
        manifest.parse(evil.render(), "here")


@pytest.mark.parametrize("name", ["..", "a/b", "", "/tmp"])
def test_a_run_whose_name_leads_out_is_refused(name):
    with pytest.raises(UserError, match="cannot be named"):
        manifest.parse(Manifest(Identity(name)).render(), "here")


def test_a_member_that_is_not_in_the_list_is_refused(run, tmp_path, monkeypatch):
    from fs2keras.archive.frames import Writer

    add = Writer._add
    monkeypatch.setattr(
        Writer, "_add", lambda self, name, *rest: add(self, name.replace("log.txt", "../log.txt"), *rest)
    )
    with pytest.raises(UserError, match=r"log.txt is damaged \(demo/../log.txt stands in its place\)"):
        keep(run, tmp_path / "demo.tar.zst")
    assert not (tmp_path / "demo.tar.zst").exists()
