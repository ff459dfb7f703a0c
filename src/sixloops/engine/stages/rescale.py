"""Rescaling and normalising: a straight line for every number, or for each channel's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sixloops.engine.kernels.rescale import rescale
from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values
from sixloops.layers import Normalize, Rescale
from sixloops.layers.base import Array


class RescaleStage(Stage):
    """Computes y = (x − shift) · factor + offset.

    Args:
        place: the layer at its place.
        layer: the layer itself.
    """

    def __init__(self, place: Place, layer: Rescale | Normalize) -> None:
        self.name = f"{place.path} {type(layer).__name__}: in the order that comes"
        self._shift, self._factor, self._offset = _lines(layer)

    def forward(self, program: Program, x: Values) -> Values:
        """Write the line."""
        return self._write(program, x, self._shift, self._offset)

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · factor."""
        zeros = np.zeros_like(self._factor)
        return self._write(program, dy, zeros, zeros) if needs_dx else dy

    def _write(self, program: Program, x: Values, shift: Array, offset: Array) -> Values:
        y = replace(x, buffer=program.buffer(math.prod(x.shape)))
        lines = [program.array(line) for line in (shift, self._factor, offset)]
        program.each(rescale, x.buffer, y.buffer, *lines, *self._order(x))
        return y

    def _order(self, x: Values) -> tuple[int, int, int]:
        """Return how often all channels come, how many, and how much of each lies together."""
        channels, size = len(self._factor), math.prod(x.shape)
        if channels > 1 and x.channels_last:
            return size // channels, channels, 1
        return 1, channels, size // channels


def _lines(layer: Rescale | Normalize) -> Array:
    """Return shift, factor and offset, of one channel that stands for all or of each."""
    if isinstance(layer, Rescale):
        return np.array([[0.0], [layer.scale], [layer.offset]])
    mean, std = np.broadcast_arrays(np.atleast_1d(layer.mean), np.atleast_1d(layer.std))
    return np.stack([mean, 1 / std, np.zeros(mean.shape)])
