"""Layers that learn single numbers, which Python's floats are as well as arrays without an axis."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor import check_layer

KINDS = [float, np.float64, np.float32, np.array]


def prelu(kind, stored=lambda number: number):
    class PReLU:
        def __init__(self, right=True):
            self.alpha = kind(0.25)
            self.right = right

        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, self.alpha * x)

        def backward(self, dy):
            part = self.x <= 0 if self.right else self.x > 0
            self.dalpha = stored((dy * self.x * part).sum())
            return dy * np.where(self.x > 0, 1, self.alpha)

    return PReLU


def affine(kind):
    class Affine:
        def __init__(self, right=True):
            self.scale, self.shift = kind(2.0), kind(0.5)
            self.grad_scale = self.grad_shift = None
            self.right = right

        def forward(self, x):
            self.x = x
            return self.scale * x + self.shift

        def backward(self, dy):
            self.grad_scale, self.grad_shift = (dy * self.x).sum(), dy.sum()
            if not self.right:
                self.grad_scale, self.grad_shift = self.grad_shift, self.grad_scale
            return dy * self.scale

    return Affine


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", [lambda number: number, float])
def test_a_learned_slope(kind, stored):
    made = prelu(kind, stored)
    assert check_layer(made).healthy
    verdict = check_layer(made, arguments={"right": False})
    assert [finding.what for finding in verdict.findings] == ["dalpha"]
    assert verdict.findings[0].words.startswith("it is ")


@pytest.mark.parametrize("kind", KINDS)
def test_two_learned_numbers_that_are_mixed_up(kind):
    assert check_layer(affine(kind)).healthy
    verdict = check_layer(affine(kind), arguments={"right": False})
    assert {finding.what for finding in verdict.findings} == {"dscale", "dshift"}


def test_a_number_that_has_no_gradient_is_a_setting():
    class Leaky:
        def __init__(self):
            self.alpha = 0.25

        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, self.alpha * x)

        def backward(self, dy):
            return dy * np.where(self.x > 0, 1, self.alpha)

    verdict = check_layer(Leaky)
    assert (verdict.healthy, verdict.recognised) == (True, "leaky ReLU")
