"""The first convolution's kernels: what the network looks for in an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sixloops.errors import ConfigurationError
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.report.style import gallery, label, show, value_scale
from sixloops.report.walk import first_convolution
from sixloops.report.words import describe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_KERNELS = 96
MOST_COLUMNS = 16
MOST_ROWS = 12


def plot_kernels(network: Network) -> Figure:
    """Draw the kernels of the network's first convolution.

    With one input channel a weight of 0 is middle grey, positive ones are lighter and
    negative ones darker. Kernels over an image's three channels are shown in colours, around
    the same grey. Others have a picture for every channel that they see.

    Args:
        network: the network.

    Returns:
        The figure, with axes for each picture and for the scale.

    Raises:
        ConfigurationError: the network has no convolution.
    """
    place = first_convolution(network)
    if place is None:
        raise ConfigurationError(
            f"The network must have a convolution whose kernels can be drawn. Got {network!r}. "
            "Add a Conv2D layer."
        )
    weight = np.asarray(network.parameters[f"{place.path}.weight"], dtype=np.float64)
    largest = float(np.abs(weight).max()) or 1.0
    title = f"Kernels of layer {place.path}: {describe(place.layer)}"
    channels = place.input_shape[0]
    if weight.shape[1] == 1 or weight.shape[1] == channels == 3:
        figure = _draw_kernels(weight, largest, title)
    else:
        figure = _draw_channels(weight, channels // weight.shape[1], largest, title)
    value_scale(figure, -largest, largest, "gray")
    return figure


def _draw_kernels(weight: Array, largest: float, title: str) -> Figure:
    """Draw one picture a kernel, in grey or in colours."""
    shown = weight[:MOST_KERNELS]
    most, pitch = (10, 1.15) if len(shown) <= 40 else (16, 0.72)
    columns = -(-len(shown) // -(-len(shown) // most))
    what = (
        "one kernel a square"
        if weight.shape[1] == 1
        else "one kernel a square, in red, green, blue"
    )
    subtitle = f"{what}; middle grey is 0{_cut(len(shown), len(weight), 'kernels')}"
    figure, squares = gallery(
        len(shown), columns, title, subtitle, side=0.88 * pitch, pitch=pitch, above=0.2
    )
    for number, (axes, kernel) in enumerate(zip(squares, shown, strict=True)):
        if len(kernel) == 3:
            show(axes, kernel.transpose(1, 2, 0) / (2 * largest) + 0.5)
        else:
            show(axes, kernel[0], cmap="gray", vmin=-largest, vmax=largest)
        label(axes, str(number))
    return figure


def _draw_channels(weight: Array, groups: int, largest: float, title: str) -> Figure:
    """Draw the kernels one after the other, each with a picture for every channel of its group."""
    channels = min(weight.shape[1], MOST_COLUMNS)
    in_a_row = MOST_COLUMNS // channels
    shown = weight[: MOST_ROWS * in_a_row, :channels]
    cut = _cut(len(shown), len(weight), "kernels") + _cut(channels, weight.shape[1], "channels")
    subtitle = f"kernel ← its input channel; middle grey is 0{cut}"
    columns = channels * min(in_a_row, len(shown))
    figure, squares = gallery(
        len(shown) * channels, columns, title, subtitle, side=0.6, pitch=0.71, above=0.2
    )
    for number, axes in enumerate(squares):
        kernel, channel = divmod(number, channels)
        show(axes, shown[kernel, channel], cmap="gray", vmin=-largest, vmax=largest)
        group = kernel * groups // len(weight)
        label(axes, f"{kernel} ← {group * weight.shape[1] + channel}")
    return figure


def _cut(shown: int, all_of_them: int, what: str) -> str:
    return "" if shown == all_of_them else f"; the first {shown} of {all_of_them} {what}"
