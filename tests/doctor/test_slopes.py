"""Derivatives without dy: of forward's input, or of its output, as the argument's name says."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor import check_layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh(x):
    return np.tanh(x)


def dsig_y(y):
    return y * (1 - y)


def dtanh(a):
    return 1 - a**2


def dtanh_of_output(output):
    return 1 - output**2


def tanh_deriv(y):
    return 1 - y**2


def dtanh_of_input(a):
    return 1 - np.tanh(a) ** 2


def sigmoid_derivative(s):
    return s * (1 - s)


@pytest.mark.parametrize(
    ("forward", "slope", "what"),
    [
        (sigmoid, dsig_y, "output"),
        (tanh, dtanh, "output"),
        (tanh, dtanh_of_output, "output"),
        (tanh, tanh_deriv, "output"),
        (tanh, dtanh_of_input, "input"),
        (sigmoid, sigmoid_derivative, "output"),
    ],
)
def test_a_right_pair_is_healthy_and_told_how_it_was_called(forward, slope, what):
    verdict = check_layer((forward, slope))
    assert verdict.healthy, str(verdict)
    name = f"{slope.__name__}({slope.__code__.co_varnames[0]})"
    said = f"{name} was given forward's {what}, and what it returned was multiplied by dy."
    assert verdict.notes == (said,)


def test_the_outputs_slope_of_the_input_is_still_a_mistake():
    def prime(x):
        return x * (1 - x)

    verdict = check_layer((sigmoid, prime))
    assert "The slope's form in y is given z" in str(verdict)
    assert "prime(x) was given forward's input" in verdict.notes[0]


def test_a_wrong_slope_of_the_output_is_named():
    def slope(a):
        return a * (1 - a) / 2

    assert check_layer((sigmoid, slope)).name == "factor-half"


def mean(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


@pytest.mark.parametrize(("divisor", "name"), [(4, ""), (1, "mean-pool-not-divided")])
def test_an_error_may_be_called_an_output(divisor, name):
    def backward(out):
        return out.repeat(2, axis=2).repeat(2, axis=3) / divisor

    verdict = check_layer((mean, backward))
    assert (verdict.healthy, verdict.name) == (not name, name)


def test_a_function_that_was_given_the_error_is_told_so():
    def slope(q):
        return 1 - q**2

    verdict = check_layer((tanh, slope))
    assert not verdict.healthy
    assert "slope(q) was given dy, the error from above. If it is a slope" in verdict.notes[0]
