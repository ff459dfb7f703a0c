"""What is right on the input that was found, and wrong on another that forward takes."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor import check_layer


class EvenSizesOnly:
    """Mean pooling that leaves the last row out, and does not know it on the way back."""

    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        whole = x[:, :, : h // 2 * 2, : w // 2 * 2]
        return whole.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))

    def backward(self, dy):
        return (dy.repeat(2, axis=2).repeat(2, axis=3) / 4).reshape(self.shape)


class SquaresOnly:
    """Mean pooling that takes the height for the width on the way back."""

    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))

    def backward(self, dy):
        n, c, h, _ = self.shape
        dx = np.zeros((n, c, h, h))
        dx[:] = dy.repeat(2, axis=2).repeat(2, axis=3) / 4
        return dx


class Squeezed:
    """A dense layer whose backward loses the axis of a single image."""

    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(5, 4))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        dy = dy.squeeze()
        self.dW = self.x.T @ dy
        return dy @ self.W.T


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(EvenSizesOnly, "(3, 3, 7, 9)"), (SquaresOnly, "(2, 3, 8, 6)"), (Squeezed, "(1, 5)")],
)
def test_a_backward_that_raises_where_forward_works_is_not_healthy(layer, shape):
    verdict = check_layer(layer)
    assert (verdict.healthy, verdict.name) == (False, "raises")
    words = str(verdict)
    assert f"(input {shape})" in " ".join(words.split())
    assert "what forward takes, backward must take" in " ".join(words.split())
    assert "in backward" in verdict.traceback


class Clipped:
    """A function of each number with an edge that backward does not know."""

    def __init__(self, forward, slope):
        self.function, self.slope = forward, slope

    def forward(self, x):
        self.x = x
        return self.function(x)

    def backward(self, dy):
        return dy * self.slope(self.x)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def logistic_slope(x):
    return logistic(x) * (1 - logistic(x))


EDGES = {
    "ReLU up to 1": (lambda x: np.clip(x, 0, 1), lambda x: x > 0),
    "sigmoid up to 2": (lambda x: logistic(np.clip(x, -2, 2)), logistic_slope),
    "doubled from 2.5": (lambda x: np.where(x > 2.5, 2 * x, x), np.ones_like),
}


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_recognised_on_a_few_numbers_must_hold_on_all_that_were_tried(edge):
    verdict = check_layer(Clipped(*EDGES[edge]))
    assert not verdict.healthy
    assert not verdict.recognised
    notes = " ".join(" ".join(verdict.notes).split())
    assert "it made something else. There the gradients were compared with slopes" in notes


def relu_up_to_6(x):
    return np.clip(x, 0, 6)


@pytest.mark.parametrize(
    ("forward", "slope"),
    [(relu_up_to_6, lambda x: x > 0), (lambda x: np.clip(x, -7, 7), np.ones_like)],
    ids=["ReLU", "identity"],
)
def test_a_bound_beyond_usual_inputs_is_looked_for(forward, slope):
    verdict = check_layer(Clipped(forward, slope))
    assert not verdict.healthy
    assert "(input (2, 3, 8, 6) times 20)" in verdict.findings[0].words


@pytest.mark.parametrize(
    ("forward", "slope", "name"),
    [
        (relu_up_to_6, lambda x: (x > 0) & (x < 6), "ReLU of small inputs"),
        (lambda x: np.maximum(x, 0), lambda x: x > 0, "ReLU"),
    ],
    ids=["with a bound", "without"],
)
def test_a_right_slope_is_healthy_with_a_bound_and_without(forward, slope, name):
    verdict = check_layer(Clipped(forward, slope))
    assert (verdict.healthy, verdict.recognised) == (True, name)


@pytest.mark.parametrize(
    "slope", [lambda x: (x > 0) & (x < 1), lambda x: (x >= 0) & (x <= 1)], ids=["open", "closed"]
)
def test_the_same_with_a_right_slope_is_healthy(slope):
    verdict = check_layer(Clipped(lambda x: np.clip(x, 0, 1), slope))
    assert verdict.healthy, str(verdict)
