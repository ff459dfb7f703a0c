"""Lowering: a network's layers become the stages of a plan.

What belongs together is joined: a convolution, a dense layer, batch normalisation or a residual
block with the activation behind it, and a convolution with the 2×2 max pooling behind it, if the
activation between the two never falls. The ways of a residual block are lowered as the network
is. A layer of the user's own has no stage of its own, and runs by its definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sixloops.engine.places import Place, places_in, places_of
from sixloops.engine.stages import (
    POOLS,
    ActivationStage,
    BatchNormStage,
    ConvolutionStage,
    DenseStage,
    DropoutStage,
    FlattenStage,
    GELUStage,
    LayerStage,
    Learned,
    LocalResponseNormStage,
    LpPoolStage,
    RadialBasisStage,
    RescaleStage,
    ResidualStage,
    SoftmaxStage,
    Stage,
    ZeroPadStage,
)
from sixloops.engine.stages.activation import KINDS
from sixloops.layers import (
    GELU,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LocalResponseNorm,
    MaxPool2D,
    Normalize,
    RadialBasis,
    Rescale,
    Residual,
    Softmax,
    ZeroPad2D,
)
from sixloops.layers.pooling import pooling_window
from sixloops.network import Network

TWO_BY_TWO = ((2, 2), (2, 2), ((0, 0), (0, 0)))
"""A window of 2×2 without overlap or padding: kernel, stride and padding."""


def stages_of(network: Network, learned: Learned) -> tuple[Stage, ...]:
    """Lower a network's layers into stages."""
    return _stages_at(places_of(network), learned)


def _stages_at(places: Sequence[Place], learned: Learned) -> tuple[Stage, ...]:
    """Lower layers that follow each other into stages."""
    parts = [part for place in places for part in _parts(place)]
    stages: list[Stage] = []
    while parts:
        stages.append(_next(parts, learned))
    return tuple(stages)


def _parts(place: Place) -> list[Place]:
    """Part a layer from the activation that was given to it, if the engine knows the layer."""
    layer, shape = place.layer, place.output_shape
    activation = getattr(layer, "activation", None)
    if type(layer) not in (Conv2D, Dense, Residual, *POOLS) or activation is None:
        return [place]
    bare = replace(layer, activation=None)  # type: ignore[call-arg]
    behind = Place(f"{place.path}.activation", activation, shape, shape)
    return [Place(place.path, bare, place.input_shape, shape), behind]


def _next(places: list[Place], learned: Learned) -> Stage:
    """Take the next layers off the list, as one stage."""
    place = places.pop(0)
    layer = place.layer
    if type(layer) is Conv2D and _covers_all(place, layer):
        return DenseStage(place, layer, _take_activation(places), learned)
    if type(layer) is Conv2D:
        activation, pooled = _take_activation_and_pool(places)
        return ConvolutionStage(place, layer, pooled, activation, learned)
    if type(layer) is Dense:
        return DenseStage(place, layer, _take_activation(places), learned)
    if type(layer) is BatchNorm:
        return BatchNormStage(place, layer, _take_activation(places), learned)
    if type(layer) is Residual:
        body, shortcut = _ways(place, learned)
        return ResidualStage(place, body, shortcut, _take_activation(places))
    if type(layer) is Flatten:
        return FlattenStage(place)
    if type(layer) in POOLS:
        return _pool(place, places, learned)
    return _single(place, learned)


def _pool(place: Place, places: list[Place], learned: Learned) -> Stage:
    """Return the stage of a pooling, with the activation behind it where that may be."""
    stage = POOLS[type(place.layer)]
    activation = None if stage is LpPoolStage else _take_activation(places)
    return stage(place, activation, learned)


def _single(place: Place, learned: Learned) -> Stage:
    """Return the stage of a layer that nothing is joined to."""
    path, layer = place.path, place.layer
    if type(layer) in KINDS:
        return ActivationStage(path, layer)
    if type(layer) is GELU:
        return GELUStage(path)
    if type(layer) is Softmax:
        return SoftmaxStage(path)
    if isinstance(layer, Rescale | Normalize) and type(layer) in (Rescale, Normalize):
        return RescaleStage(place, layer)
    if type(layer) is ZeroPad2D:
        return ZeroPadStage(place, layer)
    if type(layer) is Dropout:
        return DropoutStage(place, layer)
    if type(layer) is LocalResponseNorm:
        return LocalResponseNormStage(place, layer)
    if type(layer) is RadialBasis:
        return RadialBasisStage(place, layer, learned)
    return LayerStage(place, learned)


def _covers_all(place: Place, layer: Conv2D) -> bool:
    """Say whether a convolution's kernel covers the whole map: it is a dense layer then."""
    plain = layer.groups == 1 and layer.table is None and layer.dilation == (1, 1)
    no_padding = layer.padding in ("valid", ((0, 0), (0, 0)))
    return plain and no_padding and layer.kernel == place.input_shape[1:]


def _ways(place: Place, learned: Learned) -> list[tuple[Stage, ...]]:
    """Lower the two ways of a residual block, body and shortcut."""
    return [
        _stages_at(places_in(getattr(place.layer, name), place.input_shape, path), learned)
        for name, path in ((way, f"{place.path}.{way}.") for way in ("body", "shortcut"))
    ]


def _take_activation(places: list[Place]) -> Layer | None:
    """Take the activation off the head of the list, if it is one that works in place."""
    return places.pop(0).layer if places and type(places[0].layer) in KINDS else None


def _take_activation_and_pool(places: list[Place]) -> tuple[Layer | None, bool]:
    """Take the activation and the 2×2 max pooling behind a convolution, in either order."""
    activation = _take_activation(places)
    pooled = bool(places) and _is_two_by_two(places[0])
    if pooled:
        places.pop(0)
        activation = activation or _take_activation(places)
    return activation, pooled


def _is_two_by_two(place: Place) -> bool:
    """Say whether a layer is max pooling over windows of 2×2 side by side, without padding."""
    if type(place.layer) is not MaxPool2D:
        return False
    window = pooling_window(place.layer, place.input_shape)
    return (window.kernel, window.stride, window.padding) == TWO_BY_TWO
