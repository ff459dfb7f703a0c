r"""ELU, the exponential linear unit.

    y = x for x > 0, α (e^x − 1) for x ≤ 0        ∂y/∂x = 1 for x > 0, α e^x for x < 0

(Clevert, Unterthiner & Hochreiter 2016, "Fast and Accurate Deep Network Learning by
Exponential Linear Units (ELUs)", section 3). For α = 1 the slope is 1 on both sides
of x = 0; otherwise there is a kink, where the left slope α is taken, as there. The
error is multiplied by the slope:

    ∂E/∂x = dy where x > 0, dy · α e^x elsewhere
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
class ELU(Layer):
    """y = x where x is positive, alpha · (e^x − 1) elsewhere, for inputs of any shape.

    Args:
        alpha: α, above 0; y tends to −α for large negative x.

    Raises:
        ConfigurationError: alpha is not above 0.

    Examples:
        >>> y, backward = ELU().forward(np.array([[-1e4, 0.0, 3.0]]))
        >>> y
        array([[-1.,  0.,  3.]])
        >>> backward(np.array([[10.0, 10.0, 10.0]]))[0]
        array([[ 0., 10., 10.]])
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        checks.number(self, "alpha", above=0)

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Bend what is negative towards −alpha."""
        # np.where computes both branches: e^x is kept from overflowing where x is positive.
        negative = np.minimum(x, 0)
        y = np.where(x > 0, x, self.alpha * np.expm1(negative))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return np.where(x > 0, dy, dy * self.alpha * np.exp(negative)), {}

        return y, backward
