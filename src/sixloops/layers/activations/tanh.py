r"""The hyperbolic tangent.

    y = tanh x = (e^x − e^−x) / (e^x + e^−x)            ∂y/∂x = 1 − y²

(LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", section 4.4, on why a
sigmoid that is symmetric about the origin learns faster). The error is multiplied
by the slope:

    ∂E/∂x = dy · (1 − y²)
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


@dataclass(frozen=True)
class Tanh(Layer):
    """y = tanh x, for inputs of any shape.

    Examples:
        >>> y, backward = Tanh().forward(np.array([[0.0, 1e4]]))
        >>> y
        array([[0., 1.]])
        >>> backward(np.array([[5.0, 5.0]]))[0]
        array([[5., 0.]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Squash to the range from −1 to 1."""
        y = np.tanh(x)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * (1 - y * y), {}

        return y, backward
