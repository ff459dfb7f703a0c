"""Max pooling of maps with channels last: windows of any form, and whole maps."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from sixloops.engine.kernels.compiling import Instruction, intrinsic, kernel
from sixloops.engine.kernels.operands import five_numbers, floats, indices, whole_numbers_at
from sixloops.engine.kernels.vectors import (
    Vector,
    add,
    lanes,
    pointer_to,
    spread,
    store,
    vectors,
    zeros,
)
from sixloops.layers.base import Array

Spans = tuple[int, int, int, int, int]
"""Positions down and across; pixels of an image and of its row; channels."""


def _names_of(values: Any) -> types.UniTuple:
    """Return the type of a vector of whole numbers, pixels' names, one for each value's lane."""
    return types.UniTuple(Vector(types.int32, values.dtype.lanes), 1)


def _name(builder: Any, number: Any, names: types.UniTuple) -> Any:
    """Write how a pixel's number gets into all lanes."""
    return spread(builder, builder.trunc(number, ir.IntType(32)), names.dtype.lanes)


@intrinsic
def named(_: Any, values: Any, number: Any) -> Any:
    """Return a pixel's name for each lane of a vector of values."""
    names = _names_of(values)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return context.make_tuple(builder, names, [_name(builder, given[1], names)])

    return names(values, types.intp), generate


@intrinsic
def names_at(_: Any, values: Any, array: Any, index: Any) -> Any:
    """Load a name for each lane of a vector of values."""
    names = _names_of(values)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = context.get_value_type(names.dtype).as_pointer()
        source = pointer_to(builder, context, array, given[1], given[2])
        loaded = builder.load(builder.bitcast(source, kind), align=4)
        return context.make_tuple(builder, names, [loaded])

    return names(values, array, types.intp), generate


@intrinsic
def keep_largest(_: Any, best: Any, winners: Any, others: Any, number: Any) -> Any:
    """Return the largest values, lane by lane, and whose they are.

    Args:
        best: the largest so far.
        winners: whose they are.
        others: values that come later: they must be larger. NaN is, and then nothing else.
        number: whose those are.
    """
    result = types.Tuple((best, winners))

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (old,), (won,), (new,) = (cgutils.unpack_tuple(builder, value) for value in values[:3])
        larger = builder.fcmp_unordered(">", new, old)
        wins = builder.and_(larger, builder.fcmp_ordered("ord", old, old))
        name = _name(builder, values[3], winners)
        pair = builder.select(wins, new, old), builder.select(wins, name, won)
        made = [
            context.make_tuple(builder, kind, [value])
            for kind, value in zip((best, winners), pair, strict=True)
        ]
        return context.make_tuple(builder, result, made)

    return result(best, winners, others, types.intp), generate


