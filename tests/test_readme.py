"""README's claims: its commands and its Python run as they stand there, the demo with few steps and sentences."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)
SHELL = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
PYTHON = [block for language, block in BLOCKS if language == "python"]
# The environment of the tests stands for the one that the first half of each command makes.
PROGRAMS = {".venv/bin/fs2keras": [sys.executable, "-m", "fs2keras.cli"], ".venv/bin/python": [sys.executable]}


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax"}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "false"  # as a user has it
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=400)


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A folder where README's first command has run."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    program, *arguments = shlex.split(SHELL[0].split("&&")[-1])
    few = ("train.steps=20", "train.sample_every=20", "corpus.sentences=120")
    done = run([*PROGRAMS[program], *arguments, *(word for pair in few for word in ("--set", pair))], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_first_command_leaves_what_readme_lists(clone):
    found = {path.name for path in (clone / "runs" / "demo").iterdir()}
    listed = set(
        re.findall(r"^  ([\w.]+)/? {2,}", README.split("## What a run leaves")[1].split("```")[1], re.MULTILINE)
    )
    assert len(listed) == 10
    assert listed <= found
    assert (clone / "runs/demo/checkpoints/step-0000020.keras").is_file()


def test_the_monitor_knows_the_run(clone):
    done = run([sys.executable, "-m", "fs2_tui.cli", "--once"], clone)
    assert done.returncode == 0, done.stderr
    assert "20 of 20" in done.stdout
    assert "fs2-tui RUN --once" in README


def test_the_say_command_writes_a_wav(clone):
    command = next(line for line in SHELL if " say " in line)
    program, *arguments = shlex.split(command)
    done = run([*PROGRAMS[program], *arguments], clone)
    # After 20 steps the voice may not have learned durations: that is said in a sentence, not in a traceback.
    assert (clone / "say.wav").is_file() if done.returncode == 0 else "learned durations" in done.stderr


def test_the_python_examples_run(clone):
    voice, plain = (block.replace("step-0000900", "step-0000020") for block in PYTHON)
    done = run([sys.executable, "-c", plain + "\nprint(outputs['mel_postnet'].shape)"], clone)
    assert "(1, 256, 80)" in done.stdout, done.stderr
    done = run([sys.executable, "-c", voice], clone)
    assert "22050" in done.stdout if done.returncode == 0 else "learned durations" in done.stderr


def test_both_commands_begin_with_an_environment_of_their_own():
    setup = [line for line in SHELL if "venv" in line and "pip install" in line]
    assert len(setup) == 2
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install") for line in setup)
    assert setup[1].endswith("-m pytest")


def test_every_room_is_in_the_tree():
    tree = README.split("## The house")[1].split("```")[1]
    rooms = {path.parent.name for path in (ROOT / "fs2keras").glob("*/__init__.py")}
    assert rooms
    assert all(f"  {room}/" in tree for room in rooms)
