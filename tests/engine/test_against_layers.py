"""The engine against the definitions: the same outputs, loss and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixloops.engine import Plan
from sixloops.errors import ShapeError
from sixloops.layers import (
    ELU,
    GELU,
    BatchNorm,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    L2Pool2D,
    LeakyReLU,
    MaxPool2D,
    MeanPool2D,
    ReLU,
    Residual,
    ScaledTanh,
    Sequential,
    Softmax,
)
from sixloops.losses import SigmoidCrossEntropy, SquaredError
from sixloops.network import Network
from sixloops.recipes import NETWORKS

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def by_definition(network, images, labels):
    """Go through the layers as they are written, with the whole batch, in float64."""
    exact = {name: array.astype(np.float64) for name, array in network.parameters.items()}
    state = {name: array.astype(np.float64) for name, array in network.state.items()}
    context = Context(training=True, random=np.random.default_rng(0), state=state)
    y, backward = network.root.forward(images.astype(np.float64), exact, context)
    losses, loss_backward = network.loss.forward(y, labels)
    _, gradients = backward(loss_backward(np.full(len(images), 1 / len(images))))
    return losses.mean(), y, gradients


def distance(got, expected, least=0.0):
    """Return the norm of the difference, relative to that of what is expected, or to ``least``."""
    scale = max(np.linalg.norm(expected), least) or 1.0
    return np.linalg.norm(got.astype(np.float64) - expected) / scale


def assert_same(network, batch, seed=0, threads=2):
    random = np.random.default_rng(seed)
    images = random.standard_normal((batch, *network.input_shape)).astype(network.dtype)
    labels = random.integers(0, network.output_shape[0], batch)
    with Plan(network, batch, threads) as plan:
        plan.step(images[::-1], labels)  # what an earlier step leaves behind must not show
        step = plan.step(images, labels)
        outputs = plan.outputs(images)
    loss, y, gradients = by_definition(network, images, labels)
    tolerance = TOLERANCE[network.dtype.name]
    assert step.loss == pytest.approx(loss, rel=tolerance * 10)
    assert distance(step.outputs, y) < tolerance
    assert distance(outputs, network.forward(images)) < tolerance
    assert step.gradients.keys() == gradients.keys()
    # A gradient that is a sum of larger numbers which cancel, as in front of batch
    # normalisation, has lost their last digits in any order of adding them.
    least = 1e-3 * max(np.linalg.norm(expected) for expected in gradients.values())
    for name, expected in gradients.items():
        assert distance(step.gradients[name], expected, least) < tolerance, name


@pytest.mark.parametrize("batch", [1, 3, 10, 37])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "residual"])
def test_the_named_networks(name, batch):
    made = NETWORKS[name]
    layers = made.layers((1, 28, 28), 10)
    network = Network(layers, (1, 28, 28), loss=made.loss, dtype=np.float64)
    assert_same(network, batch)


def test_the_residual_network_with_batch_normalisation():
    made = NETWORKS["residual"]
    layers = made.layers((3, 12, 10), 10)
    assert_same(Network(layers, (3, 12, 10), loss=made.loss, dtype=np.float64), 6)


def test_a_batch_of_several_chunks_a_share():
    layers = [Conv2D(3, 3, activation="tanh"), MaxPool2D(2), Flatten(), Dense(5)]
    assert_same(Network(layers, (2, 8, 7), dtype=np.float64), 200)


activations = st.sampled_from(
    [None, ReLU(), LeakyReLU(0.1), ScaledTanh(), GELU(), ELU(), "sigmoid", "tanh", "softplus"]
)


@st.composite
def convolutions(draw):
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    return Conv2D(
        draw(st.integers(1, 4)) * groups,
        kernel,
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        padding=draw(st.sampled_from(["valid", "same", 1, ((0, 1), (2, 0))])),
        dilation=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        groups=groups,
        use_bias=draw(st.booleans()),
        activation=draw(activations),
    )


@st.composite
def poolings(draw):
    kind = draw(st.sampled_from([MaxPool2D, MaxPool2D, MaxPool2D, MeanPool2D, L2Pool2D]))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride = draw(st.sampled_from([None, (1, 1), (2, 1), (3, 3)]))
    padding = draw(st.sampled_from(["valid", "same"]))
    return kind(kernel, stride, padding=padding, activation=draw(activations))


others = st.sampled_from(
    [ReLU(), GELU(), Softmax(), BatchNorm(), Sequential([ReLU(), ScaledTanh()]), Residual([ReLU()])]
)


@st.composite
def networks(draw, dtype):
    """Draw some maps' layers in any order, then dense ones; None where a window does not fit."""
    channels = draw(st.sampled_from([1, 2, 4]))
    shape = (channels, draw(st.integers(5, 12)), draw(st.integers(5, 12)))
    maps = draw(st.lists(st.one_of(convolutions(), convolutions(), poolings(), others), max_size=5))
    loss = draw(st.sampled_from([None, SigmoidCrossEntropy(), SquaredError()]))
    ends = [
        Flatten(),
        Dense(6, activation=draw(activations)),
        *draw(st.sampled_from([[], [ReLU()]])),
    ]
    try:
        return Network([*maps, *ends, Dense(3)], shape, loss=loss, dtype=dtype, seed=1)
    except ShapeError:
        return None


