"""Lp and L2 pooling of maps with channels last."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.max_pool import Spans
from sixloops.engine.kernels.operands import five_numbers, floats, indices, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _lp_pool(
    x: Array,
    images: int,
    powers: Array,
    rows: Array,
    columns: Array,
    spans: Spans,
    y: Array,
    magnitudes: Array,
) -> None:
    """Take the p-norm of each window, of values divided by the largest magnitude.

    Args:
        x: (images, pixels, channels).
        images: how many.
        powers: p, p − 1 and 1 / p.
        rows: the first row of each window, and the one behind its last.
        columns: likewise.
        spans: positions down and across; pixels of an image and of its row; channels.
        y: filled; (images, positions, channels).
        magnitudes: scratch; (channels,).
    """
    down, across, pixels, width, channels = spans
    largest, one = magnitudes[:channels], x.dtype.type(1)
    for n in range(images):
        for i in range(down):
            for j in range(across):
                t = ((n * down + i) * across + j) * channels
                sums = y[t : t + channels]
                for c in range(channels):
                    largest[c] = 0
                    sums[c] = 0
                for u in range(rows[2 * i], rows[2 * i + 1]):
                    for v in range(columns[2 * j], columns[2 * j + 1]):
                        s = (n * pixels + u * width + v) * channels
                        _enlarge(largest, x[s : s + channels], channels)
                for c in range(channels):
                    largest[c] = one if largest[c] == 0 else largest[c]
                for u in range(rows[2 * i], rows[2 * i + 1]):
                    for v in range(columns[2 * j], columns[2 * j + 1]):
                        s = (n * pixels + u * width + v) * channels
                        _add_powers(sums, x[s : s + channels], largest, powers[0], channels)
                for c in range(channels):
                    sums[c] = largest[c] * _root(sums[c], powers)


@inlined
def _root(power: float, powers: Array) -> float:
    """Return the p-th root of a p-th power."""
    return math.sqrt(power) if powers[0] == 2 else power ** powers[2]


@inlined
def _enlarge(largest: Array, values: Array, channels: int) -> None:
    """Keep the largest magnitudes. A NaN shows when the powers are added."""
    for c in range(channels):
        old, new = largest[c], abs(values[c])
        largest[c] = new if new > old else old


@inlined
def _add_powers(sums: Array, values: Array, largest: Array, power: float, channels: int) -> None:
    """Add |value / largest|ᵖ."""
    if power == 2:
        for c in range(channels):
            ratio = values[c] / largest[c]
            sums[c] += ratio * ratio
    else:
        for c in range(channels):
            sums[c] += abs(values[c] / largest[c]) ** power


@kernel
def _differentiate(
    error: Array,
    norms: Array,
    x: Array,
    images: int,
    powers: Array,
    rows: Array,
    columns: Array,
    spans: Spans,
    dx: Array,
) -> None:
    """Give each pixel dy · sign(x) · (|x| / y)^(p−1) from every window that has seen it.

    Args:
        error: by the norms; (images, positions, channels).
        norms: y, as error.
        x: (images, pixels, channels).
        images: how many.
        powers: p, p − 1 and 1 / p.
        rows: for each row of pixels the first row of windows, and the one behind the last.
        columns: likewise.
        spans: pixels down and across; positions of an image and of its row; channels.
        dx: filled; as x.
    """
    down, across, positions, width, channels = spans
    one = x.dtype.type(1)
    for n in range(images):
        for i in range(down):
            for j in range(across):
                t = ((n * down + i) * across + j) * channels
                sums, values = dx[t : t + channels], x[t : t + channels]
                for c in range(channels):
                    sums[c] = 0
                for u in range(rows[2 * i], rows[2 * i + 1]):
                    for v in range(columns[2 * j], columns[2 * j + 1]):
                        s = (n * positions + u * width + v) * channels
                        errors, y = error[s : s + channels], norms[s : s + channels]
                        for c in range(channels):
                            ratio = values[c] / (y[c] if y[c] > 0 else one)
                            sums[c] += errors[c] * _slope(ratio, powers)


@inlined
def _slope(ratio: float, powers: Array) -> float:
    """Return sign(r) · |r|^(p−1)."""
    if powers[0] == 2 or ratio == 0:
        return ratio
    slope = abs(ratio) ** powers[1]
    return slope if ratio > 0 else -slope


@Instruction
def lp_pool(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Take the p-norm of each window."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    powers, scratch = floats(row, 2, 0, like), floats(row, 3, 0, like)
    rows, columns = indices(row, 4, 0), indices(row, 5, 0)
    _lp_pool(x, images, powers, rows, columns, five_numbers(row, 6), y, scratch)


@Instruction
def lp_pool_back(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go back from the p-norms."""
    row = whole_numbers_at(at)
    error, norms = floats(row, 0, first, like), floats(row, 1, first, like)
    x, dx, powers = (
        floats(row, 2, first, like),
        floats(row, 3, first, like),
        floats(row, 4, 0, like),
    )
    rows, columns = indices(row, 5, 0), indices(row, 6, 0)
    _differentiate(error, norms, x, images, powers, rows, columns, five_numbers(row, 7), dx)
