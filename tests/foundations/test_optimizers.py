from __future__ import annotations

import numpy as np
import pytest

from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
)

STEPS = 7
ALL = [
    SGD(0.05),
    Momentum(0.03, momentum=0.8),
    Nesterov(0.03, momentum=0.7),
    AdaGrad(0.1, epsilon=1e-6),
    RMSProp(0.02, decay=0.85, epsilon=1e-5),
    Adam(0.02, beta1=0.7, beta2=0.9, epsilon=1e-4),
    AdamW(0.02, weight_decay=0.3),
    AdamW(0.02, beta1=0.7, weight_decay=0.3, biases=True),
]


def named(optimizer: object) -> str:
    return repr(optimizer)


def begin(dtype=np.float64):
    random = np.random.default_rng(1)
    shapes = {"0.weight": (3, 2, 2), "0.bias": (3,), "2.weight": (4,)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def gradients_of(parameters, step: int):
    """Return gradients that depend on where we are, with exact zeros in them."""
    random = np.random.default_rng(100 + step)
    found = {name: np.tanh(p) + random.normal(size=p.shape) for name, p in parameters.items()}
    for name, gradient in found.items():
        gradient.ravel()[0] = 0
        found[name] = gradient.astype(parameters[name].dtype)
    return found


def rate_of(optimizer: Optimizer, step: int) -> float:
    """Change the rate between steps, as a schedule does."""
    return optimizer.rate * (1.0 if step < 4 else 0.3)


def run(optimizer: Optimizer, parameters, steps: int = STEPS):
    state = optimizer.initial_state(parameters)
    for step in range(1, steps + 1):
        gradients = gradients_of(parameters, step)
        optimizer.update(parameters, gradients, state, rate_of(optimizer, step), step)
    return state


def torch_twin(torch, optimizer: Optimizer, weights, biases):
    rate = {"lr": optimizer.rate}
    if isinstance(optimizer, Adam):
        betas = {"betas": (optimizer.beta1, optimizer.beta2), "eps": optimizer.epsilon}
        if not isinstance(optimizer, AdamW):
            return torch.optim.Adam([*weights, *biases], **rate, **betas)
        decay = optimizer.weight_decay
        groups = [
            {"params": weights, "weight_decay": decay},
            {"params": biases, "weight_decay": decay if optimizer.biases else 0.0},
        ]
        return torch.optim.AdamW(groups, **rate, **betas)
    parameters = [*weights, *biases]
    if isinstance(optimizer, Momentum):
        nesterov = isinstance(optimizer, Nesterov)
        return torch.optim.SGD(parameters, **rate, momentum=optimizer.momentum, nesterov=nesterov)
    if isinstance(optimizer, AdaGrad):
        return torch.optim.Adagrad(parameters, **rate, eps=optimizer.epsilon)
    if isinstance(optimizer, RMSProp):
        return torch.optim.RMSprop(parameters, **rate, alpha=optimizer.decay, eps=optimizer.epsilon)
    return torch.optim.SGD(parameters, **rate)


@pytest.mark.parametrize("optimizer", ALL, ids=named)
def test_seven_steps_end_where_those_of_torch_end(optimizer):
    torch = pytest.importorskip("torch")
    ours = begin()
    run(optimizer, ours)

    theirs = {name: torch.tensor(p, requires_grad=True) for name, p in begin().items()}
    weights = [p for name, p in theirs.items() if name.endswith("weight")]
    twin = torch_twin(torch, optimizer, weights, [theirs["0.bias"]])
    for step in range(1, STEPS + 1):
        now = {name: p.detach().numpy() for name, p in theirs.items()}
        for name, gradient in gradients_of(now, step).items():
            theirs[name].grad = torch.tensor(gradient)
        for group in twin.param_groups:
            group["lr"] = rate_of(optimizer, step)
        twin.step()

    for name, p in theirs.items():
        np.testing.assert_allclose(ours[name], p.detach().numpy(), rtol=1e-11, atol=1e-13)


def test_formulas_by_hand_over_two_steps():
    """Independent of torch: w = 1, g = 2 and then 4, η = 0.1."""
    expected = {
        SGD(0.1): [0.8, 0.4],
        Momentum(0.1, momentum=0.5): [0.8, 0.3],
        Nesterov(0.1, momentum=0.5): [0.7, 0.05],
        AdaGrad(0.1, epsilon=1e-30): [0.9, 0.9 - 0.4 / 20**0.5],
        RMSProp(0.1, decay=0.75, epsilon=1e-30): [0.8, 0.8 - 0.4 / 4.75**0.5],
        Adam(0.1, beta1=0.5, beta2=0.75, epsilon=1e-30): [
            0.9,
            0.9 - 0.1 * (2.5 / 0.75) / (4.75 / 0.4375) ** 0.5,
        ],
        AdamW(0.1, beta1=0.5, beta2=0.75, epsilon=1e-30, weight_decay=1.0): [
            0.8,
            0.72 - 0.1 * (2.5 / 0.75) / (4.75 / 0.4375) ** 0.5,
        ],
    }
    for optimizer, values in expected.items():
        parameters = {"0.weight": np.array([1.0])}
        state = optimizer.initial_state(parameters)
        for step, (gradient, value) in enumerate(zip([2.0, 4.0], values, strict=True), 1):
            optimizer.update(parameters, {"0.weight": np.array([gradient])}, state, 0.1, step)
            assert parameters["0.weight"].item() == pytest.approx(value, abs=1e-12), optimizer


@pytest.mark.parametrize("optimizer", ALL, ids=named)
def test_float32_stays_float32_without_a_wider_array_on_the_way(optimizer):
    class Watched(np.ndarray):
        """An array that complains when float64 comes out of it."""

        def __array_wrap__(self, array, context=None, return_scalar=False):
            assert array.dtype == np.float32, "a hidden wider array"
            return super().__array_wrap__(array, context, return_scalar)

    parameters = {name: p.view(Watched) for name, p in begin(np.float32).items()}
    arrays = dict(parameters)
    state = optimizer.initial_state(parameters)
    for step in (1, 2):
        gradients = gradients_of(begin(np.float32), step)
        gradients = {name: g.view(Watched) for name, g in gradients.items()}
        # A rate that NumPy computed must not widen what it multiplies.
        optimizer.update(parameters, gradients, state, np.float64(0.01), step)
    assert all(a.dtype == np.float32 for a in [*parameters.values(), *state.values()])
    assert all(parameters[name] is array for name, array in arrays.items()), "not in place"


@pytest.mark.parametrize("optimizer", ALL, ids=named)
def test_gradients_are_left_alone_and_zeros_do_no_harm(optimizer):
    parameters = begin()
    gradients = {name: np.zeros_like(p) for name, p in parameters.items()}
    for gradient in gradients.values():
        gradient.flags.writeable = False
    state = optimizer.initial_state(parameters)
    optimizer.update(parameters, gradients, state, 0.1, 1)
    assert all(np.isfinite(p).all() for p in parameters.values())


@pytest.mark.parametrize("optimizer", ALL, ids=named)
def test_a_run_in_two_parts_ends_with_the_same_bits(optimizer):
    whole, parted = begin(np.float32), begin(np.float32)
    run(optimizer, whole)

    state = optimizer.initial_state(parted)
    for step in range(1, STEPS + 1):
        if step == 4:  # everything is written and read back
            parted = {name: p.copy() for name, p in parted.items()}
            state = {name: s.copy() for name, s in state.items()}
            reread = from_data(to_data(optimizer), OPTIMIZERS.values())
            assert reread == optimizer
        gradients = gradients_of(parted, step)
        optimizer.update(parted, gradients, state, rate_of(optimizer, step), step)
    assert all((whole[name] == parted[name]).all() for name in whole)


def test_state_is_flat_and_named():
    parameters = begin()
    assert SGD().initial_state(parameters) == {}
    names = set(Adam().initial_state({"0.weight": np.ones(2)}))
    assert names == {"0.weight.mean", "0.weight.squares"}
    state = Momentum().initial_state(parameters)
    assert state["0.weight.velocity"].shape == (3, 2, 2)
    assert not any(array.any() for array in state.values())


@pytest.mark.parametrize("optimizer", ALL, ids=named)
def test_every_optimizer_finds_the_bottom_of_a_bowl(optimizer):
    parameters = {"0.bias": np.array([1.0, -0.5])}
    state = optimizer.initial_state(parameters)
    lowest = np.inf
    for step in range(1, 400):
        optimizer.update(parameters, {"0.bias": parameters["0.bias"].copy()}, state, 0.1, step)
        lowest = min(lowest, float(np.abs(parameters["0.bias"]).max()))
    assert lowest < 0.1


def test_a_gradient_that_is_missing_unknown_or_misshapen_is_named():
    parameters = begin()
    gradients = gradients_of(parameters, 1)
    without = {name: g for name, g in gradients.items() if name != "0.bias"}
    with pytest.raises(ShapeError, match=r"Missing: 0\.bias; unknown: none\. .*backward returns"):
        SGD().update(parameters, without, {}, 0.1, 1)
    with pytest.raises(ShapeError, match=r"Missing: none; unknown: 9\.weight\."):
        SGD().update(parameters, {**gradients, "9.weight": np.ones(1)}, {}, 0.1, 1)
    wrong = {**gradients, "0.bias": np.ones((3, 1))}
    message = r"gradient of 0\.bias must have the parameter's shape \(3,\)\. Got \(3, 1\)\."
    with pytest.raises(ShapeError, match=message):
        SGD().update(parameters, wrong, {}, 0.1, 1)
    assert all((parameters[name] == begin()[name]).all() for name in parameters)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SGD(0), r"The 'rate' of SGD must be a number above 0\. Got 0\."),
        (lambda: SGD("fast"), r"'rate' of SGD must be a number above 0\. Got 'fast'"),
        (lambda: Adam(np.inf), r"'rate' of Adam must be a number above 0\. Got inf"),
        (lambda: Momentum(momentum=1), r"'momentum' of Momentum must be .*at least 0 and below 1"),
        (lambda: Nesterov(momentum=-0.1), r"'momentum' of Nesterov must be .* Got -0\.1"),
        (lambda: AdaGrad(epsilon=0), r"'epsilon' of AdaGrad must be a number above 0"),
        (lambda: RMSProp(decay=1), r"'decay' of RMSProp must be .*below 1\. Got 1"),
        (lambda: RMSProp(epsilon=-1), r"'epsilon' of RMSProp must be a number above 0"),
        (lambda: Adam(beta1=1), r"'beta1' of Adam must be .*below 1"),
        (lambda: Adam(beta2=None), r"'beta2' of Adam must be .* Got None"),
        (lambda: Adam(epsilon=0), r"'epsilon' of Adam must be a number above 0"),
        (lambda: AdamW(weight_decay=-1), r"'weight_decay' of AdamW must be a number of at least 0"),
        (lambda: AdamW(biases=1), r"'biases' of AdamW must be True or False\. Got 1"),
    ],
)
def test_wrong_hyper_parameters_are_named(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


def test_an_optimizer_without_change_says_so():
    with pytest.raises(NotImplementedError, match=r"Optimizer must define change"):
        Optimizer().update({"a": np.ones(1)}, {"a": np.ones(1)}, {}, 0.1, 1)


def test_the_table_holds_all_of_them_with_defaults():
    assert {kind().__class__ for kind in OPTIMIZERS.values()} == {type(o) for o in ALL}


def test_a_state_that_is_not_the_optimizers():
    parameters = {"0.weight": np.ones(2)}
    with pytest.raises(ConfigurationError, match=r"of Momentum must .*'0\.weight\.velocity'"):
        Momentum().update(parameters, parameters, {}, 0.1, 1)
    state = Adam().initial_state(parameters)
    with pytest.raises(ConfigurationError, match=r"'step' of Adam\.update must be .* Got 0"):
        Adam().update(parameters, parameters, state, 0.1, 0)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), "x", None, True])
def test_a_rate_that_is_no_number_changes_nothing(rate):
    w = {"w": np.ones(3)}
    with pytest.raises(ConfigurationError, match="'rate' of an optimizer must be a finite number"):
        SGD().update(w, {"w": np.ones(3)}, {}, rate, 1)
    assert (w["w"] == 1).all()
