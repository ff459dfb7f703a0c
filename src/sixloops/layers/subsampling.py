r"""Trainable subsampling, LeNet-5's S2 and S4.

    y[n,c,i,j] = a[c] · S[n,c,i,j] + b[c],        S[n,c,i,j] = Σ_u Σ_v P[n,c,u,v,i,j]

where P is what tap (u, v) sees at position (i, j): the inputs of a window "are
added, then multiplied by a trainable coefficient, and added to a trainable bias",
one of each per map (LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning
Applied to Document Recognition", section II.B). All positions of a map share them:

    ∂E/∂b[c] = Σ_n Σ_ij dy[n,c,i,j]
    ∂E/∂a[c] = Σ_n Σ_ij dy[n,c,i,j] · S[n,c,i,j]
    ∂E/∂P[n,c,u,v,i,j] = a[c] · dy[n,c,i,j]

and ∂E/∂x of a pixel is the sum of ∂E/∂P over all taps that saw it (``scatter`` in
:mod:`sixloops.layers.windows`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
)
from sixloops.layers.pooling import check_pooling, pooling_window
from sixloops.layers.windows import Padding, Pair


@dataclass(frozen=True)
class Subsampling2D(Layer):
    """The sum of each window, times a learnt coefficient, plus a learnt bias.

    Args:
        kernel: height and width of the window; one number for a square.
        stride: step between windows; None for the kernel, so that they tile.
        padding: as in :class:`Conv2D`; filled with 0. On each side smaller than the
            window.
        activation: a name or a layer, applied to the output; None for the identity.

    Parameters are ``coefficient`` (channels,), 1 / area at the beginning, and ``bias``
    (channels,), 0 at the beginning: without padding, it begins as mean pooling.

    Examples:
        >>> layer = Subsampling2D(2)
        >>> layer.output_shape((6, 28, 28)), layer.parameter_count((6, 28, 28))
        ((6, 14, 14), 12)
        >>> parameters = {"coefficient": np.array([0.5]), "bias": np.array([1.0])}
        >>> y, backward = layer.forward(np.array([[[[1.0, 5.0], [3.0, 3.0]]]]), parameters)
        >>> y.item()
        7.0
        >>> dx, gradients = backward(np.array([[[[10.0]]]]))
        >>> dx[0, 0, 0], gradients["coefficient"], gradients["bias"]
        (array([5., 5.]), array([120.]), array([10.]))
    """

    kernel: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"
    activation: Any = None

    def __post_init__(self) -> None:
        check_pooling(self)
        check_activation(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels, positions down, positions across)."""
        return (input_shape[0], *pooling_window(self, input_shape).positions)

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return ``coefficient`` and ``bias``."""
        window, channels = pooling_window(self, input_shape), input_shape[:1]
        return {
            "coefficient": np.full(channels, 1 / math.prod(window.kernel), dtype=dtype),
            "bias": np.zeros(channels, dtype=dtype),
        }

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Compute y = a·S + b."""
        window = pooling_window(self, x.shape[1:])
        coefficient, bias = (parameters[n][:, None, None] for n in ("coefficient", "bias"))
        patches = window.gather(x)
        sums = patches.sum(axis=(2, 3))
        y = coefficient * sums + bias

        def backward(dy: Array) -> tuple[Array, Gradients]:
            share = (coefficient * dy)[:, :, None, None]
            dx = window.scatter(np.broadcast_to(share, patches.shape))
            dcoefficient = (dy * sums).sum(axis=(0, 2, 3))
            return dx, {"coefficient": dcoefficient, "bias": dy.sum(axis=(0, 2, 3))}

        return y, backward

    def parameter_count(self, input_shape: Shape) -> int:
        """Return one coefficient and one bias a channel."""
        return 2 * self.output_shape(input_shape)[0]

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return one for every output, its product with the coefficient."""
        return math.prod(self.output_shape(input_shape))
