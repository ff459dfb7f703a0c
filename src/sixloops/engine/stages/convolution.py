"""Convolution, with the 2×2 max pooling and the activation behind it."""

from __future__ import annotations

import math
from itertools import pairwise
from math import prod

import numpy as np

from sixloops.engine.kernels.convolution import convolve
from sixloops.engine.kernels.convolution_back import convolution_input, convolution_weights
from sixloops.engine.kernels.convolution_weights import (
    pack_biases,
    pack_panels,
    pack_rows,
    sum_of_rows,
)
from sixloops.engine.kernels.sums import add_parts, add_rows, clear
from sixloops.engine.kernels.vectors import lanes_of
from sixloops.engine.places import Place
from sixloops.engine.program import Behind, Buffer, Operand, Part, Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import (
    Learned,
    Stage,
    Values,
    arranged,
    copy,
    strides_of,
)
from sixloops.layers import Conv2D, Layer, ReLU
from sixloops.layers.base import Array
from sixloops.layers.windows import Window, window_over

NEAREST_CACHE = 6144
"""Numbers of maps that stay in the processor's nearest cache beside what else is there."""

MANY_POSITIONS = 64
"""Positions from which on a kernel's errors need not be collected from several images."""

LONG_KERNEL = 192
"""Taps of a kernel from which on it pays to leave out errors of 0."""


