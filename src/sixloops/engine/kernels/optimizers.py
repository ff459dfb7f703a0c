"""The optimisers' updates, in place, some numbers of one parameter at a time.

Nothing is updated where a gradient of the batch is not finite: all are looked at first. What else
is done to a number, the penalties' part in its gradient before and a look at the result after it,
is done to a block of them while the processor's nearest cache holds it.
"""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.operands import floats, indices, number, whole_numbers_at
from sixloops.layers.base import Array

SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM = range(6)
"""The optimisers, by number."""

GRADIENT, PARAMETER = 0, 1
"""What was found not to be finite, as an index of the flags."""

BLOCK = 1024
"""Numbers that are finished before the next ones are begun."""


@inlined
def _has_other_than_finite(values: Array) -> bool:
    """Say whether NaN or an infinity is among some numbers: times 0, only they are not 0."""
    found = 0
    zero = values.dtype.type(0)
    for i in range(values.shape[0]):
        found += values[i] * zero != zero
    return found > 0


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


@Instruction
def check(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Note whether a gradient is not finite."""
    row = whole_numbers_at(at)
    begin, count = number(row, 2), number(row, 3)
    gradient, flags = floats(row, 0, 0, like), indices(row, 1, 0)
    if _has_other_than_finite(gradient[begin : begin + count]):
        flags[GRADIENT] = 1


@Instruction
def update(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Update some numbers, unless a gradient is not finite; note whether they stay finite."""
    row = whole_numbers_at(at)
    flags, numbers = indices(row, 4, 0), floats(row, 5, 0, like)
    begin, end = number(row, 7), number(row, 7) + number(row, 8)
    if flags[GRADIENT] == 0:
        for start in range(begin, end, BLOCK):
            some = slice(start, min(start + BLOCK, end))
            values, gradient = floats(row, 0, 0, like)[some], floats(row, 1, 0, like)[some]
            one, two = floats(row, 2, 0, like)[some], floats(row, 3, 0, like)[some]
            _add_penalties(gradient, values, numbers[8], numbers[9])
            _change(number(row, 6), values, gradient, one, two, numbers)
            if _has_other_than_finite(values):
                flags[PARAMETER] = 1
