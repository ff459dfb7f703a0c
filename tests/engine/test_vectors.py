"""The values in registers: what a tile adds up, stores and leaves alone."""

import numpy as np
import pytest

from sixloops.engine.kernels import activations, vectors
from sixloops.engine.kernels.compiling import kernel
from sixloops.engine.kernels.vectors import NARROW, lanes_of


@kernel
def add_tile(x, w, y, terms, last):
    sums = vectors.zeros(y, 6)
    for t in range(terms):
        weights = vectors.vectors(w, 3 * vectors.lanes(w) * t, vectors.lanes(w), 3)
        sums = vectors.multiply_add(sums, vectors.broadcasts(x, t, terms, 2), weights)
    vectors.store(y, 0, 3 * vectors.lanes(y), vectors.lanes(y), sums, 3, last)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beyond", [0, 1, 3])
def test_a_tile_is_a_product_and_what_is_beyond_it_is_left_alone(dtype, beyond):
    random, lanes = np.random.default_rng(0), lanes_of(dtype)
    last = max(lanes - beyond, 1)
    x = random.standard_normal((2, 7)).astype(dtype)
    w = random.standard_normal((7, 3 * lanes)).astype(dtype)
    y = np.full((2, 3 * lanes), 9, dtype)
    add_tile(x.ravel(), w.ravel(), y.reshape(-1), 7, last)
    width = 2 * lanes + last
    np.testing.assert_allclose(y[:, :width], (x @ w)[:, :width], rtol=1e-5)
    assert (y[:, width:] == 9).all()


@kernel
def totals(x, y):
    vectors.store_totals(y, 0, 2, 1, vectors.narrow_vectors(x, 0, NARROW, 4), 2)


def test_totals_are_the_sums_of_the_lanes():
    x, y = np.arange(4.0 * NARROW), np.zeros(4)
    totals(x, y)
    assert (y == x.reshape(4, NARROW).sum(axis=1)).all()


ROW = 16


@kernel
def pool(x, names, y, winners):
    lanes = vectors.lanes(x)
    for begin in range(0, ROW, lanes):
        rows = vectors.vectors(x, begin, ROW, 4)
        best, won = vectors.largest_of_four(rows, 1, names, 0)
        vectors.store(y, begin, 0, 0, best, 1, lanes)
        vectors.store(winners, begin, 0, 0, won, 1, lanes)


def test_the_first_of_equal_ones_wins_and_nan_wins_over_all():
    rows = np.zeros((4, ROW), np.float32)
    rows[2, 1] = 5
    rows[1:, 2] = 3
    rows[1, 3] = np.nan
    rows[:, 4] = -np.inf
    rows[3, 5] = np.inf
    rows[0, 6], rows[2, 6] = np.nan, 7
    y, winners = np.zeros(ROW, np.float32), np.zeros(ROW, np.int32)
    pool(rows.ravel(), np.array([10, 20, 30, 40], np.int32), y, winners)
    np.testing.assert_array_equal(y[:7], [0, 5, 3, np.nan, -np.inf, np.inf, np.nan])
    assert list(winners[:7]) == [10, 30, 20, 20, 10, 40, 10]


@kernel
def both(x, exps, tanhs):
    for i in range(x.shape[0]):
        exps[i], tanhs[i] = activations.exp(x[i]), activations.tanh(x[i])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 4e-7), (np.float64, 1e-15)])
def test_exp_and_tanh_are_right_to_their_last_digits(dtype, tolerance):
    small = np.linspace(-1, 1, 2001) ** 3
    x = np.concatenate([small, np.linspace(-80, 80, 20001)]).astype(dtype)
    exps, tanhs = np.empty_like(x), np.empty_like(x)
    both(x, exps, tanhs)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(exps, np.exp(exact), rtol=tolerance * 2)
    np.testing.assert_allclose(tanhs, np.tanh(exact), rtol=tolerance)


def test_exp_and_tanh_at_the_ends_of_single_precision():
    x = np.array([np.nan, np.inf, -np.inf, 100, -100], np.float32)
    exps, tanhs = np.empty_like(x), np.empty_like(x)
    both(x, exps, tanhs)
    assert np.isnan([exps[0], tanhs[0]]).all()
    assert (exps[[1, 3]] > 1e38).all()
    assert (exps[[2, 4]] < 2e-38).all()
    np.testing.assert_allclose(tanhs[1:], [1, -1, 1, -1], rtol=1e-6)
