"""The feature maps of one image: what becomes of it on its way through the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sixloops.engine import Place, places_of
from sixloops.errors import ShapeError
from sixloops.layers import Context
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.report.style import (
    HEADER,
    INK,
    MARGIN,
    MUTED,
    SMALL,
    TEXT,
    WIDTH,
    Look,
    inches,
    new_figure,
    show,
    show_image,
)
from sixloops.report.words import class_name, describe, shape_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STAGES = 8
MOST_MAPS = 12
_IMAGE_SIDE = 1.7
_SIDE = 0.72
_PITCH = 0.795
_ROW = 1.12
_ABOVE = 0.32


@dataclass(frozen=True)
class _Maps:
    """What a layer made of the image, (channels, height, width)."""

    place: Place
    values: Array


def plot_feature_maps(network: Network, image: Array) -> Figure:
    """Draw an image and the maps that the network's layers make of it.

    Each layer has a row with its first maps; within a row the same grey means the same
    value. Layers before the first one that changes the number of maps are left out, as
    are some in between if there are many.

    Args:
        network: the network.
        image: (channels, height, width), as the network takes it.

    Returns:
        The figure, with axes for the image and for each map that is shown.

    Raises:
        ShapeError: the network takes no maps.
        DataError: an image of another shape.
    """
    if len(network.input_shape) != 3:
        raise ShapeError(
            "The network must take maps (channels, height, width) for feature maps to be drawn. "
            f"Got {network!r}."
        )
    image = np.asarray(image)
    network.check_images(image[np.newaxis])
    made, outputs = _run(network, image)
    rows = _spread(_without_preparation(made, network.input_shape[0]), MOST_STAGES)
    height = HEADER + max(len(rows) * _ROW, _ABOVE + _IMAGE_SIDE) + 0.15
    title = f"Feature maps: an image on its way through the network{_answer(network, outputs)}"
    figure = new_figure(height, title, _subtitle(len(rows), len(made)))
    bottom = height - HEADER - _ABOVE - _IMAGE_SIDE
    show_image(inches(figure, MARGIN, bottom, _IMAGE_SIDE, _IMAGE_SIDE), image)
    for number, maps in enumerate(rows):
        _draw_row(figure, maps, height - HEADER - number * _ROW)
    return figure


def _subtitle(shown: int, made: int) -> str:
    if made == 0:
        return "no layer of this network makes maps"
    which = "all" if shown == made else f"{shown} of the {made}"
    return f"{which} layers that make maps; within a row, the same grey is the same value"


def _run(network: Network, image: Array) -> tuple[list[_Maps], Array]:
    """Return the maps of all layers that make maps, and the outputs, (1, *output_shape)."""
    context = Context(state=network.state)
    y = image[np.newaxis].astype(network.dtype)
    made = []
    for place in places_of(network):
        y, _ = place.forward(y, network.parameters, context)
        if y.ndim == 4:
            made.append(_Maps(place, y[0]))
    return made, y


def _without_preparation(made: Sequence[_Maps], channels: int) -> Sequence[_Maps]:
    """Leave out what comes before the first layer that changes the number of maps."""
    first = next((i for i, maps in enumerate(made) if len(maps.values) != channels), 0)
    return made[first:]


def _spread(rows: Sequence[_Maps], most: int) -> list[_Maps]:
    """Choose up to ``most`` rows, spread evenly, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _answer(network: Network, outputs: Array) -> str:
    """Word what the network says of the image, if it names classes."""
    predictions = network.loss.predictions(outputs)
    if predictions.ndim != 2 or predictions.shape[1] < 2:
        return ""
    return f", which takes it for {class_name(network.classes, int(predictions[0].argmax()))}"


def _draw_row(figure: Figure, maps: _Maps, top: float) -> None:
    """Draw a layer's name and its first maps."""
    values, left = maps.values, MARGIN + _IMAGE_SIDE + 0.35
    height = figure.get_size_inches()[1]
    shown = min(len(values), MOST_MAPS)
    few = "" if shown == len(values) else f", the first {shown} of {len(values)} maps"
    name = f"{maps.place.path}  {describe(maps.place.layer)}"
    place: Look = {"va": "center", "parse_math": False}
    figure.text(left / WIDTH, (top - 0.17) / height, name, size=TEXT, color=INK, **place)
    figure.text(
        1 - MARGIN / WIDTH,
        (top - 0.17) / height,
        f"{shape_words(values.shape)}{few}",
        size=SMALL,
        color=MUTED,
        ha="right",
        **place,
    )
    for number in range(shown):
        axes = inches(figure, left + number * _PITCH, top - _ABOVE - _SIDE, _SIDE, _SIDE)
        show(axes, values[number], cmap="gray", vmin=values.min(), vmax=values.max())
