from __future__ import annotations

import numpy as np
import pytest

from sixloops.doctor.run.fingerprints import fingerprints, recount
from sixloops.doctor.run.signals import of_layer, of_parameter


def test_fingerprints_are_those_of_ten_equal_classes():
    found = [round(each.loss, 3) for each in fingerprints(np.full(10, 0.1))]
    assert found == [2.303, 3.251, 0.45, 0.5, 87.337]


def test_fingerprints_follow_the_classes_shares():
    shares = np.array([0.9, 0.1])
    assert fingerprints(shares)[0].loss == pytest.approx(-(shares * np.log(shares)).sum())


def test_recount_tells_logits_from_probabilities():
    z = np.random.default_rng(0).normal(size=(6, 4))
    labels = np.arange(6) % 4
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    once = recount(z, labels)["cross-entropy of logits"]
    assert recount(p, labels)["cross-entropy of probabilities"] == pytest.approx(once)
    assert "cross-entropy of probabilities" not in recount(z, labels)


def test_dead_units_are_those_that_are_zero_on_every_image():
    y = np.random.default_rng(0).random((8, 4, 3, 3)) + 0.1
    y[:, 1] = 0
    y[:7, 2] = 0
    assert of_layer(1, y).dead == 0.25


def test_sparse_is_not_dead():
    random = np.random.default_rng(0)
    y = random.random((64, 20)) * (random.random((64, 20)) > 0.85)
    seen = of_layer(1, y)
    assert seen.zeros > 0.8
    assert seen.dead == 0


@pytest.mark.parametrize("wide", [1.0, 30.0])
def test_saturation_is_seen_of_sigmoid_and_tanh(wide):
    z = np.random.default_rng(0).normal(size=(50, 20)) * wide
    for y in (1 / (1 + np.exp(-z)), np.tanh(z)):
        assert (of_layer(1, y).saturated > 0.5) == (wide > 1)


def test_identical_units_are_seen_and_dead_ones_left_out():
    random = np.random.default_rng(0)
    y = random.normal(size=(10, 6))
    assert of_layer(1, y).identical == 0
    assert of_layer(1, np.repeat(y[:, :1], 6, axis=1)).identical == 1
    y[:, 2:] = 0
    assert of_layer(1, y).identical == 0


@pytest.mark.parametrize("large", [np.nan, np.inf, 1e30])
def test_a_step_that_overflows_has_no_direction(large):
    w, gradient = np.ones((3, 4), np.float32), np.full((3, 4), large, np.float32)
    with np.errstate(all="ignore"):
        assert of_parameter(1, w, gradient, -gradient).cosine is None


def test_a_step_is_held_against_its_gradient():
    random = np.random.default_rng(0)
    w, g = random.normal(size=(3, 4)), random.normal(size=(3, 4))
    seen = of_parameter(5, w, g, -0.1 * g, rate=0.1)
    assert seen.cosine == pytest.approx(1)
    assert seen.scale == pytest.approx(1)
    assert seen.ratio == pytest.approx(0.1 * np.linalg.norm(g) / np.linalg.norm(w))


@pytest.mark.parametrize("squash", [np.tanh, lambda z: 1 / (1 + np.exp(-z))])
def test_what_lies_beyond_5_is_counted(squash):
    z = np.linspace(-10, 10, 4000, dtype=np.float32).reshape(40, 100)
    seen = of_layer(1, squash(z))
    assert seen.far == pytest.approx(0.5, abs=0.01)
    assert seen.saturated > seen.far


def test_biases_in_a_row_are_no_matrix():
    assert not of_parameter(1, np.zeros((1, 5))).matrix
    assert not of_parameter(1, np.zeros((5, 1))).matrix
    assert of_parameter(1, np.ones((5, 2))).matrix


def test_zeros_of_a_gradient_are_counted():
    seen = of_parameter(1, np.ones((2, 2)), np.array([[0.0, 0.0], [0.0, -2.0]]))
    assert (seen.still, seen.pull) == (0.75, 0.5)
