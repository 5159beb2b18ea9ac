"""Where things are in a run directory (format 1). The table of its files is in the README."""

import re
from pathlib import Path

_STEP_NAME = re.compile(r"step-(\d+)(\.keras)?")


def step_of(path: str | Path) -> int:
    """The step in the name of a checkpoint or sample folder: step-0005000.keras -> 5000. ValueError for others."""
    match = _STEP_NAME.fullmatch(Path(path).name)
    if not match:
        raise ValueError(f"{path} is not named after a step, like step-0005000.keras")
    return int(match[1])


class RunDir:
    """The paths of one run. Making one opens and creates nothing."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"RunDir({str(self.path)!r})"

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def steps_csv(self) -> Path:
        return self.path / "steps.csv"

    @property
    def validation_csv(self) -> Path:
        return self.path / "validation.csv"

    @property
    def events_csv(self) -> Path:
        return self.path / "events.csv"

    @property
    def process_csv(self) -> Path:
        return self.path / "process.csv"

    @property
    def log_txt(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock_file(self) -> Path:
        return self.path / "run.lock"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def resume(self) -> Path:
        return self.path / "resume"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / "best.keras"

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:07d}.keras"

    def sample_folder(self, step: int) -> Path:
        return self.samples / f"step-{step:07d}"

    def list_checkpoints(self) -> list[tuple[int, Path]]:
        """(step, path) of every whole checkpoint, earliest first; temporary files are not among them."""
        if not self.checkpoints.is_dir():
            return []
        found = [path for path in self.checkpoints.iterdir() if path.suffix == ".keras"]
        return sorted((step_of(path), path) for path in found if _STEP_NAME.fullmatch(path.name))
