"""Wrong backwards that a slow forward, single precision, a wrapper or a list might hide."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor import check_layer
from sixloops.doctor.layer import trials
from sixloops.doctor.layer.where import constant_ratio


@pytest.fixture
def no_time(monkeypatch):
    """Leave no time to measure every entry, as a slow forward does."""
    monkeypatch.setattr(trials, "MEASURING_SECONDS", (1e-9, 1e-9))


class Neighbours:
    """It multiplies neighbours, as no known layer does."""

    def forward(self, x):
        self.x = x
        return x**3 + x * np.roll(x, 1, axis=-1)

    def backward(self, dy):
        moved = np.roll(self.x, 1, axis=-1)
        return dy * (3 * self.x**2 + moved) + np.roll(dy * self.x, -1, axis=-1)


class OneRowWrong(Neighbours):
    def backward(self, dy):
        dx = super().backward(dy)
        dx[:, :, 0, 0] *= 1.5
        return dx


def test_a_few_wrong_numbers_are_seen_though_forward_is_slow(no_time):
    verdict = check_layer(OneRowWrong)
    assert not verdict.healthy
    assert verdict.findings[0].what == "dX"
    assert "along random directions it differs" in verdict.findings[0].words
    assert not any("single image" in finding.words for finding in verdict.findings)


def test_a_slow_right_backward_is_healthy(no_time):
    verdict = check_layer(Neighbours)
    assert verdict.healthy, str(verdict)


def test_a_ratio_is_only_named_if_it_holds():
    truth = np.random.default_rng(0).normal(size=(4, 50))
    noise = np.random.default_rng(1).normal(size=truth.shape)
    assert constant_ratio(2 * truth, truth, 5e-2) == pytest.approx(2)
    assert constant_ratio(2 * truth + 0.1 * noise, truth, 5e-2) is None


class Bent:
    """Of its three parts backward forgets one, in single precision."""

    def forward(self, x):
        self.x = x = x.astype(np.float32)
        return np.sin(x) * np.roll(x, 1, axis=-1)

    def backward(self, dy):
        dy, x = dy.astype(np.float32), self.x
        return -dy * np.cos(x) * np.roll(x, 1, axis=-1)


def test_a_ratio_in_single_precision_must_hold_too():
    verdict = check_layer(Bent)
    assert not verdict.healthy
    assert "times the true gradient" not in str(verdict)


class Conv:
    """A convolution in single precision; ``turn`` is what backward does with the kernel."""

    turn = slice(None)

    def __init__(self, in_channels=3, filters=4, kernel_size=3):
        random = np.random.default_rng(0)
        shape = (filters, in_channels, kernel_size, kernel_size)
        self.k = kernel_size
        self.W = random.normal(size=shape).astype(np.float32)
        self.b = np.zeros(filters, np.float32)

    def forward(self, x):
        self.x = x = x.astype(np.float32)
        k, (n, _, h, w) = self.k, x.shape
        y = np.zeros((n, len(self.b), h - k + 1, w - k + 1), np.float32)
        for i in range(k):
            for j in range(k):
                seen = x[:, :, i : i + h - k + 1, j : j + w - k + 1]
                y += np.einsum("nchw,fc->nfhw", seen, self.W[:, :, i, j])
        return y + self.b[:, None, None]

    def backward(self, dy):
        dy, k = dy.astype(np.float32), self.k
        h, w = dy.shape[2:]
        kernel = self.W[:, :, self.turn, self.turn]
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        for i in range(k):
            for j in range(k):
                seen = self.x[:, :, i : i + h, j : j + w]
                self.dW[:, :, i, j] = np.einsum("nchw,nfhw->fc", seen, dy)
                dx[:, :, i : i + h, j : j + w] += np.einsum("nfhw,fc->nchw", dy, kernel[:, :, i, j])
        self.db = dy.sum(axis=(0, 2, 3))
        return dx


class NotTurned(Conv):
    turn = slice(None, None, -1)


def test_single_precision_is_recognised():
    verdict = check_layer(Conv)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised == "convolution 3×3 (kernel not flipped)"
    verdict = check_layer(NotTurned)
    assert verdict.recognised == "convolution 3×3 (kernel not flipped)"
    assert verdict.name == "kernel-not-rotated"


class Mixed:
    """Its weights are kept in single precision, and everything is computed in double."""

    def __init__(self, n_in=5, n_out=4):
        self.W = np.random.default_rng(0).normal(size=(n_in, n_out)).astype(np.float32)

    def forward(self, x):
        self.x = x
        return np.sin(x @ self.W)

    def backward(self, dy):
        dz = dy * np.cos(self.x @ self.W)
        self.dW = self.x.T @ dz
        return dz @ self.W.T


class MixedWrong(Mixed):
    def backward(self, dy):
        dx = super().backward(dy)
        self.dW[0] *= 1.01
        return dx


def test_weights_in_single_precision_hide_no_small_mistake():
    verdict = check_layer(Mixed)
    assert verdict.healthy, str(verdict)
    assert not check_layer(MixedWrong).healthy


class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, None


class Wrapped:
    """A dense layer whose arrays are wrapped, each beside its gradient."""

    forgets = False

    def __init__(self, n_in=5, n_out=4):
        self.weight = Parameter(np.ones((n_in, n_out)))
        self.bias = Parameter(np.zeros(n_out))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data + self.bias.data

    def backward(self, dy):
        self.weight.grad = self.x.T @ dy
        if not self.forgets:
            self.bias.grad = dy.sum(axis=0)
        return dy @ self.weight.data.T


class Forgets(Wrapped):
    forgets = True


def test_a_wrapped_array_has_its_own_name():
    verdict = check_layer(Wrapped)
    assert verdict.healthy, str(verdict)
    assert verdict.examined.startswith("dX, dW, db against")
    verdict = check_layer(Forgets)
    assert verdict.name == "missing-gradient"
    assert [finding.what for finding in verdict.findings] == ["db"]


class Listed:
    """A dense layer that keeps lists of numbers, and computes with arrays."""

    factor = 1

    def __init__(self, n_in=5, n_out=4):
        self.weights = np.random.default_rng(0).normal(size=(n_out, n_in)).tolist()
        self.bias = [0.0] * n_out

    def forward(self, x):
        self.x = x
        return x @ np.array(self.weights).T + np.array(self.bias)

    def backward(self, dy):
        self.dweights = (self.factor * dy.T @ self.x).tolist()
        self.dbias = dy.sum(axis=0).tolist()
        return dy @ np.array(self.weights)


class ListedWrong(Listed):
    factor = 3


class ListedWhole(Listed):
    def __init__(self, n_in=5, n_out=4):
        super().__init__(n_in, n_out)
        self.bias = [0] * n_out


def test_a_list_that_is_not_examined_is_told():
    verdict = check_layer(ListedWhole)
    assert verdict.healthy, str(verdict)
    assert any("bias is a list that was not examined" in note for note in verdict.notes)
    assert not any("a list" in note for note in check_layer(Listed).notes)


def test_lists_of_numbers_are_examined_like_arrays():
    verdict = check_layer(Listed)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised == "a dense layer"
    assert verdict.examined.startswith("dX, dW, db against")
    verdict = check_layer(ListedWrong)
    assert [finding.what for finding in verdict.findings] == ["dW"]
    assert "3.000 times" in str(verdict)
