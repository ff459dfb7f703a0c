"""Evaluating a network on a whole data set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sixloops.checks import whole_number
from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, DataError
from sixloops.layers.base import Array
from sixloops.losses import SoftmaxCrossEntropy
from sixloops.losses.base import are_class_numbers, are_labels, forward_loss
from sixloops.network import Network
from sixloops.training.metrics import (
    Evaluation,
    confusion_matrix,
    top_k_accuracy,
)


def evaluate(
    network: Network,
    data: Dataset,
    *,
    batch_size: int = 256,
    threads: int | None = None,
    k: int = 5,
) -> Evaluation:
    """Measure loss, accuracy, top-k accuracy and the confusion matrix.

    Args:
        network: the network.
        data: images and labels.
        batch_size: images computed at a time.
        threads: how many; None for all that the process may use.
        k: for the top-k accuracy; where there are fewer classes, their number counts.

    Returns:
        The evaluation.

    Raises:
        DataError: the data does not fit the network.
        ConfigurationError: an option makes no sense.
    """
    check_data(network, data, "data")
    k = whole_number("k", "evaluate", k)
    with Plan(network, batch_size, threads) as plan:
        return evaluate_with(plan, data, batch_size=batch_size, k=k)


def evaluate_with(plan: Plan, data: Dataset, *, batch_size: int = 256, k: int = 5) -> Evaluation:
    """As :func:`evaluate`, with a plan that is already open."""
    loss, total, parts, targets = plan.network.loss, 0.0, [], []
    for outputs, labels in outputs_of(plan, data, batch_size):
        # What is not finite shows in the numbers, and not as NumPy's warnings.
        with np.errstate(all="ignore"):
            losses, _ = forward_loss(loss, outputs, labels)
            parts.append(loss.predictions(outputs))
        total += float(losses.sum(dtype=np.float64))
        targets.append(labels)
    return _evaluation(total / len(data), np.concatenate(parts), np.concatenate(targets), k)


def outputs_of(plan: Plan, data: Dataset, batch_size: int = 256) -> Iterator[tuple[Array, Array]]:
    """Yield a data set's outputs and labels, so many images at a time."""
    for start in range(0, len(data), batch_size):
        images, labels = data.take(np.arange(start, min(start + batch_size, len(data))))
        yield plan.outputs(images), labels


def _evaluation(loss: float, predictions: Array, targets: Array, k: int) -> Evaluation:
    images = len(targets)
    if not are_labels(targets, predictions.shape[1:]):
        return Evaluation(loss, None, None, k, None, images)
    classes = predictions.shape[1]
    k = min(k, classes)
    confusion = confusion_matrix(predictions.argmax(axis=1), targets, classes)
    accuracy = float(np.trace(confusion)) / images
    return Evaluation(loss, accuracy, top_k_accuracy(predictions, targets, k), k, confusion, images)


def check_data(network: Network, data: Dataset, name: str) -> None:
    """Raise :class:`~sixloops.errors.DataError` unless the network can take all of ``data``.

    Args:
        network: the network.
        data: what shall be fed to it.
        name: what the user calls it, for the error.
    """
    if not isinstance(network, Network):
        mend = "Layers become one by Network(layers, input_shape)."
        got = type(network).__name__
        raise ConfigurationError(f"The 'network' must be a Network. Got {got}. {mend}")
    if not isinstance(data, Dataset):
        raise DataError(
            f"The '{name}' must be a Dataset. Got {type(data).__name__}. "
            "Arrays become one by sixloops.data.Dataset(images, labels)."
        )
    network.check_arrays()
    images, _ = data.take(np.arange(1))
    try:
        _check_classes(network, data)
        network.check_images(images, len(data))
        network.loss.check_targets(data.labels, network.output_shape)
    except DataError as error:
        raise DataError(f"The '{name}' does not fit the network. {error}") from error


def _check_classes(network: Network, data: Dataset) -> None:
    """Raise if there is nothing to tell apart: one class only."""
    one = isinstance(network.loss, SoftmaxCrossEntropy) and network.output_shape == (1,)
    if one and are_class_numbers(data.labels):
        raise DataError(
            "Class labels need a network with an output for each class, and at least two classes. "
            "Got one output. Add images of another class, and change the last layer's units."
        )
