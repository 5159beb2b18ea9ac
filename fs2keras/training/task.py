"""What a family of models hands to `fit`. `fit` owns the rest: resume, callbacks, CSVs, validation, signals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from fs2keras.rundir.columns import Column


class Batches(Protocol):
    """The endless sequence of batches of one split; batch i is a pure function of the recipe's seed and i."""

    steps_per_epoch: int
    utterances: int
    shapes: list[tuple[int, ...]]
    padding_share: float

    def batch(self, i: int) -> dict[str, np.ndarray]: ...
    def shape(self, i: int) -> tuple[int, ...]: ...
    def ids(self, i: int) -> list[str]: ...
    def epoch(self, i: int) -> int: ...


class Task(Protocol):
    """A family's side of a training."""

    kind: str
    columns: Sequence[Column]  # the losses, "loss" first, as steps.csv and validation.csv name them
    samples: Sequence[str]  # what `sample` makes something of; empty for no samples
    hint: str  # for people, when a run has finished: what to do with it; {run} stands for its folder
    fingerprint: str  # of the prepared corpus: a run goes on with the corpus that it began with only

    def build_model(self) -> keras.Model:
        """The compiled model: an optimiser that watches its gradients (nn.optimizer), losses as `compute_loss`."""

    def facts(self) -> dict[str, str]:
        """What --dry-run shall say about the family's side: name -> value."""

    def batches(self, split: str) -> Batches:
        """The batches of "train" or "validation"."""

    def losses(self, metrics: dict[str, float]) -> dict[str, float]:
        """The values of `columns`, from what the model's metrics say."""

    def frames(self, batch: dict[str, np.ndarray]) -> int:
        """Valid mel frames in a batch, for the speed."""

    def inference_model(self) -> keras.Model:
        """An uncompiled float32 twin without optimiser, with all that speaking needs: what a checkpoint holds."""

    def sample(self, model: keras.Model, folder: Path) -> list[Path]:
        """Shows what an inference model has learned, in wav and png files; returns those it wrote."""
