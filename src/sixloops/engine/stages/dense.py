"""Dense layers: one product forward, two backward, into memory that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixloops.engine.activation import Back, activate
from sixloops.engine.kernels import dense as kernels
from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import Context, Dense, Layer, ReLU
from sixloops.layers.base import Array, Gradients, Parameters


@dataclass
class DenseMemory:
    """A worker's arrays, for chunks of up to as many images as they have rows."""

    y: Array
    error: Array
    dx: Array
    weight_sum: Array
    weight_part: Array
    bias_sum: Array
    x: Array
    back: Back | None = None
    empty: bool = True


class DenseStage(Stage):
    """A dense layer with the activations that follow it.

    Args:
        place: the layer at its place.
        layer: the layer itself.
        activations: applied to its output.
        parameters: the network's.
    """

    learns = True

    def __init__(
        self, place: Place, layer: Dense, activations: Sequence[Layer], parameters: Parameters
    ) -> None:
        self.place, self.layer, self.activations = place, layer, tuple(activations)
        names = ", ".join(type(activation).__name__ for activation in activations)
        self.name = f"{place.path} Dense {layer.units}{' with ' + names if names else ''}: product"
        self.relu = [type(activation) for activation in activations] == [ReLU]
        self._no_bias = np.zeros(layer.units, parameters[f"{place.path}.weight"].dtype)
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
            y=np.empty((images, units), dtype),
            error=np.empty((images, units), dtype),
            dx=np.empty((images, features), dtype),
            weight_sum=np.empty_like(self._weight),
            weight_part=np.empty_like(self._weight),
            bias_sum=np.empty(units, dtype),
            x=np.empty((0, features), dtype),
        )

    def begin(self, memory: DenseMemory) -> None:
        """Forget the gradients."""
        memory.empty = True

    def forward(self, memory: DenseMemory, x: Array, context: Context) -> Array:
        """Compute f(x·Wᵀ + b)."""
        y, memory.x = memory.y[: len(x)], np.ascontiguousarray(x)
        kernels.forward(memory.x, self._weight, self._bias, self.relu, y)
        if not self.relu:
            memory.back = activate(self.activations, y)
        return y

    def backward(self, memory: DenseMemory, dy: Array, needs_dx: bool) -> Array:
        """Carry the error back through the activations and the product."""
        error, dx = memory.error[: len(dy)], memory.dx[: len(dy)]
        if memory.back is None:
            np.copyto(error, dy)
        else:
            memory.back(dy, error)
        kernels.backward(
            memory.x,
            self._weight,
            memory.y[: len(dy)],
            error,
            self.relu,
            memory.weight_sum,
            memory.weight_part,
            memory.bias_sum,
            memory.empty,
            dx,
            needs_dx,
        )
        memory.empty = False
        return dx

    def end(self, memory: DenseMemory) -> Gradients:
        """Return the sums."""
        gradients = {f"{self.place.path}.weight": memory.weight_sum}
        if self.layer.use_bias:
            gradients[f"{self.place.path}.bias"] = memory.bias_sum
        return gradients
