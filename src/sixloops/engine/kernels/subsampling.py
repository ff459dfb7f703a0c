"""Trainable subsampling: the coefficients' gradient. Its sums are those of mean_pool.py."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _add_products(error: Array, sums: Array, count: int, channels: int, totals: Array) -> None:
    """Add Σ dy·S of each channel to what is there.

    Args:
        error: dy; (count, channels).
        sums: S; likewise.
        count: positions of all images.
        channels: how many.
        totals: added to; (channels,).
    """
    total = totals[:channels]
    for r in range(count):
        errors, seen = error[r * channels :][:channels], sums[r * channels :][:channels]
        for c in range(channels):
            total[c] += errors[c] * seen[c]


@Instruction
def add_products(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up what each channel's coefficient has been multiplied with, times the error."""
    row = whole_numbers_at(at)
    error, sums = floats(row, 0, first, like), floats(row, 1, first, like)
    count, channels = images * number(row, 3), number(row, 4)
    _add_products(error, sums, count, channels, floats(row, 2, 0, like))
