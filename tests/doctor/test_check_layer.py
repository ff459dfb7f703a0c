"""The examination: other people's styles, where a gradient is wrong, what is not known."""

import json

import numpy as np
import pytest

from sixloops.doctor import Adapter, Verdict, check_layer
from sixloops.errors import ConfigurationError
from sixloops.layers import Conv2D, MaxPool2D


class Doubled:
    """Its dX is wrong in one channel only, on maps that no known layer makes."""

    def forward(self, x):
        self.x = x
        return x**3 + x

    def backward(self, dy):
        dx = dy * (3 * self.x**2 + 1)
        dx[:, 1] *= 2
        return dx


def test_an_unknown_mistake_has_no_name_but_a_place():
    verdict = check_layer(Doubled)
    assert not verdict.healthy
    assert verdict.name == ""
    assert "only in channel 1" in verdict.findings[0].words
    assert "no name that I know" in str(verdict)


def test_the_sentence_has_the_measured_number():
    def forward(x, k=3):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))

    def backward(dy, k=3):
        return dy.repeat(k, axis=2).repeat(k, axis=3)

    verdict = check_layer((forward, backward))
    assert verdict.name == "mean-pool-not-divided"
    assert "9.000 times" in str(verdict)


@pytest.mark.parametrize("axes", ["NCHW", "NHWC", "CHW", "HWC", "HW"])
def test_pooling_in_any_order_of_axes(axes):
    rows, columns = axes.index("H"), axes.index("W")

    class Pool:
        def forward(self, x):
            self.shape = x.shape
            y = np.add.reduceat(x, range(0, x.shape[rows], 2), axis=rows)
            return np.add.reduceat(y, range(0, x.shape[columns], 2), axis=columns) / 4

        def backward(self, dy):
            return dy.repeat(2, axis=rows).repeat(2, axis=columns) / 2

    verdict = check_layer(Pool(), axes=axes)
    assert verdict.recognised.startswith("mean pooling 2×2")
    assert verdict.name == "factor-2"
    assert "2.000" in verdict.diagnoses[0].sentence


def test_a_mean_over_the_batch_is_a_convention():
    class Dense:
        def __init__(self, n_in, n_out):
            self.W = np.ones((n_in, n_out))

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dy):
            self.dW = self.x.T @ dy / len(dy)
            return dy @ self.W.T

    verdict = check_layer(Dense)
    assert verdict.healthy
    assert "divided by the batch's size" in verdict.notes[0]


def test_gradients_in_every_usual_place():
    class Kept:
        def __init__(self):
            self.params = [np.ones((5, 4)), np.zeros(4)]
            self.grads = [None, None]

        def forward(self, x):
            self.x = x
            return x @ self.params[0] + self.params[1]

        def backward(self, dy):
            self.grads = [self.x.T @ dy, dy.sum(axis=0)]
            return dy @ self.params[0].T

    class Value:
        def __init__(self, data):
            self.data, self.grad = data, None

    class Wrapped:
        def __init__(self):
            self.weight = Value(np.ones((5, 4)))

        def forward(self, x):
            self.x = x
            return x @ self.weight.data

        def backward(self, dy):
            self.weight.grad = self.x.T @ dy
            return dy @ self.weight.data.T

    def closed(x, w, b):
        return x @ w + b, lambda dy: {"dx": dy @ w.T, "dw": x.T @ dy, "db": dy.sum(axis=0)}

    for subject in (Kept, Wrapped, closed):
        verdict = check_layer(subject)
        assert verdict.healthy, str(verdict)
        assert verdict.recognised == "a dense layer"
        assert "dX, d" in verdict.examined


def test_an_adapter_says_what_cannot_be_found():
    weights = np.random.default_rng(0).normal(size=(5, 4))
    adapter = Adapter(
        forward=lambda signal, mixing: signal @ mixing,
        backward=lambda dy, mixing: (dy @ mixing.T, np.zeros_like(mixing)),
        parameters={"mixing": weights},
        axes="ND",
        input_shape=(2, 5),
        name="mixer",
    )
    verdict = check_layer(adapter)
    assert verdict.subject == "mixer"
    assert verdict.name == "zero-gradient"


def test_single_precision_is_no_fault():
    class Single:
        def forward(self, x):
            self.x = x.astype(np.float32)
            return self.x**2

        def backward(self, dy):
            return 2 * self.x * dy.astype(np.float32)

    verdict = check_layer(Single)
    assert verdict.healthy, str(verdict)
    assert "single precision" in verdict.examined


def test_kinks_are_no_faults():
    def forward(x):
        return np.abs(np.round(4 * x) / 4 + x)

    def backward(dy, x):
        return dy * np.sign(np.round(4 * x) / 4 + x)

    assert check_layer((forward, backward)).healthy


def test_both_names_where_two_arrays_are_wrong():
    class Conv:
        def __init__(self, in_channels=2, out_channels=3):
            self.layer = Conv2D(3, 3)
            self.W = np.ones((3, 2, 3, 3))
            self.b = np.ones(3)

        def forward(self, x):
            y, self.back = self.layer.forward(x, {"weight": self.W, "bias": self.b})
            return y

        def backward(self, dy):
            dx, gradients = self.back(dy)
            self.dW = gradients["weight"][:, :, ::-1, ::-1]
            self.db = np.full(3, gradients["bias"].sum())
            return dx

    names = {diagnosis.id for diagnosis in check_layer(Conv).diagnoses}
    assert names == {"dw-rotated", "bias-summed-over-everything"}


def test_a_verdict_is_json():
    verdict = check_layer(MaxPool2D(2))
    again = json.loads(json.dumps(verdict.to_json()))
    assert again["healthy"] is True
    assert again["recognised"] == "max pooling 2×2"
    assert isinstance(verdict, Verdict)


def test_what_has_no_forward_is_one_error():
    with pytest.raises(ConfigurationError, match="must have a forward"):
        check_layer(object())


def test_an_unknown_setting_is_asked_for():
    class Odd:
        def __init__(self, flavour):
            self.flavour = flavour

        def forward(self, x):
            return x * self.flavour

        def backward(self, dy):
            return dy * self.flavour

    with pytest.raises(ConfigurationError, match="--argument flavour="):
        check_layer(Odd)
    assert check_layer(Odd, arguments={"flavour": 3.0}).healthy


class Square:
    """Takes its settings by name, and doubles its error if it is told to."""

    def __init__(self, in_features, out_features, bias=True):
        self.W = np.random.default_rng(0).normal(size=(in_features, out_features))
        self.b = np.zeros(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.W.T


class Handing(Square):
    """Hands its settings on, as a class derived in haste does."""

    def __init__(self, *a, **k):
        super().__init__(*a, **k)


class HandingMore(Handing):
    """Takes one setting itself."""

    def __init__(self, dropout=0.0, **k):
        super().__init__(**k)
        self.dropout = dropout


@pytest.mark.parametrize("kind", [Square, Handing, HandingMore])
def test_settings_that_a_constructor_hands_on_are_those_of_the_class_it_derives_from(kind):
    verdict = check_layer(kind)
    assert verdict.healthy
    assert verdict.recognised.startswith("a dense layer")


def test_axes_are_checked():
    with pytest.raises(ConfigurationError, match="'axes'"):
        check_layer(MaxPool2D(2), axes="NCHX")
    with pytest.raises(ConfigurationError, match="beside N"):
        check_layer(MaxPool2D(2), axes="NDHW")
