r"""Softplus, a smooth ReLU.

    y = log(1 + e^x)            ∂y/∂x = e^x / (1 + e^x) = σ(x)

(Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, "Incorporating Second-Order Functional
Knowledge for Better Option Pricing", section 3), σ being the logistic sigmoid. e^x
overflows for large x; taking max(x, 0) out of the logarithm leaves

    y = max(x, 0) + log(1 + e^−|x|)

The error is multiplied by the slope:

    ∂E/∂x = dy · σ(x)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.layers.activations.sigmoid import logistic
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


@dataclass(frozen=True)
class Softplus(Layer):
    """y = log(1 + e^x), for inputs of any shape.

    Examples:
        >>> y, backward = Softplus().forward(np.array([[-1e4, 0.0, 1e4]]))
        >>> y.round(4).tolist()
        [[0.0, 0.6931, 10000.0]]
        >>> backward(np.array([[2.0, 2.0, 2.0]]))[0]
        array([[0., 1., 2.]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Cut off softly what is negative."""
        y = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * logistic(x), {}

        return y, backward
