"""The engine against the definitions: the same outputs, loss and gradients."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layer_descriptors import LAYER_ROWS
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, DataError, ShapeError
from sixloops.initializers import Orthogonal
from sixloops.layers import (
    ELU,
    GELU,
    BatchNorm,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool2D,
    GlobalMeanPool2D,
    L2Pool2D,
    Layer,
    LeakyReLU,
    LocalResponseNorm,
    LpPool2D,
    MaxPool2D,
    MeanPool2D,
    Normalize,
    RadialBasis,
    ReLU,
    Rescale,
    Residual,
    ScaledTanh,
    Sequential,
    Softmax,
    Subsampling2D,
    Tanh,
    ZeroPad2D,
)
from sixloops.layers.base import EVALUATION, NO_PARAMETERS
from sixloops.losses import SigmoidCrossEntropy, SquaredError
from sixloops.network import Network
from sixloops.recipes import NETWORKS

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def by_definition(network, images, labels):
    """Go through the layers as they are written, with the whole batch, in float64.

    Returns the loss, the outputs, the gradients and the state's new values.
    """
    exact = {name: array.astype(np.float64) for name, array in network.parameters.items()}
    state = {name: array.astype(np.float64) for name, array in network.state.items()}
    context = Context(training=True, random=np.random.default_rng(0), state=state)
    y, backward = network.root.forward(images.astype(np.float64), exact, context)
    losses, loss_backward = network.loss.forward(y, labels)
    _, gradients = backward(loss_backward(np.full(len(images), 1 / len(images))))
    return losses.mean(), y, gradients, context.updates


def distance(got, expected, least=0.0):
    """Return the norm of the difference, relative to that of what is expected, or to ``least``."""
    scale = max(np.linalg.norm(expected), least) or 1.0
    return np.linalg.norm(got.astype(np.float64) - expected) / scale


def is_steady(network, batch):
    """Say whether a change in the last digits stays one.

    It does not where batch normalisation divides by a variance that is only rounding, as that of
    a constant, or where its mean of 0 is what ReLU decides by.
    """
    random = np.random.default_rng(0)
    images = random.standard_normal((batch, *network.input_shape))
    labels = random.integers(0, network.output_shape[0], batch)
    before = network.parameters
    _, y, gradients, _ = by_definition(network, images, labels)
    network.parameters = {
        name: array * (1 + 1e-14 * random.standard_normal(array.shape))
        for name, array in before.items()
    }
    images *= 1 + 1e-14 * random.standard_normal(images.shape)
    _, other_y, others, _ = by_definition(network, images, labels)
    network.parameters = before
    least = max(np.linalg.norm(expected) for expected in gradients.values())
    near = (distance(others[name], gradients[name], least) < 1e-11 for name in gradients)
    return distance(other_y, y, least=1) < 1e-11 and all(near)


def assert_same(network, batch, seed=0, threads=2):
    random = np.random.default_rng(seed)
    images = random.standard_normal((batch, *network.input_shape)).astype(network.dtype)
    labels = random.integers(0, network.output_shape[0], batch)
    with Plan(network, batch, threads) as plan:
        # What an earlier step leaves behind must not show.
        plan.step(images[::-1], labels, lambda: np.random.default_rng(1))
        step = plan.step(images, labels, lambda: np.random.default_rng(0))
        outputs = plan.outputs(images)
    loss, y, gradients, updates = by_definition(network, images, labels)
    tolerance = TOLERANCE[network.dtype.name]
    assert step.loss == pytest.approx(loss, rel=tolerance * 10)
    assert distance(step.outputs, y, least=1e-3) < tolerance
    assert distance(outputs, network.forward(images), least=1e-3) < tolerance
    assert step.updates.keys() == updates.keys()
    for name, expected in updates.items():
        assert step.updates[name].dtype == network.dtype, name
        # The mean of what is normalised already is 0, but for the rounding.
        assert distance(step.updates[name], expected, least=1) < tolerance, name
    assert step.gradients.keys() == gradients.keys()
    # A gradient that is a sum of larger numbers which cancel has lost their last digits in any
    # order of adding them; in front of batch normalisation, that of a bias is nothing but those.
    least = (1 if network.state else 1e-3) * max(
        np.linalg.norm(expected) for expected in gradients.values()
    )
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


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_the_work_for_a_single_image(threads):
    layers = [
        *(Conv2D(20, 5, activation="relu"), MaxPool2D(2), Conv2D(24, 3, padding=1), Tanh()),
        *(MeanPool2D(3, 2), Conv2D(12, 3, groups=4), Flatten(), Dense(401), Tanh(), Dense(7)),
    ]
    network = Network(layers, (3, 40, 38), dtype=np.float64)
    images = np.random.default_rng(1).normal(size=(3, 3, 40, 38))
    with Plan(network, 1, threads) as plan:
        found = plan.predict(images)
        pieces = [phase for phase in plan._ready("predictions").program._phases if phase.each]
    assert len(pieces) > 3 or threads == 1
    np.testing.assert_allclose(found, network.predict(images), rtol=1e-12)
    with Plan(network, 3, 1) as plan:
        np.testing.assert_array_equal(found, plan.predict(images))


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
    kinds = [MaxPool2D, MaxPool2D, MaxPool2D, MeanPool2D, L2Pool2D, LpPool2D, Subsampling2D]
    kind = draw(st.sampled_from(kinds))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride = draw(st.sampled_from([None, (1, 1), (2, 1), (3, 3)]))
    padding = draw(st.sampled_from(["valid", "same"]))
    made = {"kernel": kernel, "stride": stride, "padding": padding}
    return kind(**made, activation=draw(activations))


others = st.sampled_from(
    [
        *(ReLU(), GELU(), Softmax(), BatchNorm(), Normalize(0.5, 2.0), Rescale(-2, 0.5)),
        *(ZeroPad2D(((1, 0), (2, 3))), Sequential([ReLU(), ScaledTanh()]), Residual([ReLU()])),
        *(Dropout(0.3), Sequential([BatchNorm(), ReLU()])),
        *(LocalResponseNorm(3, 0.5), LocalResponseNorm(4, 0.3, 1.2, 1.0)),
    ]
)


@st.composite
def blocks(draw, depth=2):
    """Draw a residual block whose ways come to the same shape, with blocks in it."""
    filters = draw(st.integers(1, 4))
    normed = [BatchNorm()] * draw(st.integers(0, 1))
    inner = [blocks(depth - 1)] if depth else []
    small = [BatchNorm(), ReLU(), GELU(), Dropout(0.2), Sequential([ScaledTanh(), BatchNorm()])]
    middle = draw(st.lists(st.one_of(st.sampled_from(small), *inner), max_size=3))
    stride = draw(st.integers(1, 2))
    body = [Conv2D(filters, 3, stride=stride, padding=1, activation=draw(activations)), *normed]
    if draw(st.booleans()):  # the body changes the shape, and so must the shortcut
        way = [Conv2D(filters, 1, stride=stride), *normed]
        return Residual([*body, *middle], way, draw(activations))
    return Residual(middle, normed, draw(activations))


def codes(classes, features):
    return np.random.default_rng(3).normal(size=(classes, features)).tolist()


BETWEEN = [
    *([], [ReLU()], [Dropout(0.4)], [BatchNorm(), ReLU()]),
    *([RadialBasis(codes(5, 6), trainable=True), Tanh()], [RadialBasis(codes(2, 6)), ReLU()]),
    [Residual([Dense(6, use_bias=False), BatchNorm(), ReLU(), Dropout(0.3)], [BatchNorm()])],
]
"""What stands between two dense layers."""


@st.composite
def networks(draw, dtype):
    """Draw some maps' layers in any order, then dense ones; None where a window does not fit."""
    channels = draw(st.sampled_from([1, 2, 4]))
    shape = (channels, draw(st.integers(5, 12)), draw(st.integers(5, 12)))
    kinds = st.one_of(convolutions(), convolutions(), poolings(), others, blocks())
    maps = draw(st.lists(kinds, max_size=5))
    loss = draw(st.sampled_from([None, SigmoidCrossEntropy(), SquaredError()]))
    ends = [
        draw(st.sampled_from([Flatten(), Flatten(), GlobalMeanPool2D(), GlobalMaxPool2D()])),
        Dense(6, activation=draw(activations)),
        *draw(st.sampled_from(BETWEEN)),
    ]
    try:
        return Network([*maps, *ends, Dense(3)], shape, loss=loss, dtype=dtype, seed=1)
    except ShapeError:
        return None


