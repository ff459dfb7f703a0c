from __future__ import annotations

import numpy as np
import pytest

from gradient_check import check_gradient
from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError
from sixloops.parameters import is_weight
from sixloops.regularizers import L1, L2, REGULARIZERS, Regularizer


def some(dtype=np.float64):
    random = np.random.default_rng(2)
    return {
        "0.weight": random.normal(size=(3, 2)).astype(dtype),
        "0.bias": random.normal(size=3).astype(dtype),
        "2.body.0.weight": random.normal(size=4).astype(dtype),
        "2.body.1.coefficient": random.normal(size=2).astype(dtype),
    }


def test_a_weight_is_told_by_its_last_name():
    assert is_weight("weight")
    assert is_weight("2.body.0.weight")
    assert not any(map(is_weight, ["0.bias", "weight.0", "0.weights", "0.coefficient", ""]))


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [(L2(0.3), lambda w: 0.15 * (w**2).sum()), (L1(0.3), lambda w: 0.3 * np.abs(w).sum())],
    ids=["L2", "L1"],
)
def test_the_penalty_counts_weights_and_everything_if_asked(regularizer, expected):
    parameters = some()
    weights = np.concatenate([parameters["0.weight"].ravel(), parameters["2.body.0.weight"]])
    penalty = regularizer.penalty(parameters)
    assert type(penalty) is float
    assert penalty == pytest.approx(expected(weights), rel=1e-14)
    everything = np.concatenate([p.ravel() for p in parameters.values()])
    with_biases = type(regularizer)(0.3, biases=True).penalty(parameters)
    assert with_biases == pytest.approx(expected(everything), rel=1e-14)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("kind", [L1, L2])
def test_what_is_added_is_the_gradient_of_the_penalty(kind, biases):
    regularizer, parameters = kind(0.7, biases), some()
    before = {name: np.random.default_rng(9).normal(size=p.shape) for name, p in some().items()}
    gradients = {name: g.copy() for name, g in before.items()}
    arrays = dict(gradients)
    regularizer.add_gradients(parameters, gradients)
    assert all(gradients[name] is arrays[name] for name in arrays), "not in place"
    for name, parameter in parameters.items():
        assert (parameter == some()[name]).all(), "the parameters were changed"
        added = gradients[name] - before[name]
        if not biases and not is_weight(name):
            assert (gradients[name] == before[name]).all()
            continue

        def penalty(value, name=name):
            return np.array([regularizer.penalty({**parameters, name: value})])

        check_gradient(name, penalty, parameter, added, np.array([1.3]) / 1.3)


def test_l1_leaves_a_zero_alone():
    parameters = {"0.weight": np.array([0.0, -0.0, 2.0])}
    gradients = {"0.weight": np.zeros(3)}
    L1(0.5).add_gradients(parameters, gradients)
    assert gradients["0.weight"].tolist() == [0.0, 0.0, 0.5]


@pytest.mark.parametrize("regularizer", [L1(0.1), L2(0.1)], ids=repr)
def test_float32_stays_float32_and_its_sums_are_exact(regularizer):
    parameters = some(np.float32)
    gradients = {name: np.zeros_like(p) for name, p in parameters.items()}
    regularizer.add_gradients(parameters, gradients)
    assert all(g.dtype == np.float32 for g in gradients.values())
    # float32 would overflow on the squares, and lose the small ones next to the large.
    huge = {"0.weight": np.array([1e30, 1e-3], dtype=np.float32)}
    assert np.isfinite(regularizer.penalty(huge))
    many = {"0.weight": np.full(10**5, 0.1, dtype=np.float32)}
    exact = {"0.weight": np.full(10**5, np.float64(np.float32(0.1)))}
    assert regularizer.penalty(many) == pytest.approx(regularizer.penalty(exact), rel=1e-13)


@pytest.mark.parametrize("regularizer", [L1(0.1), L2(0.1)], ids=repr)
def test_nothing_to_penalise_costs_nothing(regularizer):
    assert regularizer.penalty({"0.bias": np.ones(3)}) == 0.0
    assert regularizer.penalty({}) == 0.0


@pytest.mark.parametrize("kind", [L1, L2])
def test_wrong_hyper_parameters_are_named(kind):
    owner = kind.__name__
    with pytest.raises(ConfigurationError, match=f"'strength' of {owner} must be a number of"):
        kind(-0.1)
    with pytest.raises(ConfigurationError, match=f"'strength' of {owner} must be .* Got None"):
        kind(None)
    with pytest.raises(ConfigurationError, match=f"'biases' of {owner} must be True or False"):
        kind(0.1, biases="no")


def test_a_regularizer_without_methods_says_so():
    with pytest.raises(NotImplementedError, match="must define penalty"):
        Regularizer().penalty({})
    with pytest.raises(NotImplementedError, match="must define add_gradients"):
        Regularizer().add_gradients({}, {})


@pytest.mark.parametrize("regularizer", [L1(0.1), L2(0.1, biases=True)], ids=repr)
def test_descriptions_come_back_from_data(regularizer):
    assert from_data(to_data(regularizer), REGULARIZERS.values()) == regularizer
