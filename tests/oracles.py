"""The six loops, as one would write them down: slow, and too simple to be wrong.

Nothing here is shared with ``sixloops``; padding, strides and dilation are worked
out again, pixel by pixel. Reading outside the map reads the padding, writing
outside it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[Pair, Pair]


@dataclass(frozen=True)
class Geometry:
    """How a window slides: (height, width) each, padding ((top, bottom), (left, right))."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Sides = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    def positions(self, n: int, axis: int) -> int:
        """Count the positions along an axis of ``n`` pixels by walking over it."""
        before, behind = self.padding[axis]
        reach = self.dilation[axis] * (self.kernel[axis] - 1)
        starts = range(-before, n + behind, self.stride[axis])
        return sum(1 for start in starts if start + reach < n + behind)

    def taps(self, i: int, j: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield every tap (u, v) of position (i, j) with the pixel (row, column) it is on."""
        for u, v in product(range(self.kernel[0]), range(self.kernel[1])):
            row = i * self.stride[0] + u * self.dilation[0] - self.padding[0][0]
            column = j * self.stride[1] + v * self.dilation[1] - self.padding[1][0]
            yield u, v, row, column


def same_padding(extent: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """Find the least padding that gives ⌈n/stride⌉ positions, by trying; behind comes first."""

    def one(axis: int) -> Pair:
        total = 0
        while True:
            sides = (total // 2, total - total // 2)
            tried = Geometry(kernel, stride, (sides, sides), dilation)
            if tried.positions(extent[axis], axis) >= -(-extent[axis] // stride[axis]):
                return sides
            total += 1

    return one(0), one(1)


def inside(x: Array, row: int, column: int) -> bool:
    """Say whether a pixel lies on the map."""
    height, width = x.shape[2:]
    return bool(0 <= row < height and 0 <= column < width)


def seen_by(
    k: int, filters: int, channels: int, groups: int, table: Sequence[Sequence[int]] | None
) -> list[tuple[int, int]]:
    """Return, for output map k, (index in the weight, input map) of all that it sees."""
    if table is not None:
        return [(c, c) for c in table[k]]
    width = channels // groups
    first = (k // (filters // groups)) * width
    return [(c, first + c) for c in range(width)]


def convolve(
    x: Array,
    weight: Array,
    bias: Array | None,
    geometry: Geometry,
    groups: int = 1,
    table: Sequence[Sequence[int]] | None = None,
) -> Array:
    """Convolve: loops over n, k, i, j, and under them c and (u, v)."""
    batch, channels, height, width = x.shape
    filters = len(weight)
    down, across = geometry.positions(height, 0), geometry.positions(width, 1)
    y = np.zeros((batch, filters, down, across))
    for n, k, i, j in np.ndindex(y.shape):
        y[n, k, i, j] = 0.0 if bias is None else bias[k]
        for c, source in seen_by(k, filters, channels, groups, table):
            for u, v, row, column in geometry.taps(i, j):
                if inside(x, row, column):
                    y[n, k, i, j] += weight[k, c, u, v] * x[n, source, row, column]
    return y


def convolve_backward(
    x: Array,
    weight: Array,
    dy: Array,
    geometry: Geometry,
    groups: int = 1,
    table: Sequence[Sequence[int]] | None = None,
) -> tuple[Array, Array, Array]:
    """Return dx, dweight and dbias: every product of the forward loops, differentiated."""
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros(len(weight))
    for n, k, i, j in np.ndindex(dy.shape):
        error = dy[n, k, i, j]
        dbias[k] += error
        for c, source in seen_by(k, len(weight), x.shape[1], groups, table):
            for u, v, row, column in geometry.taps(i, j):
                if inside(x, row, column):
                    dx[n, source, row, column] += weight[k, c, u, v] * error
                    dweight[k, c, u, v] += x[n, source, row, column] * error
    return dx, dweight, dbias


Pixel: TypeAlias = tuple[int, int]
Pooled: TypeAlias = tuple[float, dict[Pixel, float]]


def pool(
    x: Array, dy_of: Callable[[tuple[int, ...]], Array], geometry: Geometry, how: Any
) -> tuple[Array, Array]:
    """Pool, and carry an error back.

    Args:
        x: maps.
        dy_of: gives the cotangent for the output's shape.
        geometry: of the window.
        how: from the window's pixels on the map, {(row, column): value}, and its area
            to the pooled value and its derivative by each of them.

    Returns:
        y and dx.
    """
    batch, channels, height, width = x.shape
    shape = (batch, channels, geometry.positions(height, 0), geometry.positions(width, 1))
    y, dx, dy = np.zeros(shape), np.zeros_like(x), dy_of(shape)
    area = geometry.kernel[0] * geometry.kernel[1]
    for n, c, i, j in np.ndindex(shape):
        pixels = {
            (row, column): float(x[n, c, row, column])
            for _, _, row, column in geometry.taps(i, j)
            if inside(x, row, column)
        }
        y[n, c, i, j], slopes = how(pixels, area)
        for (row, column), slope in slopes.items():
            dx[n, c, row, column] += slope * dy[n, c, i, j]
    return y, dx


def take_max(pixels: dict[Pixel, float], area: int) -> Pooled:
    """Return the largest value; the first that has it, in reading order, is the winner."""
    winner = max(pixels, key=lambda pixel: pixels[pixel])
    return pixels[winner], {winner: 1.0}


def take_mean(pixels: dict[Pixel, float], area: int) -> Pooled:
    """Return the mean over the whole window, padding counted as zeros."""
    return sum(pixels.values()) / area, dict.fromkeys(pixels, 1.0 / area)


def take_mean_inside(pixels: dict[Pixel, float], area: int) -> Pooled:
    """Return the mean over the pixels on the map, padding not counted."""
    return take_mean(pixels, len(pixels))


def take_norm(p: float) -> Callable[[dict[Pixel, float], int], Pooled]:
    """Return the rule of Lp pooling, (Σ |x|^p)^(1/p), with gradient 0 where that is 0."""

    def how(pixels: dict[Pixel, float], area: int) -> Pooled:
        norm = sum(abs(value) ** p for value in pixels.values()) ** (1 / p)
        if norm == 0.0:
            return 0.0, dict.fromkeys(pixels, 0.0)
        slope = {at: np.sign(v) * (abs(v) / norm) ** (p - 1) for at, v in pixels.items()}
        return norm, slope

    return how
