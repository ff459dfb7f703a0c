"""Activations in place, both ways; f′ is taken from y alone, so that nothing else is kept.

Single precision has its own exp and tanh: the machine's library takes one number at a time,
which is twenty times slower than these, which the compiler turns into vectors.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from sixloops.engine.kernels.compiling import Instruction, inlined, intrinsic, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.activations.selu import ALPHA, SCALE
from sixloops.layers.base import Array

IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, SCALED_TANH, ELU, SELU, SOFTPLUS = range(9)
"""The activations, by number."""


def exp(x: float) -> float:
    """Return eˣ; in single precision with a relative error of 2e-7, and never 0 or infinite."""
    return math.exp(x)


def tanh(x: float) -> float:
    """Return tanh x; in single precision with a relative error of 3e-7."""
    return math.tanh(x)


@overload(exp)
def _exp(x):  # type: ignore[no-untyped-def]  # the name must match, and nothing else
    single = x == types.float32
    return (lambda x: _single_exp(x)) if single else (lambda x: math.exp(x))


@overload(tanh)
def _tanh(x):  # type: ignore[no-untyped-def]  # as above
    single = x == types.float32
    return (lambda x: _single_tanh(x)) if single else (lambda x: math.tanh(x))


@intrinsic
def _power_of_two(_: Any, exponent: Any) -> Any:
    """Return 2ⁿ, for −126 ≤ n ≤ 127, by writing n where a number of 32 bits has its exponent."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = builder.fptosi(values[0], ir.IntType(32))
        biased = builder.add(whole, ir.Constant(ir.IntType(32), 127))
        bits = builder.shl(biased, ir.Constant(ir.IntType(32), 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), generate


F: Any = types.float32
HIGH = 355 / 512
LOW = math.log(2) - HIGH
"""Two parts of log 2; the first has so few bits that n times it is exact."""

TANH_NEAR_ZERO = (-0.3333329751, 0.1333191530, -0.0537832930, 0.0207946177, -0.0058939453)
"""tanh x = x + x³·(these, times powers of x²), fitted on |x| ≤ 0.6 by least squares of the
relative error, which stays under 3e-9."""

N0, N1, N2, N3, N4 = TANH_NEAR_ZERO


@inlined
def _single_exp(x: Any) -> Any:
    # x = n·log 2 + r with |r| ≤ (log 2)/2, and eˣ = 2ⁿ·eʳ, with eʳ by its series. NaN is kept
    # out of the whole number n.
    x = F(88.0) if x > F(88.0) else x
    x = F(-87.0) if x < F(-87.0) else x
    inside = x if x == x else F(0.0)
    n = F(math.floor(inside * F(1 / math.log(2)) + F(0.5)))
    r = (x - n * F(HIGH)) - n * F(LOW)
    series = F(1 / 24) + r * (F(1 / 120) + r * (F(1 / 720) + r * F(1 / 5040)))
    series = F(1.0) + r * (F(1.0) + r * (F(0.5) + r * (F(1 / 6) + r * series)))
    return series * _power_of_two(n)


@inlined
def _single_tanh(x: Any) -> Any:
    # Near 0, 1 − 2/(e²ˣ + 1) would lose digits.
    far = F(1.0) - F(2.0) / (_single_exp(F(2.0) * x) + F(1.0))
    t = x * x
    series = F(N0) + t * (F(N1) + t * (F(N2) + t * (F(N3) + t * F(N4))))
    return x + x * t * series if t < F(0.36) else far


@kernel
def _activate(kind: int, first: float, second: float, y: Array, count: int) -> None:
    """Apply an activation in place.

    Args:
        kind: its number.
        first: its first hyper-parameter, if it has any: slope, amplitude or alpha.
        second: its second: the scaled tanh's slope.
        y: changed.
        count: how many numbers.
    """
    # With Python's numbers, single precision would be worked on in double.
    values, zero, one = y[:count], y.dtype.type(0), y.dtype.type(1)
    first, second = y.dtype.type(first), y.dtype.type(second)
    if kind == RELU:
        for i in range(count):
            values[i] = zero if values[i] < 0 else values[i]
    elif kind == LEAKY_RELU:
        for i in range(count):
            values[i] = values[i] if values[i] > 0 else first * values[i]
    elif kind == SIGMOID:
        for i in range(count):
            values[i] = one / (one + exp(-values[i]))
    elif kind == TANH:
        for i in range(count):
            values[i] = tanh(values[i])
    elif kind == SCALED_TANH:
        for i in range(count):
            values[i] = first * tanh(second * values[i])
    elif kind == ELU:
        for i in range(count):
            values[i] = values[i] if values[i] > 0 else first * math.expm1(values[i])
    elif kind == SELU:
        for i in range(count):
            falling = SCALE * ALPHA * math.expm1(min(values[i], 0))
            values[i] = SCALE * values[i] if values[i] > 0 else falling
    elif kind == SOFTPLUS:
        for i in range(count):
            values[i] = max(values[i], 0) + math.log1p(math.exp(-abs(values[i])))


@kernel
def _differentiate(
    kind: int, first: float, second: float, y: Array, error: Array, count: int
) -> None:
    """Multiply the error with the activation's derivative.

    Args:
        kind: the activation's number.
        first: its first hyper-parameter, if it has any.
        second: its second.
        y: what it gave.
        error: by y; changed to that by the activation's input.
        count: how many numbers.
    """
    values, errors, zero, one = y[:count], error[:count], y.dtype.type(0), y.dtype.type(1)
    first, second = y.dtype.type(first), y.dtype.type(second)
    if kind == RELU:
        for i in range(count):
            errors[i] = errors[i] if values[i] > 0 else zero
    elif kind == LEAKY_RELU:
        for i in range(count):
            errors[i] = errors[i] if values[i] > 0 else first * errors[i]
    elif kind == SIGMOID:
        for i in range(count):
            errors[i] *= values[i] * (one - values[i])
    elif kind == TANH:
        for i in range(count):
            errors[i] *= one - values[i] * values[i]
    elif kind == SCALED_TANH:
        # With y = a·tanh(s·x): f′ = s·a·(1 − (y/a)²) = s·(a − y²/a).
        for i in range(count):
            errors[i] *= second * (first - values[i] * values[i] / first)
    elif kind == ELU:
        for i in range(count):
            errors[i] = errors[i] if values[i] > 0 else errors[i] * (values[i] + first)
    elif kind == SELU:
        for i in range(count):
            errors[i] *= SCALE if values[i] > 0 else values[i] + SCALE * ALPHA
    elif kind == SOFTPLUS:
        for i in range(count):
            errors[i] *= -math.expm1(-values[i])


@Instruction
def activate(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Apply an activation in place."""
    row = whole_numbers_at(at)
    y, hyper = floats(row, 0, first, like), floats(row, 1, 0, like)
    count = images * number(row, 3)
    _activate(number(row, 2), hyper[0], hyper[1], y, count)


@Instruction
def differentiate(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Multiply the error with an activation's derivative."""
    row = whole_numbers_at(at)
    y, error = floats(row, 0, first, like), floats(row, 1, first, like)
    hyper, count = floats(row, 2, 0, like), images * number(row, 4)
    _differentiate(number(row, 3), hyper[0], hyper[1], y, error, count)
