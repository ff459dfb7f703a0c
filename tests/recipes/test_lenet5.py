"""The recipe of LeNet-5: what the network begins with, and what is read from its results."""

from __future__ import annotations

import numpy as np
import pytest

from sixloops.initializers import FanInUniform
from sixloops.network import Network
from sixloops.recipes import lenet5
from sixloops.recipes.networks import LENET_TABLE
from sixloops.schedules import Clock, Piecewise


def test_weights_begin_within_their_own_fan_in():
    """A unit of C3 has 25 inputs from each map that the table gives it."""
    net = Network(lenet5.network(FanInUniform(2.4)), (1, 28, 28), seed=3)
    assert sum(array.size for array in net.parameters.values()) == 60_000 + 36 * 25
    for weight, row in zip(net.parameters["4.weight"], LENET_TABLE, strict=True):
        limit = 2.4 / (25 * len(row))
        assert 0.9 * limit < np.abs(weight).max() <= limit * (1 + 1e-6)
        assert np.count_nonzero(weight) == 25 * len(row)
    for name, fan_in in (("2", 25), ("6", 400), ("8", 120)):
        largest = np.abs(net.parameters[f"{name}.weight"]).max()
        assert 0.95 * 2.4 / fan_in < largest <= 2.4 / fan_in * (1 + 1e-6)
    assert not any(net.parameters[f"{name}.bias"].any() for name in "234568")
    assert (net.parameters["3.coefficient"] == 0.25).all()


def test_the_rates_are_the_papers():
    rates = [
        lenet5.RATE * Piecewise().factor(Clock(0, 1, epoch, lenet5.PASSES))
        for epoch in range(lenet5.PASSES)
    ]
    expected = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert rates == pytest.approx(expected)


def test_findings_are_errors_after_the_papers_passes():
    epochs = [
        {"epoch": n, "accuracy": 0.9 + n / 1000, "test_accuracy": 0.95 + n / 1000}
        for n in range(1, 21)
    ]
    results = {"plain": [{"epochs": epochs, "first_rates": [7e-5, 0.016]}]}
    found = {each.question: each.found for each in lenet5.findings(results)}
    assert found["rates of the weights in the first pass"] == "7e-05–0.016"
    assert found["test error after 10 passes"] == "4.00%"
    assert found["test error after 20 passes"] == "3.00%; 2.05 points more"
    assert found["training error, as it learns, in pass 19"] == "8.10%"
    assert found["test error with distortions, after 20 passes"] == "not run yet"
    (five, _) = lenet5.charts(results)
    assert [curve.label for curve in five.curves] == [
        "training, as it learns, plain",
        "test, plain",
    ]
    assert five.curves[1].y[0] == pytest.approx(0.049)