@intrinsic
def where_won(_: Any, errors: Any, winners: Any, number: Any) -> Any:
    """Return the errors in the lanes in which a pixel has won, and 0 in the others."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (error,), (won,) = (cgutils.unpack_tuple(builder, value) for value in values[:2])
        is_it = builder.icmp_signed("==", won, _name(builder, values[2], winners))
        zero = ir.Constant(error.type, [0.0] * error.type.count)
        return context.make_tuple(builder, errors, [builder.select(is_it, error, zero)])

    return errors(errors, winners, types.intp), generate


@kernel
def _max_pool(
    x: Array, images: int, rows: Array, columns: Array, spans: Spans, y: Array, winners: Array
) -> None:
    """Take the largest value in each window, and remember whose it was.

    The first of equal ones wins; NaN wins over all, so that it shows.

    Args:
        x: (images, pixels, channels).
        images: how many.
        rows: the first row of each window, and the one behind its last.
        columns: likewise.
        spans: positions, pixels and channels.
        y: filled; (images, positions, channels).
        winners: filled, as y; of each value the pixel's number.
    """
    down, across, pixels, width, channels = spans
    for n in range(images):
        for i in range(down):
            for j in range(across):
                target = ((n * down + i) * across + j) * channels
                begin = rows[2 * i] * width + columns[2 * j]
                for c in range(0, channels, lanes(x)):
                    best = vectors(x, (n * pixels + begin) * channels + c, 0, 1)
                    won = named(best, begin)
                    for u in range(rows[2 * i], rows[2 * i + 1]):
                        for s in range(u * width + columns[2 * j], u * width + columns[2 * j + 1]):
                            others = vectors(x, (n * pixels + s) * channels + c, 0, 1)
                            best, won = keep_largest(best, won, others, s)
                    some = min(channels - c, lanes(x))
                    store(y, target + c, 0, 0, best, 1, some)
                    store(winners, target + c, 0, 0, won, 1, some)


@kernel
def _send_back(
    error: Array, winners: Array, images: int, rows: Array, columns: Array, spans: Spans, dx: Array
) -> None:
    """Give each winner its error: every pixel asks the windows that have seen it.

    Args:
        error: by the largest values; (images, positions, channels).
        winners: as error.
        images: how many.
        rows: for each row of pixels the first row of windows, and the one behind the last.
        columns: likewise.
        spans: pixels down and across; positions of an image and of its row; channels.
        dx: filled; (images, pixels, channels).
    """
    down, across, positions, width, channels = spans
    for n in range(images):
        for i in range(down):
            for j in range(across):
                pixel = i * across + j
                target = (n * down * across + pixel) * channels
                for c in range(0, channels, lanes(dx)):
                    sums = zeros(dx, 1)
                    for u in range(rows[2 * i], rows[2 * i + 1]):
                        for p in range(u * width + columns[2 * j], u * width + columns[2 * j + 1]):
                            place = (n * positions + p) * channels + c
                            errors = vectors(error, place, 0, 1)
                            won = names_at(errors, winners, place)
                            sums = add(sums, where_won(errors, won, pixel))
                    store(dx, target + c, 0, 0, sums, 1, min(channels - c, lanes(dx)))


@kernel
def _place_back(
    error: Array, winners: Array, images: int, rows: Array, columns: Array, spans: Spans, dx: Array
) -> None:
    """Give each winner its error, and 0 to the others, where each pixel is in one window.

    Args:
        error: by the largest values; (images, positions, channels).
        winners: as error.
        images: how many.
        rows: the first row of each window, and the one behind its last.
        columns: likewise.
        spans: positions down and across; pixels of an image and of its row; channels.
        dx: filled; (images, pixels, channels).
    """
    down, across, pixels, width, channels = spans
    for n in range(images):
        for i in range(down):
            for j in range(across):
                place = ((n * down + i) * across + j) * channels
                for c in range(0, channels, lanes(dx)):
                    errors = vectors(error, place + c, 0, 1)
                    won = names_at(errors, winners, place + c)
                    some = min(channels - c, lanes(dx))
                    for u in range(rows[2 * i], rows[2 * i + 1]):
                        for s in range(u * width + columns[2 * j], u * width + columns[2 * j + 1]):
                            target = (n * pixels + s) * channels + c
                            store(dx, target, 0, 0, where_won(errors, won, s), 1, some)


@Instruction
def place_back(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Give each largest value its error, where each pixel is in one window."""
    row = whole_numbers_at(at)
    error, dx = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, rows, columns = indices(row, 2, first), indices(row, 3, 0), indices(row, 4, 0)
    _place_back(error, winners, images, rows, columns, five_numbers(row, 5), dx)


@Instruction
def max_pool(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Take the largest value in each window."""
    row = whole_numbers_at(at)
    x, y, winners = floats(row, 0, first, like), floats(row, 1, first, like), indices(row, 2, first)
    rows, columns = indices(row, 3, 0), indices(row, 4, 0)
    _max_pool(x, images, rows, columns, five_numbers(row, 5), y, winners)


@Instruction
def max_pool_back(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Give each largest value its error."""
    row = whole_numbers_at(at)
    error, dx = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, rows, columns = indices(row, 2, first), indices(row, 3, 0), indices(row, 4, 0)
    _send_back(error, winners, images, rows, columns, five_numbers(row, 5), dx)
