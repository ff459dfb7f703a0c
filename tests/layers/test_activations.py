"""Activations: their values, their slopes, and what they do far out and at their kinks."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from scipy import integrate, special, stats

from draws import generator, normal, wide
from gradient_check import check_layer_gradients
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.layers import (
    ELU,
    GELU,
    SELU,
    Dense,
    Identity,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from sixloops.layers.activations import ACTIVATIONS

ALL = [
    Identity(),
    Sigmoid(),
    Tanh(),
    ScaledTanh(),
    ScaledTanh(amplitude=0.5, slope=3.0),
    ReLU(),
    LeakyReLU(),
    LeakyReLU(slope=0.0),
    LeakyReLU(slope=2.5),
    ELU(),
    ELU(alpha=0.3),
    SELU(),
    GELU(),
    Softplus(),
    Softmax(),
]
SMOOTH = [Identity(), Sigmoid(), Tanh(), ScaledTanh(), GELU(), Softplus(), Softmax()]
FLOATS = [np.float16, np.float32, np.float64]

each = pytest.mark.parametrize("layer", ALL, ids=repr)


def forward_and_slopes(layer, values):
    """Return y and ∂y/∂x of an activation that works on every value alone."""
    x = np.array([values])
    y, backward = layer.forward(x)
    return y[0], backward(np.ones_like(x))[0][0]


@each
@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)], ids=str)
def test_gradient_is_the_slope(layer, shape):
    check_layer_gradients(layer, shape, batch=3, draw=wide, kinks=0.1)


@pytest.mark.parametrize("layer", SMOOTH, ids=repr)
def test_a_smooth_activation_has_its_slope_at_zero_too(layer):
    check_layer_gradients(layer, (5,), draw=lambda _, shape: np.zeros(shape))


def test_elu_with_alpha_1_has_no_kink():
    _, slopes = forward_and_slopes(ELU(1.0), [-1e-12, 0.0, 1e-12])
    np.testing.assert_allclose(slopes, 1, rtol=1e-11)


X = wide(generator("x"), (4, 6, 3, 2))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Identity(), X),
        (Sigmoid(), special.expit(X)),
        (Tanh(), np.sinh(X) / np.cosh(X)),
        (ScaledTanh(), 1.7159 * (2 * special.expit(4 / 3 * X) - 1)),
        (LeakyReLU(0.2), np.where(X > 0, X, X / 5)),
        (ELU(0.7), np.where(X > 0, X, 0.7 * np.expm1(X))),
        (GELU(), X * stats.norm.cdf(X)),
        (Softplus(), np.logaddexp(0, X)),
        (Softmax(), special.softmax(X, axis=1)),
    ],
    ids=repr,
)
def test_values_are_those_of_scipy(layer, expected):
    np.testing.assert_allclose(layer.forward(X)[0], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("layer", "name", "options"),
    [
        (Sigmoid(), "sigmoid", {}),
        (Tanh(), "tanh", {}),
        (ReLU(), "relu", {}),
        (LeakyReLU(0.2), "leaky_relu", {"negative_slope": 0.2}),
        (ELU(0.7), "elu", {"alpha": 0.7}),
        (SELU(), "selu", {}),
        (GELU(), "gelu", {}),
        (Softplus(), "softplus", {"threshold": 1000}),
        (Softmax(), "softmax", {"dim": 1}),
    ],
    ids=repr,
)
def test_torch_agrees_at_kinks_and_ties_too(layer, name, options):
    torch = pytest.importorskip("torch")
    x = np.concatenate([X, X.round(0), np.zeros_like(X)])
    dy = normal(generator("dy"), x.shape)
    tensor = torch.tensor(x, requires_grad=True)
    oracle = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    expected = oracle(tensor, **options)
    expected.backward(torch.tensor(dy))
    y, backward = layer.forward(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(backward(dy)[0], tensor.grad.numpy(), rtol=1e-12, atol=1e-14)


@each
@pytest.mark.parametrize("dtype", FLOATS)
def test_far_out_nothing_overflows_and_the_type_stays(layer, dtype):
    far = 1e4 if dtype == np.float16 else 1e30
    x = np.array([[-far, -1e4, -100, -1, 0, 1], [100, 1e4, far, 0, 0, 0]], dtype)
    y, backward = layer.forward(x)
    dx, gradients = backward(np.full_like(x, 0.5))
    assert y.dtype == dx.dtype == dtype
    assert gradients == {}
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize(
    ("layer", "left", "right"),
    [
        (Sigmoid(), (0, 0), (1, 0)),
        (Tanh(), (-1, 0), (1, 0)),
        (ScaledTanh(), (-1.7159, 0), (1.7159, 0)),
        (LeakyReLU(0.1), (-1e29, 0.1), (1e30, 1)),
        (LeakyReLU(0.0), (0, 0), (1e30, 1)),
        (ELU(0.7), (-0.7, 0), (1e30, 1)),
        (SELU(), (-1.7580993408473766, 0), (1.0507009873554805e30, 1.0507009873554805)),
        (GELU(), (0, 0), (1e30, 1)),
        (Softplus(), (0, 0), (1e30, 1)),
    ],
    ids=repr,
)
def test_far_out_values_and_slopes_are_the_limits(layer, left, right):
    y, slopes = forward_and_slopes(layer, [-1e30, 1e30])
    np.testing.assert_allclose(np.stack([y, slopes], axis=1), [left, right], rtol=1e-15)


@pytest.mark.parametrize(
    ("layer", "slope"),
    [
        (ReLU(), 0.0),
        (LeakyReLU(0.25), 0.25),
        (LeakyReLU(0.0), 0.0),
        (ELU(0.7), 0.7),
        (SELU(), 1.0507009873554805 * 1.6732632423543772),
    ],
    ids=repr,
)
def test_the_left_slope_is_taken_at_a_kink(layer, slope):
    y, slopes = forward_and_slopes(layer, [0.0, -0.0])
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_allclose(slopes, slope, rtol=1e-15)


@each
def test_what_is_not_a_number_is_not_hidden(layer):
    y, _ = layer.forward(np.array([[np.nan, 1.0]]))
    assert np.isnan(y[0, 0])


def test_sigmoid_keeps_its_digits_on_both_sides():
    x = np.array([[-700.0, -40.0, -1e-9, 36.0]])
    np.testing.assert_allclose(Sigmoid().forward(x)[0], special.expit(x), rtol=1e-15)


def test_gelu_keeps_its_digits_where_erf_is_minus_one():
    x = np.array([[-30.0, -10.0, -8.0]])
    expected = x * np.exp(stats.norm.logcdf(x))
    np.testing.assert_allclose(GELU().forward(x)[0], expected, rtol=1e-12)


def test_softplus_keeps_its_digits_on_both_sides():
    y, _ = forward_and_slopes(Softplus(), [-700.0, -40.0, 40.0])
    np.testing.assert_allclose(y, [np.exp(-700.0), np.exp(-40.0), 40.0], rtol=1e-15)


def test_scaled_tanh_takes_its_targets_at_one():
    y, _ = forward_and_slopes(ScaledTanh(), [-1.0, 1.0])
    np.testing.assert_allclose(y, [-1, 1], atol=1e-4)


def test_selu_keeps_mean_0_and_variance_1_of_a_normal_input():
    def moment(power):
        def weighed(x):
            return SELU().forward(np.array([[x]]))[0].item() ** power * stats.norm.pdf(x)

        halves = [integrate.quad(weighed, *ends)[0] for ends in ((-40, 0), (0, 40))]
        return sum(halves)

    assert moment(1) == pytest.approx(0, abs=1e-12)
    assert moment(2) == pytest.approx(1, abs=1e-12)


def test_leaky_relu_with_slope_0_is_relu():
    dy = normal(generator("dy"), X.shape)
    y, backward = LeakyReLU(0.0).forward(X)
    expected, backward_relu = ReLU().forward(X)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(backward(dy)[0], backward_relu(dy)[0])


@pytest.mark.parametrize("shape", [(5,), (5, 2, 3)], ids=str)
def test_softmax_shares_sum_to_one_and_stay_when_all_scores_shift(shape):
    x = normal(generator("x"), (4, *shape))
    y, _ = Softmax().forward(x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(Softmax().forward(x + 1000)[0], y, rtol=1e-11)


def test_softmax_shifts_every_image_by_its_own_maximum():
    x = np.array([[1e30, 1e30], [-1e30, -1e30], [0.0, np.log(3)]])
    expected = [[0.5, 0.5], [0.5, 0.5], [0.25, 0.75]]
    np.testing.assert_allclose(Softmax().forward(x)[0], expected, rtol=1e-15)


def test_softmax_has_its_whole_jacobian():
    x = normal(generator("x"), (1, 6))
    y, backward = Softmax().forward(x)
    rows = np.concatenate([backward(unit[None])[0] for unit in np.eye(6)])
    np.testing.assert_allclose(rows, np.diag(y[0]) - np.outer(y[0], y[0]), rtol=1e-13)
    assert np.all(rows[~np.eye(6, dtype=bool)] < 0)


def test_softmax_of_maps_is_softmax_at_every_pixel():
    x, dy = (normal(generator(name), (2, 5, 3, 4)) for name in ("x", "dy"))

    def as_vectors(maps):
        return np.moveaxis(maps, 1, -1).reshape(-1, 5)

    y, backward = Softmax().forward(x)
    expected, backward_vectors = Softmax().forward(as_vectors(x))
    np.testing.assert_allclose(as_vectors(y), expected, rtol=1e-14)
    dx = as_vectors(backward(dy)[0])
    np.testing.assert_allclose(dx, backward_vectors(as_vectors(dy))[0], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("shape", [(), (0,), (0, 4, 4)], ids=str)
def test_softmax_needs_something_to_share_between(shape):
    with pytest.raises(ShapeError, match=r"input of Softmax must be a vector .* Got shape \("):
        Softmax().output_shape(shape)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_a_wrong_slope_is_refused(value):
    with pytest.raises(ConfigurationError) as error:
        LeakyReLU(value)
    assert str(error.value) == (
        f"The 'slope' of LeakyReLU must be a number of at least 0. Got {value!r}."
    )


@pytest.mark.parametrize(
    ("kind", "name"), [(ELU, "alpha"), (ScaledTanh, "amplitude"), (ScaledTanh, "slope")]
)
def test_hyper_parameters_must_be_above_0(kind, name):
    with pytest.raises(ConfigurationError) as error:
        kind(**{name: 0})
    assert str(error.value) == (f"The '{name}' of {kind.__name__} must be a number above 0. Got 0.")


def test_every_activation_has_its_name():
    assert list(ACTIVATIONS) == [
        *("identity", "sigmoid", "tanh", "scaled_tanh", "relu", "leaky_relu"),
        *("elu", "selu", "gelu", "softplus", "softmax"),
    ]
    for name, kind in ACTIVATIONS.items():
        assert name.replace("_", "") == kind.__name__.lower()
        assert Dense(3, activation=name).activation == kind()


@pytest.mark.parametrize("kind", ACTIVATIONS.values())
def test_every_activation_stands_in_the_proofs(kind):
    assert kind in {type(layer) for layer in ALL}
    settings = {layer for layer in ALL if type(layer) is kind}
    assert len(settings) > 1 or not fields(kind)
