"""Dropout: numbers times a mask."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _multiply(y: Array, mask: Array, count: int) -> None:
    """Multiply numbers with a mask, in place."""
    values, factors = y[:count], mask[:count]
    for i in range(count):
        values[i] *= factors[i]


@Instruction
def multiply(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Multiply some numbers of every image with their mask, in place."""
    row = whole_numbers_at(at)
    y, mask = floats(row, 0, first, like), floats(row, 1, first, like)
    _multiply(y, mask, images * number(row, 2))
