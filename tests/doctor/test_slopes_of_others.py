"""Activations that are held at bounds, and slopes that are those of another function."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor import check_layer


def logistic(x):
    return 1 / (1 + np.exp(-x))


def hard_tanh(x):
    return np.clip(x, -1, 1)


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def relu_6(x):
    return np.clip(x, 0, 6)


def elu(x):
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def softplus(x):
    return np.log1p(np.exp(x))


def bump(x):
    return np.exp(-x * x)


class Function:
    def __init__(self, function, slope):
        self.function, self.slope = function, slope

    def forward(self, x):
        self.x = x
        return self.function(x)

    def backward(self, dy):
        return dy * self.slope(self.x)


RIGHT = {
    "hard tanh": (hard_tanh, lambda x: np.abs(x) < 1),
    "hard sigmoid": (hard_sigmoid, lambda x: 0.2 * (np.abs(x) < 2.5)),
    "ReLU up to 6": (relu_6, lambda x: (x > 0) & (x < 6)),
    "ELU": (elu, lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0)))),
    "softplus": (softplus, logistic),
    "bump": (bump, lambda x: -2 * x * bump(x)),
    "absolute value": (np.abs, np.sign),
    "sine": (np.sin, np.cos),
}
BOUND, OTHER = "bound-forgotten", "slope-of-another"
WRONG = [
    (hard_tanh, np.ones_like, BOUND, "held at its bounds"),
    (hard_tanh, lambda x: np.abs(hard_tanh(x)) <= 1, BOUND, "held at its bounds"),
    (hard_tanh, lambda x: x < 1, BOUND, "held at its lower bound"),
    (hard_tanh, lambda x: x > -1, BOUND, "held at its upper bound"),
    (hard_sigmoid, lambda x: np.full_like(x, 0.2), BOUND, "held at its bounds"),
    (relu_6, lambda x: x > 0, BOUND, "held at its upper bound"),
    (relu_6, lambda x: relu_6(x) > 0, BOUND, "held at its upper bound"),
    (hard_tanh, lambda x: x > 0, OTHER, "1 where x > 0 and else 0, ReLU's"),
    (hard_tanh, lambda x: 1 - np.tanh(x) ** 2, OTHER, "1 − tanh²(x), tanh's"),
    (hard_tanh, lambda x: 1 - hard_tanh(x) ** 2, OTHER, "1 − y², tanh's at its output"),
    (hard_tanh, hard_tanh, OTHER, "y, which is the function itself"),
    (
        hard_sigmoid,
        lambda x: hard_sigmoid(x) * (1 - hard_sigmoid(x)),
        OTHER,
        "y(1 − y), a sigmoid's at its output",
    ),
    (softplus, lambda x: logistic(x) * (1 - logistic(x)), OTHER, "σ(x)(1 − σ(x)), a sigmoid's"),
    (elu, lambda x: np.where(x > 0, 1, elu(x)), OTHER, "1 where x > 0 and else y"),
    (bump, bump, OTHER, "y, which is the function itself"),
    (np.abs, lambda x: x > 0, OTHER, "ReLU's"),
    (lambda x: np.sin(2 * x), np.cos, OTHER, "cos x"),
    (np.square, lambda x: x**3, "", ""),
    (hard_sigmoid, lambda x: np.abs(x) < 2.5, "constant-factor", "5.000 times"),
    (hard_tanh, lambda x: np.abs(x) > 1, "", ""),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_slopes_are_not_alarmed(name):
    verdict = check_layer(Function(*RIGHT[name]))
    assert verdict.healthy, str(verdict)


@pytest.mark.parametrize(("function", "slope", "name", "words"), WRONG)
def test_wrong_slopes_are_named_or_left_without_a_name(function, slope, name, words):
    verdict = check_layer(Function(function, slope))
    assert (verdict.healthy, verdict.name) == (False, name)
    assert words in (verdict.diagnoses[0].sentence if name else "")
