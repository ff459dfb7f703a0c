"""Convolution and pooling against three other writings: naive loops, SciPy and PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal

from oracles import (
    Array,
    Geometry,
    Pair,
    Sides,
    convolve,
    convolve_backward,
    pool,
    same_padding,
    take_max,
    take_mean,
    take_mean_inside,
    take_norm,
)
from sixloops.layers import Conv2D, L2Pool2D, LpPool2D, MaxPool2D, MeanPool2D

quick = settings(max_examples=40, derandomize=True)


def pairs(lowest: int, highest: int) -> st.SearchStrategy[Pair]:
    """Draw a pair (height, width)."""
    return st.tuples(st.integers(lowest, highest), st.integers(lowest, highest))


def close(got: Array, wanted: Array) -> None:
    """Assert equality but for rounding."""
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


def cotangent(y: Array) -> Array:
    """Return a random ``dy``."""
    return np.random.default_rng(99).normal(size=y.shape)


@dataclass(frozen=True)
class Convolution:
    """A convolution with everything that its loops need."""

    layer: Conv2D
    geometry: Geometry
    x: Array
    weight: Array
    bias: Array

    def run(self) -> tuple[Array, Array, Array, dict[str, Array]]:
        """Return y, dy, dx and the gradients of the layer."""
        y, backward = self.layer.forward(self.x, {"weight": self.weight, "bias": self.bias})
        dy = cotangent(y)
        return y, dy, *backward(dy)

    def oracle(self, dy: Array) -> tuple[Array, tuple[Array, Array, Array]]:
        """Return y, and (dx, dweight, dbias), of the six loops."""
        groups, table = self.layer.groups, self.layer.table
        y = convolve(self.x, self.weight, self.bias, self.geometry, groups, table)
        return y, convolve_backward(self.x, self.weight, dy, self.geometry, groups, table)


def fits(geometry: Geometry, extent: Pair) -> bool:
    """Say whether the window has a position."""
    return all(geometry.positions(extent[axis], axis) > 0 for axis in (0, 1))


@st.composite
def paddings(draw: st.DrawFn, highest: Pair = (2, 2)) -> Sides:
    """Draw padding for the four sides."""
    down, across = (draw(pairs(0, most)) for most in highest)
    return down, across


@st.composite
def convolutions(draw: st.DrawFn, table: bool = False) -> Convolution:
    """Draw a convolution of any geometry, with groups or a table."""
    extent, kernel, stride, dilation = (draw(pairs(1, n)) for n in (6, 3, 3, 2))
    sides = draw(st.none() | paddings())
    padding = same_padding(extent, kernel, stride, dilation) if sides is None else sides
    geometry = Geometry(kernel, stride, padding, dilation)
    assume(fits(geometry, extent))
    groups = 1 if table else draw(st.integers(1, 3))
    channels, filters = (groups * draw(st.integers(1, 3)) for _ in range(2))
    some = st.lists(st.integers(0, channels - 1), min_size=1, unique=True)
    rows = draw(st.lists(some, min_size=filters, max_size=filters)) if table else None
    given_padding = "same" if sides is None else sides
    layer = Conv2D(filters, kernel, stride, given_padding, dilation, groups, rows)
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    x = random.normal(size=(draw(st.integers(1, 2)), channels, *extent))
    weight = random.normal(size=(filters, channels // groups, *kernel))
    return Convolution(layer, geometry, x, weight, random.normal(size=filters))


@quick
@given(convolutions() | convolutions(table=True))
def test_convolution_is_the_six_loops(case: Convolution) -> None:
    y, dy, dx, gradients = case.run()
    wanted_y, (wanted_dx, dweight, dbias) = case.oracle(dy)
    close(y, wanted_y)
    close(dx, wanted_dx)
    close(gradients["weight"], dweight)
    close(gradients["bias"], dbias)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (4, 1)])
def test_convolution_is_scipys_correlation(kernel: Pair, padding: Literal["valid", "same"]) -> None:
    random = np.random.default_rng(5)
    x, weight = random.normal(size=(2, 3, 6, 7)), random.normal(size=(4, 3, *kernel))
    y, _ = Conv2D(4, kernel, padding=padding, use_bias=False).forward(x, {"weight": weight})
    for n, k in np.ndindex(2, 4):
        maps = [signal.correlate2d(x[n, c], weight[k, c], mode=padding) for c in range(3)]
        close(y[n, k], np.sum(maps, axis=0))


@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (4, 1)])
def test_backward_is_scipys_full_convolution(kernel: Pair) -> None:
    random = np.random.default_rng(6)
    x, weight = random.normal(size=(2, 3, 6, 7)), random.normal(size=(4, 3, *kernel))
    y, backward = Conv2D(4, kernel, use_bias=False).forward(x, {"weight": weight})
    dy = cotangent(y)
    dx, gradients = backward(dy)
    for n, c in np.ndindex(2, 3):
        full = [signal.convolve2d(dy[n, k], weight[k, c], mode="full") for k in range(4)]
        close(dx[n, c], np.sum(full, axis=0))
    for k, c in np.ndindex(4, 3):
        seen = [signal.correlate2d(x[n, c], dy[n, k], mode="valid") for n in range(2)]
        close(gradients["weight"][k, c], np.sum(seen, axis=0))


@st.composite
def pooled(draw: st.DrawFn) -> tuple[Geometry, Sides | str, Array]:
    """Draw a pooling window with the padding as given to the layer, and maps, often with ties."""
    extent, kernel, stride = (draw(pairs(1, n)) for n in (7, 3, 4))
    sides = draw(st.none() | paddings((kernel[0] - 1, kernel[1] - 1)))
    padding = same_padding(extent, kernel, stride) if sides is None else sides
    geometry = Geometry(kernel, stride, padding)
    assume(fits(geometry, extent))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    x = random.normal(size=(2, 2, *extent))
    x = np.round(x) if draw(st.booleans()) else x
    return geometry, "same" if sides is None else sides, x


POOLINGS: list[tuple[Any, dict[str, Any], Any]] = [
    (MaxPool2D, {}, take_max),
    (MeanPool2D, {"count_padding": True}, take_mean),
    (MeanPool2D, {"count_padding": False}, take_mean_inside),
    (L2Pool2D, {}, take_norm(2)),
    (LpPool2D, {"p": 1}, take_norm(1)),
    (LpPool2D, {"p": 3.5}, take_norm(3.5)),
]
NAMES = ["max", "mean", "mean inside", "l2", "l1", "l3.5"]


@pytest.mark.parametrize(("kind", "options", "how"), POOLINGS, ids=NAMES)
def test_pooling_is_its_loops(kind: Any, options: dict[str, Any], how: Any) -> None:
    @quick
    @given(pooled())
    def check(drawn: tuple[Geometry, Sides | str, Array]) -> None:
        geometry, padding, x = drawn
        layer = kind(kernel=geometry.kernel, stride=geometry.stride, padding=padding, **options)
        y, backward = layer.forward(x)
        dx, _ = backward(cotangent(y))
        wanted_y, wanted_dx = pool(x, lambda shape: cotangent(np.empty(shape)), geometry, how)
        close(y, wanted_y)
        close(dx, wanted_dx)

    check()


def test_mean_pooling_is_the_posts_repeat_divided_by_the_area() -> None:
    dy = np.random.default_rng(7).normal(size=(2, 3, 4, 5))
    _, backward = MeanPool2D(2).forward(np.zeros((2, 3, 8, 10)))
    close(backward(dy)[0], dy.repeat(2, axis=2).repeat(2, axis=3) / 4)


@pytest.fixture(scope="module")
def torch() -> Any:
    """PyTorch, where it is installed."""
    return pytest.importorskip("torch")


@quick
@given(case=convolutions())
def test_convolution_is_pytorchs(torch: Any, case: Convolution) -> None:
    y, dy, dx, gradients = case.run()
    (top, bottom), (left, right) = case.geometry.padding
    x, weight, bias = (
        torch.tensor(array, requires_grad=True) for array in (case.x, case.weight, case.bias)
    )
    theirs = torch.nn.functional.conv2d(
        torch.nn.functional.pad(x, (left, right, top, bottom)),
        weight,
        bias,
        stride=case.geometry.stride,
        dilation=case.geometry.dilation,
        groups=case.layer.groups,
    )
    theirs.backward(torch.tensor(dy))
    close(y, theirs.detach().numpy())
    close(dx, x.grad.numpy())
    close(gradients["weight"], weight.grad.numpy())
    close(gradients["bias"], bias.grad.numpy())


@pytest.mark.parametrize("name", ["max", "mean", "mean inside"])
def test_pooling_is_pytorchs(torch: Any, name: str) -> None:
    kind, options, _ = POOLINGS[NAMES.index(name)]

    def theirs(x: Any, geometry: Geometry, padding: Pair) -> Any:
        functional, window = torch.nn.functional, (geometry.kernel, geometry.stride, padding)
        if name == "max":
            return functional.max_pool2d(x, *window)
        return functional.avg_pool2d(x, *window, count_include_pad=name == "mean")

    @quick
    @given(pooled(), pairs(0, 1))
    def check(drawn: tuple[Geometry, Sides | str, Array], padding: Pair) -> None:
        window, _, x = drawn
        assume(all(2 * p <= k for p, k in zip(padding, window.kernel, strict=True)))
        sides = ((padding[0],) * 2, (padding[1],) * 2)
        geometry = Geometry(window.kernel, window.stride, sides)
        assume(fits(geometry, x.shape[2:]))
        y, backward = kind(window.kernel, window.stride, padding, **options).forward(x)
        leaf = torch.tensor(x, requires_grad=True)
        out = theirs(leaf, geometry, padding)
        out.backward(torch.tensor(cotangent(y)))
        close(y, out.detach().numpy())
        close(backward(cotangent(y))[0], leaf.grad.numpy())

    check()
