r"""ReLU, the rectified linear unit.

    y = max(x, 0)            ∂y/∂x = 1 for x > 0, 0 for x < 0

(Nair & Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann
Machines", section 2). At the kink x = 0 any slope from 0 to 1 is a subgradient;
0 is taken, as in nearly all libraries. The error from above is *multiplied* by the slope:

    ∂E/∂x = dy where x > 0, 0 elsewhere
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
class ReLU(Layer):
    """y = max(x, 0), for inputs of any shape.

    Examples:
        >>> y, backward = ReLU().forward(np.array([[-2.0, 3.0]]))
        >>> y
        array([[0., 3.]])
        >>> backward(np.array([[10.0, 10.0]]))[0]
        array([[ 0., 10.]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Cut off what is negative."""
        y = np.maximum(x, 0)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return np.where(x > 0, dy, 0), {}

        return y, backward
