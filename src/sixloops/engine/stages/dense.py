"""Dense layers: one product forward, two backward, into memory that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixloops.engine.activation import Back, activate
from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import Context, Dense, Layer
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
    x: Array | None = None
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
        self.prepare(parameters)

    def prepare(self, parameters: Parameters) -> None:
        """Take the parameters as they are."""
        self._weight = parameters[f"{self.place.path}.weight"]
        self._bias = parameters.get(f"{self.place.path}.bias")

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
        )

    def begin(self, memory: DenseMemory) -> None:
        """Forget the gradients."""
        memory.empty = True

    def forward(self, memory: DenseMemory, x: Array, context: Context) -> Array:
        """Compute f(x·Wᵀ + b)."""
        y = memory.y[: len(x)]
        np.dot(x, self._weight.T, out=y)
        if self._bias is not None:
            y += self._bias
        memory.x, memory.back = x, activate(self.activations, y)
        return y

    def backward(self, memory: DenseMemory, dy: Array, needs_dx: bool) -> Array:
        """Carry the error back through the activations and the product."""
        error, x = memory.error[: len(dy)], memory.x
        memory.back(dy, error)  # type: ignore[misc]  # forward has set it
        part = memory.weight_sum if memory.empty else memory.weight_part
        np.dot(error.T, x, out=part)  # type: ignore[arg-type]
        if memory.empty:
            np.sum(error, axis=0, out=memory.bias_sum)
        else:
            memory.weight_sum += memory.weight_part
            memory.bias_sum += error.sum(axis=0)
        memory.empty = False
        dx = memory.dx[: len(dy)]
        if needs_dx:
            np.dot(error, self._weight, out=dx)
        return dx

    def end(self, memory: DenseMemory) -> Gradients:
        """Return the sums."""
        gradients = {f"{self.place.path}.weight": memory.weight_sum}
        if self._bias is not None:
            gradients[f"{self.place.path}.bias"] = memory.bias_sum
        return gradients
