"""Who may know whom: the table of the house, read off the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import write_run

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fs2keras"
MONITOR = ROOT / "tui" / "fs2_tui"

GROUND = {"errors", "recipe", "recipe_text", "recipe_check", "rundir"}
FAMILIES = {config.parent.name for config in PACKAGE.glob("*/config.py")}
# Room -> the rooms of ours that it may import, besides itself. Whatever is not written here is not allowed.
ALLOWED = {
    "errors": set(),
    "recipe_check": {"errors", "recipe_text"},
    "recipe_text": {"errors"},
    "recipe": {"errors", "recipe_text", "recipe_check"},
    "rundir": {"errors"},
    "backend": set(),
    "progress": {"rundir"},
    "text": {"errors"},
    "audio": {"errors", "rundir"},
    "corpus": {"errors", "recipe", "rundir", "progress", "audio", "text"},
    "nn": set(),
    "alignment": GROUND | {"backend", "progress", "corpus", "training", "aligner"},
    "voice": {"errors", "backend", "audio", "text"},
    "training": GROUND | {"backend"},
    "evaluation": GROUND | {"backend", "progress", "audio", "corpus", "text", "voice"},
    "report": GROUND | {""},  # its version stands on the page
    "archive": {"errors", "rundir", "progress"},
    "cli": GROUND | {"", "training", "corpus", "voice", "alignment", "aligner", "evaluation", "report", "archive"},
    "": set(),  # fs2keras/__init__.py
}
ALLOWED |= {family: GROUND | {"backend", "progress", "nn", "voice", "corpus", "audio"} for family in FAMILIES}
STANDARD_LIBRARY_ONLY = ("errors", "recipe", "recipe_text", "recipe_check", "rundir", "cli", "")
NO_KERAS = ("text", "audio", "corpus", "report", "archive")


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported(path: Path, package: Path = PACKAGE) -> set[str]:
    """Dotted names of the modules that a file imports anywhere in it, relative ones made absolute."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = [package.name, *path.relative_to(package).parts]
            base = ".".join(parents[: len(parents) - node.level]) + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            names |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return names


def rooms_known(path: Path) -> set[str]:
    ours = {name.split(".")[1:2] and name.split(".")[1] for name in imported(path) if name.startswith("fs2keras.")}
    existing = {room_of(p) for p in PACKAGE.rglob("*.py")}
    return {room if room in existing else "" for room in ours}


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_knows_only_the_rooms_below_it(path):
    room = room_of(path)
    assert room in ALLOWED, f"a new room, {room}: write down in this table whom it may know"
    assert rooms_known(path) - {room} <= ALLOWED[room]


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(p) in STANDARD_LIBRARY_ONLY], ids=str)
def test_the_ground_floor_stands_on_the_standard_library(path):
    foreign = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"fs2keras", ""}
    assert not foreign


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(p) in NO_KERAS], ids=str)
def test_preparation_needs_no_keras(path):
    assert not {name for name in imported(path) if name.split(".")[0] in {"keras", "jax", "tensorflow"}}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_place_asks_which_backend_runs(path):
    used = {name.split(".")[0] for name in imported(path)} & {"jax", "tensorflow", "torch"}
    assert not used or room_of(path) == "backend"
    if room_of(path) != "backend":
        assert "keras.backend.backend" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["model.py", "losses.py"])
def test_model_and_losses_see_no_recipe(name):
    for family in FAMILIES:
        path = PACKAGE / family / name
        assert not rooms_known(path) & {"recipe", "corpus", "rundir"}


def test_no_folder_is_a_drawer_for_everything():
    names = {path.stem for path in SOURCES}
    assert not names & {"utils", "util", "common", "helpers", "misc", "base"}


@pytest.mark.parametrize("path", sorted(MONITOR.rglob("*.py")), ids=lambda p: str(p.relative_to(MONITOR)))
def test_the_monitor_knows_the_run_directory_and_nothing_else_of_ours(path):
    names = imported(path, MONITOR)
    ours = {name for name in names if name.startswith("fs2keras.")}
    assert all(name.startswith(("fs2keras.rundir", "fs2keras.errors", "fs2keras.__version__")) for name in ours)
    assert not {name.split(".")[0] for name in names} & {"keras", "jax", "tensorflow", "numpy", "h5py"}


FIRST_FRAME = """
import asyncio, sys
from fs2_tui.app import MonitorApp
from fs2keras.rundir.layout import RunDir

async def main():
    app = MonitorApp([RunDir(sys.argv[1])])
    async with app.run_test() as pilot:
        await pilot.pause()
        print(sorted({"numpy", "keras", "jax", "tensorflow", "h5py", "PIL"} & sys.modules.keys()))

asyncio.run(main())
"""


def test_the_monitor_draws_its_first_frame_without_anything_heavy(tmp_path):
    run = write_run(tmp_path / "run", 200)
    command = [sys.executable, "-c", FIRST_FRAME, str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from fs2keras.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'keras', 'jax', 'tensorflow', 'h5py', 'librosa'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
