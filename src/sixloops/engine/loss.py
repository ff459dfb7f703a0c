"""The loss as the last stage: one value an image, and the error that backward begins with."""

from __future__ import annotations

import numpy as np

from sixloops.engine.kernels.softmax_cross_entropy import softmax_cross_entropy
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


def losses_and_error(
    loss: Loss, outputs: Array, targets: Array, scale: float, compiled: bool
) -> tuple[Array, Array]:
    r"""Return each image's loss, and ∂(scale · Σ losses)/∂outputs.

    Args:
        loss: the network's.
        outputs: (images, \*output_shape).
        targets: as the loss takes them.
        scale: how much each image's loss counts.
        compiled: what :func:`are_checked_labels` said.
    """
    if not compiled:
        losses, backward = loss.forward(outputs, targets)
        return losses, backward(np.full_like(losses, scale))
    losses, error = np.empty(len(outputs), outputs.dtype), np.empty_like(outputs)
    softmax_cross_entropy(outputs, targets, scale, losses, error)
    return losses, error
