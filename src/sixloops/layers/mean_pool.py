r"""Mean pooling.

    y[n,c,i,j] = (1 / A[i,j]) · Σ_u Σ_v P[n,c,u,v,i,j]

where P is what tap (u, v) sees at position (i, j) and A is the window's area: all
its taps, or only those that lie on the map and not in the padding (Boureau, Ponce
& LeCun 2010, "A Theoretical Analysis of Feature Pooling in Visual Recognition",
section 2). Every tap has the same weight 1/A in y, so

    ∂E/∂P[n,c,u,v,i,j] = dy[n,c,i,j] / A[i,j]

and ∂E/∂x of a pixel is the sum of ∂E/∂P over all taps that saw it (``scatter`` in
:mod:`sixloops.layers.windows`).

The division belongs to the backward as much as to the forward: the error of one
position is *shared out* among A taps. Handed to each of them whole, every gradient
before a 2×2 pooling would be four times too large, and sixteen times before two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops import checks
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
class MeanPool2D(Layer):
    """The mean of each window.

    Args:
        kernel: height and width of the window; one number for a square.
        stride: step between windows; None for the kernel, so that they tile.
        padding: as in :class:`Conv2D`; filled with 0. On each side smaller than the
            window.
        count_padding: whether the padding's zeros count in the divisor.
        activation: a name or a layer, applied to the output; None for the identity.

    Examples:
        >>> x = np.array([[[[1.0, 5.0], [3.0, 3.0]]]])
        >>> y, backward = MeanPool2D(2).forward(x)
        >>> y.item()
        3.0
        >>> backward(np.array([[[[8.0]]]]))[0]
        array([[[[2., 2.],
                 [2., 2.]]]])
    """

    kernel: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"
    count_padding: bool = False
    activation: Any = None

    def __post_init__(self) -> None:
        check_pooling(self)
        checks.flag(self, "count_padding")
        check_activation(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels, positions down, positions across)."""
        return (input_shape[0], *pooling_window(self, input_shape).positions)

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Take the mean of each window."""
        window = pooling_window(self, x.shape[1:])
        patches = window.gather(x)
        # A map of ones, pooled, counts the taps that it is divided by.
        ones = np.ones((1, 1, *window.extent), dtype=x.dtype)
        area = window.gather(ones, fill=1.0 if self.count_padding else 0.0).sum(axis=(2, 3))
        y = patches.sum(axis=(2, 3)) / area

        def backward(dy: Array) -> tuple[Array, Gradients]:
            share = (dy / area)[:, :, None, None]
            return window.scatter(np.broadcast_to(share, patches.shape)), {}

        return y, backward