class ConvolutionStage(Stage):
    """A convolution, pooled or not, with an activation.

    Args:
        place: the convolution at its place.
        layer: the convolution itself.
        pooled: whether 2×2 max pooling follows, over windows that lie side by side.
        activation: applied to the result, if any.
        learned: the network's parameters and gradients.
    """

    learns = True

    def __init__(
        self,
        place: Place,
        layer: Conv2D,
        pooled: bool,
        activation: Layer | None,
        learned: Learned,
    ) -> None:
        self._place, self._layer, self._pooled = place, layer, pooled
        self._activation, self._learned = activation, learned
        self._window = _window_of(layer, place)
        self._channels, self._groups = place.input_shape[0], layer.groups
        self._kernels = layer.filters // layer.groups
        (top, bottom), (left, right) = self._window.padding
        height, width = self._window.extent
        self._frame = height + top + bottom, width + left + right
        down, across = self._window.positions
        self._down, self._across = (down // 2, across // 2) if pooled else (down, across)
        self._runs = self._what_a_window_sees()
        self._lanes = lanes_of(learned.parameters[f"{place.path}.weight"].dtype)
        self.name = self._described()

    def _described(self) -> str:
        kh, kw = self._window.kernel
        pool = " and 2×2 max pooling" if self._pooled else ""
        name = f" with {type(self._activation).__name__}" if self._activation else ""
        way = "tiles in registers; back over the winners" if self._pooled else "tiles in registers"
        return f"{self._place.path} Conv2D {self._layer.filters}@{kh}×{kw}{pool}{name}: {way}"

    def _what_a_window_sees(self) -> tuple[int, int, int, int, int]:
        """Return the runs of numbers that lie together: rows of the kernel, or its taps."""
        (kh, kw), (dh, dw) = self._window.kernel, self._window.dilation
        line = dh * self._frame[1] * self._channels
        if self._groups == 1 and dw == 1:
            return kh, 1, kw * self._channels, line, 0
        return kh, kw, self._channels // self._groups, line, dw * self._channels

    def _windows(self) -> Array:
        """Return each window's first pixel times four, plus which of its pooling's it is."""
        (sh, sw), (down, across) = self._window.stride, self._window.positions
        pixels = np.arange(down)[:, None] * (sh * self._frame[1]) + np.arange(across) * sw
        if not self._pooled:
            return pixels * 4
        fours = pixels[: self._down * 2, : self._across * 2]
        fours = fours.reshape(self._down, 2, self._across, 2).swapaxes(1, 2).reshape(-1, 4)
        return fours * 4 + np.arange(4)

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = f(max(W·P) + b)."""
        self._pack(program)
        self._x = self._framed(program, x)
        shape = (self._layer.filters, self._down, self._across)
        self._y = Values(program.buffer(math.prod(shape)), shape, channels_last=True)
        self._winners = program.buffer(math.prod(shape) if self._pooled else 0, np.int32)
        self._table = program.array(self._windows(), np.int32)
        program.pieces(convolve, self._bands(program, math.prod(shape[1:])))
        activate(program, self._activation, self._y)
        return self._y

    def _bands(self, program: Program, positions: int) -> list[tuple[Operand, ...]]:
        """Return the operands for the positions of an image, or for some of them at a time."""
        image, filters, weights = self._image(), self._layer.filters, self._panels.size
        windows = 4 if self._pooled else 1
        starts = program.array(np.arange(program.chunk) * (image // self._channels * 4), np.int32)
        packed = self._panels, self._biases, image
        how = self._channels, self._kernels, self._groups, self._pooled, *self._runs
        bands: list[tuple[Operand, ...]] = []
        for begin, end in pairwise(program.edges(positions, positions * windows * weights)):
            found = (Behind(to, begin * filters) for to in (self._y.buffer, self._winners))
            table, count = self._table[begin * windows :], (end - begin) * windows
            bands.append((self._x, *found, table, starts, *packed, count, *how))
        return bands

    def _image(self) -> int:
        """Return how many numbers an image's maps are, with their frame."""
        return self._channels * self._frame[0] * self._frame[1]

    def _pack(self, program: Program) -> None:
        """Write how the weights are arranged for both ways, before each batch."""
        parameters, path = self._learned.parameters, self._place.path
        weight = parameters[f"{path}.weight"]
        bias = parameters.get(f"{path}.bias", np.zeros(self._layer.filters, weight.dtype))
        self._shape = (self._groups, self._kernels, *weight.shape[1:])
        connected = self._layer.connections(self._channels)[:, :, None, None]
        self._mask = program.array(np.broadcast_to(connected, weight.shape))
        padded = -(-self._kernels // self._lanes) * self._lanes * self._groups
        self._panels = program.array(np.zeros(padded * weight[0].size))
        self._biases = program.array(np.zeros(padded))
        self._rows = program.array(np.zeros(self._layer.filters * self._length()))
        arrays = weight, self._mask, self._panels, *self._shape
        for begin, end, where in program.cut(padded // self._lanes, weight.size):
            program.before(pack_panels, *arrays, begin, end, where=where)
        program.before(pack_biases, bias, self._biases, *self._shape)

    def _length(self) -> int:
        """Return how many numbers a kernel's runs are, each padded to whole vectors."""
        return self._runs[0] * self._runs[1] * (-(-self._runs[2] // self._lanes) * self._lanes)

    def _framed(self, program: Program, x: Values) -> Buffer:
        """Return the maps with their channels last, in a frame of zeros if there is padding."""
        if self._frame == self._window.extent:
            return arranged(program, x, channels_last=True).buffer
        framed = Values(program.buffer(self._image()), x.shape, channels_last=True)
        # Nothing is ever written into the frame itself: its zeros last.
        copy(program, x, strides_of(x), framed, self._inner_strides(framed))
        return framed.buffer

    def _inner_strides(self, framed: Values) -> tuple[int, ...]:
        (top, _), (left, _) = self._window.padding
        return strides_of(framed, self._frame, (top, left))

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write the sums over the windows that matter."""
        error = arranged(program, dy, channels_last=True)
        differentiate(program, self._activation, self._y, error)
        self._sum_gradients(program, error)
        return self._error_of_input(program, error) if needs_dx else dy

    def _sum_gradients(self, program: Program, error: Values) -> None:
        gradients, path = self._learned.gradients, self._place.path
        positions, filters = self._down * self._across, self._layer.filters
        block = self._block(positions)
        collected = filters * max(block, 1) * positions if block else 0
        scratch = program.scratch(collected), program.scratch(collected, np.int32)
        counts, sums = program.scratch(filters, np.int32), program.part(filters * self._length())
        offsets = program.array(np.arange(self._kernels) * self._length(), np.int32)
        program.once(clear, sums, filters * self._length())
        arrays = (self._x, error.buffer, self._winners, self._table, *scratch, counts, offsets)
        numbers = (self._image(), positions, self._channels, self._kernels, self._groups)
        how = (self._pooled, block, *self._runs)
        program.each(convolution_weights, *arrays, sums, *numbers, *how)
        gradient, size = gradients[f"{path}.weight"], sums.array.shape[1]
        shape = (*self._shape, *self._runs)
        added = sums.array, self._mask, gradient, size, *shape
        for begin, end, where in program.cut(filters, gradient.size):
            program.after(sum_of_rows, *added, begin, end, where=where)
        if self._layer.use_bias:
            add_biases(program, error, positions, filters, gradients[f"{path}.bias"])

    def _block(self, positions: int) -> int:
        """Return from how many images errors are collected; 0 to take them as they lie."""
        has_zeros = isinstance(self._activation, ReLU) and prod(self._runs[:3]) >= LONG_KERNEL
        if not has_zeros and positions >= MANY_POSITIONS:
            return 0
        return max(1, min(NEAREST_CACHE // self._image(), 16))

    def _is_convolution_back(self) -> bool:
        """Say whether the error by the input is a plain convolution of the error."""
        layer, (kh, kw), (dh, dw) = self._layer, self._window.kernel, self._window.dilation
        (top, bottom), (left, right) = self._window.padding
        plain = layer.stride == (1, 1) and layer.groups == 1 and layer.table is None
        inside = max(top, bottom) <= dh * (kh - 1) and max(left, right) <= dw * (kw - 1)
        return plain and inside and not self._pooled

    def _convolve_error(self, program: Program, error: Values) -> Values:
        """Write dx as the convolution of the error with the kernels turned by half a circle."""
        (kh, kw), (dh, dw) = self._window.kernel, self._window.dilation
        (top, bottom), (left, right) = self._window.padding
        down, across = dh * (kh - 1), dw * (kw - 1)
        padding = (down - top, down - bottom), (across - left, across - right)
        layer = Conv2D(self._channels, (kh, kw), dilation=(dh, dw), padding=padding, use_bias=False)
        weight = self._learned.parameters[f"{self._place.path}.weight"].swapaxes(0, 1)
        turned = np.zeros(weight.shape, program.dtype)
        program.call_first(lambda images: np.copyto(turned, weight[:, :, ::-1, ::-1]))
        place = Place(self._place.path, layer, error.shape, self._place.input_shape)
        learned = Learned({f"{place.path}.weight": turned}, {})
        return ConvolutionStage(place, layer, False, None, learned).forward(program, error)

    def _error_of_input(self, program: Program, error: Values) -> Values:
        if self._is_convolution_back():
            return self._convolve_error(program, error)
        parameters, windows = self._learned.parameters, self._windows()
        weight = parameters[f"{self._place.path}.weight"]
        packed = weight, self._mask, self._rows, *self._shape, *self._runs
        for begin, end, where in program.cut(self._layer.filters, weight.size):
            program.before(pack_rows, *packed, begin, end, where=where)
        found = program.scratch(windows.size * self._kernels)
        kernels = program.scratch(windows.size * self._kernels, np.int32)
        counts, framed = program.scratch(windows.size, np.int32), program.buffer(self._image())
        by_column = windows.reshape(self._down, self._across, -1).swapaxes(0, 1)
        offsets = program.array(by_column // 4 * self._channels, np.int32)
        arrays = (framed, error.buffer, self._winners, offsets, found, kernels, counts)
        numbers = (self._image(), self._down, self._across, self._channels, self._kernels)
        how = (self._groups, self._pooled, *self._runs)
        program.each(convolution_input, *arrays, self._rows, *numbers, *how)
        dx = Values(framed, self._place.input_shape, channels_last=True)
        if self._frame == self._window.extent:
            return dx
        cropped = Values(program.buffer(math.prod(dx.shape)), dx.shape, channels_last=True)
        copy(program, dx, self._inner_strides(dx), cropped, strides_of(cropped))
        return cropped


def add_biases(
    program: Program, error: Values, positions: int, units: int, gradient: Array
) -> None:
    """Write how a bias's gradient is added up, over images and positions."""
    sums: Part = program.part(units)
    program.once(clear, sums, units)
    program.each(add_rows, error.buffer, sums, positions, units)
    part = sums.array.shape[1]
    program.after(add_parts, sums.array, gradient, part, units)


def _window_of(layer: Conv2D, place: Place) -> Window:
    kernel, stride, dilation = layer.kernel, layer.stride, layer.dilation
    return window_over(layer, place.input_shape, kernel, stride, layer.padding, dilation)  # type: ignore[arg-type]
