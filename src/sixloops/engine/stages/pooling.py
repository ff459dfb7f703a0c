"""Pooling, over windows of any form or over whole maps, with the activation behind it.

A position sees a rectangle of pixels, and a pixel has been seen by a rectangle of positions.
So both ways run over rectangles: forward, each position looks at its pixels; backward, each
pixel asks the positions that have seen it, and is written once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sixloops.engine.kernels.lp_pool import lp_pool, lp_pool_back
from sixloops.engine.kernels.max_pool import max_pool, max_pool_back, place_back
from sixloops.engine.kernels.mean_pool import sum_windows
from sixloops.engine.kernels.rescale import rescale
from sixloops.engine.kernels.subsampling import add_products
from sixloops.engine.kernels.sums import add_parts, clear
from sixloops.engine.places import Place
from sixloops.engine.program import Operand, Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import Learned, Stage, Values, arranged
from sixloops.engine.stages.convolution import add_biases
from sixloops.layers import (
    GlobalMaxPool2D,
    GlobalMeanPool2D,
    L2Pool2D,
    Layer,
    LpPool2D,
    MaxPool2D,
    MeanPool2D,
    Subsampling2D,
)
from sixloops.layers.base import Array
from sixloops.layers.pooling import pooling_window
from sixloops.layers.windows import Pair, Window


@dataclass(frozen=True)
class Rectangles:
    """What each position sees, along both axes.

    Args:
        rows: (positions down, 2), the first row that is seen, and the one behind the last.
        columns: (positions across, 2), likewise.
        extent: (height, width) of what is seen.
    """

    rows: Array
    columns: Array
    extent: Pair

    @property
    def areas(self) -> Array:
        """How many pixels each position sees, (positions down, positions across)."""
        return np.diff(self.rows) * np.diff(self.columns).T

    @property
    def once(self) -> bool:
        """Whether each sees one."""
        return bool((self.areas == 1).all())

    def operands(self, program: Program, channels: int) -> tuple[Operand, ...]:
        """Return all that kernels must know of it."""
        height, width = self.extent
        rows, columns = (program.array(axis, np.int32) for axis in (self.rows, self.columns))
        return rows, columns, len(self.rows), len(self.columns), height * width, width, channels


def seen_by_positions(window: Window) -> Rectangles:
    """Return which pixels each position of a window sees."""
    return Rectangles(_seen(window, 0), _seen(window, 1), window.extent)


def seen_by_pixels(window: Window) -> Rectangles:
    """Return by which positions of a window each pixel is seen."""
    return Rectangles(_seeing(window, 0), _seeing(window, 1), window.positions)


def _seen(window: Window, axis: int) -> Array:
    """Position p sees the pixels from s·p − padding on, k of them, where they exist."""
    first = window.stride[axis] * np.arange(window.positions[axis]) - window.padding[axis][0]
    ends = np.stack([first, first + window.kernel[axis]], axis=1)
    return ends.clip(0, window.extent[axis])


def _seeing(window: Window, axis: int) -> Array:
    """Pixel i is seen by the positions p with s·p ≤ i + padding < s·p + k; maybe by none."""
    reached = np.arange(window.extent[axis]) + window.padding[axis][0]
    first = -(-(reached - window.kernel[axis] + 1) // window.stride[axis])
    ends = np.stack([first, reached // window.stride[axis] + 1], axis=1)
    return ends.clip(0, window.positions[axis])


class PoolStage(Stage):
    """Base of the stages that pool.

    Args:
        place: the layer at its place.
        activation: applied to the result, if any.
        learned: the network's parameters and gradients.
    """

    def __init__(self, place: Place, activation: Layer | None, learned: Learned) -> None:
        self._place, self._activation, self._learned = place, activation, learned
        self._window = _window_of(place)
        self._channels = place.input_shape[0]
        kind, (kh, kw) = type(place.layer).__name__, self._window.kernel
        name = f" with {type(activation).__name__}" if activation else ""
        self.name = f"{place.path} {kind} {kh}×{kw}{name}: back pixel by pixel"

    def forward(self, program: Program, x: Values) -> Values:
        """Write how windows become numbers."""
        self._seen = seen_by_positions(self._window).operands(program, self._channels)
        self._seeing = seen_by_pixels(self._window).operands(program, self._channels)
        self._x, shape = arranged(program, x, channels_last=True), self._place.output_shape
        self._y = Values(program.buffer(math.prod(shape)), shape, channels_last=len(shape) == 3)
        self._pool(program)
        activate(program, self._activation, self._y)
        return self._y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write how the windows' errors become those of their pixels."""
        error = arranged(program, dy, self._y.channels_last)
        differentiate(program, self._activation, self._y, error)
        self._learn(program, error)
        if not needs_dx:
            return dy
        dx = replace(self._x, buffer=program.buffer(math.prod(self._x.shape)))
        self._send_back(program, error, dx)
        return dx

    def _pool(self, program: Program) -> None:
        """Write how y comes from x."""
        raise NotImplementedError

    def _learn(self, program: Program, error: Values) -> None:
        """Write the parameters' gradients, if there are any."""

    def _send_back(self, program: Program, error: Values, dx: Values) -> None:
        """Write how dx comes from the error."""
        raise NotImplementedError


