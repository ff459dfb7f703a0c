"""Convolution by tiles of sums in registers, with the 2×2 max pooling behind it; and back.

Maps have their channels last, (height, width, channels) for each image, padding included. What
a window sees then lies in *runs* of numbers that lie together: one for each row of the kernel,
kernel width × channels long; or, where the taps have gaps or the channels come in groups, one
for each tap. A window is named by the first pixel that it sees, ``row · width + column``.

Forward, a tile of sums, several windows by several vectors of kernels, stays in registers while
all taps run by: for each, one number of every window and the weights of every kernel are loaded.
Where a 2×2 pooling follows, the four windows that it chooses from are in one tile: only the
largest is ever stored, and which window it was.

Backward, ∂E/∂W[k] = Σ error · patch and ∂E/∂patch = Σ error · W[k] go over those windows alone
whose value passed the pooling (and the ReLU), as all others have no error. Both are sums of
weighted runs, and stay in registers in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import five_numbers, floats, indices, number, whole_numbers_at
from sixloops.engine.kernels.processor import REGISTERS
from sixloops.engine.kernels.vectors import (
    add,
    broadcasts_at,
    lanes,
    largest_of_four,
    load,
    multiply_add,
    offsets,
    store,
    vectors,
    zeros,
)
from sixloops.layers.base import Array

Runs = tuple[int, int, int, int, int]
"""What a window sees: rows of runs, runs a row, numbers a run; and how many numbers further the
next row and the next run begin."""

WIDEST = 3
"""Vectors of kernels in a tile at most."""

MANY = 8 if REGISTERS >= 32 else 4
"""Windows in a tile of two or three vectors of kernels: as many sums as the processor has registers
for. The more there are, the less often the weights come from a cache that is not so near."""


def _panel(rows: int, columns: int) -> Callable[..., None]:
    """Return the kernel for tiles of ``rows`` windows by ``columns`` vectors of kernels."""
    size = rows * columns

    @kernel
    def panel(
        x: Array,
        base: int,
        windows: Array,
        count: int,
        channels: int,
        runs: Runs,
        weight: Array,
        weight_begin: int,
        bias: Array,
        bias_begin: int,
        pooled: bool,
        y: Array,
        winners: Array,
        y_begin: int,
        y_step: int,
        last: int,
    ) -> None:
        down, across, run, line, gap = runs
        for block in range(0, count, rows):
            # The last tile overlaps the one before it, and computes the same again.
            begin = min(block, count - rows)
            starts = offsets(windows, begin, base, channels, rows)
            sums, w = zeros(x, size), weight_begin
            for u in range(down):
                for v in range(across):
                    first = u * line + v * gap
                    for t in range(first, first + run):
                        seen = broadcasts_at(x, starts, t)
                        sums = multiply_add(sums, seen, vectors(weight, w, lanes(x), columns))
                        w += columns * lanes(x)
            biases = vectors(bias, bias_begin, lanes(x), columns)
            if pooled:
                best, won = largest_of_four(sums, columns, windows, begin)
                place = y_begin + begin // 4 * y_step
                store(y, place, y_step, lanes(x), add(best, biases), columns, last)
                store(winners, place, y_step, lanes(x), won, columns, last)
            else:
                place = y_begin + begin * y_step
                store(y, place, y_step, lanes(x), add(sums, biases), columns, last)

    return panel


_one_by_1, _one_by_2, _one_by_3 = (_panel(1, columns) for columns in (1, 2, 3))
_four_by_1, _four_by_2, _four_by_3 = (_panel(4, columns) for columns in (1, 2, 3))
_eight_by_1 = _panel(8, 1)
_many_by_2 = _panel(MANY, 2) if MANY > 4 else _four_by_2
_many_by_3 = _panel(MANY, 3) if MANY > 4 else _four_by_3


@kernel
def _tiles(
    x: Array,
    base: int,
    windows: Array,
    count: int,
    channels: int,
    runs: Runs,
    weight: Array,
    w: int,
    bias: Array,
    b: int,
    pooled: bool,
    y: Array,
    winners: Array,
    begin: int,
    step: int,
    columns: int,
    last: int,
) -> None:
    """Choose the tile: as many sums as there are registers for, and no more than windows."""
    place = (weight, w, bias, b, pooled, y, winners, begin, step, last)
    if columns == 1:
        if count >= 8:
            _eight_by_1(x, base, windows, count, channels, runs, *place)
        elif count >= 4:
            _four_by_1(x, base, windows, count, channels, runs, *place)
        else:
            _one_by_1(x, base, windows, count, channels, runs, *place)
    elif columns == 2:
        if count >= MANY:
            _many_by_2(x, base, windows, count, channels, runs, *place)
        elif count >= 4:
            _four_by_2(x, base, windows, count, channels, runs, *place)
        else:
            _one_by_2(x, base, windows, count, channels, runs, *place)
    else:
        if count >= MANY:
            _many_by_3(x, base, windows, count, channels, runs, *place)
        elif count >= 4:
            _four_by_3(x, base, windows, count, channels, runs, *place)
        else:
            _one_by_3(x, base, windows, count, channels, runs, *place)


@kernel
def _convolve(
    x: Array,
    images: int,
    image: int,
    windows: Array,
    positions: int,
    channels: int,
    runs: Runs,
    weight: Array,
    bias: Array,
    kernels: int,
    groups: int,
    pooled: bool,
    y: Array,
    winners: Array,
    image_starts: Array,
) -> None:
    """Compute W·P + b for all windows, or max(W·P) + b over each four of them.

    Args:
        x: maps, with their channels last.
        images: how many.
        image: numbers in an image's maps.
        windows: of an image, each window's first pixel; where ``pooled``, each four in turn
            belong to one window of the pooling.
        positions: how many windows an image has.
        channels: of the maps.
        runs: what a window sees, of one group's channels.
        weight: in panels, as :func:`pack` writes them.
        bias: padded to whole vectors in each group.
        kernels: in a group.
        groups: how many; each sees ``channels / groups`` channels.
        pooled: whether each four windows are pooled.
        y: filled; (images, positions or a quarter of them, groups × kernels).
        winners: filled where ``pooled``; as y, of each value the window's first pixel.
        image_starts: of every image, its first pixel.
    """
    taps, padded = runs[0] * runs[1] * runs[2], -(-kernels // lanes(x)) * lanes(x)
    row = groups * kernels
    outputs = (positions // 4 if pooled else positions) * row
    panels = -(-padded // (WIDEST * lanes(x)))
    # With few windows, a tile takes the same one of several images.
    by_image = pooled or positions >= 4
    table, count, step = (windows, positions, row) if by_image else (image_starts, images, outputs)
    for g in range(groups):
        begin = 0
        for panel in range(panels):
            end = padded // lanes(x) * (panel + 1) // panels * lanes(x)
            columns, last = (end - begin) // lanes(x), min(lanes(x), kernels - end + lanes(x))
            w, b, k = (g * padded + begin) * taps, g * padded + begin, g * kernels + begin
            seen = g * (channels // groups)
            for item in range(images if by_image else positions):
                base = item * image if by_image else (load(windows, item) >> 2) * channels
                place = item * (outputs if by_image else row) + k
                at = base + seen, table, count, channels, runs
                to = pooled, y, winners, place, step, columns, last
                _tiles(x, *at, weight, w, bias, b, *to)
            begin = end


@Instruction
def convolve(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go forward through a convolution, and the 2×2 max pooling behind it."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    image_starts = indices(row, 4, 0)
    weight, bias = floats(row, 5, 0, like), floats(row, 6, 0, like)
    image, positions, channels = number(row, 7), number(row, 8), number(row, 9)
    kernels, groups, pooled = number(row, 10), number(row, 11), number(row, 12) != 0
    maps = x, images, image, windows, positions, channels, five_numbers(row, 13)
    made = weight, bias, kernels, groups, pooled, y, winners, image_starts
    _convolve(*maps, *made)
