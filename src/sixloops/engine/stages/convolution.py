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
from sixloops.engine.kernels.max_pool import max_pool, max_pool_2x2, send_back
from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import Context, Conv2D, Layer, MaxPool2D
from sixloops.layers.base import Array, Gradients, Parameters
from sixloops.layers.pooling import pooling_window
from sixloops.layers.windows import Window, window_over

BLOCK_BYTES = 1 << 20
"""The patches of a block of images shall fit into a core's own cache."""

SPARSE_TAPS = 64
"""With fewer taps than this a full product is faster than visiting the winners."""


@dataclass
class ConvolutionMemory:
    """A worker's arrays, for chunks of up to as many images as ``y`` has."""

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
        self.sparse = area >= 4 and self.taps >= SPARSE_TAPS
        self.single = place.input_shape[0] == 1
        self.name = self._words()
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
        block = self._block(images) * self.positions
        y, pooled = (images, *self.outputs, kernels), self.outputs[0] * self.outputs[1]
        return ConvolutionMemory(
            padded=np.zeros(padded, dtype),
            dx=np.zeros(padded, dtype),
            patches=np.empty(block * self.taps, dtype),
            z=np.empty(block * kernels, dtype),
            y=np.empty(y, dtype),
            winners=np.empty(y if self.pooling is not None else 0, np.int32),
            error=np.empty(y, dtype),
            weight_sum=np.empty_like(self._matrix),
            weight_part=np.empty_like(self._matrix),
            bias_sum=np.empty(kernels, dtype),
            starts=np.empty(self.positions + 1, np.int32),
            order=np.empty(pooled * max(kernels, self._block(images)), np.int32),
        )

    def _block(self, images: int) -> int:
        """Return how many images go through one product."""
        bytes_each: int = self.positions * self.taps * self._weight.dtype.itemsize
        return max(1, min(images, BLOCK_BYTES // bytes_each))

    def _blocks(self, memory: ConvolutionMemory, images: int) -> list[slice]:
        size = max(1, memory.z.size // (self.positions * len(self._weight)))
        return [slice(start, min(start + size, images)) for start in range(0, images, size)]

    def begin(self, memory: ConvolutionMemory) -> None:
        """Forget the gradients."""
        memory.weight_sum[:] = 0
        memory.bias_sum[:] = 0

    def forward(self, memory: ConvolutionMemory, x: Array, context: Context) -> Array:
        """Compute f(max(W·P) + b)."""
        (h, w), ((top, _), (left, _)) = self.window.extent, self.window.padding
        np.copyto(memory.padded[: len(x), top : top + h, left : left + w], x)
        y = memory.y[: len(x)]
        for block in self._blocks(memory, len(x)):
            z = self._product(memory, block)
            self._pool(memory, z, block)
        memory.back = activate(self.activations, y)
        return y

    def _lines(self, maps: Array) -> Array:
        """Look at maps with channels last as (images, height, width × channels)."""
        return maps.reshape(maps.shape[0], maps.shape[1], -1)

    def _gather(self, memory: ConvolutionMemory, block: slice) -> Array:
        """Return the block's patches, (positions, taps)."""
        x = self._lines(memory.padded[block])
        rows = len(x) * self.positions
        patches = memory.patches[: rows * self.taps]
        if self.single:
            turned = patches.reshape(self.taps, rows)
            kernels.gather_single(x, turned, self.geometry)
            return turned.T
        patches = patches.reshape(rows, self.taps)
        kernels.gather(x, patches, self.geometry)
        return patches

    def _product(self, memory: ConvolutionMemory, block: slice) -> Array:
        """Return the block's z, (positions, kernels), without the bias."""
        patches = self._gather(memory, block)
        z = memory.z[: len(patches) * len(self._matrix)].reshape(len(patches), -1)
        return np.dot(patches, self._matrix.T, out=z)

    def _pool(self, memory: ConvolutionMemory, z: Array, block: slice) -> None:
        """Write the block's y: the bias added, and the largest of each window taken."""
        y = memory.y[block]
        if self.pooling is None:
            np.add(z.reshape(y.shape), self._bias, out=y)
            return
        maps = z.reshape(len(y), *self.window.positions, -1)
        if self.pooling.kernel == self.pooling.stride == (2, 2) and _unpadded(self.pooling):
            max_pool_2x2(maps, self._bias, y, memory.winners[block])
            return
        (top, _), (left, _) = self.pooling.padding
        pooling = (*self.pooling.kernel, *self.pooling.stride, top, left)
        max_pool(maps, self._bias, pooling, y, memory.winners[block])

    def backward(self, memory: ConvolutionMemory, dy: Array, needs_dx: bool) -> Array:
        """Carry the error back through activations, pooling and convolution."""
        images = len(dy)
        error = memory.error[:images]
        memory.back(dy, error)  # type: ignore[misc]  # forward has set it
        memory.bias_sum += error.reshape(-1, error.shape[-1]).sum(axis=0)
        if needs_dx:
            memory.dx[:images] = 0
        for block in self._blocks(memory, images):
            if self.sparse:
                self._visit_winners(memory, block, needs_dx)
            else:
                self._full_products(memory, block, needs_dx)
        (h, w), ((top, _), (left, _)) = self.window.extent, self.window.padding
        return memory.dx[:images, top : top + h, left : left + w]

    def _visit_winners(self, memory: ConvolutionMemory, block: slice, needs_dx: bool) -> None:
        patches = self._gather(memory, block)
        patches = patches if patches.flags.c_contiguous else np.ascontiguousarray(patches)
        images, channels = len(memory.error[block]), memory.error.shape[-1]
        error = memory.error[block].reshape(images, -1, channels)
        winners = memory.winners[block].reshape(images, -1, channels)
        flat = error.reshape(-1, channels), winners.reshape(-1, channels)
        kernels.weight_gradient(patches, *flat, self.positions, memory.weight_sum, memory.order)
        if needs_dx:
            kernels.patch_gradient(
                self._matrix, error, winners, patches, memory.starts, memory.order
            )
            kernels.scatter(patches, self._lines(memory.dx[block]), self.geometry)

    def _full_products(self, memory: ConvolutionMemory, block: slice, needs_dx: bool) -> None:
        patches = self._gather(memory, block)
        dz = self._spread(memory, block, len(patches))
        np.dot(dz.T, patches, out=memory.weight_part)
        memory.weight_sum += memory.weight_part
        if needs_dx:
            dpatches = memory.patches[: len(patches) * self.taps].reshape(-1, self.taps)
            np.dot(dz, self._matrix, out=dpatches)
            kernels.scatter(dpatches, self._lines(memory.dx[block]), self.geometry)

    def _spread(self, memory: ConvolutionMemory, block: slice, rows: int) -> Array:
        """Return the error before the pooling, (positions, kernels)."""
        error = memory.error[block]
        channels = error.shape[-1]
        if self.pooling is None:
            return error.reshape(rows, channels)
        dz = memory.z[: rows * channels].reshape(len(error), -1, channels)
        dz[:] = 0
        pooled = len(error), -1, channels
        send_back(error.reshape(pooled), memory.winners[block].reshape(pooled), dz)
        return dz.reshape(rows, channels)

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


def _unpadded(window: Window) -> bool:
    return window.padding == ((0, 0), (0, 0))


def _geometry(window: Window, channels: int) -> kernels.Geometry:
    """Return a window as the kernels take it; taps that lie together become one run."""
    kh, kw = window.kernel
    runs, run = (1, kw * channels) if window.dilation[1] == 1 else (kw, channels)
    return (*window.positions, *window.stride, *window.dilation, kh, runs, run, channels)
