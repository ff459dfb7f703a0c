"""Metrics: loss, accuracy, top-k accuracy and the confusion matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.checks import whole_number
from sixloops.errors import DataError
from sixloops.layers.base import Array
from sixloops.losses import Loss, SoftmaxCrossEntropy
from sixloops.losses.base import are_labels


@dataclass(frozen=True)
class Evaluation:
    """What a network reached on a data set.

    Args:
        loss: mean loss over the images, without regularisers.
        accuracy: share of images whose most probable class is right, 0 to 1; None
            where the targets are no class labels.
        top_k: share of images whose right class is among the ``k`` most probable.
        k: how many classes ``top_k`` looks at.
        confusion: (classes, classes); entry (i, j) counts images of class i that were
            taken for class j.
        images: how many images were looked at.
    """

    loss: float
    accuracy: float | None
    top_k: float | None
    k: int
    confusion: npt.NDArray[np.int64] | None
    images: int

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON's types, which have neither NaN nor infinity: None instead."""
        confusion = None if self.confusion is None else self.confusion.tolist()
        return {
            "loss": self.loss if math.isfinite(self.loss) else None,
            "accuracy": self.accuracy,
            "top_k": self.top_k,
            "k": self.k,
            "images": self.images,
            "confusion": confusion,
        }

    def __str__(self) -> str:
        measures = [f"loss {loss_words(self.loss)}"]
        if self.accuracy is not None:
            measures.append(f"accuracy {self.accuracy:.2%}")
        # Among all classes there is always the right one.
        if self.confusion is not None and self.k < len(self.confusion):
            measures.append(f"top-{self.k} {self.top_k:.2%}")
        return f"{', '.join(measures)} on {self.images:,} images"


def loss_words(loss: float) -> str:
    """Return a loss as it is shown.

    Examples:
        >>> loss_words(0.51234), loss_words(1.5e36)
        ('0.5123', '1.5e+36')
    """
    return f"{loss:.4f}" if abs(loss) < 1000 else f"{loss:.4g}"


def may_be_probabilities(predictions: Array) -> bool:
    """Say whether predictions may be probabilities: losses of numbers give outputs of any size."""
    return bool((predictions >= 0).all() and (predictions <= 1).all())


def correct(loss: Loss, outputs: Array, targets: Array) -> int | None:
    """Count the images whose most probable class is right; None for targets of another kind."""
    if not are_labels(targets, outputs.shape[1:]):
        return None
    # The largest output has the largest softmax, which took a tenth of a small network's step.
    seen = outputs if type(loss) is SoftmaxCrossEntropy else loss.predictions(outputs)
    return int((seen.argmax(axis=1) == targets).sum())


def confusion_matrix(predicted: Array, labels: Array, classes: int) -> npt.NDArray[np.int64]:
    """Count how often each class was taken for each.

    Args:
        predicted: class numbers, (n,).
        labels: the right ones, (n,).
        classes: how many classes there are.

    Returns:
        (classes, classes); entry (i, j) counts images of class i that were taken for j.

    Raises:
        DataError: something that is no class number, or not equally many.
        ConfigurationError: a number of classes under 1.

    Examples:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
        array([[1, 1],
               [0, 1]])
    """
    classes = whole_number("classes", "confusion_matrix", classes)
    predicted = _class_numbers("predicted", predicted, len(labels), classes)
    labels = _class_numbers("labels", labels, len(labels), classes)
    pairs = labels * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def top_k_accuracy(predictions: Array, labels: Array, k: int) -> float:
    """Return the share of images whose right class is among the ``k`` most probable.

    Only a class that is strictly more probable stands before the right one, so the order of
    equal probabilities does not matter.

    Args:
        predictions: (n, classes).
        labels: (n,).
        k: how many classes may be named.

    Raises:
        DataError: predictions of another shape, or labels that do not fit them.
        ConfigurationError: a ``k`` under 1.

    Examples:
        >>> top_k_accuracy(np.array([[0.5, 0.3, 0.2]]), np.array([1]), k=2)
        1.0
    """
    k = whole_number("k", "top_k_accuracy", k)
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or not len(predictions):
        raise DataError(
            f"The predictions must be (n, classes), at least one row. Got {predictions.shape}."
        )
    labels = _class_numbers("labels", labels, *predictions.shape)
    right = np.take_along_axis(predictions, labels[:, None].astype(np.intp), axis=1)
    # Written so that NaN, as which no class is more probable, is never among the first.
    before = ~(predictions <= right)
    return float((before.sum(axis=1) < k).mean())


def _class_numbers(name: str, given: npt.ArrayLike, count: int, classes: int) -> Array:
    """Return ``given`` as an array after checking that it has ``count`` class numbers."""
    numbers = np.asarray(given)
    if numbers.shape != (count,) or numbers.dtype.kind not in "ui":
        raise DataError(
            f"The {name} must be class numbers, whole and of shape ({count},). "
            f"Got {numbers.dtype} of shape {numbers.shape}."
        )
    if count and not 0 <= numbers.min() <= numbers.max() < classes:
        raise DataError(
            f"The {name} must be from 0 to {classes - 1}. "
            f"Got some from {numbers.min()} to {numbers.max()}."
        )
    return numbers.astype(np.int64)
