r"""Max pooling.

    y[n,c,i,j] = max over (u, v) of P[n,c,u,v,i,j]

where P is what tap (u, v) sees at position (i, j). Only the winner decides y, so

    ∂E/∂P[n,c,u,v,i,j] = dy[n,c,i,j]  for the winner (u, v),  0 for all others

and ∂E/∂x of a pixel is the sum of ∂E/∂P over all taps that saw it (``scatter`` in
:mod:`sixloops.layers.windows`). Zeiler & Fergus 2014, "Visualizing and Understanding
Convolutional Networks", section 2.1, call the remembered winners *switches*. Where
several taps tie, the max is not differentiable; one of them, the first in reading
order, is taken as the winner, which keeps Σ dx = Σ dy. Giving the error to all of
them would not.
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
from sixloops.layers.pooling import check_pooling, pooling_window
from sixloops.layers.windows import Padding, Pair


@dataclass(frozen=True)
class MaxPool2D(Layer):
    """The largest value in each window.

    Args:
        kernel: height and width of the window; one number for a square.
        stride: step between windows; None for the kernel, so that they tile.
        padding: as in :class:`Conv2D`; filled with −∞, so that it never wins. On
            each side smaller than the window.
        activation: a name or a layer, applied to the output; None for the identity.

    Examples:
        >>> x = np.array([[[[1.0, 5.0], [3.0, 2.0]]]])
        >>> y, backward = MaxPool2D(2).forward(x)
        >>> y.item()
        5.0
        >>> backward(np.array([[[[7.0]]]]))[0]
        array([[[[0., 7.],
                 [0., 0.]]]])
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
        """Take the largest value in each window, and remember which tap it was."""
        window = pooling_window(self, x.shape[1:])
        kh, kw = window.kernel
        patches = window.gather(x, fill=-np.inf)
        y = patches.max(axis=(2, 3))
        switches = np.zeros(y.shape, dtype=np.intp)
        for tap in reversed(range(kh * kw)):
            switches[patches[:, :, tap // kw, tap % kw] == y] = tap

        def backward(dy: Array) -> tuple[Array, Gradients]:
            taps = np.arange(kh * kw).reshape(kh, kw, 1, 1)
            won = switches[:, :, None, None] == taps
            return window.scatter(np.where(won, dy[:, :, None, None], 0)), {}

        return y, backward
