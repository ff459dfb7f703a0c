"""Dropout: what is dropped, what is kept, and when."""

from __future__ import annotations

import numpy as np
import pytest

from draws import generator, normal
from gradient_check import check_layer_gradients
from sixloops.errors import ConfigurationError
from sixloops.layers import Context, Dropout


def train(rate, x, seed=0):
    return Dropout(rate).forward(x, context=Context(training=True, random=generator("m", seed)))


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("training", [False, True])
def test_gradient_is_the_slope(rate, training):
    check_layer_gradients(Dropout(rate), (3, 4, 5), training=training)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_share_of_dropped_values_is_the_rate_and_the_mean_is_kept(rate):
    y, _ = train(rate, np.ones((50, 8, 20, 20)))
    deviation = np.sqrt(rate * (1 - rate) / y.size)
    assert (y == 0).mean() == pytest.approx(rate, abs=4 * deviation)
    assert y.mean() == pytest.approx(1, abs=4 * deviation / (1 - rate))


def test_kept_values_are_scaled_up_and_pass_the_error_back_scaled():
    x, dy = (normal(generator(name), (6, 7)) for name in ("x", "dy"))
    y, backward = train(0.2, x)
    kept = y != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(y[kept], x[kept] / 0.8, rtol=1e-15)
    np.testing.assert_allclose(backward(dy)[0], np.where(kept, dy / 0.8, 0), rtol=1e-15)


def test_every_value_of_maps_is_drawn_on_its_own():
    dropped = train(0.5, np.ones((4, 3, 8, 8)))[0] == 0
    for axis in range(4):
        assert np.diff(dropped, axis=axis).any()


def test_the_same_stream_drops_the_same_values_in_every_float_type():
    x = normal(generator("x"), (5, 6))
    y, _ = train(0.5, x)
    y32, backward = train(0.5, x.astype(np.float32))
    np.testing.assert_array_equal(y == 0, y32 == 0)
    assert y32.dtype == backward(np.ones_like(y32))[0].dtype == np.float32
    assert ((train(0.5, x, seed=1)[0] == 0) != (y == 0)).any()


def test_nothing_is_dropped_at_evaluation():
    x = normal(generator("x"), (5, 6))
    y, backward = Dropout(0.9).forward(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(backward(x)[0], x)


def test_the_rate_0_draws_nothing():
    random = generator("m")
    x = np.ones((2, 3))
    y, _ = Dropout(0).forward(x, context=Context(training=True, random=random))
    np.testing.assert_array_equal(y, x)
    assert random.random() == generator("m").random()


def test_training_without_random_numbers_is_refused():
    with pytest.raises(ConfigurationError) as error:
        Dropout().forward(np.ones((1, 2)), context=Context(training=True))
    assert str(error.value) == (
        "The 'random' of the Context that Dropout trains in must be a NumPy Generator. Got None. "
        "Give one, Context(training=True, random=numpy.random.default_rng(0)), "
        "or leave training=True out."
    )


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), "0.5", None])
def test_a_wrong_rate_is_refused(rate):
    with pytest.raises(ConfigurationError) as error:
        Dropout(rate)
    assert str(error.value) == (
        f"The 'rate' of Dropout must be a number of at least 0 and below 1. Got {rate!r}."
    )