@settings(max_examples=120, derandomize=True)
@given(
    network=networks(np.float64),
    batch=st.one_of(st.integers(1, 9), st.integers(10, 40), st.sampled_from([200])),
)
def test_random_networks_in_float64(network, batch):
    if network is not None and (not network.state or is_steady(network, batch)):
        assert_same(network, batch)


@pytest.mark.parametrize("name", ["two-convolutions", "post-316354", "post-276213", "lenet5-1998"])
def test_the_named_networks_in_float32(name):
    made = NETWORKS[name]
    layers = made.layers((1, 28, 28), 10)
    assert_same(Network(layers, (1, 28, 28), loss=made.loss), 10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [1, 8, 17, 33, 50, 100])
@pytest.mark.parametrize(
    ("channels", "kernel", "side"), [(1, 3, 7), (1, (5, 2), 6), (3, (7, 2), 9), (45, (2, 3), 5)]
)
@pytest.mark.parametrize("pooled", [False, True])
def test_convolutions_of_any_width(channels, kernel, side, filters, pooled, dtype):
    layers = [Conv2D(filters, kernel), *([MaxPool2D(2)] if pooled else []), Tanh()]
    layers += [Conv2D(filters, (1, 2), padding="same"), Flatten(), Dense(3)]
    network = Network(layers, (channels, side, side), dtype=dtype, seed=1)
    assert_same(network, 5)


