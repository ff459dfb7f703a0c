"""Radial-basis units: squared distances from codes, and their way back to features and codes."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.engine.kernels.vectors import (
    NARROW,
    multiply_add,
    narrow_vectors,
    narrow_zeros,
    store_totals,
    subtract,
)
from sixloops.layers.base import Array


@kernel
def _measure(x: Array, images: int, center: Array, classes: int, features: int, y: Array) -> None:
    """Compute y = Σ (x − w)².

    Args:
        x: (images, features).
        images: how many.
        center: w; (classes, features).
        classes: how many.
        features: of an image and of a code.
        y: filled; (images, classes).
    """
    whole = features // NARROW * NARROW
    for n in range(images):
        for i in range(classes):
            image, code, sums = n * features, i * features, narrow_zeros(y, 1)
            for f in range(0, whole, NARROW):
                apart = subtract(
                    narrow_vectors(center, code + f, 0, 1), narrow_vectors(x, image + f, 0, 1)
                )
                sums = multiply_add(sums, apart, apart)
            store_totals(y, n * classes + i, 0, 0, sums, 1)
            for f in range(whole, features):
                rest = x[image + f] - center[code + f]
                y[n * classes + i] += rest * rest


@kernel
def _differentiate(
    error: Array, x: Array, images: int, center: Array, classes: int, features: int, dx: Array
) -> None:
    """Compute dx = Σ dy · 2·(x − w), over the classes.

    Args:
        error: dy; (images, classes).
        x: (images, features).
        images: how many.
        center: w; (classes, features).
        classes: how many.
        features: of an image and of a code.
        dx: filled; as x.
    """
    two = x.dtype.type(2)
    for n in range(images):
        values, sums = x[n * features :][:features], dx[n * features :][:features]
        for f in range(features):
            sums[f] = 0
        for i in range(classes):
            code, twice = center[i * features :][:features], two * error[n * classes + i]
            for f in range(features):
                sums[f] += twice * (values[f] - code[f])


@kernel
def _learn(
    error: Array,
    x: Array,
    images: int,
    center: Array,
    classes: int,
    features: int,
    begin: int,
    end: int,
    gradient: Array,
) -> None:
    """Compute dw = −Σ dy · 2·(x − w), over the images, for some of the codes.

    Args:
        error: dy; (images, classes).
        x: (images, features).
        images: how many.
        center: w; (classes, features).
        classes: how many.
        features: of an image and of a code.
        begin: the first code.
        end: the one behind the last.
        gradient: filled in these codes' rows; (classes, features).
    """
    two = x.dtype.type(2)
    for i in range(begin, end):
        code, sums = center[i * features :][:features], gradient[i * features :][:features]
        for f in range(features):
            sums[f] = 0
        for n in range(images):
            values, twice = x[n * features :][:features], two * error[n * classes + i]
            for f in range(features):
                sums[f] += twice * (code[f] - values[f])


@Instruction
def radial_basis(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Measure how far features are from codes."""
    row = whole_numbers_at(at)
    x, center = floats(row, 0, first, like), floats(row, 1, 0, like)
    y = floats(row, 4, first, like)
    _measure(x, images, center, number(row, 2), number(row, 3), y)


@Instruction
def radial_basis_back(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Go back from the distances to the features."""
    row = whole_numbers_at(at)
    x, center = floats(row, 0, first, like), floats(row, 1, 0, like)
    error, dx = floats(row, 4, first, like), floats(row, 5, first, like)
    _differentiate(error, x, images, center, number(row, 2), number(row, 3), dx)


@Instruction
def radial_basis_center(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Go back from the distances to some of the codes."""
    row = whole_numbers_at(at)
    x, center = floats(row, 0, first, like), floats(row, 1, 0, like)
    error, gradient = floats(row, 4, first, like), floats(row, 5, 0, like)
    classes, features, begin, end = number(row, 2), number(row, 3), number(row, 6), number(row, 7)
    _learn(error, x, images, center, classes, features, begin, end, gradient)
