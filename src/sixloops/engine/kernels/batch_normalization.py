"""Batch normalisation: a channel's moments over the batch, and both ways past them.

Maps have their channels last. An image's numbers are looked at as rows of ``width`` numbers, of
several pixels' channels each, as a loop over few channels alone would be too short. What belongs
to a channel is therefore spread: repeated for every pixel of a row.

The moments are as safe as by two passes over the batch: each image has its mean and its sum of
squares about that mean, taken while it is near in the cache, and these are merged one by one
(Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", equation 2.1).
"""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@inlined
def _row(rows: Array, row: int, width: int) -> Array:
    """Return one of several rows that lie one after the other."""
    return rows[row * width : (row + 1) * width]


@inlined
def _clear(line: Array, width: int) -> None:
    """Set a row to 0."""
    for i in range(width):
        line[i] = 0


@inlined
def _fold(line: Array, width: int, channels: int) -> None:
    """Add up what the pixels of a row have, into the first pixel's channels."""
    first = line[:channels]
    for begin in range(channels, width, channels):
        pixel = line[begin : begin + channels]
        for c in range(channels):
            first[c] += pixel[c]


@kernel
def _merge(
    mean: Array, squares: Array, images: float, more: Array, found: Array, others: float, n: int
) -> None:
    """Merge the moments of some images into those of others.

    Args:
        mean: of each channel; changed.
        squares: sums of squares about the mean; changed.
        images: how many they are of.
        more: the means that come in addition.
        found: and the sums of squares about them.
        others: how many images those are of.
        n: channels.
    """
    share = others / (images + others)
    weight = images * share
    for c in range(n):
        apart = more[c] - mean[c]
        mean[c] += apart * share
        squares[c] += found[c] + apart * (apart * weight)


@kernel
def _add_moments(
    x: Array, images: int, rows: int, width: int, channels: int, scratch: Array, moments: Array
) -> None:
    """Merge the moments of some images into those of their share.

    Args:
        x: (images, rows, width).
        images: how many.
        rows: of an image.
        width: of a row, a multiple of ``channels``.
        channels: how many.
        scratch: two rows.
        moments: of each channel the mean, then the sum of squares about it divided by an image's
            pixels, then the number of images; changed.
    """
    line, centre = _row(scratch, 0, width), _row(scratch, 1, width)
    mean, squares = _row(moments, 0, channels), _row(moments, 1, channels)
    each = x.dtype.type(channels / (rows * width))
    for n in range(images):
        _clear(line, width)
        for r in range(n * rows, (n + 1) * rows):
            values = _row(x, r, width)
            for i in range(width):
                line[i] += values[i]
        _fold(line, width, channels)
        for begin in range(0, width, channels):
            pixel = centre[begin : begin + channels]
            for c in range(channels):
                pixel[c] = line[c] * each
        _clear(line, width)
        for r in range(n * rows, (n + 1) * rows):
            values = _row(x, r, width)
            for i in range(width):
                apart = values[i] - centre[i]
                line[i] += apart * apart
        _fold(line, width, channels)
        for c in range(channels):
            line[c] *= each
        before = moments[2 * channels]
        _merge(mean, squares, before, centre, line, x.dtype.type(1), channels)
        moments[2 * channels] = before + 1


@kernel
def _merge_shares(parts: Array, shares: int, part: int, channels: int, moments: Array) -> None:
    """Merge the moments of all shares, in their order, into mean and variance of the batch."""
    mean, squares = _row(moments, 0, channels), _row(moments, 1, channels)
    total = parts[2 * channels]
    for c in range(channels):
        mean[c], squares[c] = parts[c], parts[channels + c]
    for share in range(1, shares):
        found = parts[share * part :]
        more, images = found[:channels], found[2 * channels]
        _merge(mean, squares, total, more, found[channels:], images, channels)
        total += images
    for c in range(channels):
        squares[c] /= total


