"""The optimisers' updates, in place, some numbers of one parameter at a time.

Nothing is updated where a gradient of the batch is not finite: all are looked at first. What else
is done to a number, the penalties' part in its gradient before and a look at the result after it,
is done to a block of them while the processor's nearest cache holds it.

The gradient of a dense layer's weights, errorᵀ · x, may be given as its two factors. Then some of
its rows at a time are computed and used while a near cache holds them; to write all of it into
memory and to read it again would take longer than to compute it. No such product overflows if no
factor's number is too large, which is looked at first.
"""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.dense import add_up_rows
from sixloops.engine.kernels.operands import floats, indices, number, whole_numbers_at
from sixloops.engine.kernels.vectors import lanes, multiply_add, total, vectors, zeros
from sixloops.layers.base import Array

SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM = range(6)
"""The optimisers, by number."""

GRADIENT, PARAMETER = 0, 1
"""What was found not to be finite, as an index of the flags."""

BLOCK = 1024
"""Numbers that are finished before the next ones are begun."""

HEADROOM = 1 << 16
"""A factor's number is small enough if its square is finite even for so many times the number:
then products of two such numbers do not overflow, nor does the sum of as many as a batch has."""


@inlined
def _has_other_than_finite(values: Array) -> bool:
    """Say whether NaN or an infinity is among some numbers: times 0, only they are NaN."""
    zero, sums, at_once = values.dtype.type(0), zeros(values, 4), 4 * lanes(values)
    whole = values.shape[0] // at_once * at_once
    for i in range(0, whole, at_once):
        sums = multiply_add(sums, vectors(values, i, lanes(values), 4), zeros(values, 1))
    found = total(sums)
    for i in range(whole, values.shape[0]):
        found += values[i] * zero
    return found != zero


@inlined
def _add_penalties(gradient: Array, values: Array, squares: float, absolutes: float) -> None:
    """Add λ·w for half the squares and λ·sign(w) for the absolute values."""
    if squares != 0:
        for i in range(values.shape[0]):
            gradient[i] += squares * values[i]
    if absolutes != 0:
        for i in range(values.shape[0]):
            gradient[i] += absolutes if values[i] > 0 else -absolutes if values[i] < 0 else 0


@kernel
def _change(
    kind: int, values: Array, gradient: Array, first: Array, second: Array, numbers: Array
) -> None:
    """Change some numbers of a parameter, and what is remembered of them.

    Args:
        kind: the optimiser's number.
        values: w; changed.
        gradient: g.
        first: velocity, squares, or Adam's mean; changed.
        second: Adam's squares; changed.
        numbers: rate; decay and what it leaves of 1, of the first and of the second; epsilon;
            what the second's root is divided by; what w is multiplied with first; and the
            penalties' λ, of the squares and of the absolute values.
    """
    rate, decay, left, decay2, left2 = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    epsilon, root, shrink = numbers[5], numbers[6], numbers[7]
    count = values.shape[0]
    if kind == SGD:
        for i in range(count):
            values[i] -= rate * gradient[i]
    elif kind == MOMENTUM:
        for i in range(count):
            first[i] = decay * first[i] + gradient[i]
            values[i] -= rate * first[i]
    elif kind == NESTEROV:
        for i in range(count):
            first[i] = decay * first[i] + gradient[i]
            values[i] -= rate * (gradient[i] + decay * first[i])
    elif kind == ADAM:
        for i in range(count):
            first[i] = decay * first[i] + left * gradient[i]
            second[i] = decay2 * second[i] + left2 * (gradient[i] * gradient[i])
            step = rate * first[i] / (math.sqrt(second[i]) / root + epsilon)
            values[i] = shrink * values[i] - step
    else:
        for i in range(count):
            first[i] = decay * first[i] + left * (gradient[i] * gradient[i])
            values[i] -= rate * gradient[i] / (math.sqrt(first[i]) + epsilon)


@kernel
def _update(
    kind: int,
    values: Array,
    gradient: Array,
    first: Array,
    second: Array,
    numbers: Array,
    flags: Array,
) -> None:
    """Update some numbers of a parameter by their gradient, to which the penalties' is added.

    Args:
        kind: the optimiser's number.
        values: w; changed.
        gradient: g of the loss alone; changed.
        first: as :func:`_change` takes it; changed.
        second: the same.
        numbers: the same.
        flags: where it is noted if one of the values has become infinite or NaN.
    """
    count = values.shape[0]
    for begin in range(0, count, BLOCK):
        some = slice(begin, min(begin + BLOCK, count))
        _add_penalties(gradient[some], values[some], numbers[8], numbers[9])
        _change(kind, values[some], gradient[some], first[some], second[some], numbers)
        if _has_other_than_finite(values[some]):
            flags[PARAMETER] = 1


@Instruction
def check(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Note whether a gradient is not finite."""
    row = whole_numbers_at(at)
    begin, count = number(row, 2), number(row, 3)
    gradient, flags = floats(row, 0, 0, like), indices(row, 1, 0)
    if _has_other_than_finite(gradient[begin : begin + count]):
        flags[GRADIENT] = 1


@Instruction
def check_factor(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Note whether a number of every image's is too large for a product to be surely finite."""
    row = whole_numbers_at(at)
    values, flags = floats(row, 0, first, like), indices(row, 2, 0)
    found, zero = 0, values.dtype.type(0)
    for i in range(images * number(row, 1)):
        large = values[i] * values.dtype.type(HEADROOM)
        found += (large * large) * zero != zero
    if found > 0:
        flags[0] = 1


@Instruction
def update(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Update some numbers, unless a gradient is not finite; note whether they stay finite."""
    row = whole_numbers_at(at)
    room, flags, numbers = floats(row, 4, 0, like), indices(row, 5, 0), floats(row, 6, 0, like)
    begin, end = number(row, 8), number(row, 8) + number(row, 9)
    if flags[GRADIENT] == 0:
        for start in range(begin, end, BLOCK):
            some, count = slice(start, min(start + BLOCK, end)), min(BLOCK, end - start)
            values, gradient = floats(row, 0, 0, like)[some], floats(row, 1, 0, like)[some]
            one, two = floats(row, 2, 0, like)[some], floats(row, 3, 0, like)[some]
            if numbers[8] != 0 or numbers[9] != 0:
                # The penalties' part is added to a copy: the gradient stays the loss's.
                for i in range(count):
                    room[i] = gradient[i]
                gradient = room[:count]
            _update(number(row, 7), values, gradient, one, two, numbers, flags)


@Instruction
def update_by_factors(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Update some rows of weights by the gradient errorᵀ · x, as :func:`update` does."""
    row = whole_numbers_at(at)
    errors, x = floats(row, 1, first, like), floats(row, 10, first, like)
    room, flags, numbers = floats(row, 4, 0, like), indices(row, 5, 0), floats(row, 6, 0, like)
    begin, end = number(row, 8), number(row, 8) + number(row, 9)
    units, features, rows = number(row, 11), number(row, 12), number(row, 13)
    if flags[GRADIENT] == 0:
        for unit in range(begin, end, rows):
            count = min(rows, end - unit)
            add_up_rows(errors, unit, 1, units, x, images, room, 0, count, features)
            some = slice(unit * features, (unit + count) * features)
            values = floats(row, 0, 0, like)[some]
            one, two = floats(row, 2, 0, like)[some], floats(row, 3, 0, like)[some]
            gradient = room[: count * features]
            _update(number(row, 7), values, gradient, one, two, numbers, flags)
