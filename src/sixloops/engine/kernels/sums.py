"""Sums over images and over the shares of a batch, always in the same order."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _clear(values: Array, count: int) -> None:
    """Set ``count`` numbers to 0."""
    numbers = values[:count]
    for i in range(count):
        numbers[i] = 0


@kernel
def _copy(source: Array, target: Array, count: int) -> None:
    """Copy ``count`` numbers."""
    numbers, copies = source[:count], target[:count]
    for i in range(count):
        copies[i] = numbers[i]


@kernel
def _add_rows(rows: Array, count: int, width: int, sums: Array) -> None:
    """Add rows to a row of sums.

    Args:
        rows: (count, width).
        count: how many.
        width: numbers in a row.
        sums: added to; (width,).
    """
    totals = sums[:width]
    for r in range(count):
        row = rows[r * width : (r + 1) * width]
        for i in range(width):
            totals[i] += row[i]


@kernel
def _add_parts(parts: Array, count: int, part: int, width: int, total: Array) -> None:
    """Add up parts in their order.

    Args:
        parts: of ``width`` numbers each.
        count: how many.
        part: from one to the next.
        width: numbers in a part.
        total: filled; (width,).
    """
    sums, row = total[:width], parts[:width]
    for i in range(width):
        sums[i] = row[i]
    for share in range(1, count):
        row = parts[share * part :][:width]
        for i in range(width):
            sums[i] += row[i]


@Instruction
def copy(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Copy some numbers of every image."""
    row = whole_numbers_at(at)
    count = images * number(row, 2)
    _copy(floats(row, 0, first, like), floats(row, 1, first, like), count)


@Instruction
def clear(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Set some numbers to 0."""
    row = whole_numbers_at(at)
    _clear(floats(row, 0, 0, like), number(row, 1))


@Instruction
def add_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up rows of numbers of every image."""
    row = whole_numbers_at(at)
    rows, count = floats(row, 0, first, like), images * number(row, 2)
    _add_rows(rows, count, number(row, 3), floats(row, 1, 0, like))


@Instruction
def add_parts(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up what the shares have added up."""
    row = whole_numbers_at(at)
    parts, total = floats(row, 0, 0, like), floats(row, 1, 0, like)
    _add_parts(parts, shares, number(row, 2), number(row, 3), total)
