"""Dense layers: the product with bias and ReLU, and the way back to the input."""

from __future__ import annotations

import numpy as np

from sixloops.engine.kernels.compiling import kernel
from sixloops.engine.kernels.relu import cut_off, let_through
from sixloops.layers.base import Array

SMALL_PRODUCT = 1_000_000
"""Multiply-adds up to which OpenBLAS multiplies without rearranging the matrices first."""

FEW_ROWS = 16
"""Up to this many rows, rearranging the weights costs more than it gains."""


@kernel
def multiply(a: Array, b: Array, product: Array) -> None:
    """Compute a·b; where a has few rows, as small products.

    Args:
        a: (rows, inner).
        b: (inner, columns).
        product: filled; (rows, columns).
    """
    rows, step = a.shape[0], SMALL_PRODUCT // b.size
    if rows > FEW_ROWS or step == 0:
        np.dot(a, b, product)
        return
    for begin in range(0, rows, step):
        end = min(begin + step, rows)
        np.dot(a[begin:end], b, product[begin:end])


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
    multiply(x, weight.T, y)
    for n in range(y.shape[0]):
        row = y[n]
        for unit in range(row.shape[0]):
            row[unit] += bias[unit]
    if relu:
        cut_off(y.reshape(-1))


@kernel
def backward(y: Array, weight: Array, error: Array, relu: bool, dx: Array, needs_dx: bool) -> None:
    """Carry the error back through ReLU, and through the product where that is needed.

    Args:
        y: what forward gave, (images, units).
        weight: (units, features).
        error: ∂E/∂y, changed to that before ReLU; (images, units).
        relu: whether ReLU follows.
        dx: filled where it is needed; (images, features).
        needs_dx: whether it is.
    """
    if relu:
        let_through(y.reshape(-1), error.reshape(-1))
    if needs_dx:
        multiply(error, weight, dx)
