"""The optimisers' kernels against their definitions."""

from typing import ClassVar

import numpy as np
import pytest

from sixloops.engine import Plan
from sixloops.engine.kernels import optimizers as kernels
from sixloops.engine.kernels.compiling import told_of_compilations
from sixloops.errors import ConfigurationError, DataError
from sixloops.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, Residual
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


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("optimizer", EACH, ids=repr)
def test_several_steps_lead_to_the_same_parameters(optimizer, dtype, tolerance, asked):
    ours, defined = networks(dtype)
    random = np.random.default_rng(0)
    states = [optimizer.initial_state(made.parameters) for made in (ours, defined)]
    with Plan(ours, 4, 2) as plan:
        for step in range(1, 6):
            images = random.random((4, 1, 20, 15)).astype(dtype)
            found = plan.step(images, np.array([0, 1, 2, 0]))
            if asked:
                assert found.gradients
            assert plan.update(optimizer, states[0], 0.1 / step, step) is None
            optimizer.update(defined.parameters, found.gradients, states[1], 0.1 / step, step)
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


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("regularizers", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize("optimizer", [SGD(), Adam(), AdamW(weight_decay=0.3)], ids=repr)
def test_penalties_change_the_parameters(optimizer, regularizers, dtype, tolerance, asked):
    ours, defined = networks(dtype)
    states = [optimizer.initial_state(made.parameters) for made in (ours, defined)]
    for made in ours, defined:
        made.parameters["1.weight"][3, ::2] = 0
    with Plan(ours, 4, 2) as plan, Plan(defined, 4, 2) as own:
        for step in range(1, 4):
            batch = np.ones((4, 1, 20, 15), dtype), np.array([0, 1, 2, 0])
            gradients, found = own.step(*batch).gradients, plan.step(*batch)
            if asked:
                assert found.gradients
            for regularizer in regularizers:
                regularizer.add_gradients(defined.parameters, gradients)
            optimizer.update(defined.parameters, gradients, states[1], 0.1, step)
            assert plan.update(optimizer, states[0], 0.1, step, regularizers) is None
            for name, expected in defined.parameters.items():
                np.testing.assert_allclose(ours.parameters[name], expected, tolerance, tolerance)


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
@pytest.mark.parametrize("regularizer", [L2(0.3), L2(0.3, biases=True), L1(0.2)], ids=repr)
def test_a_penalty_has_the_bits_of_its_definition(regularizer, asked):
    made = networks(np.float32)[0]
    made.parameters["1.weight"][3, ::2] = 0
    expected = {name: array.copy() for name, array in made.parameters.items()}
    batch = np.ones((4, 1, 20, 15), np.float32), np.array([0, 1, 2, 0])
    with Plan(made, 4, 2) as plan:
        gradients = {name: g.copy() for name, g in plan.step(*batch).gradients.items()}
        found = plan.step(*batch)
        if asked:
            assert found.gradients
        plan.update(SGD(), {}, 1.0, 1, [regularizer])
        for name, gradient in gradients.items():
            assert np.array_equal(plan.gradients[name], gradient)
    regularizer.add_gradients(expected, gradients)
    for name, gradient in gradients.items():
        assert np.array_equal(made.parameters[name], expected[name] - gradient)


class Doubled(Layer):
    """A layer of the user's own."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, parameters, context):
        return 2 * x, lambda dy: (2 * dy, {})


DENSE = Dense(70, activation="relu")
LAYERS = {
    "few features": ([Flatten(), Dense(90), Dense(3)], (1, 4, 5)),
    "many features": ([Flatten(), Dense(19), Dense(3)], (3, 30, 31)),
    "several blocks": ([Flatten(), Dense(131, activation="gelu"), DENSE, Dense(3)], (1, 20, 15)),
    "a kernel over the whole map": ([Conv2D(66, 5), Flatten(), Dense(3)], (2, 5, 5)),
    "inside a block": ([Flatten(), DENSE, Residual([DENSE]), Dense(3)], (1, 6, 8)),
    "with others": (
        [Flatten(), Dropout(0.2), DENSE, BatchNorm(), Dropout(0.5), DENSE, Doubled(), Dense(3)],
        (1, 8, 8),
    ),
}


def one_step(optimizer=None):
    """Return a plan after a step, and what the optimiser remembers."""
    network = Network([Flatten(), Dense(3)], (1, 4, 5))
    plan = Plan(network, 2, 1)
    plan.step(np.ones((2, 1, 4, 5), np.float32), np.array([0, 1]))
    return plan, optimizer.initial_state(network.parameters) if optimizer else {}


@pytest.mark.parametrize(
    ("other", "got"),
    [
        (lambda v: v[:2], r"float32 of shape \(2, 20\)"),
        (lambda v: v.astype(np.float64), r"float64 of shape \(3, 20\)"),
        (np.asfortranarray, "one in another order"),
        (lambda v: np.broadcast_to(v[:1], v.shape), "one that may not be written to"),
        (lambda v: v.tolist(), "list"),
    ],
    ids=["shape", "type", "columns", "read-only", "list"],
)
def test_memory_of_another_form_is_refused_before_anything_is_changed(other, got):
    plan, state = one_step(Momentum())
    before = plan.network.parameters["1.weight"].copy()
    state["1.weight.velocity"] = other(state["1.weight.velocity"])
    words = rf"'1\.weight\.velocity' an array of float32 of shape \(3, 20\)\. Got {got}\. Make it"
    with plan, pytest.raises(ConfigurationError, match=words):
        plan.update(Momentum(), state, 0.1, 1)
    with pytest.raises(ConfigurationError, match=words):
        Momentum().update(plan.network.parameters, plan.gradients, state, 0.1, 1)
    assert np.array_equal(plan.network.parameters["1.weight"], before)


@pytest.mark.parametrize("times", [0, 1], ids=["first", "later"])
def test_parameters_replaced_after_a_step_are_refused(times):
    plan, _ = one_step()
    weights = plan.network.parameters["1.weight"]
    with plan:
        for step in range(times):
            plan.update(SGD(), {}, 0.1, step + 1)
        weights.flags.writeable = False
        with pytest.raises(ConfigurationError, match="one that may not be written to"):
            plan.update(SGD(), {}, 0.1, 2)
        plan.network.parameters["1.weight"] = np.asfortranarray(weights)
        with pytest.raises(ConfigurationError, match="one in another order"):
            plan.update(SGD(), {}, 0.1, 2)
        plan.network.parameters["1.weight"] = weights.copy()
        plan.network.parameters["9.extra"] = weights.copy()
        with pytest.raises(ConfigurationError, match=r"Got '9\.extra'"):
            plan.update(SGD(), {}, 0.1, 2)


def left(plan):
    """Return how many gradients the last step has left as factors."""
    return len(plan._left.program.factored)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("optimizer", [SGD(), Adam(), Momentum(0.8)], ids=repr)
@pytest.mark.parametrize(("layers", "shape"), LAYERS.values(), ids=LAYERS)
def test_who_asks_for_gradients_changes_no_bit(layers, shape, optimizer, threads, dtype):
    """Left as factors, a gradient is computed within the update: the same sums, rows at a time."""
    made = []
    for asked in (True, False):
        network = Network(layers, shape, seed=2, dtype=dtype)
        state = optimizer.initial_state(network.parameters)
        random = np.random.default_rng(1)
        with Plan(network, 12, threads) as plan:
            for step, images in enumerate((7, 12, 1, 5), 1):
                batch = random.normal(size=(images, *shape)).astype(dtype)
                found = plan.step(batch, np.arange(images) % 3, lambda: np.random.default_rng(3))
                assert left(plan) > 0
                if asked:
                    assert found.gradients
                assert plan.update(optimizer, state, 0.01, step, [L2(0.1)]) is None
            arrays = {
                **network.parameters,
                **state,
                **{f"g{n}": g for n, g in plan.gradients.items()},
            }
            made.append({name: array.tobytes() for name, array in arrays.items()})
    assert made[0] == made[1]


def stepped(images, weight=1.0, rate=1e-3):
    """Take one step with one image of these numbers, without a look at the gradients."""
    made = Network([Flatten(), Dense(9)], (1, 1, len(images)), dtype=np.float32)
    made.parameters["1.weight"][:] = weight
    before = made.parameters["1.weight"].copy()
    with Plan(made, 2, 1) as plan:
        step = plan.step(np.array(images, np.float32).reshape(1, 1, 1, -1), np.array([1]))
        assert left(plan) == 1
        said = plan.update(SGD(), {}, rate, 1)
        gradient = step.gradients["1.weight"].copy()
    return said, before, made.parameters["1.weight"], gradient


@pytest.mark.parametrize("large", [1e14, 1e20, 1e38])
def test_products_of_large_factors_that_are_finite_update(large):
    images = [large, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    said, before, after, gradient = stepped(images, weight=0, rate=1e-38)
    assert said is None
    assert np.isfinite(gradient).all()
    assert abs(gradient).max() > large / 2
    assert np.array_equal(after, before - np.float32(1e-38) * gradient)


@pytest.mark.parametrize(
    ("images", "slope", "value"), [(1, 1e30, 1e10), (9, 2e20, 1.5e19)], ids=["product", "sum"]
)
def test_a_product_that_overflows_updates_nothing(images, slope, value):
    class Steep(Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x, parameters, context):
            return x, lambda dy: (dy * np.float32(slope), {})

    made = Network([Flatten(), Dense(30), Steep()], (1, 1, 40), dtype=np.float32)
    made.parameters["1.weight"][:] = 0
    before = {name: array.copy() for name, array in made.parameters.items()}
    with Plan(made, images, 1) as plan:
        x = np.full((images, 1, 1, 40), value, np.float32)
        step = plan.step(x, np.ones(images, np.int64))
        assert left(plan) == 1
        assert plan.update(SGD(), {}, 1e-30, 1) == "gradient"
        assert not np.isfinite(step.gradients["1.weight"]).all()
    assert np.isfinite(step.gradients["1.bias"]).all()
    assert all(np.array_equal(made.parameters[name], array) for name, array in before.items())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_factor_that_is_not_finite_updates_nothing(value):
    said, before, after, _ = stepped([0, value, 1, 2, 3], weight=0)
    assert said == "gradient"
    assert np.array_equal(after, before)


def test_a_gradient_that_nobody_asks_for_is_not_written():
    made = Network([Flatten(), Dense(9)], (1, 1, 10), dtype=np.float32)
    with Plan(made, 2, 1) as plan:
        written = plan.step(np.ones((2, 1, 1, 10), np.float32), np.array([1, 2])).gradients[
            "1.weight"
        ]
        for value in (1.0, 1e20, 1.0):
            written[:] = 7
            plan.step(np.full((2, 1, 1, 10), value, np.float32), np.array([1, 2]))
            assert plan.update(SGD(), {}, 1e-30, 1) is None
            assert (written == 7).all() == (value == 1)
        assert not (plan.gradients["1.weight"] == 7).any()


def test_gradients_may_be_asked_for_outside_the_block_and_after_other_steps():
    made = networks(np.float32)[0]
    batch = np.ones((3, 1, 20, 15), np.float32), np.array([0, 1, 2])
    with Plan(made, 4, 2) as plan:
        expected = {name: g.copy() for name, g in plan.step(*batch).gradients.items()}
        plan.step(*batch)
        plan.outputs(2 * batch[0])
    assert all(np.array_equal(plan.gradients[name], g) for name, g in expected.items())


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 31, 32, 70])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(count, value, dtype):
    values = np.resize(np.finfo(dtype).max * np.array([1, -1, 0], dtype), count)
    assert not kernels._has_other_than_finite(values)
    for place in range(count):
        faulty = values.copy()
        faulty[place] = value
        assert kernels._has_other_than_finite(faulty)


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


@pytest.mark.parametrize(("images", "units", "expected"), [(16, 100, 1), (17, 100, 0), (16, 10, 0)])
def test_factors_are_left_where_they_are_fewer_numbers_and_images_few(images, units, expected):
    made = Network([Flatten(), Dense(units)], (1, 10, 10))
    with Plan(made, images, 1) as plan:
        plan.step(np.ones((images, 1, 10, 10), np.float32), np.zeros(images, np.int64))
        assert left(plan) == expected


def test_after_prepare_neither_a_step_nor_an_update_compiles():
    made, told = Network([Flatten(), Dense(100)], (1, 10, 10)), []
    with Plan(made, 10, 1) as plan:
        plan.prepare()
        with told_of_compilations(told.append):
            plan.step(np.ones((10, 1, 10, 10), np.float32), np.zeros(10, np.int64))
            plan.update(SGD(), {}, 0.1, 1)
            assert plan.gradients
    assert not told


class Moody(Layer):
    """A layer that fails when it is told to."""

    fails: ClassVar = [False]

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, parameters, context):
        if self.fails[0]:
            raise RuntimeError("not today")
        return x, lambda dy: (dy, {})


def test_a_step_that_fails_leaves_no_gradients():
    made = Network([Flatten(), Dense(60), Moody(), Dense(3)], (1, 10, 10))
    before = {name: array.copy() for name, array in made.parameters.items()}
    with Plan(made, 4, 1) as plan:
        for ask in (lambda: plan.gradients, lambda: plan.update(SGD(), {}, 0.1, 1)):
            with pytest.raises(ConfigurationError, match="Take a step first"):
                ask()
        plan.step(np.ones((4, 1, 10, 10), np.float32), np.zeros(4, np.int64))
        Moody.fails[0] = True
        with pytest.raises(RuntimeError, match="not today"):
            plan.step(np.zeros((2, 1, 10, 10), np.float32), np.zeros(2, np.int64))
        Moody.fails[0] = False
        for ask in (lambda: plan.gradients, lambda: plan.update(SGD(), {}, 0.1, 1)):
            with pytest.raises(ConfigurationError, match="the last one failed"):
                ask()
    assert all(np.array_equal(made.parameters[name], array) for name, array in before.items())


def test_images_that_are_refused_leave_the_last_step_as_it_is():
    made = Network([Flatten(), Dense(30)], (1, 1, 40), dtype=np.float32)
    with Plan(made, 2, 1) as plan:
        plan.step(np.full((1, 1, 1, 40), 1e38, np.float32), np.zeros(1, np.int64))
        made.parameters["1.weight"][:] = 1
        for wrong in (np.ones((1, 1, 1, 41), np.float32), np.ones((1, 1, 40), np.float32)):
            with pytest.raises(DataError):
                plan.step(wrong, np.zeros(1, np.int64))
        assert left(plan) == 1
        assert plan._left.program.too_large[0] == 1
        assert plan.update(SGD(), {}, 1e-38, 1) in (None, "gradient")
    assert np.isfinite(made.parameters["1.weight"]).all()


@pytest.mark.parametrize("regularizers", [[L2(0.3)], [Shrinking(0.3)]], ids=["kernel", "own"])
def test_a_plan_says_whether_python_has_added_penalties(regularizers):
    made = networks(np.float32)[0]
    batch = np.ones((4, 1, 20, 15), np.float32), np.array([0, 1, 2, 0])
    with Plan(made, 4, 2) as plan:
        for _ in range(2):
            plan.step(*batch)
            assert not plan.penalised
            plan.update(SGD(), {}, 0.1, 1, regularizers)
            assert plan.penalised == isinstance(regularizers[0], Shrinking)
        plan.step(*batch)
        plan.add_penalties(regularizers)
        assert plan.penalised


def test_labels_and_targets_in_turn():
    ours, defined = networks(np.float64)
    labels = np.array([0, 1, 2, 0])
    with Plan(ours, 4, 2) as plan, Plan(defined, 4, 2) as own:
        for step in range(6):
            images = np.random.default_rng(step).random((4, 1, 20, 15))
            plan.step(images, labels if step % 2 else np.eye(3)[labels])
            plan.update(SGD(), {}, 0.1, 1, [L2(0.1)])
            assert own.step(images, labels).gradients
            own.update(SGD(), {}, 0.1, 1, [L2(0.1)])
        assert len(plan._updates) == 2
    for name, expected in defined.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], expected, 1e-12)
