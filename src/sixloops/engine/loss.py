"""The loss as the last stage: one value an image, and the error that backward begins with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sixloops.engine.kernels.absolute_error import absolute_error
from sixloops.engine.kernels.huber import huber
from sixloops.engine.kernels.radial_basis_loss import radial_basis_loss
from sixloops.engine.kernels.sigmoid_cross_entropy import sigmoid_cross_entropy
from sixloops.engine.kernels.softmax_cross_entropy import softmax_cross_entropy
from sixloops.engine.kernels.squared_error import squared_error
from sixloops.engine.kernels.target_rows import target_rows
from sixloops.engine.program import Buffer, Program
from sixloops.engine.stages import ActivationStage, SoftmaxStage, Values
from sixloops.errors import DataError
from sixloops.layers import Sigmoid
from sixloops.layers.base import Array
from sixloops.losses import (
    AbsoluteError,
    Huber,
    Loss,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from sixloops.losses.base import are_labels, forward_loss

COMPILED = {
    AbsoluteError: absolute_error,
    Huber: huber,
    RadialBasisLoss: radial_basis_loss,
    SigmoidCrossEntropy: sigmoid_cross_entropy,
    SoftmaxCrossEntropy: softmax_cross_entropy,
    SquaredError: squared_error,
}
"""The losses that have a kernel; all others run by their definition."""


def is_compiled(loss: Loss) -> bool:
    """Say whether a loss has a kernel; a class derived from one that has may differ from it."""
    return type(loss) in COMPILED


def check_targets(loss: Loss, targets: Array, images: int, outputs: tuple[int, ...]) -> None:
    """Raise unless a compiled loss may be given targets.

    Args:
        loss: the network's.
        targets: of the whole batch.
        images: how many the batch has.
        outputs: the network's output shape.

    Raises:
        DataError: a label that is no class, numbers that cannot be wanted, or too few or many.
        ShapeError: no such outputs can be judged.
    """
    if targets.shape[:1] != (images,):
        raise DataError(
            f"The targets of {type(loss).__name__} must be as many as the images. "
            f"Got targets of shape {targets.shape} for {images} images."
        )
    # The quick look first: labels are checked at every step.
    right = are_labels(targets, outputs) and images
    if not right or targets.min() < 0 or targets.max() >= outputs[0]:
        loss.check_targets(targets, outputs)


class LossStage:
    """The mean loss of a batch.

    Args:
        loss: the network's.
        labels: whether the targets are class labels.
    """

    def __init__(self, loss: Loss, labels: bool) -> None:
        self._loss, self._labelled = loss, labels

    def backward(self, program: Program, outputs: Values) -> Values:
        """Write how each image's loss, and the error by the outputs, come about."""
        size = math.prod(outputs.shape)
        self._losses = program.buffer(1, whole=True)
        dy = Values(program.buffer(size), outputs.shape)
        if is_compiled(self._loss):
            targets = self._targets_buffer(program, size)
            arrays = outputs.buffer, targets, self._losses, dy.buffer
            hyper = program.array([_hyper_parameter(self._loss)])
            program.each(COMPILED[type(self._loss)], *arrays, hyper, size)
        else:
            dy.buffer.whole = True
            program.call(lambda images: self._by_definition(outputs, dy, images))
        return dy

    def _targets_buffer(self, program: Program, size: int) -> Buffer:
        """Return where what is wanted of every output is, after writing how it gets there."""
        targets = program.buffer(size, whole=not self._labelled)
        self._given: tuple[Buffer, tuple[int, ...]] = targets, (size,)
        if self._labelled:
            labels = program.buffer(1, np.int64, whole=True)
            self._given = labels, ()
            levels = [getattr(self._loss, "off", 0.0), getattr(self._loss, "on", 1.0)]
            program.each(target_rows, labels, program.array(levels), targets, size)
        return targets

    def _by_definition(self, outputs: Values, dy: Values, images: int) -> None:
        y = outputs.buffer.view(images, outputs.shape)
        losses, backward = forward_loss(self._loss, y, self._targets)
        np.copyto(self._losses.view(images, ()), losses)
        np.copyto(dy.buffer.view(images, dy.shape), backward(np.full_like(losses, 1 / images)))

    def take(self, targets: Array, images: int) -> Array:
        """Take a batch's targets; return where its losses will be, (images,)."""
        if is_compiled(self._loss):
            buffer, shape = self._given
            np.copyto(buffer.view(images, shape), targets.reshape(images, *shape))
        else:
            self._targets = targets
        return self._losses.view(images, ())


def predicted(program: Program, loss: Loss, outputs: Values) -> Values:
    """Write how outputs become what a user wants to see.

    Args:
        program: for outputs alone.
        loss: the network's, whose ``predictions`` say what that is.
        outputs: the network's, with their channels first.
    """
    if type(loss) is SoftmaxCrossEntropy:
        return SoftmaxStage("loss").forward(program, outputs)
    if type(loss) is SigmoidCrossEntropy:
        return ActivationStage("loss", Sigmoid()).forward(program, outputs)
    if type(loss).predictions is Loss.predictions:
        return outputs
    outputs.buffer.whole = True
    made = Values(program.buffer(math.prod(outputs.shape), whole=True), outputs.shape)

    def call(images: int) -> None:
        said = loss.predictions(outputs.buffer.view(images, outputs.shape))
        np.copyto(made.buffer.view(images, made.shape), said)

    program.call(call)
    return made


def _hyper_parameter(loss: Any) -> float:
    """Return the number that a loss has besides what a label becomes."""
    kinds = {
        Huber: "delta",
        RadialBasisLoss: "margin",
        SoftmaxCrossEntropy: "label_smoothing",
    }
    return float(getattr(loss, kinds[type(loss)])) if type(loss) in kinds else 0.0
