"""Softmax over rows of numbers: features, or the channels of a pixel."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.activations import exp
from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _softmax(x: Array, count: int, width: int, y: Array) -> None:
    """Compute y = eˣ / Σ eˣ, the largest x taken off first.

    Args:
        x: (count, width).
        count: rows.
        width: numbers in a row.
        y: filled; as x.
    """
    for r in range(count):
        scores, shares = x[r * width :][:width], y[r * width :][:width]
        largest = scores[0]
        for k in range(width):
            # The second comparison lets a NaN through, so that it shows.
            if scores[k] > largest or scores[k] != scores[k]:
                largest = scores[k]
        for k in range(width):
            shares[k] = exp(scores[k] - largest)
        total = x.dtype.type(0)
        for k in range(width):
            total += shares[k]
        for k in range(width):
            shares[k] /= total


@kernel
def _differentiate(y: Array, count: int, width: int, error: Array) -> None:
    """Compute dx = y · (dy − Σ dy·y), in place.

    Args:
        y: (count, width).
        count: rows.
        width: numbers in a row.
        error: dy; changed to dx.
    """
    for r in range(count):
        shares, errors = y[r * width :][:width], error[r * width :][:width]
        total = y.dtype.type(0)
        for k in range(width):
            total += errors[k] * shares[k]
        for k in range(width):
            errors[k] = shares[k] * (errors[k] - total)


@Instruction
def softmax(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Turn scores into shares that sum to 1."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    _softmax(x, images * number(row, 2), number(row, 3), y)


@Instruction
def softmax_back(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go back from the shares to the scores."""
    row = whole_numbers_at(at)
    y, error = floats(row, 0, first, like), floats(row, 1, first, like)
    _differentiate(y, images * number(row, 2), number(row, 3), error)
