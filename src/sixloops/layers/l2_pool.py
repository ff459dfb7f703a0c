r"""L2 pooling.

    y[n,c,i,j] = √(Σ_u Σ_v P[n,c,u,v,i,j]²)

where P is what tap (u, v) sees at position (i, j) (Nielsen 2015, "Neural Networks
and Deep Learning", chapter 6). It is Lp pooling with p = 2, and

    ∂y/∂P = (1 / 2y) · 2P = P / y

    ∂E/∂P[n,c,u,v,i,j] = dy[n,c,i,j] · P[n,c,u,v,i,j] / y[n,c,i,j]

and ∂E/∂x of a pixel is the sum of ∂E/∂P over all taps that saw it (``scatter`` in
:mod:`sixloops.layers.windows`).

Where y = 0 the formula says 0/0, as the norm has the tip of a cone there. Such
windows are common, behind ReLU above all. Their gradient is taken as 0: a
subgradient, the one of the minimum that the tip is.

Squares of large or small numbers leave the range of floats long before y does. So
the windows are first divided by their largest magnitude m: y = m · √(Σ (P/m)²).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
from sixloops.layers.pooling import check_pooling, largest_magnitude, pooling_window
from sixloops.layers.windows import Padding, Pair


@dataclass(frozen=True)
class L2Pool2D(Layer):
    """The Euclidean length of each window.

    Args:
        kernel: height and width of the window; one number for a square.
        stride: step between windows; None for the kernel, so that they tile.
        padding: as in :class:`Conv2D`; filled with 0, which adds nothing to a length. On
            each side smaller than the window.
        activation: a name or a layer, applied to the output; None for the identity.

    Examples:
        >>> x = np.array([[[[0.0, -3.0], [4.0, 0.0]]]])
        >>> y, backward = L2Pool2D(2).forward(x)
        >>> y.item()
        5.0
        >>> backward(np.array([[[[10.0]]]]))[0]
        array([[[[ 0., -6.],
                 [ 8.,  0.]]]])
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

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Take the length of each window."""
        window = pooling_window(self, x.shape[1:])
        patches = window.gather(x)
        m = largest_magnitude(patches)
        y = m * np.sqrt(((patches / m) ** 2).sum(axis=(2, 3), keepdims=True))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            slope = patches / np.where(y > 0, y, 1)
            return window.scatter(dy[:, :, None, None] * slope), {}

        return y[:, :, 0, 0], backward
