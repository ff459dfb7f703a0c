r"""LeNet's scaled hyperbolic tangent.

    y = A tanh(S x)            ∂y/∂x = A S (1 − tanh²(S x))

(LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document
Recognition", section II.B and appendix A, with A = 1.7159 and S = 2/3: then y(±1) = ±1,
and the curve bends most close to there, where |y″| is largest at x = ±0.99, so that
targets of ±1 lie within the range and not at its asymptotes). The error is multiplied by
the slope:

    ∂E/∂x = dy · A S (1 − tanh²(S x))
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
class ScaledTanh(Layer):
    """y = amplitude · tanh(slope · x), for inputs of any shape.

    Args:
        amplitude: A, the asymptote, above 0.
        slope: S, above 0.

    Raises:
        ConfigurationError: a hyper-parameter is not above 0.

    Examples:
        >>> y, backward = ScaledTanh().forward(np.array([[0.0, 1.0]]))
        >>> y.round(3)
        array([[0., 1.]])
        >>> backward(np.array([[1.0, 1.0]]))[0].round(3)
        array([[1.144, 0.755]])
    """

    amplitude: float = 1.7159
    slope: float = 2 / 3

    def __post_init__(self) -> None:
        checks.number(self, "amplitude", "slope", above=0)

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Squash to the range from −amplitude to amplitude."""
        t = np.tanh(self.slope * x)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * (self.amplitude * self.slope) * (1 - t * t), {}

        return self.amplitude * t, backward
