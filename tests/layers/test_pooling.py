"""What is particular to each pooling layer; their loops are in ``test_against_oracles.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from draws import generator, normal, positive, tied
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.layers import (
    Conv2D,
    GlobalMaxPool2D,
    GlobalMeanPool2D,
    L2Pool2D,
    Layer,
    LpPool2D,
    MaxPool2D,
    MeanPool2D,
    Subsampling2D,
)

WINDOWED: list[type[Layer]] = [MaxPool2D, MeanPool2D, L2Pool2D, LpPool2D, Subsampling2D]
NORMS = [L2Pool2D(2), LpPool2D(1), LpPool2D(2), LpPool2D(3.5), LpPool2D(40)]
MAPS = (2, 3, 6, 5)

windowed = pytest.mark.parametrize("kind", WINDOWED)
norms = pytest.mark.parametrize("layer", NORMS, ids=str)


# ---- all of them -------------------------------------------------------------------------


@windowed
def test_windows_tile_unless_told_otherwise(kind: Any) -> None:
    assert kind().output_shape((3, 28, 30)) == (3, 14, 15)
    assert kind(kernel=(2, 3)).output_shape((3, 8, 10)) == (3, 4, 3)
    assert kind(kernel=3, stride=1).output_shape((3, 8, 10)) == (3, 6, 8)
    assert kind(kernel=2, stride=3).output_shape((3, 8, 10)) == (3, 3, 3)
    assert kind(kernel=3, stride=2, padding="same").output_shape((3, 8, 9)) == (3, 4, 5)
    assert kind(kernel=3, padding=((1, 0), (2, 2))).output_shape((3, 8, 9)) == (3, 3, 4)


@windowed
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel": 0}, "'kernel' of {} must be a whole number of at least 1"),
        ({"kernel": 2, "stride": 0}, "'stride' of {} must be"),
        ({"kernel": 2, "stride": (1, 2, 3)}, "'stride' of {} must be"),
        ({"kernel": 2, "padding": "full"}, "'padding' of {} must be 'valid', 'same', a whole"),
        ({"kernel": 2, "padding": -1}, "'padding' of {} must be .* Got -1"),
        ({"kernel": 2, "padding": 2}, "'padding' of {} must be smaller than the kernel"),
        ({"kernel": (3, 2), "padding": ((2, 2), (0, 2))}, "'padding' of {} must be smaller"),
        ({"activation": "rely"}, "'activation' of {} must be"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    kind: Any, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words.format(kind.__name__)):
        kind(**options)


@windowed
def test_a_window_larger_than_the_map_is_refused(kind: Any) -> None:
    with pytest.raises(ShapeError, match=f"window of {kind.__name__} covers .* smaller kernel"):
        kind(kernel=3).output_shape((1, 2, 9))


@pytest.mark.parametrize("kind", [*WINDOWED, GlobalMeanPool2D, GlobalMaxPool2D])
def test_only_maps_are_pooled(kind: Any) -> None:
    with pytest.raises(ShapeError, match=f"input of {kind.__name__} must be maps"):
        kind().output_shape((84,))


# ---- max ---------------------------------------------------------------------------------


def test_the_first_of_several_winners_gets_the_error() -> None:
    x = np.array([[[[1.0, 4.0], [4.0, 4.0]]]])
    _, backward = MaxPool2D(2).forward(x)
    np.testing.assert_array_equal(backward(np.array([[[[5.0]]]]))[0], [[[[0, 5], [0, 0]]]])


@pytest.mark.parametrize(
    "layer",
    [MaxPool2D(2), MaxPool2D(3, 1, padding=1), MaxPool2D((2, 3), (3, 1)), GlobalMaxPool2D()],
)
def test_with_ties_no_error_is_lost_or_made(layer: Layer) -> None:
    x = tied(generator("x"), MAPS)
    y, backward = layer.forward(x)
    dy = normal(generator("dy"), y.shape)
    dx = backward(dy)[0].sum(axis=(2, 3))
    np.testing.assert_allclose(dx, dy.reshape(*MAPS[:2], -1).sum(axis=2), rtol=1e-12, atol=1e-12)


def test_padding_never_wins() -> None:
    x = np.full((1, 1, 3, 3), -7.0)
    y, backward = MaxPool2D(2, 1, padding=1).forward(x)
    np.testing.assert_array_equal(y, np.full((1, 1, 4, 4), -7.0))
    assert backward(np.ones_like(y))[0].sum() == 16


# ---- mean --------------------------------------------------------------------------------


def test_the_padding_counts_in_the_divisor_only_if_asked() -> None:
    x = np.full((1, 1, 2, 2), 12.0)
    inside, _ = MeanPool2D(2, padding=1).forward(x)
    counted, _ = MeanPool2D(2, padding=1, count_padding=True).forward(x)
    np.testing.assert_array_equal(inside, np.full((1, 1, 2, 2), 12.0))
    np.testing.assert_array_equal(counted, np.full((1, 1, 2, 2), 3.0))


@pytest.mark.parametrize("kernel", [2, 3, (3, 2)])
def test_mean_pooling_shares_the_error_out(kernel: Any) -> None:
    x = normal(generator("x"), (2, 3, 6, 6))
    y, backward = MeanPool2D(kernel).forward(x)
    dy = normal(generator("dy"), y.shape)
    np.testing.assert_allclose(backward(dy)[0].sum(axis=(2, 3)), dy.sum(axis=(2, 3)), rtol=1e-12)


def test_count_padding_is_a_flag() -> None:
    with pytest.raises(ConfigurationError, match=r"'count_padding' .* True or False"):
        MeanPool2D(2, count_padding="yes")  # type: ignore[arg-type]


# ---- norms -------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 5.5])
@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((3, 2), (1, 3))])
def test_lp_pooling_is_pytorchs(p: float, kernel: Any, stride: Any) -> None:
    torch = pytest.importorskip("torch")
    x = positive(generator("x"), MAPS)  # PyTorch takes no magnitudes: negative odd powers differ
    leaf = torch.tensor(x, requires_grad=True)
    theirs = torch.nn.functional.lp_pool2d(leaf, p, kernel, stride)
    y, backward = LpPool2D(p, kernel, stride).forward(x)
    dy = normal(generator("dy"), y.shape)
    theirs.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(backward(dy)[0], leaf.grad.numpy(), rtol=1e-11)


def test_l2_pooling_is_lp_pooling_with_p_2() -> None:
    x = normal(generator("x"), MAPS)
    (y, backward), (wanted, wanted_backward) = (
        layer.forward(x) for layer in (L2Pool2D((3, 2), 2, "same"), LpPool2D(2, (3, 2), 2, "same"))
    )
    dy = normal(generator("dy"), y.shape)
    np.testing.assert_allclose(y, wanted, rtol=1e-14)
    np.testing.assert_allclose(backward(dy)[0], wanted_backward(dy)[0], rtol=1e-13)


def test_a_high_power_comes_to_the_largest_magnitude() -> None:
    x = normal(generator("x"), MAPS)
    y, _ = LpPool2D(2000, 2).forward(x)
    np.testing.assert_allclose(y, MaxPool2D(2).forward(np.abs(x))[0], rtol=1e-3)


@norms
def test_a_window_of_zeros_has_no_gradient(layer: Layer) -> None:
    x = np.ones((1, 1, 2, 4))
    x[..., 2:] = 0.0
    y, backward = layer.forward(x)
    assert y[0, 0, 0, 1] == 0
    dx, _ = backward(np.full(y.shape, 3.0))
    assert np.isfinite(dx).all()
    assert (dx[..., :2] > 0).all()
    np.testing.assert_array_equal(dx[..., 2:], 0)


def test_at_a_kink_of_p_1_the_slope_is_0() -> None:
    x = np.array([[[[0.0, -2.0], [3.0, 0.0]]]])
    y, backward = LpPool2D(1).forward(x)
    assert y.item() == 5
    np.testing.assert_array_equal(backward(np.array([[[[7.0]]]]))[0], [[[[0, -7], [7, 0]]]])


@norms
@pytest.mark.parametrize("size", [1e-30, 1e-38, 1e30, 1e37])
def test_sizes_whose_powers_no_float32_holds(layer: Layer, size: float) -> None:
    x = normal(generator("x"), MAPS)
    dy = normal(generator("dy"), layer.forward(x)[0].shape)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, backward = layer.forward((size * x).astype(np.float32))
        dx, _ = backward(dy.astype(np.float32))
    wanted, wanted_backward = layer.forward(x)
    assert (y.dtype, dx.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(y.astype(np.float64) / size, wanted, rtol=1e-5)
    np.testing.assert_allclose(dx, wanted_backward(dy)[0], rtol=1e-4, atol=1e-6)


@norms
def test_the_smallest_number_that_there_is(layer: Layer) -> None:
    x = np.full((1, 1, 2, 2), np.finfo(np.float32).smallest_subnormal)
    y, backward = layer.forward(x)
    assert y.item() > 0
    assert np.isfinite(backward(np.ones_like(y))[0]).all()


@pytest.mark.parametrize("p", [0.5, 0, -2, np.inf, np.nan, "2", True])
def test_only_norms_are_norms(p: Any) -> None:
    with pytest.raises(ConfigurationError, match="'p' of LpPool2D must be a number of at least 1"):
        LpPool2D(p)


# ---- global ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "window"), [(GlobalMeanPool2D(), MeanPool2D), (GlobalMaxPool2D(), MaxPool2D)]
)
def test_global_pooling_is_pooling_with_one_window(layer: Layer, window: Any) -> None:
    x = tied(generator("x"), MAPS)
    (y, backward), (wanted, wanted_backward) = layer.forward(x), window((6, 5)).forward(x)
    dy = normal(generator("dy"), y.shape)
    np.testing.assert_allclose(y, wanted[:, :, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(
        backward(dy)[0], wanted_backward(dy[:, :, None, None])[0], rtol=1e-12
    )


@pytest.mark.parametrize(
    "layer", [GlobalMeanPool2D(), GlobalMaxPool2D(), MeanPool2D(), Subsampling2D()]
)
def test_dx_may_be_written_to(layer: Layer) -> None:
    x = normal(generator("x"), MAPS)
    parameters = layer.initial_parameters(MAPS[1:], generator("init"), np.float64)
    y, backward = layer.forward(x, parameters)
    dx, _ = backward(y)
    dx += 1


# ---- subsampling -------------------------------------------------------------------------


def test_subsampling_begins_as_mean_pooling() -> None:
    x, layer = normal(generator("x"), MAPS), Subsampling2D((3, 2), 2)
    parameters = layer.initial_parameters(MAPS[1:], generator("init"), np.float64)
    np.testing.assert_array_equal(parameters["coefficient"], np.full(3, 1 / 6))
    np.testing.assert_array_equal(parameters["bias"], np.zeros(3))
    y, backward = layer.forward(x, parameters)
    wanted, wanted_backward = MeanPool2D((3, 2), 2).forward(x)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(backward(y)[0], wanted_backward(y)[0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), ((3, 2), (1, 3)), (2, 3)])
def test_subsampling_is_a_convolution_of_equal_weights(kernel: Any, stride: Any) -> None:
    random, x = generator("subsampling"), normal(generator("x"), MAPS)
    coefficient, bias = normal(random, (3,)), normal(random, (3,))
    layer = Subsampling2D(kernel, stride, padding=1)
    y, backward = layer.forward(x, {"coefficient": coefficient, "bias": bias})
    twin = Conv2D(3, kernel, stride, padding=1, groups=3)
    weight = np.ones((3, 1, *twin.kernel)) * coefficient[:, None, None, None]  # type: ignore[misc]
    wanted, wanted_backward = twin.forward(x, {"weight": weight, "bias": bias})
    dy = normal(generator("dy"), y.shape)
    (dx, gradients), (wanted_dx, wanted_gradients) = backward(dy), wanted_backward(dy)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dx, wanted_dx, rtol=1e-12, atol=1e-13)
    summed = wanted_gradients["weight"].sum(axis=(1, 2, 3))  # one coefficient for all taps
    np.testing.assert_allclose(gradients["coefficient"], summed, rtol=1e-12)
    np.testing.assert_allclose(gradients["bias"], wanted_gradients["bias"], rtol=1e-12)


def test_lenets_s2_has_12_parameters() -> None:
    assert Subsampling2D(2).parameter_count((6, 28, 28)) == 12
    assert Subsampling2D(2).parameter_count((16, 10, 10)) == 32
    assert Subsampling2D(2).multiply_adds((6, 28, 28)) == 6 * 14 * 14
    assert MeanPool2D(2).multiply_adds((6, 28, 28)) == 0
