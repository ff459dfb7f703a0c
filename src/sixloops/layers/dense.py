r"""The dense, or fully connected, layer.

For image n, unit k and feature j:

    y[n,k] = b[k] + Σ_j W[k,j] · x[n,j]                    in matrices  y = x·Wᵀ + b

It is linear in each, and every image shares weights and biases, so that their
gradients are sums over the batch:

    ∂E/∂b[k]   = Σ_n dy[n,k]
    ∂E/∂W[k,j] = Σ_n dy[n,k] · x[n,j]                      in matrices  dyᵀ·x
    ∂E/∂x[n,j] = Σ_k dy[n,k] · W[k,j]                      in matrices  dy·W

(Nielsen 2015, "Neural Networks and Deep Learning", chapter 2, eq. BP2 to BP4.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops import checks
from sixloops.initializers import Constant, Glorot, Initializer
from sixloops.layers.activated import activated, check_activation
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
    require_rank,
)


@dataclass(frozen=True)
class Dense(Layer):
    """Units that are each connected to every feature of a vector.

    Args:
        units: number of outputs.
        use_bias: whether a learnt bias is added to every unit.
        activation: a name or a layer, applied to the output; None for the identity.
        weight_initializer: fan-in is the number of features, fan-out that of units.
        bias_initializer: of the bias.

    Parameters are ``weight`` (units, features) and ``bias`` (units,).

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.
        ShapeError: the input is no vector (from :meth:`output_shape` and :meth:`forward`).

    Examples:
        >>> Dense(10).output_shape((784,))
        (10,)
        >>> parameters = {"weight": np.array([[1.0, 2.0]]), "bias": np.array([0.5])}
        >>> y, backward = Dense(1).forward(np.array([[3.0, 4.0]]), parameters)
        >>> y
        array([[11.5]])
        >>> dx, gradients = backward(np.array([[10.0]]))
        >>> dx, gradients["weight"], gradients["bias"]
        (array([[10., 20.]]), array([[30., 40.]]), array([10.]))
    """

    units: int
    use_bias: bool = True
    activation: Any = None
    weight_initializer: Initializer = Glorot()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        checks.whole(self, "units")
        checks.flag(self, "use_bias")
        checks.instance(self, "weight_initializer", Initializer, "an initializer")
        checks.instance(self, "bias_initializer", Initializer, "an initializer")
        check_activation(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (units,)."""
        require_rank(self, input_shape, 1)
        return (self.units,)

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return ``weight`` and, unless switched off, ``bias``."""
        (features,) = input_shape
        shape = (self.units, features)
        weight = self.weight_initializer.draw(shape, features, self.units, random, dtype)
        if not self.use_bias:
            return {"weight": weight}
        bias = self.bias_initializer.draw((self.units,), features, self.units, random, dtype)
        return {"weight": weight, "bias": bias}

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Compute y = x·Wᵀ + b."""
        require_rank(self, x.shape[1:], 1)
        weight = parameters["weight"]
        y = x @ weight.T
        if self.use_bias:
            y += parameters["bias"]

        def backward(dy: Array) -> tuple[Array, Gradients]:
            gradients = {"weight": dy.T @ x}
            if self.use_bias:
                gradients["bias"] = dy.sum(axis=0)
            return dy @ weight, gradients

        return y, backward

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return units × features."""
        (features,) = input_shape
        return self.units * features

    def parameter_count(self, input_shape: Shape) -> int:
        """Return the weights and the biases."""
        return self.multiply_adds(input_shape) + (self.units if self.use_bias else 0)
