"""Convolutions, with the activations and the max pooling that follow them.

The maps have their channels last. Blocks of images go through one product with the
weights: patches (positions, taps) · Wᵀ (taps, kernels). An activation f that never falls
commutes with the maximum, so it is applied behind the pooling, to a fraction of the values.

Backward, only the winners of a pooling have an error. Where a window is large enough, the
gradients visit these alone: ∂E/∂W[k] is the sum of error · patch over k's winners, and the
error of a patch is the sum of error · W[k] over the kernels that won there. That is the
same gradient as that of the full products, with a quarter of the work or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixloops.engine.activation import Back, activate
from sixloops.engine.kernels import convolution as kernels
from sixloops.engine.kernels.dense import SMALL_PRODUCT
from sixloops.engine.kernels.max_pool import Pooling
from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import Context, Conv2D, Layer, MaxPool2D, ReLU
from sixloops.layers.base import Array, Gradients, Parameters
from sixloops.layers.pooling import pooling_window
from sixloops.layers.windows import Window, window_over

BLOCK_BYTES = 1 << 17
"""The patches of a block of images and their product shall stay in a core's own cache."""

_NO_WINNERS = np.zeros((1, 1, 1), np.int32)
_NO_IMAGES = np.zeros((0, 0, 0))

SPARSE_TAPS = 64
"""With fewer taps than this a full product is faster than visiting the winners."""


@dataclass
class ConvolutionMemory:
    """A worker's arrays, for chunks of up to as many images as ``y`` has."""

    block: int
    padded: Array
    dx: Array
    patches: Array
    z: Array
    y: Array
    winners: Array
    error: Array
    weight_sum: Array
    weight_part: Array
    bias_sum: Array
    starts: Array
    order: Array
    x: Array
    back: Back | None = None


