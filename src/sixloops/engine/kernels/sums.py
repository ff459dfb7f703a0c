"""Sums over images and over the shares of a batch, always in the same order."""

from __future__ import annotations

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array


@kernel
def clear(values: Array, count: int) -> None:
    """Set ``count`` numbers to 0."""
    values[:count] = 0


@kernel
def copy(source: Array, target: Array, count: int) -> None:
    """Copy ``count`` numbers."""
    numbers, copies = source[:count], target[:count]
    for i in range(count):
        copies[i] = numbers[i]


@kernel
def add_rows(rows: Array, count: int, width: int, sums: Array) -> None:
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
def add_parts(parts: Array, count: int, part: int, width: int, total: Array) -> None:
    """Add up parts in their order.

    Args:
        parts: of ``width`` numbers each.
        count: how many.
        part: from one to the next.
        width: numbers in a part.
        total: filled; (width,).
    """
    sums = total[:width]
    sums[:] = parts[:width]
    for number in range(1, count):
        row = parts[number * part :][:width]
        for i in range(width):
            sums[i] += row[i]
