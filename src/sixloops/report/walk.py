"""Walking through a network: every layer at its place, what holds other layers too."""

from __future__ import annotations

from collections.abc import Iterator

from sixloops.engine import Place
from sixloops.layers import Conv2D, Layer
from sixloops.layers.base import Shape
from sixloops.layers.residual import Residual
from sixloops.layers.sequential import Sequential
from sixloops.network import Network


def all_places(network: Network) -> Iterator[Place]:
    """Yield every layer of a network, a chain or block before what lies in it.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> network = Network([Flatten(), Sequential([Dense(10)])], input_shape=(1, 4, 4))
        >>> [place.path for place in all_places(network)]
        ['0', '1', '1.0']
    """
    for name, layer, shape in network.root.steps(network.input_shape):
        yield from _walk(layer, name, shape)


def _walk(layer: Layer, path: str, shape: Shape) -> Iterator[Place]:
    yield Place(path, layer, shape, layer.output_shape(shape))
    if isinstance(layer, Sequential):
        for name, part, part_shape in layer.steps(shape):
            yield from _walk(part, f"{path}.{name}", part_shape)
    elif isinstance(layer, Residual):
        for name in ("body", "shortcut"):
            yield from _walk(getattr(layer, name), f"{path}.{name}", shape)


def first_convolution(network: Network) -> Place | None:
    """Return the place of the first convolution; None if the network has none."""
    return next((place for place in all_places(network) if isinstance(place.layer, Conv2D)), None)
