"""Mean pooling of maps with channels last, and all that adds up windows, both ways.

Forward, a position adds up the pixels that its window sees; backward, a pixel adds up the
errors of the windows that have seen it. Both are sums over a rectangle.
"""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.max_pool import Spans
from sixloops.engine.kernels.operands import five_numbers, floats, indices, whole_numbers_at
from sixloops.engine.kernels.vectors import (
    add,
    broadcasts,
    lanes,
    multiply_add,
    store,
    vectors,
    zeros,
)
from sixloops.layers.base import Array


@kernel
def _sum_windows(
    x: Array,
    images: int,
    before: Array,
    after: Array,
    rows: Array,
    columns: Array,
    spans: Spans,
    y: Array,
) -> None:
    """Compute y[p] = after[p] · Σ_s before[s] · x[s], over the rectangle of each p.

    Each row of a rectangle is added up by itself, so that large ones lose few digits.

    Args:
        x: (images, pixels, channels).
        images: how many.
        before: a factor for each pixel of x.
        after: a factor for each position of y.
        rows: the first row of each rectangle, and the one behind its last.
        columns: likewise.
        spans: positions down and across; pixels of an image and of its row; channels.
        y: filled; (images, positions, channels).
    """
    down, across, pixels, width, channels = spans
    for n in range(images):
        for i in range(down):
            for j in range(across):
                p = i * across + j
                target = (n * down * across + p) * channels
                for c in range(0, channels, lanes(x)):
                    total = zeros(x, 1)
                    for u in range(rows[2 * i], rows[2 * i + 1]):
                        line = zeros(x, 1)
                        for s in range(u * width + columns[2 * j], u * width + columns[2 * j + 1]):
                            seen = vectors(x, (n * pixels + s) * channels + c, 0, 1)
                            line = multiply_add(line, broadcasts(before, s, 1, 1), seen)
                        total = add(total, line)
                    scaled = multiply_add(zeros(x, 1), broadcasts(after, p, 1, 1), total)
                    store(y, target + c, 0, 0, scaled, 1, min(channels - c, lanes(x)))


@Instruction
def sum_windows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up what each window sees."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    before, after = floats(row, 2, 0, like), floats(row, 3, 0, like)
    rows, columns = indices(row, 4, 0), indices(row, 5, 0)
    _sum_windows(x, images, before, after, rows, columns, five_numbers(row, 6), y)