UNEVEN = ((0, 1), (2, 0))

SINGLE = {
    "max, overlapping": MaxPool2D(3, 2, "same", activation="relu"),
    "max, uneven": MaxPool2D((2, 3), (1, 1), UNEVEN),
    "max, with gaps": MaxPool2D(2, 3, activation="gelu"),
    "mean, overlapping": MeanPool2D(3, 2, "same", activation="tanh"),
    "mean, uneven": MeanPool2D((3, 4), (2, 1), UNEVEN, count_padding=True, activation="gelu"),
    "mean, with gaps": MeanPool2D(2, 3),
    "l2": L2Pool2D(3, 2, "same", activation="relu"),
    "lp": LpPool2D(3.5, (2, 3), 1, UNEVEN, activation="sigmoid"),
    "lp of 1": LpPool2D(1, 2),
    "lp of 2": LpPool2D(2, 2, 3),
    "subsampling": Subsampling2D(2, activation=ScaledTanh()),
    "subsampling, overlapping": Subsampling2D(3, 2, "same", activation="gelu"),
    "global mean": GlobalMeanPool2D(),
    "global max": GlobalMaxPool2D(),
    "padding": ZeroPad2D(((1, 0), (2, 3))),
    "rescale": Rescale(0.3, -2),
    "normalize": Normalize(0.5, 3),
    "gelu": GELU(),
    "softmax": Softmax(),
    "local response": LocalResponseNorm(3, 0.5, k=1.0),
    "local response, even": LocalResponseNorm(4, 0.3, 1.2, 1.0),
    "local response, all maps": LocalResponseNorm(20, 0.2, 0.5),
}
"""Layers that are not joined to the one before them."""


def networks_around(layer, shape, dtype):
    """Return networks with a layer behind maps in either order, and behind a pooling."""
    channels = shape[0]
    # The convolution's gradient shows the layer's dx; without it, maps come channels first.
    each = Normalize(tuple(range(channels)), tuple(range(1, channels + 1)))
    for before in ([], [Conv2D(channels, 1)], [Conv2D(channels, 2, padding="same"), each]):
        yield Network([*before, layer, Flatten(), Dense(4)], shape, dtype=dtype, seed=2)


@pytest.mark.parametrize("shape", [(1, 7, 9), (3, 8, 5), (9, 6, 7)])
@pytest.mark.parametrize("name", SINGLE)
def test_each_layer_by_itself(name, shape):
    for network in networks_around(SINGLE[name], shape, np.float64):
        assert_same(network, 5)


@pytest.mark.parametrize("name", SINGLE)
def test_each_layer_by_itself_in_float32(name):
    for network in networks_around(SINGLE[name], (3, 8, 5), np.float32):
        assert_same(network, 5)


