"""Sound layers written in ways that must not be taken for mistakes; each has a wrong twin."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest
from numpy.random import default_rng

from sixloops.doctor import check_layer


class Rows:
    """A dense layer in plain Python; its weights are lists, drawn with Python's own numbers."""

    def __init__(self, n_in=5, n_out=4):
        self.w = [[random.gauss(0, 1) for _ in range(n_in)] for _ in range(n_out)]
        self.b = [0.0] * n_out

    def forward(self, x):
        self.x = x
        return [
            [sum(a * b for a, b in zip(row, v, strict=True)) + c for row, c in self.pairs()]
            for v in x
        ]

    def pairs(self):
        return zip(self.w, self.b, strict=True)

    def backward(self, dy):
        self.dw = [[(dy[:, o] * column).sum() for column in self.x.T] for o in range(len(self.w))]
        self.db = [sum(errors) for errors in dy.T]
        return [
            [sum(e * r[i] for e, r in zip(d, self.w, strict=True)) for i in range(5)] for d in dy
        ]


class RowsWrong(Rows):
    def backward(self, dy):
        return [[2 * number for number in row] for row in super().backward(dy)]


def test_lists_drawn_anew_for_each_object():
    verdict = check_layer(Rows, input_shape=(2, 5), axes="ND")
    assert verdict.healthy, str(verdict)
    verdict = check_layer(RowsWrong, input_shape=(2, 5), axes="ND")
    assert "2.000 times" in str(verdict)
    assert not {"not-repeatable", "stale-cache"} & {d.id for d in verdict.diagnoses}


class Order:
    """Another order of the features, drawn anew for each object."""

    def __init__(self, n_in=5):
        self.order = default_rng().permutation(n_in)

    def forward(self, x):
        return x[:, self.order]

    def backward(self, dy):
        return dy[:, np.argsort(self.order)]


class OrderWrong(Order):
    def backward(self, dy):
        return dy[:, self.order]


class OrderOfNumpy(Order):
    def __init__(self, n_in=5):
        self.order = np.random.default_rng().permutation(n_in)


@pytest.mark.parametrize("kind", [Order, OrderOfNumpy])
def test_an_order_drawn_anew_for_each_object(kind):
    verdict = check_layer(kind, input_shape=(2, 5), axes="ND")
    assert verdict.healthy, str(verdict)


def test_an_order_that_backward_does_not_turn_back_is_wrong():
    verdict = check_layer(OrderWrong, input_shape=(2, 5), axes="ND")
    assert not verdict.healthy
    assert verdict.findings[0].what == "dX"


