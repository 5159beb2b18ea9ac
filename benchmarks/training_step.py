"""How fast a training step is: python benchmarks/training_step.py [recipe] [--steps N] [--set section.key=value ...].

Random data of LJSpeech's mean shape (80 phonemes, 568 frames) through the model, the losses and the optimiser of a
recipe. Prints one line of JSON: steps and frames a second, and the ratio of the arithmetic done to what this machine's
plain matrix product reaches in the same run. KERAS_BACKEND chooses the backend, else the recipe.
"""

import argparse
import dataclasses
import json
import os
import platform
import time

import numpy as np

from fs2keras import recipe as recipes

PHONEMES, FRAMES, SYMBOLS = 80, 568, 71


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="ljspeech-small")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args()
    paths = ["corpus.path=none", "alignment.textgrids=none"] if options.recipe.startswith("ljspeech") else []
    recipe = recipes.load(options.recipe, [*paths, *options.overrides])
    os.environ.setdefault("KERAS_BACKEND", recipe.run.backend)

    from fs2keras import backend

    model = build(recipe)
    batch = random_batch(recipe.train.batch_size, recipe.audio.mels)
    begin = time.perf_counter()
    model.train_on_batch(batch)
    first = time.perf_counter() - begin
    seconds = []
    for _ in range(options.steps):
        begin = time.perf_counter()
        model.train_on_batch(batch)
        seconds.append(time.perf_counter() - begin)
    step, product = float(np.median(seconds)), matrix_product_rate(recipe.train.precision)
    rate = 3 * forward_operations(model, recipe) / step
    print(
        json.dumps(
            {
                "benchmark": "training_step",
                "recipe": options.recipe,
                "backend": backend.versions(),
                "precision": recipe.train.precision,
                "devices": backend.devices(),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "batch": [recipe.train.batch_size, PHONEMES, FRAMES],
                "first_step_s": round(first, 2),
                "step_s": round(step, 4),
                "frames_per_s": round(recipe.train.batch_size * FRAMES / step, 1),
                "gflop_per_s": round(rate / 1e9, 1),
                "matrix_product_gflop_per_s": round(product / 1e9, 1),
                "share_of_matrix_product": round(rate / product, 3),
            }
        )
    )


def build(recipe):
    from fs2keras import backend
    from fs2keras.fastspeech2.model import FastSpeech2
    from fs2keras.nn.optimizer import Noam, WatchedAdam

    statistics = (207.63, 46.78, -2.917, 11.391), (37.33, 26.04, -1.431, 8.184)
    model = FastSpeech2(SYMBOLS, *statistics, dtype=recipe.train.precision, **dataclasses.asdict(recipe.model))
    model.compile(optimizer=WatchedAdam(Noam(recipe.model.width)), jit_compile=backend.jit_compile())
    return model


def random_batch(rows: int, mels: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    durations = np.full((rows, PHONEMES), FRAMES // PHONEMES, "int32")
    durations[:, : FRAMES % PHONEMES] += 1
    return {
        "symbols": rng.integers(1, SYMBOLS, (rows, PHONEMES)).astype("int32"),
        "durations": durations,
        "pitch": rng.normal(size=(rows, PHONEMES)).astype("float32"),
        "energy": rng.normal(size=(rows, PHONEMES)).astype("float32"),
        "mel": rng.normal(size=(rows, FRAMES, mels)).astype("float32"),
        "speaker": np.zeros(rows, "int32"),
    }


def forward_operations(model, recipe) -> float:
    """Additions and multiplications of a forward pass: each kernel once a position, and attention's two products."""
    total, width = 0.0, recipe.model.width
    for variable in model.trainable_variables:
        if variable.path.endswith("kernel"):
            over_frames = any(part in variable.path for part in ("decoder/", "postnet/", "/mel/"))
            total += 2 * np.prod(variable.shape) * (FRAMES if over_frames else PHONEMES)
    for blocks, length in ((recipe.model.encoder_blocks, PHONEMES), (recipe.model.decoder_blocks, FRAMES)):
        total += blocks * 2 * 2 * length * length * width
    return float(total * recipe.train.batch_size)


def matrix_product_rate(precision: str, size: int = 2048) -> float:
    """Operations a second of one square matrix product, on the same backend and in the precision of the layers."""
    from keras import ops

    from fs2keras import backend

    dtype = "bfloat16" if precision == "mixed_bfloat16" else "float32"
    size = size if backend.devices()[0].startswith("cpu") else 8192
    a = ops.cast(np.random.default_rng(0).normal(size=(size, size)), dtype)
    seconds = []
    for _ in range(6):
        begin = time.perf_counter()
        # Reading one value waits for the product, also where it is dispatched asynchronously.
        float(ops.cast(ops.matmul(a, a)[0, 0], "float32"))
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / min(seconds)


if __name__ == "__main__":
    main()
