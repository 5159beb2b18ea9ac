"""`import fs2keras` costs nothing, and a checkpoint opens with plain Keras in either order of imports."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny import ROOT, environment

import fs2keras

HEAVY = {"numpy", "keras", "jax", "tensorflow", "h5py", "librosa", "scipy", "matplotlib", "joblib", "phonemizer"}
# Opens a checkpoint with plain Keras and prints what it is; {imports} in the order that is tested.
OPEN = """\
import sys
{imports}
model = keras.saving.load_model(sys.argv[1])
import json, numpy
outputs = model({{"symbols": numpy.array([[3, 1, 2]])}}, max_frames=8)
print(json.dumps({{
    "class": type(model).__name__, "backend": keras.backend.backend(), "symbols": len(model.assets["symbols"]),
    "optimizer": getattr(model, "optimizer", None) is not None,
    "durations": numpy.asarray(outputs["log_durations"]).tolist(),
}}))
"""
IMPORTS = {"ours first": "import fs2keras, keras", "keras first": "import keras\nimport fs2keras"}


def python(code: str, *arguments: str, backend: str = "jax", folder: Path = ROOT) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment(backend), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_public_names():
    assert fs2keras.__all__ == ["FastSpeech2", "Speech", "Voice"]
    assert set(fs2keras.__all__) <= set(dir(fs2keras))
    for name in fs2keras.__all__:
        assert getattr(fs2keras, name).__name__ == name
    assert re.fullmatch(r"\d+\.\d+\.\d+", fs2keras.__version__)
    with pytest.raises(AttributeError, match="has no attribute 'Vioce'"):
        _ = fs2keras.Vioce


def test_importing_us_imports_nothing_heavy():
    loaded = set(json.loads(python("import fs2keras, json, sys; print(json.dumps(list(sys.modules)))")))
    assert not loaded & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys, json\nfrom fs2keras.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert end.code == 0\n"
        "print(json.dumps(list(sys.modules)))"
    )
    loaded = set(json.loads(python(code, *arguments).splitlines()[-1]))
    assert not loaded & HEAVY


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
@pytest.mark.parametrize("order", IMPORTS)
def test_a_checkpoint_alone_opens_with_plain_keras(whole, tmp_path, backend, order):
    checkpoint = Path(shutil.copy(whole.checkpoint(12), tmp_path / "voice.keras"))
    said = json.loads(python(OPEN.format(imports=IMPORTS[order]), str(checkpoint), backend=backend, folder=tmp_path))
    durations = said.pop("durations")
    with zipfile.ZipFile(checkpoint) as archive:
        assets = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("voice.json"))))
    assert said == {"class": "FastSpeech2", "backend": backend, "symbols": len(assets["symbols"]), "optimizer": False}
    assert durations[0] == pytest.approx(_durations_here(checkpoint), abs=1e-5)


def _durations_here(checkpoint: Path) -> list[float]:
    import keras
    import numpy as np

    model = keras.saving.load_model(checkpoint)
    return np.asarray(model({"symbols": np.array([[3, 1, 2]])}, max_frames=8)["log_durations"])[0].tolist()


def test_a_checkpoint_has_all_that_speaking_needs_and_no_optimiser(whole):
    with zipfile.ZipFile(whole.checkpoint(12)) as archive:
        names = archive.namelist()
        assets = json.loads(archive.read(next(name for name in names if name.endswith("voice.json"))))
        config = archive.read("config.json").decode()
    assert set(assets) == {"symbols", "frontend", "language", "lexicon", "audio", "speakers"}
    assert not json.loads(config)["compile_config"]
    assert "Adam" not in config


def test_an_import_of_keras_that_fails_is_keras_own_error(tmp_path):
    # Nothing of ours may hide that keras is missing.
    code = (
        "import sys, fs2keras\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "try: import keras\nexcept ModuleNotFoundError as error: print(error.name)"
    )
    assert python(code).strip() == "keras"
