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

from collections.abc import Callable
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.convolution import Runs
from sixloops.engine.kernels.operands import five_numbers, floats, indices, number, whole_numbers_at
from sixloops.engine.kernels.vectors import LANES, broadcasts, multiply_add, store, vectors
from sixloops.layers.base import Array

MOST = 16
"""Vectors that are added up at a time at most."""

Terms = tuple[Array, Array, int, int, int, int, int]
"""A sum's terms: the weights, and where each one's run begins; the first one's place in both,
the steps to the next one's in each, and how many there are."""


def _add_runs(count: int) -> Callable[..., None]:
    """Return the kernel that adds weighted runs of ``count`` vectors."""

    @inlined
    def add_runs(
        target: Array,
        begin: int,
        step: int,
        last: int,
        source: Array,
        base: int,
        scale: int,
        gap: int,
        terms: Terms,
    ) -> None:
        weights, places, w, p, w_step, p_step, terms_count = terms
        sums = vectors(target, begin, step, count)
        for _ in range(terms_count):
            seen = vectors(source, base + scale * (places[p] >> 2), gap, count)
            sums = multiply_add(sums, broadcasts(weights, w, 0, 1), seen)
            w += w_step
            p += p_step
        store(target, begin, 0, step, sums, count, last)

    return add_runs


_add_1, _add_2, _add_3, _add_4 = (_add_runs(count) for count in range(1, 5))
_add_5, _add_6, _add_7, _add_8 = (_add_runs(count) for count in range(5, 9))
_add_9, _add_10, _add_11, _add_12 = (_add_runs(count) for count in range(9, 13))
_add_13, _add_14, _add_15, _add_16 = (_add_runs(count) for count in range(13, 17))


