"""The dense layer: values, gradients against loops and PyTorch, what it begins with."""

from __future__ import annotations

import numpy as np
import pytest

from draws import Array, generator, normal
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.initializers import Constant
from sixloops.layers import Dense


def drawn(batch: int = 3, features: int = 5, units: int = 4) -> tuple[Array, ...]:
    """Return x, weight, bias and dy."""
    random = generator("dense")
    shapes = (batch, features), (units, features), (units,), (batch, units)
    return tuple(normal(random, shape) for shape in shapes)


def test_dense_is_its_loops() -> None:
    x, weight, bias, dy = drawn()
    y, backward = Dense(4).forward(x, {"weight": weight, "bias": bias})
    dx, gradients = backward(dy)
    loops = {"y": np.tile(bias, (3, 1)), "dx": np.zeros_like(x)}
    dweight, dbias = np.zeros_like(weight), np.zeros_like(bias)
    for n, k in np.ndindex(3, 4):
        dbias[k] += dy[n, k]
        for j in range(5):
            loops["y"][n, k] += weight[k, j] * x[n, j]
            loops["dx"][n, j] += weight[k, j] * dy[n, k]
            dweight[k, j] += dy[n, k] * x[n, j]
    np.testing.assert_allclose(y, loops["y"], rtol=1e-12)
    np.testing.assert_allclose(dx, loops["dx"], rtol=1e-12)
    np.testing.assert_allclose(gradients["weight"], dweight, rtol=1e-12)
    np.testing.assert_allclose(gradients["bias"], dbias, rtol=1e-12)


@pytest.mark.parametrize("activation", [None, "tanh"])
def test_dense_is_pytorchs_linear(activation: str | None) -> None:
    torch = pytest.importorskip("torch")
    x, weight, bias, dy = drawn()
    parameters = {"weight": weight, "bias": bias}
    y, backward = Dense(4, activation=activation).forward(x, parameters)
    dx, gradients = backward(dy)
    leaves = [torch.tensor(array, requires_grad=True) for array in (x, weight, bias)]
    theirs = torch.nn.functional.linear(*leaves)
    theirs = theirs.tanh() if activation else theirs
    theirs.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-12)
    for ours, leaf in zip((dx, gradients["weight"], gradients["bias"]), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-12)


def test_without_a_bias_there_is_none() -> None:
    x, weight, _, dy = drawn()
    layer = Dense(4, use_bias=False)
    assert set(layer.initial_parameters((5,), generator("init"), np.float64)) == {"weight"}
    y, backward = layer.forward(x, {"weight": weight})
    np.testing.assert_array_equal(y, x @ weight.T)
    assert set(backward(dy)[1]) == {"weight"}
    assert layer.parameter_count((5,)) == 20


def test_it_begins_with_what_its_initialisers_draw() -> None:
    layer = Dense(4, weight_initializer=Constant(2.0), bias_initializer=Constant(-1.0))
    begun = layer.initial_parameters((5,), generator("init"), np.float32)
    np.testing.assert_array_equal(begun["weight"], np.full((4, 5), 2, np.float32), strict=True)
    np.testing.assert_array_equal(begun["bias"], np.full(4, -1, np.float32), strict=True)


def test_it_counts_parameters_and_multiply_adds() -> None:
    assert Dense(100).parameter_count((784,)) == 78_500
    assert Dense(100).multiply_adds((784,)) == 78_400


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 4), ()])
def test_maps_are_sent_to_flatten(shape: tuple[int, ...]) -> None:
    words = r"input of Dense must be a vector .* Put Flatten\(\) before it"
    with pytest.raises(ShapeError, match=words):
        Dense(10).output_shape(shape)


def test_forward_does_not_broadcast_over_maps() -> None:
    _, weight, bias, _ = drawn()
    with pytest.raises(ShapeError, match="Flatten"):
        Dense(4).forward(np.zeros((2, 3, 5)), {"weight": weight, "bias": bias})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": 0}, "'units' of Dense must be a whole number of at least 1. Got 0"),
        ({"units": 2.5}, "'units' .* Got 2.5"),
        ({"units": 3, "use_bias": 1}, "'use_bias' .* True or False. Got 1"),
        ({"units": 3, "activation": "rely"}, "'activation' .* 'relu'.* Got 'rely'"),
        ({"units": 3, "weight_initializer": 0.1}, "'weight_initializer' .* Got 0.1"),
        ({"units": 3, "bias_initializer": None}, "'bias_initializer' .* Got None"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Dense(**options)