class Dropout:
    """Its maker of random numbers was imported by its name."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = (default_rng().random(x.shape) > self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class DropoutWrong(Dropout):
    def backward(self, dy):
        return dy


def test_a_maker_of_random_numbers_that_was_imported_by_name():
    verdict = check_layer(Dropout)
    assert verdict.healthy, str(verdict)
    assert not check_layer(DropoutWrong).healthy
    assert default_rng is np.random.default_rng


def test_what_cannot_be_repeated_is_not_called_stale_as_well():
    class Draws:
        def forward(self, x):
            self.mask = random.SystemRandom().random() * x**0
            return x * self.mask

        def backward(self, dy):
            return dy * self.mask

    assert [d.id for d in check_layer(Draws).diagnoses] == ["not-repeatable"]


class Pool:
    """Max pooling of (row, column, channel, image)."""

    def forward(self, x):
        h, w, c, n = x.shape
        pieces = x.reshape(h // 2, 2, w // 2, 2, c, n).transpose(0, 2, 4, 5, 1, 3)
        pieces = pieces.reshape(h // 2, w // 2, c, n, 4)
        self.winner, self.shape = pieces.argmax(axis=-1), x.shape
        return pieces.max(axis=-1)

    def backward(self, dy):
        h, w, c, n = self.shape
        dx = np.zeros((*dy.shape, 4))
        np.put_along_axis(dx, self.winner[..., None], self.error(dy)[..., None], -1)
        dx = dx.reshape(h // 2, w // 2, c, n, 2, 2).transpose(0, 4, 1, 5, 2, 3)
        return dx.reshape(self.shape)

    def error(self, dy):
        return dy


class PoolWrong(Pool):
    def error(self, dy):
        return dy / 4


def test_the_images_may_be_the_last_axis_of_maps():
    verdict = check_layer(Pool, axes="HWCN")
    assert verdict.healthy, str(verdict)
    assert verdict.recognised.startswith("max pooling 2×2")
    assert not check_layer(PoolWrong, axes="HWCN").healthy


class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return 2 * self.x * dy


def scaled(x, w, b):
    return x * w.sum() + b.sum(), (x, w, b)


def scaled_backward(dy, cache):
    x, w, b = cache
    return dy * w.sum(), np.full(w.shape, (dy * x).sum()), np.full(b.shape, dy.sum())


@pytest.mark.parametrize(
    "axes", ["".join(p) for p in permutations("NCHW")] + ["N", "C", "CN", "WN"]
)
def test_every_order_of_axes_is_taken(axes):
    verdict = check_layer(Square, axes=axes)
    assert verdict.healthy, str(verdict)
    verdict = check_layer((scaled, scaled_backward), axes=axes)
    assert verdict.healthy, str(verdict)
    assert "dW, db" in verdict.examined


def normalise(x, gamma, beta):
    deviation = np.sqrt(x.var(axis=0) + 1e-5)
    h = (x - x.mean(axis=0)) / deviation
    return gamma * h + beta, (h, deviation, gamma)


def normalise_backward(dy, cache):
    h, deviation, gamma = cache
    dbeta, dgamma = dy.sum(axis=0), (dy * h).sum(axis=0)
    u = dy * gamma
    dx = (u - u.mean(axis=0) - h * (u * h).mean(axis=0)) / deviation
    return dx, dbeta, dgamma


def normalise_backward_wrong(dy, cache):
    dx, dbeta, dgamma = normalise_backward(dy, cache)
    return dx, dbeta, 2 * dgamma


def test_gradients_of_one_shape_may_come_in_another_order():
    verdict = check_layer((normalise, normalise_backward))
    assert verdict.healthy, str(verdict)
    assert any("read in the order dX, dbeta, dgamma" in note for note in verdict.notes)
    assert not check_layer((normalise, normalise_backward_wrong)).healthy


class Softmax:
    """Softmax, and in backward the gradient of cross-entropy: it is given the targets."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, y_true):
        return (self.p - y_true) / len(y_true)


def test_a_loss_whose_forward_takes_no_targets_cannot_be_examined():
    verdict = check_layer(Softmax, axes="ND")
    assert (verdict.healthy, verdict.sick) == (False, False)
    assert "cannot be examined in this form" in verdict.undecided
    assert "forward(x, y_true)" in str(verdict)
    assert not verdict.findings
    assert not verdict.diagnoses


def test_what_raises_before_the_targets_come_is_told():
    class Raises(Softmax):
        def forward(self, x):
            raise ValueError("no such thing")

    assert check_layer(Raises, axes="ND").name == "raises"


def test_targets_that_only_pick_an_entry_are_targets():
    class Picks(Softmax):
        def backward(self, labels):
            p = self.p.copy()
            p[range(len(p)), labels] -= 1
            return p

    assert "cannot be examined" in check_layer(Picks, axes="ND").undecided


def test_a_layer_whose_error_is_called_a_target_is_examined():
    class Doubled:
        def forward(self, x):
            return 2 * x

        def backward(self, target):
            return 2 * target

    assert check_layer(Doubled).healthy


class Accumulates:
    """backward adds to the gradients; update moves the weights, and clears them."""

    def __init__(self, n_in=5, n_out=4):
        self.W = np.random.default_rng(0).normal(size=(n_out, n_in))
        self.b = np.zeros((n_out, 1))
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, delta):
        self.dW += delta @ self.x.T
        self.db += delta.sum(axis=1, keepdims=True)
        return self.W.T @ delta

    def update(self, lr, batch_size):
        self.W -= lr * self.dW / batch_size
        self.b -= lr * self.db / batch_size
        self.dW[:], self.db[:] = 0, 0


class NeverClears(Accumulates):
    def update(self, lr, batch_size):
        self.W -= lr * self.dW / batch_size
        self.b -= lr * self.db / batch_size


class ClearsOne(Accumulates):
    def update(self, lr, batch_size):
        super().update(lr, batch_size)
        self.db += 1


def test_gradients_may_be_cleared_by_the_update():
    verdict = check_layer(Accumulates)
    assert verdict.healthy, str(verdict)
    assert check_layer(NeverClears).name == "gradients-not-cleared"
    assert not check_layer(ClearsOne).healthy
