"""The two ways of a residual block: where they come together, and where their errors part."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _join(body: Array, shortcut: Array, y: Array, count: int, relu: bool) -> None:
    """Compute y = body + shortcut, and of that the positive part where ``relu``."""
    left, right, sums = body[:count], shortcut[:count], y[:count]
    zero = y.dtype.type(0)
    if relu:
        for i in range(count):
            value = left[i] + right[i]
            sums[i] = zero if value < zero else value
    else:
        for i in range(count):
            sums[i] = left[i] + right[i]


@kernel
def _fork(y: Array, dy: Array, copy: Array, count: int, relu: bool) -> None:
    """Copy dy; where ``relu``, both become 0 where y is not positive."""
    values, errors, copies = y[:count], dy[:count], copy[:count]
    zero = y.dtype.type(0)
    if relu:
        for i in range(count):
            error = errors[i] if values[i] > zero else zero
            errors[i] = error
            copies[i] = error
    else:
        for i in range(count):
            copies[i] = errors[i]


@kernel
def _add(total: Array, term: Array, count: int) -> None:
    """Add numbers to others."""
    sums, terms = total[:count], term[:count]
    for i in range(count):
        sums[i] += terms[i]


@Instruction
def join(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add the two ways, and apply ReLU where it follows."""
    row = whole_numbers_at(at)
    body, shortcut = floats(row, 0, first, like), floats(row, 1, first, like)
    y, count, relu = floats(row, 2, first, like), images * number(row, 3), number(row, 4)
    _join(body, shortcut, y, count, relu != 0)


@Instruction
def fork(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Give both ways the error, behind that of ReLU where it follows."""
    row = whole_numbers_at(at)
    y, dy = floats(row, 0, first, like), floats(row, 1, first, like)
    copy, count, relu = floats(row, 2, first, like), images * number(row, 3), number(row, 4)
    _fork(y, dy, copy, count, relu != 0)


@Instruction
def add(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add some numbers of every image to others."""
    row = whole_numbers_at(at)
    total, term = floats(row, 0, first, like), floats(row, 1, first, like)
    _add(total, term, images * number(row, 2))
