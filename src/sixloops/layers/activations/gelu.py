r"""GELU, the Gaussian error linear unit, exactly (not its tanh approximation).

    y = x Φ(x),    Φ(x) = ½ (1 + erf(x/√2)) = ½ erfc(−x/√2)

(Hendrycks & Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2), where Φ is
the distribution function of the standard normal; erf(a) = 2/√π ∫₀ᵃ e^−t² dt, and erfc = 1
− erf. The form with erfc is the one computed: 1 + erf loses all digits for large negative
x. Φ′ is the normal density φ, so by the product rule

    ∂E/∂x = dy · (Φ(x) + x φ(x)),    φ(x) = e^(−x²/2) / √(2π)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

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
class GELU(Layer):
    """y = x Φ(x), Φ being the standard normal distribution, for inputs of any shape.

    Examples:
        >>> y, backward = GELU().forward(np.array([[-1e4, 0.0, 1.0]]))
        >>> y.round(4) + 0.0
        array([[0.    , 0.    , 0.8413]])
        >>> backward(np.array([[1.0, 1.0, 1.0]]))[0].round(4)
        array([[0.    , 0.5   , 1.0833]])
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Weigh the input by how likely a normal number lies below it."""
        normal_below = (scipy.special.erfc(x * -math.sqrt(0.5)) / 2).astype(x.dtype, copy=False)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            # Beyond ±40 the density is below the smallest double, but x² might overflow.
            near = np.clip(x, -40, 40)
            density = np.exp(near * near / -2) / math.sqrt(2 * math.pi)
            return dy * (normal_below + x * density), {}

        return x * normal_below, backward
