"""Metrics over elements, which more than one family logs."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("fs2keras")
class Ratio(keras.metrics.Metric):
    """A mean over elements, sum / count: of the last batch in training, of all batches in evaluation.

    Keras's own Mean is the running mean of the epoch, whose curve saw-tooths, and weighs batches, not elements.
    """

    def __init__(self, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total", dtype="float32")
        self.count = self.add_variable((), "zeros", name="count", dtype="float32")

    def update_state(self, total, count, only_this=False):
        self.total.assign(total if only_this else self.total + total)
        self.count.assign(count if only_this else self.count + count)

    def result(self):
        return self.total / ops.maximum(self.count, 1.0)
