"""What several tests share."""

import os
from pathlib import Path

import pytest

# Before anything imports keras. Tests of the other backend start a process of their own.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def ljspeech() -> Path:
    """Real speech: 385 clips of LJSpeech with TextGrids, which lie beside the checkout on the developers' machines."""
    folder = ROOT.parent / "shared" / "ljspeech"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: real LJSpeech clips do not ship with the package")
    return folder