class ConvolutionStage(Stage):
    """A convolution without groups, maybe a max pooling, and activations behind both.

    Args:
        place: the convolution at its place.
        layer: the convolution itself.
        pool: a max pooling that follows; None for none.
        activations: applied at the end.
        parameters: the network's.
    """

    learns = True

    def __init__(
        self,
        place: Place,
        layer: Conv2D,
        pool: MaxPool2D | None,
        activations: Sequence[Layer],
        parameters: Parameters,
    ) -> None:
        self.place, self.layer, self.pool = place, layer, pool
        self.activations = tuple(activations)
        self.window = _window_of(layer, place)
        down, across = self.window.positions
        self.positions, self.taps = down * across, parameters[self._named("weight")][0].size
        self.pooling = None if pool is None else pooling_window(pool, place.output_shape)
        self.outputs = self.window.positions if self.pooling is None else self.pooling.positions
        area = 1 if self.pooling is None else self.pooling.kernel[0] * self.pooling.kernel[1]
        self.single = place.input_shape[0] == 1
        self.sparse = area >= 4 and self.taps >= SPARSE_TAPS and not self.single
        self.name = self._words()
        self.relu = [type(activation) for activation in activations] == [ReLU]
        self.padded = self.window.padding != ((0, 0), (0, 0))
        self._pooling = _pooling_of(self.pooling)
        self.geometry = _geometry(self.window, place.input_shape[0])
        mask = layer.connections(place.input_shape[0])
        self._mask = None if mask.all() else mask[:, None, None, :]
        kernels, channels, kh, kw = parameters[self._named("weight")].shape
        dtype = parameters[self._named("weight")].dtype
        self._weight = np.empty((kernels, kh, kw, channels), dtype)
        self._no_bias = np.zeros(kernels, dtype)
        self.prepare(parameters)

    def _named(self, parameter: str) -> str:
        return f"{self.place.path}.{parameter}"

    def _words(self) -> str:
        kh, kw = self.window.kernel
        parts = [f"Conv2D {self.layer.filters}@{kh}×{kw}"]
        if self.pooling is not None:
            parts.append(f"MaxPool2D {self.pooling.kernel[0]}×{self.pooling.kernel[1]}")
        parts += [type(activation).__name__ for activation in self.activations]
        backward = "visits winners" if self.sparse else "product"
        return f"{self.place.path} {' + '.join(parts)}: patches and product, backward {backward}"

    def prepare(self, parameters: Parameters) -> None:
        """Put the weights into the order of the patches, absent connections as 0."""
        np.copyto(self._weight, parameters[self._named("weight")].transpose(0, 2, 3, 1))
        if self._mask is not None:
            self._weight *= self._mask
        self._matrix = self._weight.reshape(len(self._weight), -1)
        self._bias = parameters.get(self._named("bias"), self._no_bias)

    def memory(self, images: int) -> ConvolutionMemory:
        """Return the arrays for chunks of up to ``images``."""
        dtype, kernels = self._weight.dtype, len(self._weight)
        (h, w), ((top, bottom), (left, right)) = self.window.extent, self.window.padding
        padded = (images, h + top + bottom, w + left + right, self.place.input_shape[0])
        block = self._block(images)
        y, pooled = (images, *self.outputs, kernels), self.outputs[0] * self.outputs[1]
        return ConvolutionMemory(
            block=block,
            padded=np.zeros(padded if self.padded else 0, dtype),
            dx=np.zeros(padded, dtype),
            patches=np.empty(block * self.positions * self.taps, dtype),
            z=np.empty(block * self.positions * kernels, dtype),
            y=np.empty(y, dtype),
            winners=np.empty(y if self.pooling is not None else (images, 1, 1, 1), np.int32),
            error=np.empty(y, dtype),
            weight_sum=np.empty_like(self._matrix),
            weight_part=np.empty_like(self._matrix),
            bias_sum=np.empty(kernels, dtype),
            starts=np.empty(self.positions + 1, np.int32),
            order=np.empty(pooled * max(kernels, block), np.int32),
            x=_NO_IMAGES,
        )

    def _block(self, images: int) -> int:
        """Return how many images go through one product."""
        patches = self.positions * self.taps
        small = SMALL_PRODUCT // (patches * len(self._weight))
        cached: int = BLOCK_BYTES // (patches * self._weight.dtype.itemsize)
        return max(1, min(images, small or cached))

    def begin(self, memory: ConvolutionMemory, first: int) -> None:
        """Forget the gradients."""
        memory.weight_sum[:] = 0
        memory.bias_sum[:] = 0

    def forward(self, memory: ConvolutionMemory, x: Array, context: Context) -> Array:
        """Compute f(max(W·P) + b)."""
        images = len(x)
        memory.x = _lines(self._pad(memory, x))
        y = memory.y[:images]
        kernels.forward(
            memory.x,
            self._matrix,
            self._bias,
            self.geometry,
            self.single,
            self._pooling,
            self.relu,
            memory.block,
            memory.patches,
            memory.z,
            y,
            memory.winners[:images],
        )
        if not self.relu:
            memory.back = activate(self.activations, y)
        return y

    def _pad(self, memory: ConvolutionMemory, x: Array) -> Array:
        """Return the maps with their padding, in one piece of memory."""
        if not self.padded:
            return np.ascontiguousarray(x)
        (h, w), ((top, _), (left, _)) = self.window.extent, self.window.padding
        np.copyto(memory.padded[: len(x), top : top + h, left : left + w], x)
        return memory.padded[: len(x)]

    def backward(self, memory: ConvolutionMemory, dy: Array, needs_dx: bool) -> Array:
        """Carry the error back through activations, pooling and convolution."""
        images, (h, w), ((top, _), (left, _)) = len(dy), self.window.extent, self.window.padding
        if memory.back is None:
            np.copyto(memory.error[:images], dy)
        else:
            memory.back(dy, memory.error[:images])
        flat = images, -1, len(self._matrix)
        error = memory.error[:images].reshape(flat)
        winners = memory.winners[:images].reshape(flat) if self.pooling else _NO_WINNERS
        if self.sparse:
            self._visit_winners(memory, error, winners, needs_dx)
        else:
            self._full_products(memory, error, winners, needs_dx)
        return memory.dx[:images, top : top + h, left : left + w]

    def _visit_winners(
        self, memory: ConvolutionMemory, error: Array, winners: Array, needs_dx: bool
    ) -> None:
        kernels.backward_of_winners(
            memory.x,
            self._matrix,
            self.geometry,
            self.relu,
            memory.block,
            memory.patches,
            memory.y[: len(error)].reshape(error.shape),
            error,
            winners,
            memory.weight_sum,
            memory.bias_sum,
            _lines(memory.dx[: len(error)]),
            needs_dx,
            memory.starts,
            memory.order,
        )

    def _full_products(
        self, memory: ConvolutionMemory, error: Array, winners: Array, needs_dx: bool
    ) -> None:
        kernels.backward(
            memory.x,
            self._matrix,
            self.geometry,
            self.single,
            self.pooling is not None,
            self.relu,
            memory.block,
            memory.patches,
            memory.z,
            memory.y[: len(error)].reshape(error.shape),
            error,
            winners,
            memory.weight_sum,
            memory.weight_part,
            memory.bias_sum,
            _lines(memory.dx[: len(error)]),
            needs_dx,
        )

    def end(self, memory: ConvolutionMemory) -> Gradients:
        """Return the sums, the weights' in the network's order."""
        total = memory.weight_sum.reshape(self._weight.shape)
        if self._mask is not None:
            total = total * self._mask
        gradients = {self._named("weight"): total.transpose(0, 3, 1, 2)}
        if self.layer.use_bias:
            gradients[self._named("bias")] = memory.bias_sum
        return gradients


def _window_of(layer: Conv2D, place: Place) -> Window:
    kernel, stride, dilation = layer.kernel, layer.stride, layer.dilation
    return window_over(layer, place.input_shape, kernel, stride, layer.padding, dilation)  # type: ignore[arg-type]


def _lines(maps: Array) -> Array:
    """Look at maps with channels last as (images, height, width × channels)."""
    return maps.reshape(maps.shape[0], maps.shape[1], -1)


def _pooling_of(window: Window | None) -> Pooling:
    """Return a pooling's window as the kernels take it; zeros for none."""
    if window is None:
        return 0, 0, 0, 0, 0, 0
    (top, _), (left, _) = window.padding
    return (*window.kernel, *window.stride, top, left)


def _geometry(window: Window, channels: int) -> kernels.Geometry:
    """Return a window as the kernels take it; taps that lie together become one run."""
    kh, kw = window.kernel
    runs, run = (1, kw * channels) if window.dilation[1] == 1 else (kw, channels)
    return (*window.positions, *window.stride, *window.dilation, kh, runs, run, channels)
