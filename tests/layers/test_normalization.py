"""Batch normalisation and local response normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from draws import generator, normal, parameters_off_zero, state_off_zero
from gradient_check import check_layer_gradients
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.layers import BatchNorm, Context, LocalResponseNorm

SHAPES = [(5,), (3, 4, 2), (1, 1, 1)]

batch_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def run(layer, x, training, parameters=None, state=None):
    shape = x.shape[1:]
    context = Context(training, state=state or state_off_zero(layer, shape))
    y, backward = layer.forward(x, parameters or parameters_off_zero(layer, shape), context)
    return y, backward, context.updates


# Batch normalisation


@batch_shapes
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_batch_norm_gradients_are_the_slopes(shape, training, epsilon):
    check_layer_gradients(BatchNorm(epsilon=epsilon), shape, batch=4, training=training)


@batch_shapes
def test_in_training_a_channel_gets_mean_beta_and_deviation_gamma(shape):
    x = 100 + 7 * normal(generator("x"), (9, *shape))
    parameters = parameters_off_zero(BatchNorm(), shape)
    y, _, _ = run(BatchNorm(epsilon=1e-12), x, True, parameters)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(y.mean(axes), parameters["beta"], rtol=1e-9)
    np.testing.assert_allclose(y.std(axes), np.abs(parameters["gamma"]), rtol=1e-9)


@batch_shapes
def test_in_training_shift_and_stretch_of_the_input_change_nothing(shape):
    x, dy = (normal(generator(name), (6, *shape)) for name in ("x", "dy"))
    layer = BatchNorm(epsilon=1e-14)
    y, backward, _ = run(layer, x, True)
    np.testing.assert_allclose(run(layer, 3 * x + 5, True)[0], y, rtol=1e-9)
    dx, axes = backward(dy)[0], (0, *range(2, x.ndim))
    np.testing.assert_allclose(dx.sum(axes), 0, atol=1e-12)
    np.testing.assert_allclose((dx * x).sum(axes), 0, atol=1e-12)


@batch_shapes
@pytest.mark.parametrize("training", [False, True])
def test_torch_agrees_on_values_gradients_and_running_values(shape, training):
    torch = pytest.importorskip("torch")
    x, dy = (normal(generator(name), (4, *shape)) for name in ("x", "dy"))
    layer = BatchNorm(momentum=0.7, epsilon=1e-3)
    parameters, state = parameters_off_zero(layer, shape), state_off_zero(layer, shape)
    kind = torch.nn.BatchNorm1d if len(shape) == 1 else torch.nn.BatchNorm2d
    oracle = kind(shape[0], eps=1e-3, momentum=1 - 0.7, dtype=torch.float64).train(training)
    oracle.load_state_dict(
        {
            "weight": torch.tensor(parameters["gamma"]),
            "bias": torch.tensor(parameters["beta"]),
            "running_mean": torch.tensor(state["running_mean"]),
            "running_var": torch.tensor(state["running_variance"]),
            "num_batches_tracked": torch.tensor(0),
        }
    )
    tensor = torch.tensor(x, requires_grad=True)
    expected = oracle(tensor)
    expected.backward(torch.tensor(dy))

    y, backward, updates = run(layer, x, training, parameters, state)
    dx, gradients = backward(dy)
    pairs = [
        (y, expected.detach()),
        (dx, tensor.grad),
        (gradients["gamma"], oracle.weight.grad),
        (gradients["beta"], oracle.bias.grad),
        ({**state, **updates}["running_mean"], oracle.running_mean),
        ({**state, **updates}["running_variance"], oracle.running_var),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)
    assert set(updates) == (set(state) if training else set())


def test_running_values_settle_at_those_of_all_images():
    layer, images = BatchNorm(), 3 + 2 * normal(generator("x"), (4000, 2))
    state = layer.initial_state((2,), np.float64)
    for batch in images.reshape(-1, 4, 2):
        state = run(layer, batch, True, state=state)[2]
    np.testing.assert_allclose(state["running_mean"], 3, atol=0.8)
    np.testing.assert_allclose(state["running_variance"], 4, rtol=0.5)


def test_the_state_is_read_and_not_written():
    layer = BatchNorm()
    state = {"running_mean": np.array([1.0]), "running_variance": np.array([4.0])}
    parameters = {"gamma": np.array([2.0]), "beta": np.array([0.5])}
    y, _, updates = run(layer, np.array([[5.0]]), False, parameters, state)
    assert y.item() == pytest.approx(2 * (5 - 1) / np.sqrt(4 + 1e-5) + 0.5, rel=1e-14)
    assert updates == {}
    run(layer, np.array([[5.0], [7.0]]), True, parameters, state)
    assert (state["running_mean"], state["running_variance"]) == (1.0, 4.0)


def test_a_channel_with_one_value_comes_out_as_beta_and_leaves_the_variance():
    layer, x = BatchNorm(momentum=0.75), np.array([[8.0, -3.0]])
    parameters, state = parameters_off_zero(layer, (2,)), state_off_zero(layer, (2,))
    y, backward, updates = run(layer, x, True, parameters, state)
    np.testing.assert_array_equal(y[0], parameters["beta"])
    dx, gradients = backward(np.array([[2.0, 5.0]]))
    np.testing.assert_array_equal(dx, 0)
    np.testing.assert_array_equal(gradients["gamma"], 0)
    np.testing.assert_array_equal(gradients["beta"], [2, 5])
    np.testing.assert_allclose(updates["running_variance"], state["running_variance"], rtol=1e-15)
    np.testing.assert_allclose(
        updates["running_mean"], 0.75 * state["running_mean"] + 0.25 * x[0], rtol=1e-15
    )


def test_a_channel_that_is_the_same_everywhere_comes_out_as_beta():
    parameters = parameters_off_zero(BatchNorm(), (2, 3, 3))
    y, backward, _ = run(BatchNorm(), np.full((4, 2, 3, 3), 7.0), True, parameters)
    np.testing.assert_array_equal(y, np.broadcast_to(parameters["beta"][:, None, None], y.shape))
    assert np.isfinite(backward(normal(generator("dy"), y.shape))[0]).all()


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_in_float32_stays_float32(training):
    layer, x = BatchNorm(), np.ones((2, 3, 4, 4), np.float32)
    parameters = layer.initial_parameters(x.shape[1:], generator("init"), np.float32)
    state = layer.initial_state(x.shape[1:], np.float32)
    y, backward, updates = run(layer, x, training, parameters, state)
    dx, gradients = backward(y)
    for array in (y, dx, *gradients.values(), *updates.values()):
        assert array.dtype == np.float32


def test_batch_norm_couples_the_batch_and_learns_two_numbers_a_channel():
    assert BatchNorm().couples_batch()
    assert BatchNorm().parameter_count((6, 5, 4)) == 12
    assert BatchNorm().multiply_adds((6, 5, 4)) == 6 * 5 * 4


@pytest.mark.parametrize("shape", [(), (3, 4), (2, 3, 4, 5), (0,), (3, 0, 4)], ids=str)
def test_batch_norm_takes_vectors_and_maps_only(shape):
    with pytest.raises(ShapeError, match=r"input of BatchNorm must be a vector .* Got shape \("):
        BatchNorm().output_shape(shape)


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_without_running_values_is_refused(training):
    parameters = parameters_off_zero(BatchNorm(), (2,))
    with pytest.raises(ConfigurationError) as error:
        BatchNorm().forward(np.ones((3, 2)), parameters, Context(training))
    assert str(error.value) == (
        "The 'state' of the Context that BatchNorm runs in must hold running_mean and "
        "running_variance. Got []. "
        "Begin with Context(state=layer.initial_state(input_shape, dtype))."
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("momentum", 1, "be a number of at least 0 and below 1"),
        ("momentum", -0.1, "be a number of at least 0 and below 1"),
        ("epsilon", 0, "be a number above 0"),
        ("epsilon", None, "be a number above 0"),
    ],
)
def test_wrong_hyper_parameters_of_batch_norm_are_refused(name, value, expected):
    with pytest.raises(ConfigurationError) as error:
        BatchNorm(**{name: value})
    assert str(error.value) == f"The '{name}' of BatchNorm must {expected}. Got {value!r}."


# Local response normalisation

STRONG = {"alpha": 0.3, "beta": 0.6, "k": 0.9}  # so that neighbours matter in a proof

sizes = pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 20])


@sizes
def test_local_response_norm_gradient_is_the_slope(size):
    check_layer_gradients(LocalResponseNorm(size, **STRONG), (6, 2, 3))


@sizes
def test_local_response_norm_is_its_sum_written_out(size):
    x = normal(generator("x"), (2, 6, 3, 2))
    expected = np.empty_like(x)
    for c in range(6):
        first, last = max(0, c - (size - 1) // 2), min(5, c + size // 2)
        energy = (x[:, first : last + 1] ** 2).sum(axis=1)
        expected[:, c] = x[:, c] / (0.9 + 0.3 * energy) ** 0.6
    y, _ = LocalResponseNorm(size, **STRONG).forward(x)
    np.testing.assert_allclose(y, expected, rtol=1e-13)


@sizes
def test_torch_agrees_where_alpha_is_times_size_and_even_windows_are_turned(size):
    torch = pytest.importorskip("torch")
    x, dy = (normal(generator(name), (2, 6, 3, 4)) for name in ("x", "dy"))
    turn = slice(None, None, -1 if size % 2 == 0 else 1)
    tensor = torch.tensor(x[:, turn].copy(), requires_grad=True)
    expected = torch.nn.functional.local_response_norm(tensor, size, 0.3 * size, 0.6, 0.9)
    expected.backward(torch.tensor(dy[:, turn].copy()))
    y, backward = LocalResponseNorm(size, **STRONG).forward(x)
    np.testing.assert_allclose(y[:, turn], expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(backward(dy)[0][:, turn], tensor.grad.numpy(), rtol=1e-11)


def test_local_response_norm_begins_with_the_numbers_of_the_paper():
    x = 30 * normal(generator("x"), (1, 7, 1, 1))
    y, _ = LocalResponseNorm().forward(x)
    middle = x[0, 3, 0, 0] / (2 + 1e-4 * (x[0, 1:6] ** 2).sum()) ** 0.75
    assert y[0, 3, 0, 0] == pytest.approx(middle, rel=1e-13)


def test_local_response_norm_counts_only_neighbours_that_exist():
    assert LocalResponseNorm(5).multiply_adds((6, 2, 3)) == (3 + 4 + 5 + 5 + 4 + 3) * 6
    assert LocalResponseNorm(99).multiply_adds((6, 2, 3)) == 36 * 6


def test_local_response_norm_in_float32_stays_float32():
    x = np.asfortranarray(normal(generator("x"), (2, 4, 3, 3)), dtype=np.float32)
    y, backward = LocalResponseNorm().forward(x)
    assert y.dtype == backward(x)[0].dtype == np.float32


def test_local_response_norm_without_alpha_is_a_scaling():
    x = normal(generator("x"), (2, 4, 3, 3))
    y, backward = LocalResponseNorm(alpha=0, beta=2, k=0.5).forward(x)
    np.testing.assert_allclose(y, 4 * x, rtol=1e-15)
    np.testing.assert_allclose(backward(x)[0], 4 * x, rtol=1e-15)


@pytest.mark.parametrize("shape", [(4,), (4, 4), (0, 2, 2)], ids=str)
def test_local_response_norm_takes_maps_only(shape):
    with pytest.raises(ShapeError, match="input of LocalResponseNorm"):
        LocalResponseNorm().output_shape(shape)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("size", 0, "be a whole number of at least 1"),
        ("size", 2.5, "be a whole number of at least 1"),
        ("alpha", -1e-4, "be a number of at least 0"),
        ("beta", -1, "be a number of at least 0"),
        ("k", 0, "be a number above 0"),
    ],
)
def test_wrong_hyper_parameters_of_local_response_norm_are_refused(name, value, expected):
    with pytest.raises(ConfigurationError) as error:
        LocalResponseNorm(**{name: value})
    assert str(error.value) == f"The '{name}' of LocalResponseNorm must {expected}. Got {value!r}."
