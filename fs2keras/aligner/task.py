"""The aligner as a Task: what `fit` needs to know about it."""

import dataclasses
import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from fs2keras import backend
from fs2keras.aligner import losses
from fs2keras.aligner.batches import AlignerBatches, Corpus
from fs2keras.aligner.features import Normalisation, normalisation
from fs2keras.aligner.model import Aligner
from fs2keras.aligner.paths import find_paths
from fs2keras.corpus.prepare import open_store, splits_of
from fs2keras.nn.optimizer import Noam, WatchedAdam
from fs2keras.recipe import Recipe
from fs2keras.rundir.columns import Column

LABELS = {
    "gaussian": ("Gaussians", "nats for a frame"),
    "heard": ("mel encoder", "nats for a frame"),
}
_NORMALISED_FROM = 500  # utterances, spread over the corpus
_SAMPLES = 2


class AlignerTask:
    """See `fs2keras.training.task.Task`. Prepares the corpus when there is no store of it yet."""

    kind = "aligner"
    hint = "`fs2keras align` writes the alignment from what it has learned."
    columns = (
        Column("loss", "loss", "nats for a frame", "loss", "lower"),
        *(Column(name, *LABELS[name], group="loss", better="lower") for name in losses.PARTS),
    )

    def __init__(self, recipe: Recipe, report: Callable[[str], None] = print):
        self.recipe = recipe
        self.corpus = Corpus(open_store(recipe, report))
        self._splits = splits_of(recipe)

    @property
    def fingerprint(self) -> str:
        lines = [self.corpus.store.fingerprint, *(" ".join([name, *ids]) for name, ids in self._splits.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def samples(self) -> list[str]:
        return (self._splits["validation"] or self._splits["train"])[:_SAMPLES]

    @cached_property
    def normalisation(self) -> Normalisation:
        every = -(-len(self.corpus.ids) // _NORMALISED_FROM)
        mels = (self.corpus.mel(id) for id in self.corpus.ids[::every])
        return normalisation(mels, self.recipe.model.pauses, self.recipe.run.seed)

    def build_model(self) -> Aligner:
        train, model = self.recipe.train, self.inference_model()
        means, log_variances = self.normalisation.pauses
        model.pause_means.assign(means)
        model.pause_log_variances.assign(log_variances)
        schedule = Noam(1, train.warmup, train.learning_rate_scale, train.anneal_steps, train.anneal_rate)
        model.compile(optimizer=WatchedAdam(schedule, clip=train.clip, beta_2=0.99), jit_compile=backend.jit_compile())
        return model

    def inference_model(self) -> Aligner:
        arguments = dataclasses.asdict(self.recipe.model)
        return Aligner(1 + len(self.corpus.sounds), mels=self.recipe.audio.mels, name="aligner", **arguments)

    def facts(self) -> dict[str, str]:
        return {"sounds": f"{len(self.corpus.sounds)}: {' '.join(self.corpus.sounds)}"}

    def batches(self, split: str) -> AlignerBatches:
        is_training = split == "train"
        return self.batches_of(
            self._splits[split] or self._splits["train"],
            shuffle=is_training,
            is_guided=is_training,
        )

    def batches_of(self, ids: list[str], **keywords) -> AlignerBatches:
        """Batches of these utterances, in a fixed order unless `shuffle` is given."""
        train = self.recipe.train
        return AlignerBatches(
            self.corpus,
            ids,
            self.normalisation,
            train.batch_size,
            self.recipe.run.seed,
            max_shapes=train.max_shapes,
            **{"shuffle": False, **keywords},
        )

    def losses(self, metrics: dict[str, float]) -> dict[str, float]:
        parts = {name: float(metrics[name]) for name in losses.PARTS}
        return {"loss": sum(parts.values()), **parts}

    def frames(self, batch: dict[str, np.ndarray]) -> int:
        return int(batch["frames"].sum())

    def sample(self, model: keras.Model, folder: Path) -> list[Path]:
        """A picture of the alignment of some recordings."""
        from fs2keras.aligner.picture import save_alignment  # matplotlib, 0.5 s: only who wants a picture pays

        corpus, audio, paths = self.corpus, self.recipe.audio, []
        for found in find_paths(model, self.batches_of(self.samples)):
            if found.starts is None:
                continue
            path = folder / f"{found.id}.png"
            save_alignment(
                path,
                found.soft,
                corpus.mel(found.id),
                corpus.text(found.id).labels,
                found.starts,
                found.ends,
                hop=audio.hop,
                sample_rate=audio.sample_rate,
                title=found.id,
            )
            paths.append(path)
        return paths
