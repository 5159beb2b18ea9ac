"""What the training loop is fed, and what comes out when the reader fails."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fs2keras.training.feed import Feed

ROOT = Path(__file__).parent.parent
FAILING = """
import keras, numpy as np
from fs2keras import backend
from fs2keras.errors import UserError
from fs2keras.training.feed import Feed

class Damaged:
    def batch(self, i):
        if i == 3:
            raise UserError("store.h5: is damaged at clip-07")
        return {"x": np.ones((2, 4), "float32")}

class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 4))  # TensorFlow sees free shapes
    def call(self, batch):
        return self.dense(batch["x"])
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(y_pred)

model = Model()
model.compile("sgd", jit_compile=False)
feed = Feed(Damaged(), 0, 6)
try:
    with feed.raising_as_read():
        model.fit(backend.as_dataset(feed, Damaged().batch(0)), steps_per_epoch=6, verbose=0, shuffle=False)
except UserError as error:
    print("caught:", error)
"""


class Counting:
    def batch(self, i):
        return {"i": np.array([i])}


def test_batches_come_in_order_and_are_counted():
    feed = Feed(Counting(), 3, 9, frames_of=lambda batch: 10)
    assert [int(batch["i"][0]) for (batch,) in feed] == [3, 4, 5, 6, 7, 8]
    assert feed.frames == [10] * 6
    assert feed.error is None


def test_another_error_inside_the_block_stays_itself():
    with pytest.raises(ZeroDivisionError), Feed(Counting(), 0, 1).raising_as_read():
        raise ZeroDivisionError


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_the_readers_error_comes_out_as_it_was(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.stdout.splitlines()[-1:] == ["caught: store.h5: is damaged at clip-07"], done.stderr[-2000:]
