"""Dense layers: the product with bias and ReLU, and both products of the way back."""

from __future__ import annotations

import numpy as np

from sixloops.engine.kernels.compiling import kernel
from sixloops.engine.kernels.relu import cut_off, let_through
from sixloops.layers.base import Array


@kernel
def forward(x: Array, weight: Array, bias: Array, relu: bool, y: Array) -> None:
    """Compute x·Wᵀ + b, and cut off what is negative if ReLU follows.

    Args:
        x: (images, features).
        weight: (units, features).
        bias: (units,).
        relu: whether ReLU follows.
        y: filled; (images, units).
    """
    np.dot(x, weight.T, y)
    for n in range(y.shape[0]):
        row = y[n]
        for unit in range(row.shape[0]):
            row[unit] += bias[unit]
    if relu:
        cut_off(y.reshape(-1))


@kernel
def backward(
    x: Array,
    weight: Array,
    y: Array,
    error: Array,
    relu: bool,
    weight_sum: Array,
    weight_part: Array,
    bias_sum: Array,
    empty: bool,
    dx: Array,
    needs_dx: bool,
) -> None:
    """Add the gradients, and compute dx where it is needed.

    Args:
        x: (images, features).
        weight: (units, features).
        y: what forward gave, (images, units).
        error: ∂E/∂y, changed to that before ReLU; (images, units).
        relu: whether ReLU follows.
        weight_sum: added to; (units, features).
        weight_part: scratch, as weight_sum.
        bias_sum: added to; (units,).
        empty: whether the sums hold nothing yet, and are to be written over.
        dx: filled where it is needed; (images, features).
        needs_dx: whether it is.
    """
    if relu:
        let_through(y.reshape(-1), error.reshape(-1))
    if empty:
        np.dot(error.T, x, weight_sum)
        bias_sum[:] = 0
    else:
        np.dot(error.T, x, weight_part)
        weight_sum += weight_part
    for n in range(error.shape[0]):
        row = error[n]
        for unit in range(row.shape[0]):
            bias_sum[unit] += row[unit]
    if needs_dx:
        np.dot(error, weight, dx)
