"""The geometry of windows: counted, transposed, and against its definition pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import Geometry, inside, same_padding
from sixloops.errors import ConfigurationError
from sixloops.initializers import Initializer
from sixloops.layers import Conv2D, MaxPool2D, Normalize, RadialBasis
from sixloops.layers.windows import Window, window_over

quick = settings(max_examples=60, derandomize=True)


def pairs(lowest: int, highest: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw a pair (height, width)."""
    return st.tuples(st.integers(lowest, highest), st.integers(lowest, highest))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Draw a window with at least one position."""
    kernel, stride, dilation = draw(pairs(1, 4)), draw(pairs(1, 5)), draw(pairs(1, 3))
    padding, extent = (draw(pairs(0, 3)), draw(pairs(0, 3))), draw(pairs(1, 9))
    window = Window(kernel, stride, dilation, padding, extent)
    reaches = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padded = [n + sum(sides) for n, sides in zip(extent, padding, strict=True)]
    assume(all(reach <= n for reach, n in zip(reaches, padded, strict=True)))
    return window


def oracle(window: Window) -> Geometry:
    """Return the oracle's description of the same window."""
    return Geometry(window.kernel, window.stride, window.padding, window.dilation)


@quick
@given(windows())
def test_positions_are_as_many_as_walking_over_the_map_finds(window: Window) -> None:
    counted = tuple(oracle(window).positions(window.extent[axis], axis) for axis in (0, 1))
    assert window.positions == counted


@quick
@given(windows(), st.sampled_from([0.0, -np.inf, 2.5]))
def test_gather_shows_every_tap_its_pixel(window: Window, fill: float) -> None:
    x = np.random.default_rng(0).normal(size=(2, 2, *window.extent))
    patches = window.gather(x, fill)
    assert patches.shape == (2, 2, *window.kernel, *window.positions)
    for i, j in np.ndindex(window.positions):
        for u, v, row, column in oracle(window).taps(i, j):
            pixel = x[:, :, row, column] if inside(x, row, column) else fill
            assert (patches[:, :, u, v, i, j] == pixel).all()


@quick
@given(windows())
def test_scatter_is_the_transpose_of_gather(window: Window) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 3, *window.extent))
    patches = random.normal(size=(2, 3, *window.kernel, *window.positions))
    assert (window.gather(x) * patches).sum() == pytest.approx(
        (x * window.scatter(patches)).sum(), rel=1e-10, abs=1e-10
    )


@quick
@given(windows())
def test_scattered_ones_count_the_windows_that_see_a_pixel(window: Window) -> None:
    seen = np.zeros((1, 1, *window.extent))
    for i, j in np.ndindex(window.positions):
        for _, _, row, column in oracle(window).taps(i, j):
            if inside(seen, row, column):
                seen[0, 0, row, column] += 1
    ones = np.ones((1, 1, *window.kernel, *window.positions))
    np.testing.assert_array_equal(window.scatter(ones), seen)


@quick
@given(pairs(1, 9), pairs(1, 4), pairs(1, 5), pairs(1, 3))
def test_same_gives_a_position_a_stride_with_the_least_padding(
    extent: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    window = window_over(MaxPool2D(), (1, *extent), kernel, stride, "same", dilation)
    assert window.positions == tuple(-(-n // s) for n, s in zip(extent, stride, strict=True))
    assert window.padding == same_padding(extent, kernel, stride, dilation)


@quick
@given(windows())
def test_gather_is_a_view_that_leaves_the_map_alone(window: Window) -> None:
    x = np.random.default_rng(2).normal(size=(1, 1, *window.extent))
    assert not window.gather(x).flags.writeable
    assert not np.shares_memory(window.scatter(window.gather(x)), x)


def test_rows_that_can_be_read_once_make_a_table():
    table = (iter([0]), (number for number in (0, 1)))
    assert Conv2D(2, 1, table=table).table == ((0,), (0, 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv2D(2, 1, table=np.array(3)),
        lambda: Normalize(np.array(0.5), "x"),
        lambda: RadialBasis(np.array(3.0)),
    ],
)
def test_arrays_without_axes_are_no_lists(make):
    with pytest.raises(ConfigurationError):
        make()


def test_bias_and_weights_of_a_group_are_drawn_for_the_same_fans():
    seen = []

    class Spy(Initializer):
        def draw(self, shape, fan_in, fan_out, random, dtype):
            seen.append((fan_in, fan_out))
            return np.zeros(shape, dtype)

    layer = Conv2D(4, 3, groups=2, weight_initializer=Spy(), bias_initializer=Spy())
    layer.initial_parameters((6, 5, 5), np.random.default_rng(0), np.float64)
    assert seen == [(27, 18), (27, 18)]