@pytest.mark.parametrize("layer", [GELU(), Softmax(), Normalize((1, 2, 3, 4), 2.0)])
def test_features_go_through_as_maps_do(layer):
    assert_same(Network([Dense(4), layer, Dense(3)], (5,), dtype=np.float64), 6)
    assert_same(Network([layer, Flatten(), Dense(3)], (4, 5), dtype=np.float64), 6)


@pytest.mark.parametrize("row", LAYER_ROWS, ids=str)
def test_no_layer_of_ours_runs_by_its_definition(row):
    network = Network([row.layer, Flatten(), Dense(2)], row.input_shape)
    assert not [stage.name for stage in Plan(network, 4).stages if "its own NumPy" in stage.name]


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "max, with gaps"])
def test_nan_shows_behind_every_layer(name):
    for network in networks_around(SINGLE[name], (3, 6, 5), np.float32):
        images = np.random.default_rng(0).random((5, 3, 6, 5), dtype=np.float32)
        images[3, 1, 1, 0] = np.nan
        with Plan(network, 5) as plan:
            outputs = plan.step(images, np.zeros(5, np.int64)).outputs
        assert np.isnan(outputs).any(axis=1).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("name", SINGLE)
def test_the_same_bits_for_any_number_of_threads(name):
    images = np.random.default_rng(0).random((70, 3, 8, 5), dtype=np.float32)
    *_, network = networks_around(SINGLE[name], (3, 8, 5), np.float32)
    made = []
    for threads in (1, 2, 3):
        with Plan(network, 70, threads) as plan:
            step = plan.step(images, np.arange(70) % 4)
            made.append([array.tobytes() for array in step.gradients.values()])
    assert made[0] == made[1] == made[2]