@kernel
def _spread(
    moments: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    width: int,
    channels: int,
    constants: Array,
) -> None:
    """Fill four rows of constants: μ, γ/s, β and 1/s."""
    for begin in range(0, width, channels):
        mean, scale = constants[begin:], constants[width + begin :]
        shift, inverse = constants[2 * width + begin :], constants[3 * width + begin :]
        for c in range(channels):
            mean[c], shift[c] = moments[c], beta[c]
            inverse[c] = 1 / math.sqrt(moments[channels + c] + epsilon)
            scale[c] = gamma[c] * inverse[c]


@kernel
def _normalise(x: Array, y: Array, rows: int, width: int, constants: Array, relu: bool) -> None:
    """Compute y = (x − μ)·γ/s + β, and of that the positive part where ``relu``."""
    mean, scale = _row(constants, 0, width), _row(constants, 1, width)
    shift, zero = _row(constants, 2, width), x.dtype.type(0)
    for r in range(rows):
        values, results = _row(x, r, width), _row(y, r, width)
        if relu:
            for i in range(width):
                result = (values[i] - mean[i]) * scale[i] + shift[i]
                results[i] = zero if result < zero else result
        else:
            for i in range(width):
                results[i] = (values[i] - mean[i]) * scale[i] + shift[i]


@kernel
def _add_errors(
    x: Array,
    dy: Array,
    images: int,
    rows: int,
    width: int,
    channels: int,
    constants: Array,
    relu: bool,
    scratch: Array,
    sums: Array,
) -> None:
    """Add up Σ dy and Σ dy·x̂.

    Args:
        x: (images, rows, width).
        dy: as x.
        images: how many.
        rows: of an image.
        width: of a row, a multiple of ``channels``.
        channels: how many.
        constants: as :func:`_spread` leaves them.
        relu: whether dy counts only where the normalised value is positive.
        scratch: two rows.
        sums: added to; Σ dy of each channel, then Σ dy·x̂.
    """
    mean, scale = _row(constants, 0, width), _row(constants, 1, width)
    shift, inverse = _row(constants, 2, width), _row(constants, 3, width)
    plain, along = _row(scratch, 0, width), _row(scratch, 1, width)
    shifts, slopes = _row(sums, 0, channels), _row(sums, 1, channels)
    zero = x.dtype.type(0)
    for n in range(images):
        _clear(plain, width)
        _clear(along, width)
        for r in range(n * rows, (n + 1) * rows):
            values, errors = _row(x, r, width), _row(dy, r, width)
            if relu:
                for i in range(width):
                    apart = values[i] - mean[i]
                    error = errors[i] if apart * scale[i] + shift[i] > zero else zero
                    plain[i] += error
                    along[i] += error * apart
            else:
                for i in range(width):
                    plain[i] += errors[i]
                    along[i] += errors[i] * (values[i] - mean[i])
        _fold(plain, width, channels)
        _fold(along, width, channels)
        for c in range(channels):
            shifts[c] += plain[c]
            slopes[c] += along[c] * inverse[c]


@kernel
def _average_errors(
    parts: Array,
    shares: int,
    part: int,
    each: float,
    width: int,
    channels: int,
    constants: Array,
    averages: Array,
) -> None:
    """Fill two rows: the mean of dy, and the mean of dy·x̂ divided by s."""
    plain, along = _row(averages, 0, width), _row(averages, 1, width)
    inverse = _row(constants, 3, width)
    for c in range(channels):
        plain[c], along[c] = parts[c], parts[channels + c]
    for share in range(1, shares):
        sums = parts[share * part :]
        for c in range(channels):
            plain[c] += sums[c]
            along[c] += sums[channels + c]
    for c in range(channels):
        plain[c] *= each
        along[c] *= each * inverse[c]
    for i in range(channels, width):
        plain[i], along[i] = plain[i - channels], along[i - channels]


