r"""Leaky ReLU: a small slope a is left where ReLU is flat.

    y = x for x > 0, a x for x ≤ 0            ∂y/∂x = 1 for x > 0, a for x < 0

(Maas, Hannun & Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic
Models", section 2, with a = 0.01). At the kink x = 0 the slope a is taken, so that
a = 0 is ReLU there too. The error is multiplied by the slope:

    ∂E/∂x = dy where x > 0, a dy elsewhere
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
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
class LeakyReLU(Layer):
    """y = x where x is positive, slope · x elsewhere, for inputs of any shape.

    Args:
        slope: a, at least 0; 0 makes it ReLU, 1 the identity.

    Raises:
        ConfigurationError: the slope is negative.

    Examples:
        >>> y, backward = LeakyReLU(0.1).forward(np.array([[-2.0, 3.0]]))
        >>> y
        array([[-0.2,  3. ]])
        >>> backward(np.array([[10.0, 10.0]]))[0]
        array([[ 1., 10.]])
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        checks.number(self, "slope", minimum=0)

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Weaken what is negative."""
        slopes = np.where(x > 0, x.dtype.type(1), self.slope)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * slopes, {}

        return x * slopes, backward