def networks_with_codes(trainable, features, dtype):
    """Return networks whose codes come first, between other layers, and last."""
    distances = RadialBasis(codes(4, features), trainable)
    # A small loss of large outputs would have lost its last digits.
    ends = [Rescale(1 / features), RadialBasis(codes(4, 4), True)]
    before = [Dense(features, activation="tanh")]
    for layers in ([distances, Dense(4)], [*before, distances, *ends], [*before, distances]):
        yield Network(layers, (features,), dtype=dtype, seed=5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("features", [1, 7, 8, 84])
@pytest.mark.parametrize("trainable", [False, True])
def test_distances_from_codes(trainable, features, dtype):
    for network in networks_with_codes(trainable, features, dtype):
        for batch in (1, 5, 40, 200):
            assert_same(network, batch)


def test_codes_are_learnt_by_pieces_and_by_kernels_alone():
    network = Network([RadialBasis(codes(70, 300), True)], (300,), dtype=np.float64)
    assert_same(network, 9)
    with Plan(network, 9) as plan:
        assert [stage.name for stage in plan.stages] == ["0 RadialBasis 70: sums in registers"]
        after = plan._ready("labels").program._after.each
    assert len(after) > 1


@pytest.mark.parametrize("place", ["image", "code"])
def test_nan_shows_in_the_distances(place):
    network = Network([RadialBasis(codes(4, 11), True)], (11,))
    images = np.ones((5, 11), np.float32)
    (images[3:4] if place == "image" else network.parameters["0.center"])[0, 9] = np.nan
    with Plan(network, 5) as plan:
        found = np.isnan(plan.step(images, np.zeros(5, np.int64)).outputs)
    assert found[3].all() if place == "image" else found[:, 0].all()
    assert found.sum() == (4 if place == "image" else 5)


def test_codes_have_the_same_bits_for_any_number_of_threads():
    images = np.random.default_rng(0).random((70, 300), dtype=np.float32)
    layers = [Dense(300, activation="tanh"), RadialBasis(codes(70, 300), True)]
    network, made = Network(layers, (300,)), []
    for threads in (1, 2, 3):
        with Plan(network, 70, threads) as plan:
            step = plan.step(images, np.arange(70))
            made.append([array.tobytes() for array in step.gradients.values()])
    assert made[0] == made[1] == made[2]


def test_small_and_large_norms_stay_in_range():
    network = Network([LpPool2D(4, 2), Flatten(), Dense(2)], (1, 2, 2))
    images = np.float32([1e-30, 1e30])[:, None, None, None] * np.ones((1, 1, 2, 2), np.float32)
    network.parameters["2.weight"][:] = 1
    with Plan(network, 2) as plan:
        outputs = plan.outputs(images)
    np.testing.assert_allclose(outputs[:, 0], np.sqrt(np.sqrt(4)) * np.float32([1e-30, 1e30]))


@pytest.mark.parametrize("before", [[], [GELU()]], ids=["joined", "by itself"])
@pytest.mark.parametrize(
    "pool",
    [
        *(MaxPool2D(2), MaxPool2D((2, 3), (1, 2), UNEVEN), MaxPool2D(3, 1, "same")),
        GlobalMaxPool2D(),
    ],
)
def test_ties_go_to_the_first_as_in_the_definition(before, pool):
    layers = [Conv2D(3, 2), *before, pool, Flatten(), Dense(4)]
    network = Network(layers, (1, 9, 7), dtype=np.float64)
    images = np.random.default_rng(0).integers(0, 2, (12, 1, 9, 7)).astype(float)
    network.parameters["0.weight"][:] = np.round(network.parameters["0.weight"] * 2)
    labels = np.arange(12) % 4
    with Plan(network, 12) as plan:
        step = plan.step(images, labels)
    gradients = by_definition(network, images, labels)[2]
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


def test_dropout_takes_its_numbers_in_the_layers_order_behind_a_layer_that_draws_too():
    layers = [Flatten(), Dropout(0.3), Noise(), Dropout(0.5), Residual([Dropout(0.2)], [Noise()])]
    assert_same(Network([*layers, Dense(3)], (1, 4, 4), dtype=np.float64), 20)


@dataclass(frozen=True)
class Noise(Layer):
    """Adds random numbers while training."""

    def forward(self, x, parameters=NO_PARAMETERS, context=EVALUATION):
        noise = context.random.random(x.shape) if context.training else 0
        return x + noise, lambda dy: (dy, {})


def normed(*shape, dtype=np.float64):
    """Return a network with normalisation of images, maps and features, and in a block."""
    block = Residual([Conv2D(5, 3, padding=1), BatchNorm(), ReLU(), Dropout(0.2)], [Conv2D(5, 1)])
    ends = [Conv2D(3, 2, use_bias=False), BatchNorm(), Tanh(), Flatten(), BatchNorm(), Dense(4)]
    layers = [BatchNorm(0.7, 1e-3), Conv2D(4, 2, use_bias=False), BatchNorm(), ReLU(), block, *ends]
    return Network(layers, shape, dtype=dtype, seed=4)


@pytest.mark.parametrize("batch", [*range(1, 41, 3), 200])
def test_batch_normalisation_of_any_batch(batch):
    assert_same(normed(3, 6, 5), batch)


@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 31, 4), (7, 12, 12), (40, 3, 3), (300, 3, 3)])
def test_batch_normalisation_of_any_maps(shape):
    assert_same(normed(*shape), 5)


@pytest.mark.parametrize("shape", [(4,), (3, 7, 6)])
def test_a_small_variance_beside_a_large_mean_is_as_exact_as_by_definition(shape):
    layer = BatchNorm(momentum=0)
    network = Network([layer, Flatten(), Dense(2)], shape)
    images = 1000 + np.random.default_rng(0).random((130, *shape), dtype=np.float32)
    with Plan(network, 130) as plan:
        step = plan.step(images, np.zeros(130, np.int64))
    exact = images.var((0, *range(2, images.ndim)), ddof=1, dtype=np.float64)
    np.testing.assert_allclose(step.updates["0.running_variance"], exact, rtol=1e-3)


def test_evaluation_takes_the_running_values_as_they_are():
    network = normed(3, 6, 5)
    random = np.random.default_rng(0)
    images = random.standard_normal((9, 3, 6, 5))
    with Plan(network, 4) as plan:
        for _ in range(2):
            for name, old in network.state.items():
                network.state[name] = random.random(old.shape) + 1
            assert distance(plan.outputs(images), network.forward(images)) < 1e-12


@pytest.mark.parametrize("batch", [3, 40, 200])
def test_batch_normalisation_has_the_same_bits_for_any_number_of_threads(batch):
    network = normed(3, 9, 8, dtype=np.float32)
    images = np.random.default_rng(0).random((batch, 3, 9, 8), dtype=np.float32)
    made = []
    for threads in (1, 2, 4):
        with Plan(network, batch, threads) as plan:
            step = plan.step(images, np.arange(batch) % 4, lambda: np.random.default_rng(1))
        found = [*step.gradients.values(), *step.updates.values(), step.outputs]
        made.append([array.tobytes() for array in found])
    assert made[0] == made[1] == made[2]