class MaxPoolStage(PoolStage):
    """The largest value of each window, or of each map."""

    def _pool(self, program: Program) -> None:
        self._winners = program.buffer(self._y.buffer.size, np.int32)
        arrays = self._x.buffer, self._y.buffer, self._winners
        program.each(max_pool, *arrays, *self._seen)

    def _send_back(self, program: Program, error: Values, dx: Values) -> None:
        arrays = error.buffer, dx.buffer, self._winners
        if seen_by_pixels(self._window).once:
            program.each(place_back, *arrays, *self._seen)
        else:
            program.each(max_pool_back, *arrays, *self._seeing)


class MeanPoolStage(PoolStage):
    """The mean of each window, or of each map."""

    def _pool(self, program: Program) -> None:
        areas = seen_by_positions(self._window).areas
        if getattr(self._place.layer, "count_padding", False):
            areas = np.full_like(areas, math.prod(self._window.kernel))
        self._shares = program.array(1 / areas)
        self._ones = program.array(np.ones(self._window.extent))
        factors = self._ones, self._shares
        program.each(sum_windows, self._x.buffer, self._y.buffer, *factors, *self._seen)

    def _send_back(self, program: Program, error: Values, dx: Values) -> None:
        factors = self._shares, self._ones
        program.each(sum_windows, error.buffer, dx.buffer, *factors, *self._seeing)


class LpPoolStage(PoolStage):
    """The p-norm of each window. Its backward needs y itself: no activation goes with it."""

    def _pool(self, program: Program) -> None:
        p = getattr(self._place.layer, "p", 2.0)
        self._powers, scratch = program.array([p, p - 1, 1 / p]), program.part(self._channels)
        arrays = self._x.buffer, self._y.buffer, self._powers, scratch
        program.each(lp_pool, *arrays, *self._seen)

    def _send_back(self, program: Program, error: Values, dx: Values) -> None:
        arrays = error.buffer, self._y.buffer, self._x.buffer, dx.buffer, self._powers
        program.each(lp_pool_back, *arrays, *self._seeing)


class SubsamplingStage(PoolStage):
    """The sum of each window, times a learnt coefficient, plus a learnt bias."""

    learns = True

    def _pool(self, program: Program) -> None:
        self._sums = replace(self._y, buffer=program.buffer(self._y.buffer.size))
        self._ones = program.array(np.ones(self._window.extent))
        factors = self._ones, self._ones
        program.each(sum_windows, self._x.buffer, self._sums.buffer, *factors, *self._seen)
        parameters, path = self._learned.parameters, self._place.path
        self._coefficient = parameters[f"{path}.coefficient"]
        self._zeros = program.array(np.zeros(self._channels))
        self._rescale(program, self._sums, self._y, parameters[f"{path}.bias"])

    def _rescale(self, program: Program, x: Values, y: Values, offset: Array) -> None:
        lines, positions = (self._zeros, self._coefficient, offset), math.prod(y.shape[1:])
        program.each(rescale, x.buffer, y.buffer, *lines, positions, self._channels, 1)

    def _learn(self, program: Program, error: Values) -> None:
        gradients, path = self._learned.gradients, self._place.path
        positions, channels = math.prod(error.shape[1:]), self._channels
        add_biases(program, error, positions, channels, gradients[f"{path}.bias"])
        totals = program.part(channels)
        program.once(clear, totals, channels)
        arrays = error.buffer, self._sums.buffer, totals
        program.each(add_products, *arrays, positions, channels)
        size = totals.array.shape[1]
        program.after(add_parts, totals.array, gradients[f"{path}.coefficient"], size, channels)

    def _send_back(self, program: Program, error: Values, dx: Values) -> None:
        dsums = replace(error, buffer=program.buffer(math.prod(error.shape)))
        self._rescale(program, error, dsums, self._zeros)
        factors = self._ones, self._ones
        program.each(sum_windows, dsums.buffer, dx.buffer, *factors, *self._seeing)


POOLS: dict[type[Layer], type[PoolStage]] = {
    MaxPool2D: MaxPoolStage,
    GlobalMaxPool2D: MaxPoolStage,
    MeanPool2D: MeanPoolStage,
    GlobalMeanPool2D: MeanPoolStage,
    LpPool2D: LpPoolStage,
    L2Pool2D: LpPoolStage,
    Subsampling2D: SubsamplingStage,
}
"""The layers that pool, and their stages."""


def _window_of(place: Place) -> Window:
    """Return a layer's window; that of a global pooling is the whole map."""
    if hasattr(place.layer, "kernel"):
        return pooling_window(place.layer, place.input_shape)
    extent = place.input_shape[1], place.input_shape[2]
    return Window(extent, (1, 1), (1, 1), ((0, 0), (0, 0)), extent)
