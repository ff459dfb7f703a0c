"""Lowering: a network's layers become the stages of a plan.

What belongs together is joined: a convolution or a dense layer with the activations behind
it, and a convolution with the max pooling behind it, if the activations between the two
never fall. All else runs by its own definition.
"""

from __future__ import annotations

from collections.abc import Sequence

from sixloops.engine.activation import RISING
from sixloops.engine.places import Place, places_of
from sixloops.engine.stages import AxesStage, ConvolutionStage, DenseStage, LayerStage, Stage
from sixloops.layers import ACTIVATIONS, Conv2D, Dense, Layer, MaxPool2D, Softmax
from sixloops.layers.base import Parameters
from sixloops.network import Network

SINGLE = tuple(kind for kind in ACTIVATIONS.values() if kind is not Softmax)
"""Activations of each value by itself, which do not mind where the channels are."""


def stages_of(network: Network, batch_size: int) -> tuple[Stage, ...]:
    """Lower a network's layers into stages for batches of up to ``batch_size``."""
    places = list(places_of(network))
    stages: list[Stage] = []
    channels_last = False
    while places:
        stage, wants_last = _next(places, network.parameters, batch_size)
        if wants_last != channels_last:
            stages.append(AxesStage(to_last=wants_last))
        channels_last = wants_last
        stages.append(stage)
    if channels_last:
        stages.append(AxesStage(to_last=False))
    return tuple(stages)


def _next(places: list[Place], parameters: Parameters, batch_size: int) -> tuple[Stage, bool]:
    """Take the next layers off the list, as one stage; say whether it has channels last."""
    place = places.pop(0)
    layer = place.layer
    if type(layer) is Conv2D and layer.groups == 1 and _by_value(layer):
        return _convolution(place, layer, places, parameters), True
    if type(layer) is Dense:
        activations = [*_own(layer), *_take_activations(places)]
        return DenseStage(place, layer, activations, parameters, batch_size), False
    return LayerStage(place, parameters), False


def _convolution(place: Place, layer: Conv2D, places: list[Place], parameters: Parameters) -> Stage:
    activations = [*_own(layer), *_take_activations(places)]
    rising = all(type(activation) in RISING for activation in activations)
    pool = places[0].layer if places else None
    if not rising or not isinstance(pool, MaxPool2D) or not _by_value(pool):
        return ConvolutionStage(place, layer, None, activations, parameters)
    places.pop(0)
    activations += [*_own(pool), *_take_activations(places)]
    return ConvolutionStage(place, layer, pool, activations, parameters)


def _by_value(layer: Conv2D | MaxPool2D) -> bool:
    """Say whether the layer's own activation, if any, takes each value by itself."""
    return layer.activation is None or type(layer.activation) in SINGLE


def _own(layer: Conv2D | Dense | MaxPool2D) -> Sequence[Layer]:
    """Return the activation that was given to a layer, if one was."""
    return [] if layer.activation is None else [layer.activation]


def _take_activations(places: list[Place]) -> list[Layer]:
    """Take the activations off the head of the list."""
    taken: list[Layer] = []
    while places and type(places[0].layer) in SINGLE:
        taken.append(places.pop(0).layer)
    return taken
