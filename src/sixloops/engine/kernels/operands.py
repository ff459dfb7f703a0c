"""How a kernel finds its operands.

An instruction is a row of whole numbers: the address of its kernel, and two numbers for each
operand. For an array these are the address of its first image and how many bytes further the next
image is (0 where the array is the same for all images); for a number, the number itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray  # type: ignore[attr-defined]
from numba.core import types

from sixloops.engine.kernels.compiling import inlined, intrinsic
from sixloops.layers.base import Array

ENDLESS = 1 << 40
"""Arrays are taken as this long: how much of one is used, the kernel's other operands say."""


@intrinsic
def pointer(_: Any, address: Any, like: Any) -> Any:
    """Return an address as a pointer of the type of ``like``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(like))

    return like(types.int64, like), generate


@intrinsic
def pointer_to_whole(_: Any, address: Any) -> Any:
    """Return an address as a pointer of no type."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@inlined
def whole_numbers_at(address: int) -> Array:
    """Return the array of 64-bit whole numbers at an address."""
    return carray(pointer_to_whole(address), (ENDLESS,), np.int64)


@inlined
def number(row: Array, operand: int) -> int:
    """Return an operand that is a whole number."""
    return int(row[1 + 2 * operand])


@inlined
def floats(row: Array, operand: int, first: int, like: Any) -> Array:
    """Return an operand's numbers from an image on, with the type that ``like`` points to."""
    address = row[1 + 2 * operand] + first * row[2 + 2 * operand]
    return carray(pointer(address, like), (ENDLESS,))


@inlined
def indices(row: Array, operand: int, first: int) -> Array:
    """Return an operand's 32-bit whole numbers from an image on."""
    address = row[1 + 2 * operand] + first * row[2 + 2 * operand]
    return carray(pointer_to_whole(address), (ENDLESS,), np.int32)


@inlined
def labels(row: Array, operand: int, first: int) -> Array:
    """Return an operand's 64-bit whole numbers from an image on."""
    return whole_numbers_at(row[1 + 2 * operand] + first * row[2 + 2 * operand])


@inlined
def five_numbers(row: Array, operand: int) -> tuple[int, int, int, int, int]:
    """Return five operands that are whole numbers."""
    one, two, three = number(row, operand), number(row, operand + 1), number(row, operand + 2)
    return one, two, three, number(row, operand + 3), number(row, operand + 4)
