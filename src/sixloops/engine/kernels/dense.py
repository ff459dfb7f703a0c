"""Dense layers: products of matrices by tiles of sums in registers.

Both ways through a dense layer are sums of products. Forward, y = x·Wᵀ + b is a table of
scalar products: rows of x with rows of W, as they lie. Backward, dx = dy·W and dW = dyᵀ·x are
sums of rows, each weighted by one number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, inlined, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.engine.kernels.processor import REGISTER_BITS, REGISTERS
from sixloops.engine.kernels.vectors import (
    NARROW,
    broadcasts,
    fused,
    grid,
    lanes,
    multiply_add,
    narrow_vectors,
    narrow_zeros,
    store,
    store_totals,
    vectors,
    zeros,
)
from sixloops.layers.base import Array

COLUMNS = 4 if REGISTERS >= 32 else 2
"""Vectors in a tile: with five rows of them, as many as the processor has registers for."""

UNITS = 4 if REGISTERS * REGISTER_BITS >= 32 * 256 else 2
"""Units in a tile of scalar products: each is a narrow vector until its lanes are added up."""

TERMS = 32
"""Rows that all tiles take before the next: as many streams as a processor fetches ahead."""

NEAR_CACHE = 1 << 17
"""Numbers of a result that stay in a near cache while the rows come by."""

OF_IMAGES = 0
"""Stands for a number of rows or terms that is that of the images."""


def _scalar_products(rows: int, columns: int) -> Callable[..., None]:
    """Return the kernel for tiles of ``rows`` images by ``columns`` units."""
    size = rows * columns

    @inlined
    def scalar_products(
        x: Array, n: int, weight: Array, u: int, features: int, y: Array, units: int
    ) -> None:
        sums, whole = narrow_zeros(x, size), features // NARROW * NARROW
        for f in range(0, whole, NARROW):
            images = narrow_vectors(x, n * features + f, features, rows)
            weights = narrow_vectors(weight, u * features + f, features, columns)
            sums = multiply_add(sums, images, weights)
        store_totals(y, n * units + u, units, 1, sums, columns)
        for f in range(whole, features):
            for row in range(n, n + rows):
                for column in range(u, u + columns):
                    product = x[row * features + f] * weight[column * features + f]
                    y[row * units + column] += product

    return scalar_products


_one_by_1, _two_by_1, _four_by_1, _five_by_1 = (_scalar_products(n, 1) for n in (1, 2, 4, 5))
_one_by_some, _two_by_some = _scalar_products(1, UNITS), _scalar_products(2, UNITS)
_four_by_some, _five_by_some = _scalar_products(4, UNITS), _scalar_products(5, UNITS)


@inlined
def _rows_of_tile(count: int) -> int:
    """Return how many rows a tile has, of ``count``: as few tiles as can be, little twice."""
    if count >= 4:
        return 5 if -(-count // 5) * 5 <= -(-count // 4) * 4 else 4
    return 2 if count >= 2 else 1


@kernel
def _forward(
    x: Array, images: int, weight: Array, bias: Array, features: int, units: int, y: Array
) -> None:
    """Compute y = x·Wᵀ + b.

    Args:
        x: (images, features).
        images: how many.
        weight: (units, features).
        bias: (units,).
        features: of an image.
        units: of the layer.
        y: filled; (images, units).
    """
    rows = _rows_of_tile(images)
    columns = UNITS if units >= UNITS else 1
    for unit in range(0, units, columns):
        # The last tile overlaps the one before it, and computes the same again.
        u = min(unit, units - columns)
        for image in range(0, images, rows):
            n = min(image, images - rows)
            if rows == 5 and columns > 1:
                _five_by_some(x, n, weight, u, features, y, units)
            elif rows == 4 and columns > 1:
                _four_by_some(x, n, weight, u, features, y, units)
            elif rows == 2 and columns > 1:
                _two_by_some(x, n, weight, u, features, y, units)
            elif rows == 1 and columns > 1:
                _one_by_some(x, n, weight, u, features, y, units)
            elif rows == 5:
                _five_by_1(x, n, weight, u, features, y, units)
            elif rows == 4:
                _four_by_1(x, n, weight, u, features, y, units)
            elif rows == 2:
                _two_by_1(x, n, weight, u, features, y, units)
            else:
                _one_by_1(x, n, weight, u, features, y, units)
    for n in range(images):
        for u in range(units):
            y[n * units + u] += bias[u]


def _weighted_rows(rows: int, columns: int, goes_on: bool = False) -> Callable[..., None]:
    """Return the kernel for tiles of ``rows`` by ``columns`` vectors, begun at 0 or at C."""
    size = rows * columns

    @inlined
    def weighted_rows(
        a: Array,
        place: int,
        row: int,
        step: int,
        b: Array,
        begin: int,
        width: int,
        terms: int,
        c: Array,
        target: int,
    ) -> None:
        sums = grid(c, target, width, rows, columns) if goes_on else zeros(c, size)
        for _ in range(terms):
            weights = broadcasts(a, place, row, rows)
            sums = multiply_add(sums, weights, vectors(b, begin, lanes(b), columns))
            place += step
            begin += width
        store(c, target, width, lanes(c), sums, columns, lanes(c))

    return weighted_rows


_one_row_1, _two_rows_1, _four_rows_1, _five_rows_1 = (_weighted_rows(n, 1) for n in (1, 2, 4, 5))
_one_row, _two_rows = _weighted_rows(1, COLUMNS), _weighted_rows(2, COLUMNS)
_four_rows, _five_rows = _weighted_rows(4, COLUMNS), _weighted_rows(5, COLUMNS)
_four_rows_on, _five_rows_on = (_weighted_rows(n, COLUMNS, goes_on=True) for n in (4, 5))


@kernel
def add_up_rows(
    a: Array,
    a_begin: int,
    row: int,
    step: int,
    b: Array,
    terms: int,
    c: Array,
    first: int,
    count: int,
    width: int,
) -> None:
    """Compute C[r] = Σ_t A[r, t] · B[t] for some rows r.

    Args:
        a: the weights.
        a_begin: where those of row 0 begin.
        row: from one row's weight to the next row's.
        step: from one term's weight to the next term's.
        b: (terms, width).
        terms: how many.
        c: filled from row ``first`` on; (rows, width).
        first: the first row that is computed.
        count: how many rows are.
        width: numbers in a row.
    """
    rows = _rows_of_tile(count)
    columns = COLUMNS if width >= COLUMNS * lanes(b) else 1
    if width < lanes(b):
        _sum_short_rows(a, a_begin, row, step, b, terms, c, first, count, width)
        return
    for piece in range(0, width, columns * lanes(b)):
        # As above, the last tile overlaps the one before it.
        p = min(piece, width - columns * lanes(b))
        for block in range(0, count, rows):
            r = first + min(block, count - rows)
            place, target = a_begin + r * row, r * width + p
            if rows == 5 and columns > 1:
                _five_rows(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 4 and columns > 1:
                _four_rows(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 2 and columns > 1:
                _two_rows(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 1 and columns > 1:
                _one_row(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 5:
                _five_rows_1(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 4:
                _four_rows_1(a, place, row, step, b, p, width, terms, c, target)
            elif rows == 2:
                _two_rows_1(a, place, row, step, b, p, width, terms, c, target)
            else:
                _one_row_1(a, place, row, step, b, p, width, terms, c, target)


@kernel
def _sum_short_rows(
    a: Array,
    a_begin: int,
    row: int,
    step: int,
    b: Array,
    terms: int,
    c: Array,
    first: int,
    count: int,
    width: int,
) -> None:
    """Compute the same, with the same bits, where a row is shorter than a vector."""
    for r in range(first, first + count):
        for f in range(width):
            total = c.dtype.type(0)
            for t in range(terms):
                total = fused(a[a_begin + r * row + t * step], b[t * width + f], total)
            c[r * width + f] = total


@inlined
def _are_near(first: int, count: int, c: Array, width: int, terms: int) -> bool:
    """Say whether rows are few, so that :func:`_add_up_near_rows` is quicker and can do it."""
    tiles = first == 0 and count >= 4 and count % _rows_of_tile(count) == 0
    return tiles and width >= COLUMNS * lanes(c) and terms > TERMS and count * width <= NEAR_CACHE


@kernel
def _add_up_near_rows(
    a: Array, row: int, step: int, b: Array, terms: int, c: Array, count: int, width: int
) -> None:
    """Compute C[r] = Σ_t A[r, t] · B[t] for few rows r and many terms t.

    A tile needs some numbers of each of B's rows, then of the same rows those beside them. To
    fetch few numbers of each of many rows is slow, so all tiles take some terms before the next.

    Args:
        a: the weights.
        row: from one row's weight to the next row's.
        step: from one term's weight to the next term's.
        b: (terms, width).
        terms: how many.
        c: filled; (count, width).
        count: rows.
        width: numbers in a row.
    """
    tile = COLUMNS * lanes(c)
    whole = width // tile * tile
    c[: count * width] = 0
    for term in range(0, terms, TERMS):
        some = min(TERMS, terms - term)
        _add_to_tiles(a, row, step, b, term, some, c, count, 0, whole, width)
    if whole < width:
        # As above, the last tile overlaps the one before it.
        for r in range(count):
            c[(r + 1) * width - tile : (r + 1) * width] = 0
        _add_to_tiles(a, row, step, b, 0, terms, c, count, width - tile, width, width)


@inlined
def _add_to_tiles(
    a: Array,
    row: int,
    step: int,
    b: Array,
    term: int,
    terms: int,
    c: Array,
    count: int,
    begin: int,
    end: int,
    width: int,
) -> None:
    """Add some terms, from ``term`` on, to the columns from ``begin`` to ``end``."""
    rows = _rows_of_tile(count)
    for p in range(begin, end, COLUMNS * lanes(c)):
        for r in range(0, count, rows):
            place, at, target = r * row + term * step, term * width + p, r * width + p
            if rows == 5:
                _five_rows_on(a, place, row, step, b, at, width, terms, c, target)
            else:
                _four_rows_on(a, place, row, step, b, at, width, terms, c, target)


@Instruction
def dense_forward(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go forward through a dense layer."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    weight, bias = floats(row, 2, 0, like), floats(row, 3, 0, like)
    _forward(x, images, weight, bias, number(row, 4), number(row, 5), y)


@Instruction
def sum_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Compute some rows C[r] = Σ_t A[r, t] · B[t]."""
    row = whole_numbers_at(at)
    a, b, c = floats(row, 0, first, like), floats(row, 1, first, like), floats(row, 2, first, like)
    to_row, to_term, terms = number(row, 3), number(row, 4), number(row, 5)
    begin, count, width = number(row, 6), number(row, 7), number(row, 8)
    terms, count = images if terms == OF_IMAGES else terms, images if count == OF_IMAGES else count
    if _are_near(begin, count, c, width, terms):
        _add_up_near_rows(a, to_row, to_term, b, terms, c, count, width)
    else:
        add_up_rows(a, 0, to_row, to_term, b, terms, c, begin, count, width)
