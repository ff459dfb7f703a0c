"""What a loss is, and what a target may be.

A loss says how far the outputs are from the targets, with one number an image.
(The posts that this library answers call it the *cost*; both words mean the same.)
The caller takes the mean over the batch, so that a rate means the same whatever
the batch: the cotangent of every image's loss is then 1 / batch.

A target is either a class label or the wanted outputs themselves. A label becomes
a row of outputs: ``on`` for its class and ``off`` for all others; that needs at least
two outputs.

Over the outputs of one image, losses of numbers are summed. PyTorch's default is their
mean: for K outputs the gradients of its L1, Huber (with the same δ) and binary
cross-entropy are 1/K of ours, and those of its MSELoss, which has no ½, 2/K. The rates
that do the same are larger there by the inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sixloops import checks
from sixloops.descriptions import Description
from sixloops.errors import ConfigurationError, DataError, ShapeError
from sixloops.layers.base import Array, Shape

LossBackward: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class Loss(Description):
    """Base of all losses; one of your own derives from it and writes :meth:`forward`."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        r"""Compute the loss of every image, and the function that carries an error back.

        Args:
            outputs: what the network gave, (batch, \*output_shape).
            targets: class labels, whole numbers (batch,), or wanted outputs of the
                outputs' shape.

        Returns:
            ``losses``, (batch,), and ``backward(dlosses) -> doutputs``, which takes
            ∂E/∂losses, (batch,), and returns ∂E/∂outputs.

        Raises:
            DataError: the targets do not fit the outputs.
            ShapeError: no such outputs can be judged.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(outputs, targets).")

    def predictions(self, outputs: Array) -> Array:
        r"""Turn outputs into what a user wants to see: here the outputs themselves.

        Args:
            outputs: (batch, \*output_shape).

        Returns:
            An array of the same shape; probabilities where the loss is one of classes.
        """
        return outputs

    def check_targets(self, targets: Array, output_shape: Shape) -> None:
        r"""Raise unless ``targets`` can be wanted of outputs of ``output_shape``.

        Args:
            targets: class labels, whole numbers (batch,) from 0 to classes − 1, or
                finite numbers (batch, \*output_shape).
            output_shape: the network's, without the batch.

        Raises:
            DataError: they cannot.
            ShapeError: the outputs have no axis besides the batch.
        """
        if not output_shape:
            raise ShapeError(
                f"The outputs of a network under {type(self).__name__} must have an axis besides "
                "the batch. Got one number an image: outputs[:, np.newaxis]."
            )
        given = np.asarray(targets)
        if are_labels(given, output_shape):
            _check_labels(self, given, output_shape[0])
        else:
            _check_numbers(self, given, output_shape)


def _may_be_labels(output_shape: Shape) -> bool:
    """Say whether labels make sense: they name one of several outputs, at least two."""
    return len(output_shape) == 1 and output_shape[0] > 1


def are_class_numbers(targets: Array) -> bool:
    """Say whether targets may be class labels: whole numbers, one an image."""
    return targets.ndim == 1 and targets.dtype.kind in "iu"


def are_labels(targets: Array, output_shape: Shape) -> bool:
    """Say whether targets are class labels: one whole number an image, for several outputs."""
    return are_class_numbers(targets) and _may_be_labels(output_shape)


def _check_labels(loss: Loss, labels: Array, classes: int) -> None:
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        place = int(np.argmax(outside))
        raise DataError(
            f"The labels of {type(loss).__name__} must be from 0 to {classes - 1}, as the network "
            f"has {classes} outputs. Got {labels[place]} for target {place}. "
            "Count the classes from 0, and give the network one output a class."
        )


def _check_numbers(loss: Loss, targets: Array, output_shape: Shape) -> None:
    number = np.issubdtype(targets.dtype, np.floating) or targets.dtype.kind in "iub"
    if targets.shape[1:] != output_shape or targets.ndim == 0 or not number:
        axes = ", ".join(str(n) for n in ("batch", *output_shape))
        labels = "class labels, whole numbers (batch,), or " if _may_be_labels(output_shape) else ""
        raise DataError(
            f"The targets of {type(loss).__name__} must be {labels}numbers ({axes}). "
            f"Got {targets.dtype} of shape {targets.shape}. {_mend(targets, output_shape)}"
        )
    require(loss, targets, np.isfinite(targets), "be finite numbers", "Look where they came from.")


def _mend(targets: Array, output_shape: Shape) -> str:
    if targets.ndim == 1 and output_shape == (1,):
        return "Give them the outputs' axis, as real numbers: targets[:, np.newaxis].astype(float)."
    if targets.ndim == 1 and _may_be_labels(output_shape):
        return "Labels are whole numbers: targets.astype(int)."
    if targets.ndim == 2 and targets.shape[1] == 1 and _may_be_labels(output_shape):
        return "Labels have one axis: targets[:, 0]."
    return f"The network's last layer gives {output_shape}: change it, or the targets."


