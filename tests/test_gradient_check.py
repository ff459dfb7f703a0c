"""The gradient checker itself: what it lets pass, what it skips, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from draws import Array, tied
from gradient_check import Comparison, check_gradient, check_layer_gradients
from sixloops.layers import BatchNorm, Dense, Dropout, Layer, MaxPool2D, ReLU

POINT = np.array([[0.3, -1.2, 0.7], [2.0, -0.4, 0.1]])
COTANGENT = np.array([[1.5, -0.3, 0.8], [-1.1, 0.6, 2.0]])


def check(
    function: Callable[[Array], Array], slope: Callable[[Array], Array], **options: Any
) -> Comparison:
    """Check a function that works on every entry for itself, at ``POINT``."""
    point = options.pop("point", POINT)
    gradient = COTANGENT * slope(point)
    return check_gradient("f", function, point, gradient, COTANGENT, **options)


def test_right_gradients_pass_with_room() -> None:
    for function, slope in (
        (np.sin, np.cos),
        (np.exp, np.exp),
        (lambda x: x**5, lambda x: 5 * x**4),
        (lambda x: 1e6 * x, lambda x: np.full_like(x, 1e6)),
        (lambda x: 1e-6 * x, lambda x: np.full_like(x, 1e-6)),
    ):
        comparison = check(function, slope)
        assert (comparison.compared, comparison.kinks) == (6, 0)
        assert comparison.worst < 2e-8


def test_an_error_of_a_millionth_is_found() -> None:
    with pytest.raises(AssertionError, match="6 of 6 differ"):
        check(lambda x: 3 * x, lambda x: np.full_like(x, 3 + 3e-6))


def test_one_wrong_entry_of_many_is_named() -> None:
    def slope(x: Array) -> Array:
        right = np.cos(x)
        right[1, 2] = 0.0
        return right

    with pytest.raises(AssertionError, match=r"at \(1, 2\) the gradient is 0.* 1 of 6 differ"):
        check(np.sin, slope)


def test_kinks_are_skipped_and_counted() -> None:
    point = POINT.copy()
    point[0, 0] = 0.0
    comparison = check(np.abs, np.sign, point=point, kinks=0.2)
    assert (comparison.compared, comparison.kinks) == (5, 1)


def test_too_many_kinks_are_an_error() -> None:
    point = POINT.copy()
    point[0, 0] = 0.0
    with pytest.raises(AssertionError, match="1 of 6 directions have no slope, more than 10%"):
        check(np.abs, np.sign, point=point, kinks=0.1)


def test_nothing_but_kinks_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="no direction has a slope"):
        check(np.abs, np.sign, point=np.zeros_like(POINT), kinks=1.0)


def test_a_kink_within_the_step_is_no_mismatch() -> None:
    point = POINT.copy()
    point[0, :] = 1e-5, -2e-5, 4e-5
    assert check(np.abs, np.sign, point=point, kinks=0.5).kinks == 3


def test_a_bend_without_a_kink_is_compared() -> None:
    def bent(x: Array) -> Array:
        return np.where(x > 0, x**2 / 2, 0.0)

    point = POINT.copy()
    point[0, 0] = 0.0
    assert check(bent, lambda x: np.maximum(x, 0), point=point).compared == 6


def test_steps_and_noise_have_no_slope() -> None:
    random = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="have no slope"):
        check(lambda x: x + random.normal(size=x.shape), np.ones_like)


def test_zero_against_zero_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="this proves nothing"):
        check(np.zeros_like, np.zeros_like)


def test_zero_against_something_is_found() -> None:
    with pytest.raises(AssertionError, match="6 of 6 differ"):
        check(np.sin, np.zeros_like)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(AssertionError, match="not finite"):
        check(np.sin, lambda x: np.full_like(x, value))


def test_another_shape_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"gradient \(3, 2\), not \(2, 3\)"):
        check_gradient("f", np.sin, POINT, POINT.T, COTANGENT)


def test_float32_is_refused() -> None:
    single = POINT.astype(np.float32)
    with pytest.raises(AssertionError, match="float64"):
        check_gradient("f", np.sin, single, np.cos(single), COTANGENT)


def test_large_arrays_are_checked_along_random_directions() -> None:
    random = np.random.default_rng(1)
    point, cotangent = random.normal(size=(20, 30)), random.normal(size=(20, 30))
    right = cotangent * np.cos(point)
    assert check_gradient("f", np.sin, point, right, cotangent).compared == 4
    wrong = right.copy()
    wrong[7, 11] = 0.0
    with pytest.raises(AssertionError, match="along random direction"):
        check_gradient("f", np.sin, point, wrong, cotangent)


def test_all_parameters_of_a_layer_are_compared() -> None:
    assert set(check_layer_gradients(Dense(3), (4,))) == {"x", "weight", "bias"}


def test_random_layers_and_layers_with_a_state_are_compared_in_training() -> None:
    assert check_layer_gradients(Dropout(0.5), (6,), training=True)["x"].compared == 12
    assert set(check_layer_gradients(BatchNorm(), (3,), 4, training=True)) == {"x", "gamma", "beta"}


def test_ties_of_max_pooling_are_counted() -> None:
    comparison = check_layer_gradients(MaxPool2D(2), (2, 6, 4), draw=tied, kinks=0.5)["x"]
    assert comparison.kinks > 0
    assert comparison.kinks + comparison.compared == 96


@dataclass(frozen=True)
class Forgetful(Layer):
    """A dense layer that forgets the gradient of its bias."""

    def initial_parameters(self, input_shape: Any, random: Any, dtype: Any) -> dict[str, Array]:
        return Dense(2).initial_parameters(input_shape, random, dtype)

    def forward(self, x: Array, parameters: Any = None, context: Any = None) -> tuple[Array, Any]:
        y, backward = Dense(2).forward(x, parameters, context)
        return y, lambda dy: (backward(dy)[0], {"weight": backward(dy)[1]["weight"]})


def test_a_missing_gradient_is_an_error() -> None:
    with pytest.raises(AssertionError, match="bias"):
        check_layer_gradients(Forgetful(), (3,))


def test_a_dead_layer_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="this proves nothing"):
        check_layer_gradients(ReLU(), (3,), draw=lambda random, shape: -np.ones(shape))
