r"""Lp pooling.

    y[n,c,i,j] = (Σ_u Σ_v |P[n,c,u,v,i,j]|^p)^(1/p),       p ≥ 1

where P is what tap (u, v) sees at position (i, j) (Sermanet, Chintala & LeCun
2012, "Convolutional Neural Networks Applied to House Numbers Digit
Classification", section 2.2, there with weights in the sum). p = 1 adds up
magnitudes; towards p = ∞ it becomes the maximum of them. With s = Σ|P|^p,

    ∂y/∂P = (1/p) · s^(1/p − 1) · p · |P|^(p−1) · sign(P) = sign(P) · (|P| / y)^(p−1)

    ∂E/∂P[n,c,u,v,i,j] = dy[n,c,i,j] · sign(P) · (|P| / y)^(p−1)

and ∂E/∂x of a pixel is the sum of ∂E/∂P over all taps that saw it (``scatter`` in
:mod:`sixloops.layers.windows`).

Two places have no derivative. Where y = 0 the formula says 0/0, as the norm has
the tip of a cone there. Such windows are common, behind ReLU above all. Their
gradient is taken as 0: a subgradient, the one of the minimum that the tip is. And
for p = 1 each |P| has its own kink at P = 0; sign(0) = 0 likewise takes the middle.

Powers of large or small numbers leave the range of floats long before y does. So
the windows are first divided by their largest magnitude m: y = m · (Σ |P/m|^p)^(1/p).
The backward needs no such care, as |P| / y lies between 0 and 1.
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
from sixloops.layers.pooling import check_pooling, largest_magnitude, pooling_window
from sixloops.layers.windows import Padding, Pair


@dataclass(frozen=True)
class LpPool2D(Layer):
    """The p-norm of each window.

    Args:
        p: the norm's power, at least 1.
        kernel: height and width of the window; one number for a square.
        stride: step between windows; None for the kernel, so that they tile.
        padding: as in :class:`Conv2D`; filled with 0, which adds nothing to a norm. On
            each side smaller than the window.
        activation: a name or a layer, applied to the output; None for the identity.

    Examples:
        >>> x = np.array([[[[1.0, -6.0], [8.0, 0.0]]]])
        >>> y, backward = LpPool2D(p=3).forward(x)
        >>> y.item()  # the cube root of 1 + 216 + 512 = 729
        9.0
        >>> (81 * backward(np.array([[[[1.0]]]]))[0]).round(6)
        array([[[[  1., -36.],
                 [ 64.,   0.]]]])
    """

    p: float = 2.0
    kernel: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"
    activation: Any = None

    def __post_init__(self) -> None:
        checks.number(self, "p", minimum=1)
        check_pooling(self)
        check_activation(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels, positions down, positions across)."""
        return (input_shape[0], *pooling_window(self, input_shape).positions)

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Take the p-norm of each window."""
        window = pooling_window(self, x.shape[1:])
        patches = window.gather(x)
        m = largest_magnitude(patches)
        s = (np.abs(patches / m) ** self.p).sum(axis=(2, 3), keepdims=True)
        y = m * s ** (1 / self.p)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            ratio = np.abs(patches) / np.where(y > 0, y, 1)
            slope = np.sign(patches) * ratio ** (self.p - 1)
            return window.scatter(dy[:, :, None, None] * slope), {}

        return y[:, :, 0, 0], backward