@inlined
def add_weighted(
    count: int,
    target: Array,
    begin: int,
    step: int,
    last: int,
    source: Array,
    base: int,
    scale: int,
    gap: int,
    terms: Terms,
) -> None:
    """Add Σ weight · run to some vectors.

    Args:
        count: how many vectors.
        target: added to.
        begin: where its first vector begins.
        step: from one of its vectors to the next.
        last: how many lanes of the last vector are stored.
        source: what the runs are taken from.
        base: added to all their places.
        scale: multiplied with their places, without the last two bits.
        gap: from one of a run's vectors to the next.
        terms: the weights and places.
    """
    if count == 1:
        _add_1(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 2:
        _add_2(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 3:
        _add_3(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 4:
        _add_4(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 5:
        _add_5(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 6:
        _add_6(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 7:
        _add_7(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 8:
        _add_8(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 9:
        _add_9(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 10:
        _add_10(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 11:
        _add_11(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 12:
        _add_12(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 13:
        _add_13(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 14:
        _add_14(target, begin, step, last, source, base, scale, gap, terms)
    elif count == 15:
        _add_15(target, begin, step, last, source, base, scale, gap, terms)
    else:
        _add_16(target, begin, step, last, source, base, scale, gap, terms)


@inlined
def add_patches(
    sums: Array, begin: int, x: Array, base: int, channels: int, runs: Runs, terms: Terms
) -> None:
    """Add Σ error · patch to a kernel's sums.

    Args:
        sums: added to; (kernels, runs, run padded to whole vectors).
        begin: where the kernel's begin.
        x: maps.
        base: where the image's group of channels begins.
        channels: of the maps.
        runs: what a window sees.
        terms: errors, and the windows' first pixels.
    """
    down, across, run, line, gap = runs
    of_run, step = -(-run // LANES), LANES
    if across == 1 and of_run == 1 and down <= MOST:
        # A window that sees so little is taken at once, a row in a vector.
        of_run, down, step = down, 1, line
    pieces = -(-of_run // MOST)
    for segment in range(down * across):
        source, first = base + segment // across * line + segment % across * gap, 0
        for piece in range(pieces):
            end = of_run * (piece + 1) // pieces
            at, to = source + first * LANES, begin + (segment * of_run + first) * LANES
            add_weighted(end - first, sums, to, LANES, LANES, x, at, channels, step, terms)
            first = end


@kernel
def weight_gradient(
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
        found_errors: scratch; (block × positions,).
        found_windows: scratch; as found_errors.
        sums: added to; (groups × kernels, runs, run padded to whole vectors).
    """
    row = groups * kernels
    places, to_place = (winners, row) if pooled else (windows, 1)
    length = runs[0] * runs[1] * (-(-runs[2] // LANES) * LANES)
    for first in range(0, images, max(block, 1)):
        end = min(first + max(block, 1), images)
        for k in range(row):
            seen = first * image + k // kernels * (channels // groups)
            begin = first * positions * row + k
            place, found = begin if pooled else 0, 0
            every = error, places, begin, place, row, to_place, positions
            for n in range(end - first if block > 0 else 0):
                for p in range(positions):
                    value = error[begin + p * row]
                    found_errors[found] = value
                    found_windows[found] = places[place + p * to_place] + (
                        n * (image // channels) << 2
                    )
                    found += value != 0
                begin += positions * row
                place = begin if pooled else 0
            chosen = found_errors, found_windows, 0, 0, 1, 1, found
            terms = chosen if block > 0 else every
            add_patches(sums, k * length, x, seen, channels, runs, terms)


@inlined
def _find(
    error: Array,
    winners: Array,
    begin: int,
    kernels: int,
    pooled: bool,
    found_errors: Array,
    found_kernels: Array,
    counts: Array,
    list_begin: int,
) -> None:
    """List for each of a position's windows the kernels whose error it carries.

    Which of four windows has won is counted instead of asked: a branch that goes either way
    half the time costs more than the rest of the loop.
    """
    counts[:4] = 0
    for k in range(kernels):
        value = error[begin + k]
        which = winners[begin + k] & 3 if pooled else 0
        place = list_begin + which * kernels + counts[which]
        found_errors[place] = value
        found_kernels[place] = k << 2
        counts[which] += value != 0


@kernel
def input_gradient(
    dx: Array,
    images: int,
    image: int,
    windows: Array,
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
    written is not read again at once.

    Args:
        dx: filled; as the maps that went in, with their padding.
        images: how many.
        image: numbers in an image's maps.
        windows: of an image, each window's first pixel; where ``pooled``, four in turn for
            each position behind the pooling.
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
    row, candidates, positions = groups * kernels, 4 if pooled else 1, down * across
    run = runs[2]
    of_run, last = -(-run // LANES), (run - 1) % LANES + 1
    length, pieces = runs[0] * runs[1] * of_run * LANES, -(-of_run // MOST)
    for n in range(images):
        dx[n * image : (n + 1) * image] = 0
        for g in range(groups):
            for p in range(positions):
                begin, window = (n * positions + p) * row + g * kernels, p * candidates
                found = found_errors, found_kernels, counts[window:], window * kernels
                _find(error, winners, begin, kernels, pooled, *found)
            base = g * kernels * length
            seen = n * image + g * (channels // groups)
            for segment in range(runs[0] * runs[1]):
                place = seen + segment // runs[1] * runs[3] + segment % runs[1] * runs[4]
                first = 0
                for piece in range(pieces):
                    end = of_run * (piece + 1) // pieces
                    lanes = last if end == of_run else LANES
                    source = base + (segment * of_run + first) * LANES
                    for column in range(across):
                        for window in range(
                            column * candidates, positions * candidates, across * candidates
                        ):
                            for w in range(window, window + candidates):
                                at = w * kernels
                                terms = found_errors, found_kernels, at, at, 1, 1, counts[w]
                                to = place + (windows[w] >> 2) * channels + first * LANES
                                if counts[w] > 0:
                                    add_weighted(
                                        end - first,
                                        dx,
                                        to,
                                        LANES,
                                        lanes,
                                        weight,
                                        source,
                                        length,
                                        LANES,
                                        terms,
                                    )
                    first = end


@Instruction
def convolution_weights(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Add a convolution's gradients by its weights."""
    row = whole_numbers_at(at)
    x, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_windows = floats(row, 4, 0, like), indices(row, 5, 0)
    total, image, positions = floats(row, 6, 0, like), number(row, 7), number(row, 8)
    channels, kernels, groups = number(row, 9), number(row, 10), number(row, 11)
    pooled, block = number(row, 12) != 0, number(row, 13)
    maps = x, images, image, windows, positions, channels, five_numbers(row, 14)
    errors = kernels, groups, pooled, block, error, winners
    weight_gradient(*maps, *errors, found_errors, found_windows, total)


@Instruction
def convolution_input(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Carry the error back through a convolution."""
    row = whole_numbers_at(at)
    dx, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_kernels = floats(row, 4, 0, like), indices(row, 5, 0)
    counts, weight = indices(row, 6, 0), floats(row, 7, 0, like)
    image, down, across = number(row, 8), number(row, 9), number(row, 10)
    channels, kernels, groups = number(row, 11), number(row, 12), number(row, 13)
    maps = dx, images, image, windows, down, across, channels, five_numbers(row, 15)
    errors = kernels, groups, number(row, 14) != 0, error, winners
    input_gradient(*maps, *errors, found_errors, found_kernels, counts, weight)
