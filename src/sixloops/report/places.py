"""Walking through a network: every layer at its place, the nested ones too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sixloops.layers import Conv2D, Layer
from sixloops.layers.base import Shape
from sixloops.layers.residual import Residual
from sixloops.layers.sequential import Sequential
from sixloops.network import Network


@dataclass(frozen=True)
class Place:
    """One layer at its place in a network.

    Args:
        path: its dotted path, such as ``2`` or ``3.body.0``.
        layer: the layer.
        input_shape: what goes into it, without the batch.
        output_shape: what comes out of it, without the batch.
        depth: in how many other layers it lies; 0 for the network's own.
    """

    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    depth: int


def places(network: Network) -> Iterator[Place]:
    """Yield every layer of a network, a chain or block before what lies in it.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> network = Network([Flatten(), Sequential([Dense(10)])], input_shape=(1, 4, 4))
        >>> [place.path for place in places(network)]
        ['0', '1', '1.0']
    """
    for name, layer, shape in network.root.steps(network.input_shape):
        yield from _walk(layer, name, shape, 0)


def _walk(layer: Layer, path: str, shape: Shape, depth: int) -> Iterator[Place]:
    yield Place(path, layer, shape, layer.output_shape(shape), depth)
    if isinstance(layer, Sequential):
        for name, part, part_shape in layer.steps(shape):
            yield from _walk(part, f"{path}.{name}", part_shape, depth + 1)
    elif isinstance(layer, Residual):
        for name in ("body", "shortcut"):
            yield from _walk(getattr(layer, name), f"{path}.{name}", shape, depth + 1)


def first_convolution(network: Network) -> Place | None:
    """Return the place of the first convolution; None if the network has none."""
    return next((place for place in places(network) if isinstance(place.layer, Conv2D)), None)
