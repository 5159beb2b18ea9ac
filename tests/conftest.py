"""What several tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports keras. Tests of the other backend start a process of their own.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent
# Files with few tests that take minutes: they begin, or one process would still work on them when the other is done.
SLOW = ("test_resume", "test_align", "test_readme", "test_fit", "test_evaluate", "test_parity", "test_cli", "test_gate")
# XLA needs many seconds for a training step that runs in milliseconds: compile each one once, for all processes, and
# without optimisations (README's commands run with them).
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache/jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# No test is timed: the first example of one may have to wait for the other process.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: n for n, name in enumerate(SLOW)}
    items.sort(key=lambda item: order.get(item.path.stem, len(SLOW)))  # stable: the others stay as they are


@pytest.fixture(scope="session")
def ljspeech() -> Path:
    """Real speech: 385 clips of LJSpeech with TextGrids, which lie beside the checkout on the developers' machines."""
    folder = ROOT.parent / "shared" / "ljspeech"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: real LJSpeech clips do not ship with the package")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A prepared corpus and a recipe for trainings of seconds (tiny.py)."""
    from tiny import make

    return make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_run(tiny):
    """A finished run of that recipe, never interrupted, with what JAX compiled for it. Copy it before you change it."""
    from tiny import compilations

    with compilations() as compiled:
        assert tiny.fit("whole") == 0
    return tiny.run("whole"), compiled


@pytest.fixture
def whole(tiny_run):
    """The finished run alone."""
    return tiny_run[0]


@pytest.fixture(scope="session")
def voice_run(tiny, tiny_run):
    """A copy of the finished run whose last checkpoint speaks: twelve steps do not teach how long phonemes are."""
    import math

    import keras
    from tiny import STEPS

    run = tiny.copy(tiny_run[0], "speaks")
    model = keras.saving.load_model(run.checkpoint(STEPS))
    model.duration.output_layer.bias.assign([math.log(6)])
    model.save(run.checkpoint(STEPS))
    return run
