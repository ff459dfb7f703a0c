r"""Softmax cross-entropy, computed from logits.

The network's outputs z, one a class, are *logits*: the loss makes probabilities of
them, p = softmax(z), and takes the cross-entropy with the wanted ones, t:

    p_k = exp(z_k) / Σ_i exp(z_i)            E = −Σ_k t_k · log p_k

(Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network
Outputs"). For a label c, t is 1 there and 0 elsewhere, and E = −log p_c.

**Gradient.** log p_k = z_k − log Σ_i exp(z_i), and the derivative of log Σ_i exp(z_i)
by z_j is exp(z_j) / Σ_i exp(z_i) = p_j. Hence, with δ_kj = 1 for k = j and 0 otherwise,

    ∂(log p_k)/∂z_j = δ_kj − p_j
    ∂E/∂z_j = −Σ_k t_k · (δ_kj − p_j) = −t_j + p_j · Σ_k t_k = p_j − t_j

as the t_k sum to 1. The softmax's Jacobian and the logarithm's slope 1/p, each of which
can vanish or blow up, cancel: a unit that is very wrong gets a large gradient, and not a
vanishing one.

**Large logits.** Softmax is the same for z and for s = z − max z. Exponentials of s
never overflow, and their sum is at least 1, so that the logarithm is finite too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.layers.base import Array, Shape
from sixloops.losses.base import (
    Loss,
    LossBackward,
    log_sum_exp,
    require_classes,
    require_probabilities,
    softmax,
    target_rows,
    weighted,
)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """E = −Σ t·log softmax(z), for classes of which exactly one is right.

    The network ends with plain numbers, one a class, without a softmax of its own.
    Targets are labels (batch,) or rows of probabilities (batch, classes).

    Examples:
        >>> loss = SoftmaxCrossEntropy()
        >>> losses, backward = loss.forward(np.array([[0.0, 0.0]]), np.array([1]))
        >>> losses  # log 2
        array([0.69314718])
        >>> backward(np.array([1.0]))
        array([[ 0.5, -0.5]])
    """

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = log Σ exp(s) − Σ t·s with s = z − max z."""
        t = target_rows(self, outputs, targets)
        s = outputs - outputs.max(axis=1, keepdims=True)
        losses = log_sum_exp(s) - (t * s).sum(axis=1)

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, softmax(s) - t)

        return losses, backward

    def predictions(self, outputs: Array) -> Array:
        """Return the probabilities p."""
        return softmax(outputs)

    def check_targets(self, targets: Array, output_shape: Shape) -> None:
        """Raise unless ``targets`` are labels, or rows of probabilities."""
        require_classes(self, output_shape)
        super().check_targets(targets, output_shape)
        if np.ndim(targets) > 1:
            require_probabilities(self, np.asarray(targets))
