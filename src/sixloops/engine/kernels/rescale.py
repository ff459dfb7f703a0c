"""A straight line for every channel: rescaling, normalising, a trainable coefficient and bias."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _rescale(
    x: Array,
    count: int,
    channels: int,
    inner: int,
    shift: Array,
    factor: Array,
    offset: Array,
    y: Array,
) -> None:
    """Compute y = (x − shift) · factor + offset.

    Args:
        x: (count, channels, inner).
        count: how many times all channels come.
        channels: how many.
        inner: numbers of one channel that lie together.
        shift: (channels,).
        factor: likewise.
        offset: likewise.
        y: filled; as x.
    """
    if inner == 1:
        for r in range(count):
            values, results = x[r * channels :][:channels], y[r * channels :][:channels]
            for c in range(channels):
                results[c] = (values[c] - shift[c]) * factor[c] + offset[c]
        return
    for r in range(count):
        for c in range(channels):
            begin, less, times, plus = (r * channels + c) * inner, shift[c], factor[c], offset[c]
            values, results = x[begin:][:inner], y[begin:][:inner]
            for k in range(inner):
                results[k] = (values[k] - less) * times + plus


@Instruction
def rescale(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Apply each channel's line."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    shift, factor, offset = (
        floats(row, 2, 0, like),
        floats(row, 3, 0, like),
        floats(row, 4, 0, like),
    )
    count, channels, inner = images * number(row, 5), number(row, 6), number(row, 7)
    _rescale(x, count, channels, inner, shift, factor, offset, y)
