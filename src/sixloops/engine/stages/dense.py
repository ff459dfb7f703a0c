"""Dense layers: one product forward, one back, and one for the weights of a whole batch.

The gradient of the weights, errorᵀ · x, has as many numbers as the weights, which may be
many for few images. So the workers only note x and error, and once all have, one product
over the whole batch writes it, by rows on several threads; nothing is left to be added up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from sixloops.engine.activation import Back, activate
from sixloops.engine.kernels import dense as kernels
from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import Context, Dense, Layer, ReLU
from sixloops.layers.base import Array, Gradients, Parameters

BLOCKS = 4
"""Into how many blocks of rows the weights' gradient is cut."""


@dataclass
class DenseMemory:
    """A worker's arrays, for chunks of up to as many images as they have rows."""

    y: Array
    dx: Array
    row: int = 0
    back: Back | None = None


class DenseStage(Stage):
    """A dense layer with the activations that follow it.

    Args:
        place: the layer at its place.
        layer: the layer itself.
        activations: applied to its output.
        parameters: the network's.
        batch_size: the largest batch of training.
    """

    learns = True

    def __init__(
        self,
        place: Place,
        layer: Dense,
        activations: Sequence[Layer],
        parameters: Parameters,
        batch_size: int,
    ) -> None:
        self.place, self.layer, self.activations = place, layer, tuple(activations)
        names = ", ".join(type(activation).__name__ for activation in activations)
        self.name = f"{place.path} Dense {layer.units}{' with ' + names if names else ''}: product"
        self.relu = [type(activation) for activation in activations] == [ReLU]
        weight = parameters[f"{place.path}.weight"]
        self._no_bias = np.zeros(layer.units, weight.dtype)
        self._x = np.empty((batch_size, weight.shape[1]), weight.dtype)
        self._error = np.empty((batch_size, layer.units), weight.dtype)
        self.writes = tuple(name for name in parameters if name.startswith(f"{place.path}."))
        self.prepare(parameters)

    def prepare(self, parameters: Parameters) -> None:
        """Take the parameters as they are."""
        self._weight = parameters[f"{self.place.path}.weight"]
        self._bias = parameters.get(f"{self.place.path}.bias", self._no_bias)

    def memory(self, images: int) -> DenseMemory:
        """Return the arrays for chunks of up to ``images``."""
        units, features = self._weight.shape
        dtype = self._weight.dtype
        return DenseMemory(
            y=np.empty((images, units), dtype), dx=np.empty((images, features), dtype)
        )

    def begin(self, memory: DenseMemory, first: int) -> None:
        """Start at the share's first image."""
        memory.row = first

    def forward(self, memory: DenseMemory, x: Array, context: Context) -> Array:
        """Compute f(x·Wᵀ + b)."""
        if context.training:
            noted = self._x[memory.row : memory.row + len(x)]
            np.copyto(noted, x)
            x = noted
        y = memory.y[: len(x)]
        kernels.forward(np.ascontiguousarray(x), self._weight, self._bias, self.relu, y)
        if not self.relu:
            memory.back = activate(self.activations, y)
        return y

    def backward(self, memory: DenseMemory, dy: Array, needs_dx: bool) -> Array:
        """Carry the error back through the activations and the product."""
        error, dx = self._error[memory.row : memory.row + len(dy)], memory.dx[: len(dy)]
        if memory.back is None:
            np.copyto(error, dy)
        else:
            memory.back(dy, error)
        kernels.backward(memory.y[: len(dy)], self._weight, error, self.relu, dx, needs_dx)
        memory.row += len(dy)
        return dx

    def finish(self, gradients: Gradients, images: int) -> list[Callable[[], None]]:
        """Return the products that write the weights' gradient, and the sum for the bias."""
        weight = gradients[f"{self.place.path}.weight"]
        edges = [len(weight) * number // BLOCKS for number in range(BLOCKS + 1)]
        work: list[Callable[[], None]] = [
            partial(self._weight_gradient, weight[a:b], slice(a, b), images)
            for a, b in pairwise(edges)
            if b > a
        ]
        if self.layer.use_bias:
            bias = gradients[f"{self.place.path}.bias"]
            work.append(partial(self._bias_gradient, bias, images))
        return work

    def _bias_gradient(self, gradient: Array, images: int) -> None:
        np.sum(self._error[:images], axis=0, out=gradient)

    def _weight_gradient(self, gradient: Array, units: slice, images: int) -> None:
        np.dot(self._error[:images, units].T, self._x[:images], out=gradient)
