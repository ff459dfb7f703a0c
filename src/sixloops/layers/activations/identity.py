r"""The identity.

    y = x            ∂y/∂x = 1

The output of a linear layer, or of one whose loss takes it as it is. The error
passes unchanged:

    ∂E/∂x = dy
"""

from __future__ import annotations

from dataclasses import dataclass

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
class Identity(Layer):
    """y = x, for inputs of any shape.

    Examples:
        >>> import numpy as np
        >>> y, backward = Identity().forward(np.array([[-2.0, 3.0]]))
        >>> y
        array([[-2.,  3.]])
        >>> backward(np.array([[10.0, 10.0]]))[0]
        array([[10., 10.]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Pass the input on."""

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy, {}

        return x, backward
