r"""Global pooling: each map becomes one number.

For maps of height H and width W, the mean and its derivative are

    y[n,c] = (1 / HW) · Σ_i Σ_j x[n,c,i,j]        ∂E/∂x[n,c,i,j] = dy[n,c] / HW

(Lin, Chen & Yan 2013, "Network In Network", section 3.2), and the maximum's are

    y[n,c] = max over (i, j) of x[n,c,i,j]        ∂E/∂x[n,c,i,j] = dy[n,c] for the winner

and 0 elsewhere (Oquab, Bottou, Laptev & Sivic 2015, "Is object localization for
free?", section 3.1). Where several pixels tie, the first in reading order wins, as
in :mod:`sixloops.layers.max_pool`.
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
    Shape,
    require_rank,
)


@dataclass(frozen=True)
class GlobalMeanPool2D(Layer):
    """The mean of each map: maps become a vector (channels,).

    Examples:
        >>> GlobalMeanPool2D().output_shape((64, 7, 5))
        (64,)
        >>> y, backward = GlobalMeanPool2D().forward(np.array([[[[1.0, 5.0]]]]))
        >>> y
        array([[3.]])
        >>> backward(np.array([[8.0]]))[0]
        array([[[[4., 4.]]]])
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels,)."""
        require_rank(self, input_shape, 3)
        return input_shape[:1]

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Take the mean of each map."""
        require_rank(self, x.shape[1:], 3)
        shape, area = x.shape, x.shape[2] * x.shape[3]
        y = x.mean(axis=(2, 3))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return np.broadcast_to((dy / area)[:, :, None, None], shape).copy(), {}

        return y, backward


@dataclass(frozen=True)
class GlobalMaxPool2D(Layer):
    """The largest value of each map: maps become a vector (channels,).

    Examples:
        >>> y, backward = GlobalMaxPool2D().forward(np.array([[[[1.0, 5.0]]]]))
        >>> y
        array([[5.]])
        >>> backward(np.array([[8.0]]))[0]
        array([[[[0., 8.]]]])
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels,)."""
        require_rank(self, input_shape, 3)
        return input_shape[:1]

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Take the largest value of each map, and remember where it was."""
        require_rank(self, x.shape[1:], 3)
        shape = x.shape
        rows = x.reshape(*shape[:2], shape[2] * shape[3])
        winners = rows.argmax(axis=2)[:, :, None]
        y = np.take_along_axis(rows, winners, axis=2)[:, :, 0]

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx = np.zeros((*shape[:2], shape[2] * shape[3]), dtype=dy.dtype)
            np.put_along_axis(dx, winners, dy[:, :, None], axis=2)
            return dx.reshape(shape), {}

        return y, backward
