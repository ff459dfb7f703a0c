"""Compiled losses against their definitions: the same losses, gradients and predictions."""

from dataclasses import dataclass

import numpy as np
import pytest

from sixloops.engine import Plan
from sixloops.engine.loss import COMPILED
from sixloops.errors import ConfigurationError, DataError
from sixloops.layers import Conv2D, Dense
from sixloops.losses import (
    LOSSES,
    AbsoluteError,
    Huber,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from sixloops.network import Network

ALL = [
    AbsoluteError(-0.3, 0.7),
    Huber(0.4, 0.1, 0.9),
    RadialBasisLoss(2.0),
    SigmoidCrossEntropy(),
    SoftmaxCrossEntropy(),
    SoftmaxCrossEntropy(0.2),
    SquaredError(-1.0, 1.0),
]
OF_CLASSES = (RadialBasisLoss, SoftmaxCrossEntropy)
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
IMAGES, CLASSES = 37, 11


def named(value):
    return type(value).__name__ if not isinstance(value, str) else value


def identity(loss, dtype="float64", classes=CLASSES):
    """Return a network whose outputs are its inputs, and whose bias' gradient is their errors'."""
    network = Network([Dense(classes)], (classes,), loss=loss, dtype=dtype)
    network.parameters["0.weight"][...] = np.eye(classes)
    return network


def step_of(network, outputs, targets, threads=2):
    with Plan(network, 64, threads) as plan:
        return plan.step(outputs, targets)


def drawn(kind, dtype):
    random = np.random.default_rng(0)
    outputs = (random.standard_normal((IMAGES, CLASSES)) * 4).astype(dtype)
    outputs[0], outputs[1] = 0, 60 * outputs[1]
    if kind != "rows":
        return outputs, random.integers(0, CLASSES, IMAGES).astype(kind)
    return outputs, random.dirichlet(np.ones(CLASSES), IMAGES).astype(dtype)


def test_every_loss_has_a_kernel():
    assert set(COMPILED) == set(LOSSES.values())
    assert {type(loss) for loss in ALL} == set(COMPILED)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", ["int64", "uint8", "rows"])
@pytest.mark.parametrize("loss", ALL, ids=named)
def test_loss_and_gradient_are_those_of_the_definition(loss, kind, dtype):
    outputs, targets = drawn(kind, dtype)
    exact = outputs.astype(np.float64)
    losses, backward = loss.forward(exact, targets)
    errors = backward(np.full(IMAGES, 1 / IMAGES))
    step = step_of(identity(loss, dtype), outputs, targets)
    tolerance = TOLERANCE[dtype]
    assert step.loss == pytest.approx(losses.mean(), rel=tolerance)
    for name, expected in {"0.bias": errors.sum(0), "0.weight": errors.T @ exact}.items():
        difference = np.linalg.norm(step.gradients[name] - expected)
        assert difference < tolerance * np.linalg.norm(expected), name


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", ALL, ids=named)
def test_what_is_not_finite_shows_as_in_the_definition(loss, bad):
    outputs, targets = drawn("int64", "float64")
    outputs[3, 4], targets[3] = bad, 4
    network = Network([Dense(CLASSES)], (CLASSES,), loss=loss, dtype="float64")
    network.parameters["0.bias"][4] = bad
    with np.errstate(all="ignore"):
        losses, _ = loss.forward(network.forward(outputs), targets)
    step = step_of(network, outputs, targets)
    assert step.loss == pytest.approx(losses.mean(), rel=1e-12, nan_ok=True)
    if np.isnan(bad):
        assert np.isnan(step.loss)
        assert np.isnan(step.gradients["0.bias"]).any()


def test_at_the_kink_the_absolute_errors_slope_is_0():
    step = step_of(identity(AbsoluteError()), np.zeros((1, CLASSES)), np.zeros((1, CLASSES)))
    assert step.loss == 0
    assert not step.gradients["0.bias"].any()


@pytest.mark.parametrize("loss", [SquaredError(), SigmoidCrossEntropy(), Huber()], ids=named)
def test_targets_of_maps(loss):
    random = np.random.default_rng(1)
    images = random.standard_normal((5, 2, 6, 7))
    targets = random.uniform(size=(5, 3, 4, 5))
    network = Network([Conv2D(3, 3)], (2, 6, 7), loss=loss, dtype="float64")
    losses, backward = loss.forward(network.forward(images), targets)
    errors = backward(np.full(5, 0.2))
    step = step_of(network, images, targets)
    assert step.loss == pytest.approx(losses.mean(), rel=1e-12)
    np.testing.assert_allclose(step.gradients["0.bias"], errors.sum((0, 2, 3)), rtol=1e-11)


@dataclass(frozen=True)
class Twice(Huber):
    """A loss of one's own, which derives from one that has a kernel."""

    def forward(self, outputs, targets):
        losses, backward = super().forward(outputs, targets)
        return 2 * losses, lambda dlosses: 2 * backward(dlosses)

    def predictions(self, outputs):
        return -outputs


def test_a_loss_of_ones_own_that_derives_from_ours_is_used_as_it_is_written():
    outputs, targets = drawn("int64", "float64")
    ours, own = (step_of(identity(loss), outputs, targets) for loss in (Huber(), Twice()))
    assert own.loss == pytest.approx(2 * ours.loss)
    np.testing.assert_allclose(own.gradients["0.bias"], 2 * ours.gradients["0.bias"], rtol=1e-12)
    with Plan(identity(Twice()), 8, 1) as plan:
        np.testing.assert_array_equal(plan.predict(outputs), -outputs)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (np.array([0, 1, CLASSES]), "labels of SquaredError must be from 0 to 10"),
        (np.array([0, -1, 2]), "Got -1 for target 1"),
        (np.array([0, 1]), "as many as the images. Got targets of shape .2,. for 3 images"),
        (np.array(1), "Got targets of shape .. for 3 images"),
        (np.zeros((3, 4)), "Got float64 of shape .3, 4."),
        (np.full((3, CLASSES), np.nan), "must be finite numbers"),
    ],
)
def test_wrong_targets_are_refused(targets, words):
    with pytest.raises(DataError, match=words):
        step_of(identity(SquaredError()), np.zeros((3, CLASSES)), targets)


