r"""Flattening: maps become one long vector.

    y[n, (c·H + i)·W + j] = x[n,c,i,j]

for maps of height H and width W: channel by channel, each row by row. Every value
moves to one place, so its gradient comes back from there:

    ∂E/∂x[n,c,i,j] = dy[n, (c·H + i)·W + j]
"""

from __future__ import annotations

import math
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
    Shape,
)


@dataclass(frozen=True)
class Flatten(Layer):
    """The same values as a vector (features,), for inputs of any shape.

    Examples:
        >>> Flatten().output_shape((16, 5, 5))
        (400,)
        >>> y, backward = Flatten().forward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
        >>> y
        array([[1., 2., 3., 4.]])
        >>> backward(y)[0].shape
        (1, 1, 2, 2)
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (number of values,)."""
        return (math.prod(input_shape),)

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Lay the values of each image in one row."""
        shape = x.shape
        y = np.reshape(x, (shape[0], *self.output_shape(shape[1:])))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy.reshape(shape), {}

        return y, backward
