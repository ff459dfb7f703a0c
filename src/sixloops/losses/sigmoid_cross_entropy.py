r"""Sigmoid cross-entropy, computed from logits.

Every output z is a question of its own, answered yes with the probability p = σ(z):

    p = 1 / (1 + exp(−z))        E = −Σ [t·log p + (1 − t)·log(1 − p)]

summed over the outputs (Nielsen 2015, "Neural Networks and Deep Learning", eq. 63).

**Gradient.** With σ′ = p·(1 − p),

    ∂E/∂z = −t·(1 − p) + (1 − t)·p = p − t

The sigmoid's slope, nearly 0 where it saturates, cancels; under the squared error it
would stay and stop the learning.

**Large logits.** log p = −log(1 + exp(−z)) and log(1 − p) = −z − log(1 + exp(−z)), so
E = Σ [(1 − t)·z + log(1 + exp(−z))]; for z < 0, take z out of the logarithm. Both are

    E = Σ [max(z, 0) − t·z + log(1 + exp(−|z|))]

in which nothing overflows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.layers.activations.sigmoid import logistic
from sixloops.layers.base import Array, Shape
from sixloops.losses.base import Loss, LossBackward, per_image, require, target_rows, weighted


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """E = −Σ [t·log σ(z) + (1 − t)·log(1 − σ(z))], where several answers may be right.

    The network ends with plain numbers, without a sigmoid of its own. Targets are labels
    (batch,) where there are at least two outputs, or numbers from 0 to 1 of the outputs'
    shape; for a single output they are (batch, 1).

    Examples:
        >>> loss = SigmoidCrossEntropy()
        >>> losses, backward = loss.forward(np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]))
        >>> losses  # 2·log 2
        array([1.38629436])
        >>> backward(np.array([1.0]))
        array([[-0.5, -0.5]])
    """

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = Σ [max(z, 0) − t·z + log(1 + exp(−|z|))]."""
        z, t = outputs, target_rows(self, outputs, targets)
        losses = per_image(np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))))

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, logistic(z) - t)

        return losses, backward

    def predictions(self, outputs: Array) -> Array:
        """Return the probabilities p = σ(z), each for itself."""
        return logistic(outputs)

    def check_targets(self, targets: Array, output_shape: Shape) -> None:
        """Raise unless ``targets`` are labels, or numbers from 0 to 1."""
        super().check_targets(targets, output_shape)
        given = np.asarray(targets)
        if given.ndim > 1:
            inside = (given >= 0) & (given <= 1)
            require(self, given, inside, "be from 0 to 1", "They are probabilities of a yes.")