def test_errors_inside_a_block_name_the_layers_path():
    network = Network([Residual([ReLU(), Residual([Flat()])]), Flatten(), Dense(2)], (1, 2, 3))
    with Plan(network, 4) as plan, pytest.raises(ShapeError, match=r"0\.body\.1\.body\.0"):
        plan.outputs(np.zeros((4, 1, 2, 3), np.float32))


@dataclass(frozen=True)
class Flat(Layer):
    """Returns another shape than it says."""

    def forward(self, x, parameters=NO_PARAMETERS, context=EVALUATION):
        return x.reshape(len(x), -1), lambda dy: (dy, {})


@dataclass(frozen=True)
class InPlace(Layer):
    """A ReLU that spoils what others need, forward or backward."""

    spoils: str = "x"

    def forward(self, x, parameters=NO_PARAMETERS, context=EVALUATION):
        positive = x > 0
        y = np.multiply(x, positive, out=x if self.spoils == "x" else None)

        def backward(dy):
            return np.multiply(dy, positive, out=dy if self.spoils == "dy" else None), {}

        return y, backward


@pytest.mark.parametrize(("method", "name"), [("forward", "x"), ("backward", "dy")])
def test_a_layer_of_ones_own_must_leave_alone_what_it_is_given(method, name):
    block = Residual([Tanh(), InPlace(name)])
    network = Network([Flatten(), Dense(6), block, Dense(2)], (1, 4, 4))
    images = np.random.default_rng(0).standard_normal((5, 1, 4, 4)).astype(np.float32)
    words = rf"{method} of layer 2\.body\.1, InPlace, must leave {name} as it is.*copy: {name} ="
    with Plan(network, 5) as plan, pytest.raises(ConfigurationError, match=words):
        plan.step(images, np.zeros(5, np.int64))


def test_blocks_are_lowered_layer_by_layer():
    body = [Conv2D(2, 3, padding=1), BatchNorm(), ReLU(), Dropout(), GELU()]
    network = Network([Residual(body, activation="relu"), Flatten(), Dense(2)], (2, 5, 5))
    with Plan(network, 4) as plan:
        block, *_ = plan.stages
    assert "its own NumPy" not in block.name
    assert "0.body.1 BatchNorm with ReLU" in block.name
    assert "Residual with ReLU" in block.name


def test_convolution_pooling_and_activations_are_joined():
    layers = [Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(3, 2, activation="gelu"), MaxPool2D(2)]
    network = Network([*layers, Flatten(), Dense(2, activation="tanh")], (1, 10, 10))
    with Plan(network, 4) as plan:
        names = [stage.name for stage in plan.stages]
    joined = ["2×2 max pooling" in name for name in names if "Conv2D" in name]
    assert joined == [True, False], names  # GELU falls before it rises
    assert sum("Dense" in name for name in names) == 1


def test_parameters_that_are_drawn_in_another_order_of_memory():
    layers = [Flatten(), Dense(3, weight_initializer=Orthogonal()), Dense(3)]
    assert_same(Network(layers, (1, 4, 5), dtype=np.float64), 7)


@pytest.mark.parametrize(
    "replaced",
    [
        lambda w: np.asfortranarray(w),
        lambda w: np.repeat(w, 2, axis=1)[:, ::2],
        lambda w: np.broadcast_to(w[:1], w.shape),
        lambda w: w.astype(np.float64),
    ],
    ids=["columns", "gaps", "read-only", "type"],
)
def test_parameters_that_the_engine_cannot_read_are_refused(replaced):
    network = Network([Flatten(), Dense(3)], (1, 4, 5))
    images = np.ones((2, 1, 4, 5), np.float32)
    with Plan(network, 2, 1) as plan:
        plan.outputs(images)
        network.parameters["1.weight"] = replaced(network.parameters["1.weight"])
        with pytest.raises(ConfigurationError, match=r"network\.parameters\['1\.weight'\] must be"):
            plan.outputs(images)


