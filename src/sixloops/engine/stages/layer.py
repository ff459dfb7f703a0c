"""A layer that runs by its own definition: NumPy forward and backward, the user's own too."""

from __future__ import annotations

from dataclasses import dataclass, field

from sixloops.engine.places import Place
from sixloops.engine.stages.base import Stage
from sixloops.layers import LAYERS, Context, Dropout
from sixloops.layers.base import Array, Backward, Gradients, Parameters
from sixloops.layers.residual import Residual


@dataclass
class LayerMemory:
    """What a worker remembers of a chunk, and the sum of the gradients so far."""

    backward: Backward | None = None
    gradients: Gradients = field(default_factory=dict)


class LayerStage(Stage):
    """Runs one layer as it is written.

    Args:
        place: the layer at its place in the network.
        parameters: the network's, to know which are the layer's.
    """

    def __init__(self, place: Place, parameters: Parameters) -> None:
        self.place = place
        self.name = f"{place.path} {type(place.layer).__name__}: its own NumPy"
        self.learns = any(name.startswith(f"{place.path}.") for name in parameters)
        kind = type(place.layer)
        self.draws = kind in (Dropout, Residual) or kind not in LAYERS.values()
        self._parameters = parameters

    def prepare(self, parameters: Parameters) -> None:
        """Take the parameters as they are."""
        self._parameters = parameters

    def memory(self, images: int) -> LayerMemory:
        """Return an empty memory: the layer catches what it needs in its backward."""
        return LayerMemory()

    def begin(self, memory: LayerMemory, first: int) -> None:
        """Forget the gradients."""
        memory.gradients = {}

    def forward(self, memory: LayerMemory, x: Array, context: Context) -> Array:
        """Run the layer's forward."""
        y, memory.backward = self.place.forward(x, self._parameters, context)
        return y

    def backward(self, memory: LayerMemory, dy: Array, needs_dx: bool) -> Array:
        """Run the layer's backward."""
        backward, memory.backward = memory.backward, None
        dx, gradients = backward(dy)  # type: ignore[misc]  # forward has set it
        for name, gradient in gradients.items():
            earlier = memory.gradients.get(name)
            memory.gradients[name] = gradient if earlier is None else earlier + gradient
        return dx

    def end(self, memory: LayerMemory) -> Gradients:
        """Return the sums."""
        return memory.gradients
