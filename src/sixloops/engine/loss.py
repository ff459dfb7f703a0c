"""The loss as the last stage: one value an image, and the error that backward begins with."""

from __future__ import annotations

import numpy as np

from sixloops.engine.kernels.softmax_cross_entropy import softmax_cross_entropy
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Values, size_of
from sixloops.layers.base import Array
from sixloops.losses import Loss, SoftmaxCrossEntropy


def are_checked_labels(loss: Loss, targets: Array, outputs: tuple[int, ...]) -> bool:
    """Say whether targets are labels for the compiled loss; raise if they are wrong ones.

    Args:
        loss: the network's.
        targets: of the whole batch.
        outputs: the network's output shape.

    Raises:
        DataError: a label that is no class.
    """
    labels = targets.ndim == 1 and targets.dtype.kind == "i" and len(outputs) == 1
    if type(loss) is not SoftmaxCrossEntropy or not labels or not len(targets):
        return False
    if targets.min() < 0 or targets.max() >= outputs[0]:
        loss.check_targets(targets, outputs)
    return outputs[0] > 1


class LossStage:
    """The mean loss of a batch.

    Args:
        loss: the network's.
        compiled: whether targets are labels for the compiled softmax cross-entropy.
    """

    def __init__(self, loss: Loss, compiled: bool) -> None:
        self._loss, self._compiled = loss, compiled

    def backward(self, program: Program, outputs: Values) -> Values:
        """Write how each image's loss, and the error by the outputs, come about."""
        classes = size_of(outputs.shape)
        self._losses = program.buffer(1, whole=True)
        self._labels = program.buffer(1, np.int64, whole=True)
        dy = Values(program.buffer(classes), outputs.shape)
        arrays = outputs.buffer, self._labels, self._losses, dy.buffer
        if self._compiled:
            program.each(softmax_cross_entropy, *arrays, classes)
        else:
            dy.buffer.whole = True
            program.call(lambda images: self._by_definition(outputs, dy, images))
        return dy

    def _by_definition(self, outputs: Values, dy: Values, images: int) -> None:
        y = outputs.buffer.view(images, outputs.shape)
        losses, backward = self._loss.forward(y, self._targets)
        np.copyto(self._losses.view(images, ()), losses)
        np.copyto(dy.buffer.view(images, dy.shape), backward(np.full_like(losses, 1 / images)))

    def take(self, targets: Array, images: int) -> Array:
        """Take a batch's targets; return where its losses will be, (images,)."""
        self._targets = targets
        if self._compiled:
            np.copyto(self._labels.view(images, ()), targets)
        return self._losses.view(images, ())