def test_a_parameter_that_is_taken_away_is_told():
    network = Network([Flatten(), Dense(3)], (1, 4, 5))
    images = np.ones((2, 1, 4, 5), np.float32)
    with Plan(network, 2, 1) as plan:
        plan.outputs(images)
        del network.parameters["1.bias"]
        with pytest.raises(ConfigurationError, match=r"network\.parameters\['1\.bias'\] must be"):
            plan.outputs(images)


def test_state_that_was_replaced_by_other_shapes_is_told():
    network = Network([Conv2D(3, 1), BatchNorm()], (1, 4, 5))
    images = np.ones((2, 1, 4, 5), np.float32)
    with Plan(network, 2, 1) as plan:
        plan.outputs(images)
        network.state["1.running_mean"] = np.zeros(2, np.float32)
        with pytest.raises(ConfigurationError, match=r"network\.state\['1\.running_mean'\] must"):
            plan.outputs(images)


def test_images_of_several_shapes_are_told():
    ragged = [np.ones((1, 4, 5)), np.ones((1, 4, 6))]
    with Plan(Network([Flatten(), Dense(3)], (1, 4, 5)), 2, 1) as plan:
        for call in plan.outputs, plan.predict, lambda images: plan.step(images, np.array([0, 1])):
            with pytest.raises(DataError, match="must all have one shape"):
                call(ragged)


@pytest.mark.parametrize("images", ["ab", None, 7.0], ids=str)
def test_a_step_with_no_array_of_images_is_refused(images):
    got = r"must have shape \(batch, 1, 4, 5\)\. Got \(\)"
    network = Network([Flatten(), Dense(3)], (1, 4, 5))
    with Plan(network, 2, 1) as plan, pytest.raises(DataError, match=got):
        plan.step(images, np.array([0, 1]))


def test_targets_of_several_shapes_are_told():
    images, network = np.ones((2, 1, 4, 5), np.float32), Network([Flatten(), Dense(3)], (1, 4, 5))
    told = r"The targets must all have one shape\. Number 0 has shape \(3,\)"
    with Plan(network, 2, 1) as plan, pytest.raises(DataError, match=told):
        plan.step(images, [[1, 0, 0], [1]])


def test_targets_with_a_mask_are_refused():
    images, network = np.ones((2, 1, 4, 5), np.float32), Network([Flatten(), Dense(3)], (1, 4, 5))
    hidden = np.ma.array([0, 1], mask=[False, True])
    told = "The targets must be an array without a mask"
    with Plan(network, 2, 1) as plan, pytest.raises(DataError, match=told):
        plan.step(images, hidden)


@pytest.mark.parametrize("shape", [(1, 2, 2), (3, 2, 1), (3, 2), (12,), (3, 2, 2, 1)])
def test_images_of_another_shape_are_refused(shape):
    with Plan(Network([Flatten(), Dense(3)], (3, 2, 2)), 2, 1) as plan:
        for call in plan.outputs, lambda images: plan.step(images, np.array([0, 1])):
            with pytest.raises(DataError, match=r"must have shape \(batch, 3, 2, 2\)"):
                call(np.ones((2, *shape), np.float32))


@pytest.mark.parametrize("row", LAYER_ROWS, ids=str)
def test_each_layer_behind_one_that_learns(row):
    shape = row.input_shape
    before = Conv2D(shape[0], 1) if len(shape) == 3 else Dense(shape[0])
    assert_same(Network([before, row.layer, Flatten(), Dense(2)], shape, dtype=np.float64), 5)


@pytest.mark.parametrize(
    "activation",
    [ELU(0.4), ScaledTanh(1.0, 0.4), "selu", LeakyReLU(2.5), LeakyReLU(0.0)],
    ids=repr,
)
def test_activations_with_settings_of_their_own(activation):
    for layers in (
        [Conv2D(3, 3, activation=activation), MaxPool2D(2)],
        [MaxPool2D(2, activation=activation)],
    ):
        stack = [Conv2D(2, 1), *layers, Flatten(), Dense(3)]
        assert_same(Network(stack, (2, 8, 7), dtype=np.float64), 5)


def test_a_table_of_connections_over_the_whole_map():
    layers = [Conv2D(3, 1), Conv2D(2, (5, 4), table=[[0], [1, 2]]), Flatten(), Dense(3)]
    assert_same(Network(layers, (2, 5, 4), dtype=np.float64), 5)
