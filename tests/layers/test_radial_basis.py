"""LeNet-5's output layer, and the drawings that are its codes."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from draws import generator, normal
from gradient_check import check_layer_gradients
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.layers import RadialBasis, digit_codes

CODES = ((1.0, -1.0, 1.0, 0.5), (-1.0, -1.0, 1.0, 0.0), (1.0, 1.0, -2.0, 0.25))


def test_the_outputs_are_squared_distances() -> None:
    x = normal(generator("x"), (5, 4))
    y, _ = RadialBasis(CODES).forward(x)
    for n, i in np.ndindex(5, 3):
        assert y[n, i] == pytest.approx(sum((x[n, j] - CODES[i][j]) ** 2 for j in range(4)))


@pytest.mark.parametrize("trainable", [False, True])
def test_the_gradients_are_the_slopes(trainable: bool) -> None:
    compared = check_layer_gradients(RadialBasis(CODES, trainable), (4,), batch=3)
    assert set(compared) == ({"x", "center"} if trainable else {"x"})


def test_fixed_codes_are_no_parameter() -> None:
    layer = RadialBasis(CODES)
    assert layer.initial_parameters((4,), generator("init"), np.float32) == {}
    y, backward = layer.forward(np.zeros((2, 4)))
    assert backward(y)[1] == {}
    assert layer.parameter_count((4,)) == 0


def test_trainable_codes_are_where_learning_starts() -> None:
    layer, x = RadialBasis(CODES, trainable=True), normal(generator("x"), (5, 4))
    parameters = layer.initial_parameters((4,), generator("init"), np.float64)
    np.testing.assert_array_equal(parameters["center"], CODES)
    np.testing.assert_array_equal(layer.forward(x, parameters)[0], RadialBasis(CODES).forward(x)[0])
    moved, _ = layer.forward(x, {"center": parameters["center"] + 1})
    np.testing.assert_allclose(moved, RadialBasis(CODES).forward(x - 1)[0], rtol=1e-12)
    assert layer.parameter_count((4,)) == 12


def test_a_code_itself_is_at_distance_0_and_the_error_there_too() -> None:
    x = np.array(CODES)
    y, backward = RadialBasis(CODES).forward(x)
    np.testing.assert_array_equal(np.diag(y), 0)
    np.testing.assert_array_equal(backward(np.eye(3))[0], 0)


def test_float32_stays_float32() -> None:
    x = np.zeros((2, 4), np.float32)
    y, backward = RadialBasis(CODES).forward(x)
    assert (y.dtype, backward(y)[0].dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("codes", [np.array(CODES), [list(row) for row in CODES]])
def test_codes_may_come_as_an_array_or_lists(codes: Any) -> None:
    layer = RadialBasis(codes)
    assert layer == RadialBasis(CODES)
    assert hash(layer) == hash(RadialBasis(CODES))
    assert layer.multiply_adds((4,)) == 12


@pytest.mark.parametrize(
    "codes",
    [[], [[]], [[1, 2], [3]], [1, 2], "12", None, [["a"]], [[np.nan]], [[True]], 7, [[[1]]]],
)
def test_what_are_no_codes_is_refused(codes: Any) -> None:
    words = "'codes' of RadialBasis must be rows of finite numbers"
    with pytest.raises(ConfigurationError, match=words):
        RadialBasis(codes)


@pytest.mark.parametrize("shape", [(5,), (1, 2, 2)])
def test_an_input_that_does_not_fit_the_codes_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="input of RadialBasis must"):
        RadialBasis(CODES).output_shape(shape)
    with pytest.raises(ShapeError, match="input of RadialBasis must"):
        RadialBasis(CODES).forward(np.zeros((2, *shape)))


# ---- the digits' codes -------------------------------------------------------------------


def test_there_are_ten_codes_of_84_signs() -> None:
    codes = np.array(digit_codes())
    assert codes.shape == (10, 84)
    assert set(codes.ravel()) == {-1.0, 1.0}


def test_the_drawings_stand_for_their_digits() -> None:
    seven = np.array(digit_codes()[7]).reshape(12, 7)
    assert (seven[0] == 1).all(), "a 7 has a bar along its top"
    assert (seven[-1, 4:] == -1).all(), "and ends to the left"
    eight = np.array(digit_codes()[8]).reshape(12, 7)
    np.testing.assert_array_equal(eight, eight[:, ::-1], err_msg="an 8 is its own mirror image")
    zero = np.array(digit_codes()[0]).reshape(12, 7)
    assert (zero[2:-2, 2:-2] == -1).all(), "a 0 is empty inside"


def test_no_two_digits_are_nearly_the_same() -> None:
    codes = np.array(digit_codes())
    apart = [int((codes[a] != codes[b]).sum()) for a, b in combinations(range(10), 2)]
    assert min(apart) >= 5, "pixels that differ"


def test_each_code_is_nearest_to_itself() -> None:
    y, _ = RadialBasis(digit_codes()).forward(np.array(digit_codes()))
    np.testing.assert_array_equal(y.argmin(axis=1), np.arange(10))
