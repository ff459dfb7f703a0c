r"""SELU, the scaled exponential linear unit.

    y = λ x for x > 0, λ α (e^x − 1) for x ≤ 0    ∂y/∂x = λ for x > 0, λ α e^x for x < 0

(Klambauer, Unterthiner, Mayr & Hochreiter 2017, "Self-Normalizing Neural Networks", eq. 2).
α ≈ 1.6733 and λ ≈ 1.0507 are the numbers for which y has mean 0 and variance 1 whenever x
is normal with mean 0 and variance 1. With ℰ = erfc(1/√2), where erfc = 1 − erf and erf(a) =
2/√π ∫₀ᵃ e^−t² dt, mean 0 and variance 1 say

    1/√(2π) + α (½ ℰ √e − ½) = 0        λ² (½ + α² (½ − ℰ √e + ½ erfc(√2) e²)) = 1

and hence

    α = √(2/π) / (1 − ℰ √e)        λ = (½ + α² (½ − ℰ √e + ½ erfc(√2) e²))^−½

At the kink x = 0 the left slope λ α is taken. The error is multiplied by the slope:

    ∂E/∂x = λ dy where x > 0, dy · λ α e^x elsewhere
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

ALPHA = 1.6732632423543772
SCALE = 1.0507009873554805


@dataclass(frozen=True)
class SELU(Layer):
    """y = λ x where x is positive, λ α (e^x − 1) elsewhere, for inputs of any shape.

    Examples:
        >>> y, backward = SELU().forward(np.array([[-1e4, 0.0, 1.0]]))
        >>> y.round(4)
        array([[-1.7581,  0.    ,  1.0507]])
        >>> backward(np.array([[1.0, 1.0, 1.0]]))[0].round(4)
        array([[0.    , 1.7581, 1.0507]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Stretch what is positive, bend what is negative towards −λ α."""
        # np.where computes both branches: e^x is kept from overflowing where x is positive.
        negative = np.minimum(x, 0)
        y = SCALE * np.where(x > 0, x, ALPHA * np.expm1(negative))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return SCALE * np.where(x > 0, dy, dy * ALPHA * np.exp(negative)), {}

        return y, backward
