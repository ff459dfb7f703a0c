r"""Squared error: half the squared distance.

    E = ½ · Σ_k (y_k − t_k)²        ∂E/∂y_k = y_k − t_k

summed over the outputs (Rumelhart, Hinton & Williams 1986, "Learning representations
by back-propagating errors", eq. 3). The ½ cancels the 2 of the derivative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.layers.base import Array
from sixloops.losses.base import (
    Loss,
    LossBackward,
    check_levels,
    per_image,
    target_rows,
    weighted,
)


@dataclass(frozen=True)
class SquaredError(Loss):
    """E = ½·Σ (y − t)², the posts' cost.

    Args:
        off: what is wanted of the outputs of the other classes, where targets are labels.
        on: what is wanted of the output of the label's class; −1 and 1 suit a tanh.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> losses, backward = SquaredError().forward(np.array([[0.5, 0.0]]), np.array([1]))
        >>> losses
        array([0.625])
        >>> backward(np.array([1.0]))
        array([[ 0.5, -1. ]])
    """

    off: float = 0.0
    on: float = 1.0

    def __post_init__(self) -> None:
        check_levels(self)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = ½·Σ (y − t)²."""
        difference = outputs - target_rows(self, outputs, targets, self.off, self.on)
        losses = per_image(np.square(difference)) / 2

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, difference)

        return losses, backward