@kernel
def _subtract_averages(
    x: Array, dy: Array, rows: int, width: int, constants: Array, averages: Array, relu: bool
) -> None:
    """Compute dx = γ/s·(dy − mean of dy − x̂·mean of dy·x̂), in the place of dy."""
    mean, scale = _row(constants, 0, width), _row(constants, 1, width)
    shift, zero = _row(constants, 2, width), x.dtype.type(0)
    plain, along = _row(averages, 0, width), _row(averages, 1, width)
    for r in range(rows):
        values, errors = _row(x, r, width), _row(dy, r, width)
        if relu:
            for i in range(width):
                apart = values[i] - mean[i]
                error = errors[i] if apart * scale[i] + shift[i] > zero else zero
                errors[i] = scale[i] * (error - plain[i] - apart * along[i])
        else:
            for i in range(width):
                apart = values[i] - mean[i]
                errors[i] = scale[i] * (errors[i] - plain[i] - apart * along[i])


@Instruction
def add_moments(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Merge some images' moments into their share's."""
    row = whole_numbers_at(at)
    x, scratch, moments = (
        floats(row, 0, first, like),
        floats(row, 1, 0, like),
        floats(row, 2, 0, like),
    )
    rows, width, channels = number(row, 3), number(row, 4), number(row, 5)
    _add_moments(x, images, rows, width, channels, scratch, moments)


@Instruction
def constants_of_batch(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Take mean and variance of the whole batch, and from them the constants of both ways."""
    row = whole_numbers_at(at)
    parts, moments = floats(row, 0, 0, like), floats(row, 1, 0, like)
    gamma, beta, epsilon = floats(row, 2, 0, like), floats(row, 3, 0, like), floats(row, 4, 0, like)
    part, width, channels = number(row, 6), number(row, 7), number(row, 8)
    _merge_shares(parts, shares, part, channels, moments)
    _spread(moments, gamma, beta, epsilon[0], width, channels, floats(row, 5, 0, like))


@Instruction
def constants_of_running(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Take the constants from the running mean and variance."""
    row = whole_numbers_at(at)
    moments, constants = floats(row, 0, 0, like), floats(row, 4, 0, like)
    gamma, beta, epsilon = floats(row, 1, 0, like), floats(row, 2, 0, like), floats(row, 3, 0, like)
    _spread(moments, gamma, beta, epsilon[0], number(row, 5), number(row, 6), constants)


@Instruction
def normalise(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Normalise, scale and shift, and apply ReLU where it follows."""
    row = whole_numbers_at(at)
    x, y, constants = (
        floats(row, 0, first, like),
        floats(row, 1, first, like),
        floats(row, 2, 0, like),
    )
    rows, width, relu = images * number(row, 3), number(row, 4), number(row, 5)
    _normalise(x, y, rows, width, constants, relu != 0)


@Instruction
def add_errors(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up what γ, β and dx need of the errors."""
    row = whole_numbers_at(at)
    x, dy = floats(row, 0, first, like), floats(row, 1, first, like)
    constants, scratch, sums = (
        floats(row, 2, 0, like),
        floats(row, 3, 0, like),
        floats(row, 4, 0, like),
    )
    rows, width, channels, relu = number(row, 5), number(row, 6), number(row, 7), number(row, 8)
    _add_errors(x, dy, images, rows, width, channels, constants, relu != 0, scratch, sums)


@Instruction
def average_errors(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Take the means over the whole batch that dx needs."""
    row = whole_numbers_at(at)
    parts, constants, averages = (
        floats(row, 0, 0, like),
        floats(row, 1, 0, like),
        floats(row, 2, 0, like),
    )
    part, width, channels, pixels = number(row, 3), number(row, 4), number(row, 5), number(row, 6)
    _average_errors(parts, shares, part, scale / pixels, width, channels, constants, averages)


@Instruction
def subtract_averages(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Turn the errors by y into those by x, in place."""
    row = whole_numbers_at(at)
    x, dy = floats(row, 0, first, like), floats(row, 1, first, like)
    constants, averages = floats(row, 2, 0, like), floats(row, 3, 0, like)
    rows, width, relu = images * number(row, 4), number(row, 5), number(row, 6)
    _subtract_averages(x, dy, rows, width, constants, averages, relu != 0)