def test_a_step_needs_an_image():
    with pytest.raises(ConfigurationError, match="1 to 64 images"):
        step_of(identity(SquaredError()), np.zeros((0, CLASSES)), np.zeros(0, int))


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_the_same_bits_for_any_number_of_threads(loss):
    outputs, targets = drawn("rows" if isinstance(loss, OF_CLASSES) else "int64", "float32")
    one, two = (step_of(identity(loss, "float32"), outputs, targets, n) for n in (1, 2))
    assert one.loss == two.loss
    np.testing.assert_array_equal(one.gradients["0.weight"], two.gradients["0.weight"])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("images", [0, 1, 70])
@pytest.mark.parametrize("loss", ALL, ids=named)
def test_predictions_are_the_networks(loss, images, dtype):
    network = Network([Dense(CLASSES)], (5,), loss=loss, dtype=dtype)
    given = np.random.default_rng(2).integers(0, 200, (images, 5), dtype=np.uint8)
    for batch_size, threads in ((1, 1), (32, 2)):
        with Plan(network, batch_size, threads) as plan:
            got = plan.predict(given)
            outputs = plan.outputs(given)
        assert got.dtype == network.dtype
        assert got.shape == (images, CLASSES)
        np.testing.assert_allclose(got, network.predict(given), rtol=1e-5, atol=TOLERANCE[dtype])
        np.testing.assert_allclose(outputs, network.forward(given), rtol=TOLERANCE[dtype] * 10)


def test_predictions_follow_the_parameters():
    network = identity(SoftmaxCrossEntropy())
    given = np.zeros((2, CLASSES))
    with Plan(network, 4, 1) as plan:
        before = plan.predict(given)
        network.parameters["0.bias"][3] = 5  # in place
        inside = plan.predict(given)
        network.parameters["0.bias"] = np.zeros(CLASSES)  # another array
        after = plan.predict(given)
    assert inside[0, 3] > 0.9
    np.testing.assert_array_equal(before, after)


def test_images_that_do_not_fit_are_refused():
    with (
        Plan(identity(SquaredError()), 4, 1) as plan,
        pytest.raises(DataError, match="The images must have shape"),
    ):
        plan.predict(np.zeros((2, CLASSES + 1)))
