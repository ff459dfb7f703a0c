"""The optimisers' kernels against their definitions."""

import numpy as np
import pytest

from sixloops.engine import Plan
from sixloops.layers import Dense, Flatten
from sixloops.network import Network
from sixloops.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    RMSProp,
)
from sixloops.regularizers import L1, L2

EACH = [
    *(kind() for kind in OPTIMIZERS.values()),
    *(Momentum(momentum=0.5), Nesterov(momentum=0.6), AdaGrad(epsilon=0.1)),
    *(RMSProp(decay=0.7, epsilon=0.01), Adam(beta1=0.5, beta2=0.8, epsilon=0.01)),
    AdamW(weight_decay=0.3, biases=True),
]


def networks(dtype):
    layers = [Flatten(), Dense(70), Dense(3)]
    return [Network(layers, (1, 20, 15), dtype=dtype) for _ in range(2)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("optimizer", EACH, ids=repr)
def test_several_steps_lead_to_the_same_parameters(optimizer, dtype, tolerance):
    ours, defined = networks(dtype)
    random = np.random.default_rng(0)
    states = [optimizer.initial_state(made.parameters) for made in (ours, defined)]
    with Plan(ours, 4, 2) as plan:
        for step in range(1, 6):
            images = random.random((4, 1, 20, 15)).astype(dtype)
            found = plan.step(images, np.array([0, 1, 2, 0]))
            optimizer.update(defined.parameters, found.gradients, states[1], 0.1 / step, step)
            assert plan.update(optimizer, states[0], 0.1 / step, step) is None
            ours.parameters["1.weight"][:, 0] = defined.parameters["1.weight"][:, 0]
    for name, expected in defined.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], expected, tolerance, tolerance)
    for name, expected in states[1].items():
        np.testing.assert_allclose(states[0][name], expected, tolerance * 10, tolerance)


class Shrinking(L2):
    """A penalty of the user's own."""


PENALTIES = {
    "squares": [L2(0.3)],
    "absolutes": [L1(0.2)],
    "biases too": [L2(0.3, biases=True), L1(0.2, biases=True)],
    "twice": [L2(0.1), L1(0.2), L2(0.3, biases=True)],
    "the user's own": [L2(0.3), Shrinking(0.5)],
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("regularizers", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize("optimizer", [SGD(), Adam(), AdamW(weight_decay=0.3)], ids=repr)
def test_penalties_change_gradients_and_parameters(optimizer, regularizers, dtype, tolerance):
    ours, defined = networks(dtype)
    states = [optimizer.initial_state(made.parameters) for made in (ours, defined)]
    for made in ours, defined:
        made.parameters["1.weight"][3, ::2] = 0
    with Plan(ours, 4, 2) as plan:
        for step in range(1, 4):
            found = plan.step(np.ones((4, 1, 20, 15), dtype), np.array([0, 1, 2, 0]))
            gradients = {name: array.copy() for name, array in found.gradients.items()}
            for regularizer in regularizers:
                regularizer.add_gradients(defined.parameters, gradients)
            optimizer.update(defined.parameters, gradients, states[1], 0.1, step)
            assert plan.update(optimizer, states[0], 0.1, step, regularizers) is None
            for name, expected in gradients.items():
                np.testing.assert_allclose(plan.gradients[name], expected, tolerance, tolerance)
            for name, expected in defined.parameters.items():
                np.testing.assert_allclose(ours.parameters[name], expected, tolerance, tolerance)


@pytest.mark.parametrize("regularizer", [L2(0.3), L2(0.3, biases=True), L1(0.2)], ids=repr)
def test_a_penalty_has_the_bits_of_its_definition(regularizer):
    made = networks(np.float32)[0]
    made.parameters["1.weight"][3, ::2] = 0
    with Plan(made, 4, 2) as plan:
        plan.step(np.ones((4, 1, 20, 15), np.float32), np.array([0, 1, 2, 0]))
        expected = {name: array.copy() for name, array in plan.gradients.items()}
        regularizer.add_gradients(made.parameters, expected)
        plan.update(SGD(), {}, 0.1, 1, [regularizer])
    for name, gradient in expected.items():
        np.testing.assert_array_equal(plan.gradients[name], gradient)


def test_a_network_without_parameters():
    with Plan(Network([Flatten()], (1, 1, 3)), 4, 2) as plan:
        plan.step(np.ones((4, 1, 1, 3), np.float32), np.array([0, 1, 2, 0]))
        assert plan.update(Adam(), {}, 0.1, 1, [L2(0.3)]) is None


def test_other_penalties_than_the_step_before():
    ours, defined = networks(np.float64)
    with Plan(ours, 4, 2) as plan:
        for regularizers in ([], [L2(0.3)], [L2(0.1)], []):
            found = plan.step(np.ones((4, 1, 20, 15)), np.array([0, 1, 2, 0]))
            gradients = {name: array.copy() for name, array in found.gradients.items()}
            for regularizer in regularizers:
                regularizer.add_gradients(defined.parameters, gradients)
            SGD().update(defined.parameters, gradients, {}, 0.1, 1)
            plan.update(SGD(), {}, 0.1, 1, regularizers)
    for name, expected in defined.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], expected, 1e-13)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nothing_is_updated_by_gradients_that_are_not_finite(value):
    made = networks(np.float32)[0]
    with Plan(made, 4, 2) as plan:
        gradients = plan.step(np.ones((4, 1, 20, 15), np.float32), np.zeros(4, int)).gradients
        before = {name: array.copy() for name, array in made.parameters.items()}
        gradients["2.bias"][1] = value
        assert plan.update(SGD(), {}, 0.1, 1) == "gradient"
    assert all((made.parameters[name] == array).all() for name, array in before.items())


def test_a_parameter_that_overflows_is_noticed():
    made = networks(np.float32)[0]
    made.parameters["1.weight"][5, 7] = 3e38
    with Plan(made, 4, 2) as plan:
        step = plan.step(np.ones((4, 1, 20, 15), np.float32), np.zeros(4, int))
        for gradient in step.gradients.values():
            gradient[:] = -1e30
        assert plan.update(SGD(), {}, 1e9, 1) == "parameter"
