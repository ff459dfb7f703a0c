"""The products of dense layers: however the terms are taken, the same sums."""

import numpy as np
import pytest

from sixloops.engine.kernels import dense
from sixloops.engine.kernels.vectors import lanes_of


def tile_of(dtype):
    """Return how many numbers of a row a tile has."""
    return dense.COLUMNS * lanes_of(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("terms", [33, 64, 100])
@pytest.mark.parametrize(("tiles", "more"), [(1, 0), (1, 7), (2, 0), (3, 5)])
@pytest.mark.parametrize("count", [4, 5, 8, 10, 12])
@pytest.mark.parametrize("across", [False, True])
def test_few_rows_of_many_terms_have_the_same_bits(count, tiles, more, terms, dtype, across):
    random, width = np.random.default_rng(0), tiles * tile_of(dtype) + more
    a = random.standard_normal((count, terms)).astype(dtype)
    b = random.standard_normal((terms, width)).astype(dtype)
    some, all_at_once = (np.full(count * width, 9, dtype) for _ in range(2))
    weights, row, step = (a.T.ravel(), 1, count) if across else (a.ravel(), terms, 1)
    assert dense._are_near(0, count, some, width, terms)
    dense._add_up_near_rows(weights, row, step, b.ravel(), terms, some, count, width)
    dense.add_up_rows(weights, 0, row, step, b.ravel(), terms, all_at_once, 0, count, width)
    assert some.tobytes() == all_at_once.tobytes()
    expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(some.reshape(count, width), expected, atol=1e-4, rtol=1e-4)


TILE = tile_of(np.float32)


@pytest.mark.parametrize(
    ("first", "count", "width", "terms"),
    [
        *((0, count, TILE, 64) for count in (1, 3, 6, 7, 9, 11)),  # tiles of rows would overlap
        *((1, 10, TILE, 64), (0, 10, TILE - 1, 64), (0, 10, TILE, 32), (0, 1000, 132, 64)),
    ],
)
def test_all_terms_are_taken_at_once_where_tiles_do_not_fit_or_nothing_is_won(
    first, count, width, terms
):
    assert not dense._are_near(first, count, np.zeros(1, np.float32), width, terms)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_short_rows_have_the_bits_that_they_have_within_long_ones(dtype):
    random, width = np.random.default_rng(0), tile_of(dtype)
    a = random.standard_normal((3, 20)).astype(dtype)
    b = random.standard_normal((20, width)).astype(dtype)
    long, short = np.full(3 * width, 9, dtype), np.full(3, 9, dtype)
    dense.add_up_rows(a.ravel(), 0, 20, 1, b.ravel(), 20, long, 0, 3, width)
    dense.add_up_rows(a.ravel(), 0, 20, 1, b[:, 0].copy(), 20, short, 0, 3, 1)
    assert (short == long.reshape(3, width)[:, 0]).all()
