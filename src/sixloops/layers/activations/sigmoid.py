r"""The logistic sigmoid.

    y = σ(x) = 1 / (1 + e^−x)            ∂y/∂x = e^−x / (1 + e^−x)² = y (1 − y)

(Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating
errors", eq. 2 and 5). e^−x overflows for large negative x. With t = e^−|x|, which
lies between 0 and 1, the same is

    y = 1 / (1 + t)  for x ≥ 0,      y = t / (1 + t)  for x < 0

The error is multiplied by the slope, which is ¼ at most and nearly 0 far from x = 0:

    ∂E/∂x = dy · y (1 − y)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
)


def logistic(x: Array) -> Array:
    """Return σ(x) for every entry, without overflow, in the input's type."""
    t = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, t) / (1 + t)
    return y


@dataclass(frozen=True)
class Sigmoid(Layer):
    """y = 1 / (1 + e^−x), for inputs of any shape.

    Examples:
        >>> y, backward = Sigmoid().forward(np.array([[0.0, -1e4]]))
        >>> y
        array([[0.5, 0. ]])
        >>> backward(np.array([[8.0, 8.0]]))[0]
        array([[2., 0.]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Squash to the range from 0 to 1."""
        y = logistic(x)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * y * (1 - y), {}

        return y, backward