def forward_loss(loss: Loss, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
    """Run a loss, which may be the user's own; its losses and gradients are checked.

    Raises:
        ConfigurationError: its forward does not return losses and a backward.
        ShapeError: the losses are not one an image, or the gradient is not of the outputs' shape.
    """
    kind, made = type(loss).__name__, loss.forward(outputs, targets)
    if not (isinstance(made, tuple) and len(made) == 2 and callable(made[1])):
        expected = "return the losses, one an image, and a function, its backward"
        got = type(made).__name__
        raise ConfigurationError(f"The forward of {kind} must {expected}. Got {got}.")
    losses, loss_backward = made
    _check_shape(f"losses from {kind}.forward", losses, (len(outputs),), "One an image: no mean.")

    def backward(dlosses: Array) -> Array:
        dy = loss_backward(dlosses)
        _check_shape(f"gradient from the backward of {kind}", dy, outputs.shape, "")
        return dy

    return losses, backward


def _check_shape(what: str, array: Any, expected: Shape, mend: str) -> None:
    if not isinstance(array, np.ndarray) or array.shape != expected:
        got = array.shape if isinstance(array, np.ndarray) else repr(array)
        raise ShapeError(
            f"The {what} must be an array of shape {expected}. Got {got}. {mend}".strip()
        )


def require(loss: Loss, targets: Array, good: Array, expected: str, mend: str) -> None:
    """Raise at the first target that is not ``good``.

    Args:
        loss: whose targets they are.
        targets: any array.
        good: true where a target is right, of the shape of ``targets`` or its first axes.
        expected: what they must do, to follow the word "must".
        mend: a sentence that says how to mend it.

    Raises:
        DataError: naming the place and the value.
    """
    if not good.all():
        place = np.unravel_index(int(np.argmin(good)), good.shape)
        where = ", ".join(str(i) for i in place)
        raise DataError(
            f"The targets of {type(loss).__name__} must {expected}. "
            f"Got {np.asarray(targets[place]).tolist()} at targets[{where}]. {mend}"
        )


def require_classes(loss: Loss, output_shape: Shape) -> None:
    """Raise unless the outputs are one number a class.

    Raises:
        ShapeError: the outputs have another number of axes.
    """
    if len(output_shape) != 1:
        raise ShapeError(
            f"The outputs of a network under {type(loss).__name__} must be (batch, classes). "
            f"Got {output_shape} for each image. Put Flatten() and Dense(classes) at its end."
        )


def require_probabilities(loss: Loss, targets: Array) -> None:
    """Raise unless rows of numbers are probabilities: at least 0, with sum 1.

    Raises:
        DataError: naming the first row that is not.
    """
    mend = "Give whole numbers (batch,) if they are labels, or divide each row by its sum."
    require(loss, targets, targets >= 0, "be at least 0", mend)
    sums = targets.sum(axis=1, dtype=np.float64)
    require(loss, targets, np.abs(sums - 1) < 1e-3, "be rows with sum 1", mend)


def target_rows(
    loss: Loss, outputs: Array, targets: Array, off: float = 0.0, on: float = 1.0
) -> Array:
    r"""Check the targets against the outputs, and give them the outputs' shape and type.

    Args:
        loss: whose targets they are.
        outputs: (batch, \*output_shape).
        targets: class labels (batch,), or numbers (batch, \*output_shape).
        off: what is wanted of the outputs of the other classes.
        on: what is wanted of the output of the label's class.

    Returns:
        What is wanted of every output; the outputs' shape and type.

    Raises:
        DataError: the targets do not fit the outputs, or these are no floats.
        ShapeError: no such outputs can be judged.

    Examples:
        >>> from sixloops.losses import SquaredError
        >>> target_rows(SquaredError(), np.zeros((2, 3)), np.array([2, 0]), off=-1.0)
        array([[-1., -1.,  1.],
               [ 1., -1., -1.]])
    """
    targets = np.asarray(targets)
    if outputs.dtype.kind != "f":  # what is wanted of them would be cut to whole numbers
        raise DataError(
            f"The outputs of a network under {type(loss).__name__} must be floats. Got "
            f"{outputs.dtype}: outputs.astype(float)."
        )
    loss.check_targets(targets, outputs.shape[1:])
    if len(targets) != len(outputs):
        raise DataError(
            f"The targets of {type(loss).__name__} must be as many as the outputs. "
            f"Got {len(targets)} targets for {len(outputs)} outputs."
        )
    if not are_labels(targets, outputs.shape[1:]):
        return targets.astype(outputs.dtype)
    rows = np.full(outputs.shape, off, dtype=outputs.dtype)
    rows[np.arange(len(rows)), targets] = on
    return rows


def check_levels(loss: Any) -> None:
    """Check ``off`` and ``on``, what a label becomes under a loss of numbers."""
    checks.number(loss, "off", "on")
    if loss.off == loss.on:
        raise checks.fail(loss, "on", f"differ from off={loss.off:g}")


def per_image(values: Array) -> Array:
    """Sum over all axes but the batch."""
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim))))


def weighted(dlosses: Array, slopes: Array) -> Array:
    """Multiply every image's slopes by the cotangent of its loss, in the slopes' type."""
    column = np.asarray(dlosses, dtype=slopes.dtype).reshape(-1, *[1] * (slopes.ndim - 1))
    return column * slopes


def log_sum_exp(z: Array) -> Array:
    """Return log Σ_k exp(z_k), (batch,), for rows (batch, classes) of any size of numbers.

    With the largest, m, taken out, m + log Σ exp(z_k − m), no exponential overflows, and
    the sum is at least 1.
    """
    largest = z.max(axis=1, keepdims=True)
    return np.asarray(largest[:, 0] + np.log(np.exp(z - largest).sum(axis=1)))


def softmax(z: Array) -> Array:
    """Return exp(z_k) / Σ_i exp(z_i) for rows (batch, classes) of any size of numbers."""
    with np.errstate(over="ignore"):  # what lies below by more than any number has no share
        powers = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
