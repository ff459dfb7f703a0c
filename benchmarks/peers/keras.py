"""Keras on TensorFlow, the step compiled with ``tf.function``; channels last, as suits it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

# Both are read when they are imported; without the first, they fill the screen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # type: ignore[import-not-found,unused-ignore]
import tensorflow as tf  # type: ignore[import-untyped,unused-ignore]
from keras import layers  # type: ignore[import-not-found,unused-ignore]

from benchmarks.data import floats
from benchmarks.networks import Case


def network(case: Case) -> Any:
    """Return a case's network."""
    channels, height, width = case.input_shape
    x = given = keras.Input((height, width, channels))
    for words in case.layers:
        x = _forward(words, x)
    return keras.Model(given, x)


def _forward(words: tuple[Any, ...], x: Any) -> Any:
    match words:
        case ("conv", filters, kernel, padding):
            return layers.Conv2D(filters, kernel)(_padded(x, padding))
        case ("normed conv", filters, stride):
            return _normed(x, filters, 3, stride)
        case ("block", filters, stride):
            body = layers.ReLU()(_normed(x, filters, 3, stride))
            body = _normed(body, filters, 3, 1)
            same = x.shape[-1] == filters and stride == 1
            return layers.ReLU()(body + (x if same else _normed(x, filters, 1, stride)))
        case ("dense", units):
            return layers.Dense(units)(x)
        case ("pool",):
            return layers.MaxPooling2D(2)(x)
        case ("flatten",):
            return layers.Flatten()(x)
        case ("global mean",):
            return layers.GlobalAveragePooling2D()(x)
        case (activation,):
            return layers.Activation(activation)(x)
    raise ValueError(f"There is no layer {words}.")


def _padded(x: Any, padding: int) -> Any:
    return layers.ZeroPadding2D(padding)(x) if padding else x


def _normed(x: Any, filters: int, kernel: int, stride: int) -> Any:
    conv = layers.Conv2D(filters, kernel, stride, use_bias=False)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(conv(_padded(x, kernel // 2)))


def parameter_count(case: Case) -> int:
    """Return how many numbers the network learns."""
    return sum(int(tf.size(weight)) for weight in network(case).trainable_weights)


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    _use(threads)
    made, optimizer = network(case), keras.optimizers.SGD(0.01)
    images, labels = _given(batch, case)
    optimizer.build(made.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator,unused-ignore]
    def compiled() -> Any:
        with tf.GradientTape() as tape:
            outputs = made(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, made.trainable_variables)
        optimizer.apply(gradients, made.trainable_variables)
        return loss

    return lambda: compiled().numpy()


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images, 256 at a time."""
    _use(threads)
    made, (given, _) = network(case), _given(images, case)
    compiled = tf.function(lambda x: tf.nn.softmax(made(x, training=False)))
    parts = [given[start : start + 256] for start in range(0, images, 256)]
    return lambda: [compiled(part).numpy() for part in parts]


def _use(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _given(count: int, case: Case) -> tuple[Any, Any]:
    images, labels = floats(count, case.input_shape)
    return tf.constant(images.transpose(0, 2, 3, 1)), tf.constant(labels)
