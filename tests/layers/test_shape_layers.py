"""Layers that learn nothing: flatten, zero padding, rescale and normalise."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draws import generator, normal
from sixloops.errors import ConfigurationError, DataError, ShapeError
from sixloops.layers import Flatten, Normalize, Rescale, ZeroPad2D

# ---- flatten -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4), (5,), (3, 2), (1, 1, 1, 2)])
def test_flatten_keeps_reading_order_and_goes_back(shape: tuple[int, ...]) -> None:
    x = np.arange(2.0 * np.prod(shape)).reshape(2, *shape)
    y, backward = Flatten().forward(x)
    assert y.shape[1:] == Flatten().output_shape(shape)
    np.testing.assert_array_equal(y.ravel(), np.arange(x.size))
    np.testing.assert_array_equal(backward(y)[0], x)


def test_flatten_takes_an_empty_batch() -> None:
    assert Flatten().forward(np.zeros((0, 2, 3, 4)))[0].shape == (0, 24)


# ---- zero padding ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        (2, ((2, 2), (2, 2))),
        ((1, 3), ((1, 1), (3, 3))),
        (((1, 0), (0, 2)), ((1, 0), (0, 2))),
        (0, ((0, 0), (0, 0))),
    ],
)
def test_zero_padding_is_numpys(padding: Any, sides: Any) -> None:
    layer, x = ZeroPad2D(padding), normal(generator("x"), (2, 3, 4, 5))
    assert layer.padding == sides
    y, backward = layer.forward(x)
    assert layer.output_shape((3, 4, 5)) == y.shape[1:]
    np.testing.assert_array_equal(y, np.pad(x, ((0, 0), (0, 0), *sides)))
    dy = normal(generator("dy"), y.shape)
    (top, _), (left, _) = sides
    np.testing.assert_array_equal(backward(dy)[0], dy[:, :, top : top + 4, left : left + 5])


@pytest.mark.parametrize(
    "padding",
    [-1, "same", "valid", 1.5, (1, -1), (1, 2, 3), ((1, 2), (3,)), None, True, (((1,),),)],
)
def test_zero_padding_that_makes_no_sense_is_refused(padding: Any) -> None:
    words = r"'padding' of ZeroPad2D must be a whole number of at least 0, a pair"
    with pytest.raises(ConfigurationError, match=words):
        ZeroPad2D(padding)


def test_only_maps_are_padded() -> None:
    with pytest.raises(ShapeError, match="input of ZeroPad2D must be maps"):
        ZeroPad2D(2).output_shape((28, 28))


# ---- rescale -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64, bool])
def test_whole_numbers_become_float32_and_do_not_wrap_around(dtype: Any) -> None:
    x = np.array([[0, 1], [100, 127]]).astype(dtype)
    y, backward = Rescale(scale=3, offset=-500).forward(x)
    np.testing.assert_array_equal(y, 3 * x.astype(np.float32) - 500, strict=True)
    np.testing.assert_array_equal(backward(y)[0], 3 * y, strict=True)


def test_bytes_become_numbers_from_0_to_1() -> None:
    y, _ = Rescale().forward(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert (y.min(), y.max()) == (0, 1)
    np.testing.assert_allclose(y.ravel(), np.arange(256) / 255, rtol=1e-6)


@pytest.mark.parametrize("options", [{"scale": np.nan}, {"scale": "1"}, {"offset": np.inf}])
def test_a_line_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="of Rescale must be a finite number"):
        Rescale(**options)


# ---- normalise ---------------------------------------------------------------------------


def images(dtype: Any = np.uint8, n: int = 50) -> Any:
    """Return images whose three channels differ in mean and spread."""
    drawn = normal(generator("images"), (n, 3, 4, 5))
    return (np.array([40, 90, 120])[:, None, None] + drawn * [[[3]], [[9]], [[20]]]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float32, np.float64])
def test_normalised_images_have_mean_0_and_deviation_1(dtype: Any) -> None:
    given = images(dtype)
    y, _ = Normalize.of(given).forward(given.astype(np.float64))
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, rtol=1e-12)


def test_statistics_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Normalize.of(images(n=53))
    module = "sixloops.layers.channel_statistics._VALUES_AT_A_TIME"
    for values in (1, 60, 7 * 60):
        monkeypatch.setattr(module, values)
        pieces = Normalize.of(images(n=53))
        np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-13)
        np.testing.assert_allclose(pieces.std, whole.std, rtol=1e-13)


def test_a_memory_map_is_read_in_pieces(tmp_path: Path) -> None:
    shape = (6000, 1, 32, 32)
    mapped = np.memmap(tmp_path / "images", dtype=np.uint8, mode="w+", shape=shape)
    mapped[:3000] = 2
    tracemalloc.start()
    layer = Normalize.of(mapped)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (layer.mean, layer.std) == ((1.0,), (1.0,))
    assert peak < 8 * mapped.size / 2, "a copy in float64 would take 8 bytes a pixel"


def test_a_small_spread_far_from_0_is_found() -> None:
    given = 1e8 + images(np.float64) / 100
    np.testing.assert_allclose(Normalize.of(given).std, given.std(axis=(0, 2, 3)), rtol=1e-9)


@pytest.mark.parametrize("value", [0.1, 7, 1e30])
def test_a_channel_of_one_value_is_refused(value: float) -> None:
    given = images(np.float64)
    given[:, 1] = value
    with pytest.raises(DataError, match=r"Channel 1 .* same value everywhere.* Normalize\(mean"):
        Normalize.of(given)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("place", [(0, 2, 0, 0), (7, 2, 1, 3)])
def test_values_that_are_not_finite_are_refused(value: float, place: tuple[int, ...]) -> None:
    given = images(np.float64)
    given[place] = value
    with pytest.raises(DataError, match="Channel 2 of the images must be finite numbers"):
        Normalize.of(given)


@pytest.mark.parametrize("given", [np.zeros((9, 28, 28)), np.zeros((0, 1, 28, 28)), np.zeros(3)])
def test_what_is_no_set_of_images_is_refused(given: Any) -> None:
    with pytest.raises(DataError, match=r"\(n, channels, height, width\).*Got shape"):
        Normalize.of(given)


def test_images_must_be_numbers() -> None:
    with pytest.raises(DataError, match=r"must be numbers\. Got object"):
        Normalize.of(np.full((1, 1, 2, 2), None))


def test_one_number_serves_all_channels_or_each_has_its_own() -> None:
    x = images(np.float64)
    one, _ = Normalize(10, 4).forward(x)
    np.testing.assert_allclose(one, (x - 10) / 4, rtol=1e-14)
    mixed, backward = Normalize([10, 20, 30], 4).forward(x)  # type: ignore[arg-type]
    np.testing.assert_allclose(mixed[:, 2], (x[:, 2] - 30) / 4, rtol=1e-14)
    np.testing.assert_array_equal(backward(x)[0], x / 4)


def test_bytes_are_normalised_as_float32() -> None:
    x = images(np.uint8)
    y, _ = Normalize((200.0, 210.0, 220.0), (2.0, 3.0, 4.0)).forward(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y[:, 1], (x[:, 1] - 210.0) / 3.0, rtol=1e-6)


def test_another_number_of_channels_is_refused() -> None:
    layer = Normalize((1.0, 2.0, 3.0), 4.0)
    with pytest.raises(ShapeError, match=r"must have 3 channels.*'mean'.*Got shape \(1, 4, 5\)"):
        layer.output_shape((1, 4, 5))
    with pytest.raises(ShapeError, match="must have 3 channels"):
        layer.forward(np.zeros((2, 1, 4, 5)))


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        (0, 0, "'std' of Normalize must be a number above 0.* Got 0"),
        (0, (1, -1), "'std' .* above 0"),
        ((1, 2), (1, 2, 3), "'std' .* as many numbers as the mean"),
        ("0", 1, "'mean' of Normalize must be a number"),
        ((), 1, "'mean' of Normalize"),
        (np.nan, 1, "'mean' of Normalize"),
    ],
)
def test_statistics_that_make_no_sense_are_refused(mean: Any, std: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Normalize(mean, std)
