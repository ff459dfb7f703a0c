"""The way back through a convolution, over the windows that matter alone.

With E's derivative ``error`` by the values that the convolution (and its pooling) gave,

    ∂E/∂W[k] = Σ error · patch        over windows,
    ∂E/∂x at a patch = Σ error · W[k]   over kernels.

Both are sums of weighted runs: of what a window sees, or of a kernel's weights. A window that
lost in the max pooling has no error, and a kernel that ReLU has cut off has none: three quarters
and more need not be visited. How maps, runs and windows are laid out is said in
:mod:`~sixloops.engine.kernels.convolution`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.convolution import Runs
from sixloops.engine.kernels.operands import five_numbers, floats, indices, number, whole_numbers_at
from sixloops.engine.kernels.vectors import NARROW, lanes, load, save
from sixloops.engine.kernels.weighted_runs import LONGEST_SUM, add_narrow_runs, add_weighted_runs
from sixloops.layers.base import Array


@inlined
def _find_windows(
    error: Array,
    winners: Array,
    windows: Array,
    first: int,
    images: int,
    image_pixels: int,
    positions: int,
    row: int,
    pooled: bool,
    found_errors: Array,
    found_windows: Array,
    counts: Array,
) -> None:
    """List for each kernel the errors that are not 0, and their windows, of some images."""
    length = images * positions
    for k in range(row):
        found = k * length
        for n in range(images):
            begin = (first + n) * positions * row + k
            for p in range(positions):
                value = load(error, begin + p * row)
                window = load(winners, begin + p * row) if pooled else load(windows, p)
                save(found_errors, found, value)
                save(found_windows, found, np.int32(window + (n * image_pixels << 2)))
                found += value != 0
        counts[k] = found - k * length


@kernel
def _weight_gradient(
    x: Array,
    images: int,
    image: int,
    windows: Array,
    positions: int,
    channels: int,
    runs: Runs,
    kernels: int,
    groups: int,
    pooled: bool,
    block: int,
    error: Array,
    winners: Array,
    found_errors: Array,
    found_windows: Array,
    counts: Array,
    offsets: Array,
    sums: Array,
) -> None:
    """Add ∂E/∂W = Σ error · patch.

    Args:
        x: maps, with their channels last.
        images: how many.
        image: numbers in an image's maps.
        windows: of an image, each window's first pixel.
        positions: how many values of each kernel an image has, behind the pooling.
        channels: of the maps.
        runs: what a window sees, of one group's channels.
        kernels: in a group.
        groups: how many.
        pooled: whether ``winners`` says which windows count.
        block: images whose errors are sorted out first, so that those of 0 are left out; 0 to
            take all as they lie.
        error: (images, positions, groups × kernels).
        winners: as error, of each value the window's first pixel.
        found_errors: scratch; (groups × kernels, block × positions).
        found_windows: scratch; as found_errors.
        counts: scratch; (groups × kernels,).
        offsets: where each kernel's sums begin, in a group.
        sums: added to; (groups × kernels, runs, run padded to whole vectors).
    """
    down, across, run, line, gap = runs
    row, of_run = groups * kernels, -(-run // lanes(x))
    length, step, apart = down * across * of_run * lanes(x), lanes(x), lanes(x)
    is_narrow = across == 1 and run <= NARROW <= of_run * lanes(x) and down in (3, 5, 7)
    if is_narrow or (across == 1 and down <= LONGEST_SUM and of_run == 1):
        # A window that sees so little is taken at once, a row in a vector.
        of_run, down, step, apart = down, 1, line, of_run * lanes(x)
    pieces, together = -(-of_run // LONGEST_SUM), max(block, 1)
    for k in range(row):
        counts[k] = positions
    for first in range(0, images, together):
        some = min(together, images - first)
        lies = first * positions * row
        lists = error, winners, counts, lies, 1, row, lies, 1, row
        if block > 0:
            pixels = image // channels
            at = first, some, pixels, positions, row, pooled
            _find_windows(error, winners, windows, *at, found_errors, found_windows, counts)
            size = some * positions
            lists = found_errors, found_windows, counts, 0, size, 1, 0, size, 1
        elif not pooled:
            lists = error, windows, counts, lies, 1, row, 0, 0, 1
        for g in range(groups):
            weights, places, _, w, to_weights, to_weight, p, to_places, to_place = lists
            own = w + g * kernels * to_weights, to_weights, to_weight
            own_places = p + g * kernels * to_places, to_places, to_place
            of_group = weights, places, counts[g * kernels :], *own, *own_places
            base, seen = g * kernels * length, first * image + g * (channels // groups)
            for segment in range(down * across):
                source = seen + segment // across * line + segment % across * gap
                begin = 0
                for piece in range(pieces):
                    end = of_run * (piece + 1) // pieces
                    to = base + (segment * of_run + begin) * lanes(x)
                    taken = x, source + begin * lanes(x), channels, step
                    if is_narrow:
                        target = kernels, offsets, sums, to, apart, NARROW
                        add_narrow_runs(end - begin, (*target, *taken), of_group)
                    else:
                        target = kernels, offsets, sums, to, apart, lanes(x)
                        add_weighted_runs(end - begin, (*target, *taken), of_group)
                    begin = end


@inlined
def _find_kernels(
    error: Array,
    winners: Array,
    begin: int,
    kernels: int,
    pooled: bool,
    found_errors: Array,
    found_kernels: Array,
    counts: Array,
    place: int,
) -> None:
    """List for each of a position's windows the kernels whose error it carries.

    Which of four windows has won is counted instead of asked: a branch that goes either way
    half the time costs more than the rest of the loop.
    """
    for window in range(4 if pooled else 1):
        counts[window] = 0
    for k in range(kernels):
        value = load(error, begin + k)
        which = load(winners, begin + k) & 3 if pooled else 0
        count = load(counts, which)
        found = place + which * kernels + count
        save(found_errors, found, value)
        save(found_kernels, found, np.int32(k << 2))
        save(counts, which, np.int32(count + (value != 0)))


@kernel
def _input_gradient(
    dx: Array,
    images: int,
    image: int,
    offsets: Array,
    down: int,
    across: int,
    channels: int,
    runs: Runs,
    kernels: int,
    groups: int,
    pooled: bool,
    error: Array,
    winners: Array,
    found_errors: Array,
    found_kernels: Array,
    counts: Array,
    weight: Array,
) -> None:
    """Fill ∂E/∂x: each window gives back Σ error · W[k] to what it has seen.

    The runs are taken one after the other, and for each all windows, column by column: so
    the weights that are in use are few enough to stay near, and a sum that has just been
    written is not read again at once. Of a run in several pieces the last is the first: a number
    then gets what the windows give it from the left to the right, as it does from whole runs.

    Args:
        dx: filled; as the maps that went in, with their padding.
        images: how many.
        image: numbers in an image's maps.
        offsets: of an image, where each window begins, column by column; where ``pooled``, four
            in turn for each position behind the pooling.
        down: positions in a column of an image, behind the pooling.
        across: and in a row.
        channels: of the maps.
        runs: what a window sees, of one group's channels.
        kernels: in a group.
        groups: how many.
        pooled: whether a value comes from one of four windows, which ``winners`` says.
        error: (images, down, across, groups × kernels).
        winners: as error, of each value the window's first pixel.
        found_errors: scratch; (windows, kernels).
        found_kernels: scratch; as found_errors.
        counts: scratch; (windows,).
        weight: (groups × kernels, runs, run padded to whole vectors).
    """
    kernel_down, kernel_across, run, line, gap = runs
    row, candidates, positions = groups * kernels, 4 if pooled else 1, down * across
    of_run, last = -(-run // lanes(dx)), (run - 1) % lanes(dx) + 1
    length, pieces = kernel_down * kernel_across * of_run * lanes(dx), -(-of_run // LONGEST_SUM)
    for n in range(images):
        own = dx[n * image : (n + 1) * image]
        for i in range(image):
            own[i] = 0
        for g in range(groups):
            for p in range(positions):
                position = p % down * across + p // down
                begin, window = (n * positions + position) * row + g * kernels, p * candidates
                found = found_errors, found_kernels, counts[window:], window * kernels
                _find_kernels(error, winners, begin, kernels, pooled, *found)
            lists = found_errors, found_kernels, counts, 0, kernels, 1, 0, kernels, 1
            seen = n * image + g * (channels // groups)
            for segment in range(kernel_down * kernel_across):
                place = seen + segment // kernel_across * line + segment % kernel_across * gap
                for piece in range(pieces - 1, -1, -1):
                    first, end = of_run * piece // pieces, of_run * (piece + 1) // pieces
                    stored = last if end == of_run else lanes(dx)
                    to = place + first * lanes(dx), lanes(dx), stored
                    source = (g * kernels * length) + (segment * of_run + first) * lanes(dx)
                    target = positions * candidates, offsets, dx, *to
                    taken = weight, source, length, lanes(dx)
                    add_weighted_runs(end - first, (*target, *taken), lists)


@Instruction
def convolution_weights(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Add a convolution's gradients by its weights."""
    row = whole_numbers_at(at)
    x, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_windows = floats(row, 4, 0, like), indices(row, 5, 0)
    counts, offsets, sums = indices(row, 6, 0), indices(row, 7, 0), floats(row, 8, 0, like)
    image, positions, channels = number(row, 9), number(row, 10), number(row, 11)
    kernels, groups, pooled = number(row, 12), number(row, 13), number(row, 14) != 0
    maps = x, images, image, windows, positions, channels, five_numbers(row, 16)
    errors = kernels, groups, pooled, number(row, 15), error, winners
    found = found_errors, found_windows, counts, offsets
    _weight_gradient(*maps, *errors, *found, sums)


@Instruction
def convolution_input(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Carry the error back through a convolution."""
    row = whole_numbers_at(at)
    dx, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, offsets = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_kernels = floats(row, 4, 0, like), indices(row, 5, 0)
    counts, weight = indices(row, 6, 0), floats(row, 7, 0, like)
    image, down, across = number(row, 8), number(row, 9), number(row, 10)
    channels, kernels, groups = number(row, 11), number(row, 12), number(row, 13)
    maps = dx, images, image, offsets, down, across, channels, five_numbers(row, 15)
    errors = kernels, groups, number(row, 14) != 0, error, winners
    _input_gradient(*maps, *errors, found_errors, found_kernels, counts, weight)
