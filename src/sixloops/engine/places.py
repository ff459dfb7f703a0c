"""Places: a network's layers with their paths and shapes, nested chains laid flat."""

from __future__ import annotations

from dataclasses import dataclass

from sixloops.errors import ShapeError
from sixloops.layers import Context, Layer, Sequential
from sixloops.layers.base import Array, Backward, Gradients, Parameters, Shape, forward_part
from sixloops.network import Network


@dataclass(frozen=True)
class Place:
    """One layer at its place in the network.

    Args:
        path: the layer's dotted path, such as ``2`` or ``3.0``.
        layer: the layer.
        input_shape: what goes into it, without the batch.
        output_shape: what comes out of it, without the batch.
    """

    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape

    @property
    def name(self) -> str:
        """The name for people: path and kind of layer."""
        return f"layer {self.path} ({type(self.layer).__name__})"

    def forward(self, x: Array, parameters: Parameters, context: Context) -> tuple[Array, Backward]:
        """Run the layer; parameters, state and gradients have the network's dotted names.

        Raises:
            ShapeError: the layer's output, its backward's dx or a gradient has another
                shape than it must have.
        """
        y, layer_backward = forward_part(self.layer, self.path, x, parameters, context)
        self._check("forward", "output", y.shape, (len(x), *self.output_shape))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = layer_backward(dy)
            self._check("backward", "dx", dx.shape, x.shape)
            for name, gradient in gradients.items():
                self._check(
                    "backward", f"gradient of '{name}'", gradient.shape, _shape(parameters, name)
                )
            return dx, gradients

        return y, backward

    def _check(self, method: str, what: str, got: Shape, expected: Shape | None) -> None:
        if got == expected:
            return
        rule = f"have shape {expected}" if expected else "belong to one of its parameters"
        raise ShapeError(
            f"The {what} from {type(self.layer).__name__}.{method} must {rule}. Got shape {got}. "
            f"Its output_shape, initial_parameters, forward and backward must agree.",
            (self.path,),
        )


def _shape(parameters: Parameters, name: str) -> Shape | None:
    return parameters[name].shape if name in parameters else None


def places_of(network: Network) -> tuple[Place, ...]:
    """Return a network's layers at their places, in the order in which they come."""
    return tuple(places_in(network.root, network.input_shape, ""))


def places_in(chain: Sequential, input_shape: Shape, prefix: str) -> list[Place]:
    """Return a chain's layers at their places.

    Args:
        chain: the layers.
        input_shape: what goes into the first, without the batch.
        prefix: of their paths: empty, or the chain's own path and a dot.
    """
    places: list[Place] = []
    for name, layer, shape in chain.steps(input_shape):
        path = f"{prefix}{name}"
        if isinstance(layer, Sequential):
            places += places_in(layer, shape, f"{path}.")
        else:
            places.append(Place(path, layer, shape, layer.output_shape(shape)))
    return places
