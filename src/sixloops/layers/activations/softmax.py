r"""Softmax, over the features of a vector or the channels of maps.

For every image, and at every position of maps, over the axis k of its features:

    y[k] = e^x[k] / Σ_j e^x[j]

(Goodfellow, Bengio & Courville 2016, "Deep Learning", eq. 6.29; Bridle 1990 gave it its
name). It stays the same when one number is taken off all x[k] (there, section 6.2.2.3);
taking off the largest keeps e^x from overflowing. Each y depends on every x:

    ∂y[k]/∂x[j] = y[k] (δ[k,j] − y[j])

and the whole Jacobian, applied to the error, is

    ∂E/∂x[j] = Σ_k dy[k] y[k] (δ[k,j] − y[j]) = y[j] (dy[j] − Σ_k dy[k] y[k])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.errors import ShapeError
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
    Shape,
)


@dataclass(frozen=True)
class Softmax(Layer):
    """y = e^x / Σ e^x over axis 1 of the batch: features of a vector, channels of maps.

    Before a cross-entropy that starts from logits it is left out: that loss has it inside.

    Examples:
        >>> y, backward = Softmax().forward(np.array([[0.0, 0.0], [1e4, -1e4]]))
        >>> y
        array([[0.5, 0.5],
               [1. , 0. ]])
        >>> backward(np.array([[1.0, 0.0], [0.0, 0.0]]))[0]
        array([[ 0.25, -0.25],
               [ 0.  ,  0.  ]])
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape; it must have an axis to go over, with something on it."""
        if not input_shape or input_shape[0] < 1:
            raise ShapeError(
                "The input of Softmax must be a vector (features,) or maps (channels, height, "
                f"width) with at least 1 feature or channel. Got shape {input_shape}."
            )
        return input_shape

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Turn scores into shares that sum to 1."""
        self.output_shape(x.shape[1:])
        exponentials = np.exp(x - x.max(axis=1, keepdims=True))
        y = exponentials / exponentials.sum(axis=1, keepdims=True)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return y * (dy - (dy * y).sum(axis=1, keepdims=True)), {}

        return y, backward
