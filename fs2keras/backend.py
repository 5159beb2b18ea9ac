"""The one place that asks which backend runs. Everything that is traced is the same on all of them."""

import keras


def name() -> str:
    return keras.backend.backend()


def jit_compile() -> bool:
    """Whether Keras shall compile with XLA, which compiles each batch shape once.

    TensorFlow on the CPU is faster without (oneDNN); it then traces once, for all shapes.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return True


def as_dataset(batches, example: dict):
    """What `model.fit` takes for an iterable of (batch,) tuples, `batch` being a dict of arrays like `example`.

    Keras guesses shapes from the first two batches on TensorFlow, and a third shape then raises; so they are given as
    free there. On JAX the iterable itself serves, and each shape is compiled once.
    """
    if name() != "tensorflow":
        return (batch for batch in batches)
    import tensorflow as tf

    signature = {key: tf.TensorSpec([None] * value.ndim, value.dtype) for key, value in example.items()}
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=(signature,)).prefetch(2)


def make_deterministic() -> None:
    """Same inputs, same bits: JAX on the CPU is so by itself, TensorFlow when asked."""
    if name() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def versions() -> dict[str, str]:
    """Versions of keras and of the backend, for run.json."""
    if name() == "tensorflow":
        import tensorflow as module
    else:
        import jax as module
    return {"keras": keras.__version__, name(): module.__version__}


def devices() -> list[str]:
    """Names of the devices that the backend computes on, for run.json."""
    return [str(device) for device in keras.distribution.list_devices()]