@settings(max_examples=120, deadline=None, derandomize=True)
@given(network=networks(np.float64), batch=st.integers(1, 9))
def test_random_networks_in_float64(network, batch):
    if network is not None:
        assert_same(network, batch)


@pytest.mark.parametrize("name", ["two-convolutions", "post-316354", "post-276213", "lenet5-1998"])
def test_the_named_networks_in_float32(name):
    made = NETWORKS[name]
    layers = made.layers((1, 28, 28), 10)
    assert_same(Network(layers, (1, 28, 28), loss=made.loss), 10)


def test_ties_go_to_the_first_as_in_the_definition():
    layers = [Conv2D(3, 2), MaxPool2D((2, 2)), Flatten(), Dense(4)]
    network = Network(layers, (1, 9, 7), dtype=np.float64)
    images = np.random.default_rng(0).integers(0, 2, (12, 1, 9, 7)).astype(float)
    network.parameters["0.weight"][:] = np.round(network.parameters["0.weight"] * 2)
    labels = np.arange(12) % 4
    with Plan(network, 12) as plan:
        step = plan.step(images, labels)
    _, _, gradients = by_definition(network, images, labels)
    for name, expected in gradients.items():
        assert distance(step.gradients[name], expected) < 1e-12, name


@pytest.mark.parametrize("place", ["images", "0.weight", "0.bias", "3.weight"])
def test_what_is_not_finite_shows_in_the_loss(place):
    network = Network([Conv2D(3, 2), MaxPool2D(2), Flatten(), Dense(4)], (1, 7, 7))
    images = np.random.default_rng(0).random((5, 1, 7, 7), dtype=np.float32)
    (images if place == "images" else network.parameters[place])[0] = np.nan
    with Plan(network, 5) as plan:
        assert np.isnan(plan.step(images, np.zeros(5, np.int64)).loss)


def test_dropout_draws_from_the_given_generator():
    network = Network([Flatten(), Dropout(0.5), Dense(3)], (1, 4, 4))
    images, labels = np.ones((20, 1, 4, 4), np.float32), np.zeros(20, np.int64)
    with Plan(network, 20) as plan:
        first = plan.step(images, labels, lambda: np.random.default_rng(1)).outputs
        second = plan.step(images, labels, lambda: np.random.default_rng(1)).outputs
        third = plan.step(images, labels, lambda: np.random.default_rng(2)).outputs
    assert (first == second).all()
    assert (first != third).any()


def test_convolution_pooling_and_activations_are_joined():
    layers = [Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(3, 2, activation="gelu"), MaxPool2D(2)]
    network = Network([*layers, Flatten(), Dense(2, activation="tanh")], (1, 10, 10))
    with Plan(network, 4) as plan:
        names = [stage.name for stage in plan.stages]
    joined = ["2×2 max pooling" in name for name in names if "Conv2D" in name]
    assert joined == [True, False], names  # GELU falls before it rises
    assert sum("Dense" in name for name in names) == 1
