"""A user's own layer that derives from sixloops' Layer: whatever it does, there is a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from sixloops import Network
from sixloops.doctor import check_layer
from sixloops.layers import Layer


@dataclass(frozen=True)
class Scale(Layer):
    """A right layer: one number for each channel."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"gain": np.ones(input_shape[0], dtype)}

    def forward(self, x, parameters, context):
        gain = parameters["gain"].reshape(1, -1, *[1] * (x.ndim - 2))
        others = (0, *range(2, x.ndim))

        def backward(dy):
            return dy * gain, {"gain": (dy * x).sum(axis=others)}

        return x * gain, backward


@dataclass(frozen=True)
class OfMaps(Scale):
    """The same, for maps alone."""

    def initial_parameters(self, input_shape, random, dtype):
        channels, _, _ = input_shape
        return {"gain": np.ones(channels, dtype)}


@pytest.mark.parametrize("subject", [Scale, Scale(), OfMaps], ids=["class", "object", "maps"])
def test_a_right_layer_is_healthy(subject):
    verdict = check_layer(subject)
    assert verdict.healthy, str(verdict)
    assert "dgain" in verdict.examined


class ThreeArguments(Scale):
    def initial_parameters(self, input_shape, random):
        return {"gain": np.ones(input_shape[0])}


class NoDictionary(Scale):
    def initial_parameters(self, input_shape, random, dtype):
        return np.ones(input_shape[0], dtype)


class NoState(Scale):
    def initial_state(self, input_shape):
        return {}


class ErrorAlone(Layer):
    def forward(self, x, parameters, context):
        def backward(dy):
            return 2 * dy

        return 2 * x, backward


class OutputAlone(Layer):
    def forward(self, x, parameters, context):
        return 2 * x


class Misspelt(OfMaps):
    def forward(self, x, parameters, context):
        return np.maximun(x, 0), lambda dy: (dy, {})


@pytest.mark.parametrize(
    ("layer", "name", "words"),
    [
        (ThreeArguments, "raises", "initial_parameters raises TypeError"),
        (NoDictionary, "wrong-return", "must return {name: array}, and returned ndarray"),
        (NoState, "raises", "initial_state raises TypeError"),
        (ErrorAlone, "wrong-return", "must return (dx, gradients), and returned ndarray"),
        (OutputAlone, "wrong-return", "must return (y, backward), and returned ndarray"),
        (Misspelt, "raises", "forward raises AttributeError"),
    ],
)
def test_what_is_no_such_layer_is_said_with_file_and_line(layer, name, words):
    verdict = check_layer(layer)
    assert not verdict.healthy
    assert verdict.name == name
    assert words in verdict.diagnoses[0].sentence
    assert verdict.traceback.startswith("test_sixloops_layers.py, line ")


class HalvesRows(Layer):
    def forward(self, x, parameters, context):
        def backward(dy):
            return dy.repeat(2, axis=2) / 2, {}

        return (x[:, :, ::2] + x[:, :, 1::2]) / 2, backward


class OfOneType(Scale):
    def initial_parameters(self, input_shape, random, dtype):
        return {"gain": np.ones(input_shape[0])}


class OneNumber(Layer):
    """Its gradient is a number, where its parameter is an array of one."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"gain": np.ones(1, dtype)}

    def forward(self, x, parameters, context):
        gain = parameters["gain"]
        return x * gain, lambda dy: (dy * gain, {"gain": (dy * x).sum()})


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (HalvesRows, "must have shape (2, 3, 8, 6). Got shape (2, 3, 4, 6)"),
        (OfOneType, "float64"),
        (OneNumber, "must have shape (1,). Got shape ()"),
    ],
)
def test_what_a_network_refuses_is_not_healthy(layer, words):
    verdict = check_layer(layer)
    assert verdict.name == "refused-by-fit"
    assert words in str(verdict).replace("\n  ", " ")


def test_a_network_takes_the_right_one():
    assert Network([Scale()], input_shape=(3, 4, 4)).predict(np.ones((1, 3, 4, 4))) is not None


def test_a_layer_that_is_made_already_takes_no_setting():
    with pytest.raises(ValueError, match="Scale has no setting 'size'; it has none"):
        check_layer(Scale(), arguments={"size": 3})
