"""Local response normalisation, pixel by pixel, with the channels of a pixel together."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array

PAPERS = 0.75
"""The paper's β, for which two square roots do, of several numbers at once; a power takes the
machine's library one number at a time."""


@inlined
def _sum_neighbours(terms: Array, channels: int, before: int, behind: int, sums: Array) -> None:
    """Compute for each channel the sum over it, ``before`` others and ``behind`` others.

    No term is ever taken off a sum again: that would leave its rounding there, or a NaN.

    Args:
        terms: (channels,).
        channels: how many.
        before: neighbours before a channel, as far as there are so many.
        behind: neighbours behind it, likewise.
        sums: filled; (channels,).
    """
    for c in range(channels):
        sums[c] = terms[c]
    for step in range(1, min(behind, channels - 1) + 1):
        others = terms[step:channels]
        for c in range(channels - step):
            sums[c] += others[c]
    for step in range(1, min(before, channels - 1) + 1):
        reached = sums[step:channels]
        for c in range(channels - step):
            reached[c] += terms[c]


@kernel
def _normalise(
    x: Array,
    pixels: int,
    channels: int,
    size: int,
    hyper: Array,
    y: Array,
    factor: Array,
    ratio: Array,
    terms: Array,
    sums: Array,
) -> None:
    """Compute D = k + α Σ x² and y = x · D^−β.

    Args:
        x: (pixels, channels).
        pixels: of all images.
        channels: how many.
        size: neighbours, the channel itself included.
        hyper: k, α and β.
        y: filled; as x.
        factor: D^−β, filled; as x.
        ratio: y / D, filled; as x.
        terms: scratch; (channels,).
        sums: likewise.
    """
    k, alpha, beta, one = hyper[0], hyper[1], hyper[2], x.dtype.type(1)
    squares, energies = terms[:channels], sums[:channels]
    for p in range(pixels):
        begin = p * channels
        values, results = x[begin:][:channels], y[begin:][:channels]
        factors, ratios = factor[begin:][:channels], ratio[begin:][:channels]
        for c in range(channels):
            squares[c] = values[c] * values[c]
        _sum_neighbours(squares, channels, (size - 1) // 2, size // 2, energies)
        for c in range(channels):
            energies[c] = k + alpha * energies[c]
        if beta == PAPERS:
            for c in range(channels):
                root = math.sqrt(energies[c])
                factors[c] = one / (root * math.sqrt(root))
        else:
            for c in range(channels):
                factors[c] = energies[c] ** -beta
        for c in range(channels):
            results[c] = values[c] * factors[c]
            ratios[c] = results[c] / energies[c]


@kernel
def _differentiate(
    error: Array,
    x: Array,
    factor: Array,
    ratio: Array,
    pixels: int,
    channels: int,
    size: int,
    hyper: Array,
    terms: Array,
    sums: Array,
) -> None:
    """Compute dx = dy · D^−β − 2αβ · x · Σ dy · y / D, in the place of dy.

    Args:
        error: dy; changed to dx; (pixels, channels).
        x: likewise.
        factor: D^−β, likewise.
        ratio: y / D, likewise.
        pixels: of all images.
        channels: how many.
        size: neighbours, the channel itself included.
        hyper: k, α and β.
        terms: scratch; (channels,).
        sums: likewise.
    """
    products, shared = terms[:channels], sums[:channels]
    twice = x.dtype.type(2) * hyper[1] * hyper[2]
    for p in range(pixels):
        begin = p * channels
        errors, values = error[begin:][:channels], x[begin:][:channels]
        factors, ratios = factor[begin:][:channels], ratio[begin:][:channels]
        for c in range(channels):
            products[c] = errors[c] * ratios[c]
        # A channel counts in those whose neighbour it is: they lie the other way round.
        _sum_neighbours(products, channels, size // 2, (size - 1) // 2, shared)
        for c in range(channels):
            errors[c] = errors[c] * factors[c] - twice * values[c] * shared[c]


@Instruction
def local_response_norm(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Let neighbouring maps compete at every pixel."""
    row = whole_numbers_at(at)
    pixels, channels, size = images * number(row, 0), number(row, 1), number(row, 2)
    hyper, terms, sums = _arrays_for_all(row, like)
    x, y = floats(row, 6, first, like), floats(row, 9, first, like)
    factor, ratio = floats(row, 7, first, like), floats(row, 8, first, like)
    _normalise(x, pixels, channels, size, hyper, y, factor, ratio, terms, sums)


@Instruction
def local_response_norm_back(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Go back from the normalised maps."""
    row = whole_numbers_at(at)
    pixels, channels, size = images * number(row, 0), number(row, 1), number(row, 2)
    hyper, terms, sums = _arrays_for_all(row, like)
    x, error = floats(row, 6, first, like), floats(row, 9, first, like)
    factor, ratio = floats(row, 7, first, like), floats(row, 8, first, like)
    _differentiate(error, x, factor, ratio, pixels, channels, size, hyper, terms, sums)


@inlined
def _arrays_for_all(row: Array, like: Any) -> tuple[Array, Array, Array]:
    """Return the operands that are no image's own."""
    return floats(row, 3, 0, like), floats(row, 4, 0, like), floats(row, 5, 0, like)
