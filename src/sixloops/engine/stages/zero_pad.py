"""Zero padding: maps are copied into a frame, and their error out of it."""

from __future__ import annotations

import math
from dataclasses import replace

from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, copy, strides_of
from sixloops.layers import ZeroPad2D


class ZeroPadStage(Stage):
    """Puts maps into a frame of zeros.

    Args:
        place: the layer at its place.
        layer: the layer itself.
    """

    def __init__(self, place: Place, layer: ZeroPad2D) -> None:
        self._place = place
        (top, _), (left, _) = layer.padding  # type: ignore[misc]  # __post_init__'s form
        self._corner: tuple[int, int] = (top, left)
        self.name = f"{place.path} ZeroPad2D: in the order that comes"

    def forward(self, program: Program, x: Values) -> Values:
        """Write how the maps come into the frame; its zeros, once there, last."""
        shape = self._place.output_shape
        y = replace(x, buffer=program.buffer(math.prod(shape)), shape=shape)
        self._copy(program, x, y, into=True)
        return y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write how the maps' error comes out of the frame."""
        if not needs_dx:
            return dy
        shape = self._place.input_shape
        dx = replace(dy, buffer=program.buffer(math.prod(shape)), shape=shape)
        self._copy(program, dx, dy, into=False)
        return dx

    def _copy(self, program: Program, maps: Values, framed: Values, into: bool) -> None:
        shape = channels, height, width = maps.shape
        inner, frame = strides_of(maps), (framed.shape[1], framed.shape[2])
        outer = strides_of(replace(framed, shape=shape), frame, self._corner)
        if channels == 1 or not maps.channels_last:
            # Rows lie together, as channels do otherwise.
            shape, inner, outer = (width, channels, height), _turned(inner), _turned(outer)
        maps, framed = replace(maps, shape=shape), replace(framed, shape=shape)
        if into:
            copy(program, maps, inner, framed, outer)
        else:
            copy(program, framed, outer, maps, inner)


def _turned(strides: tuple[int, int, int, int, int]) -> tuple[int, int, int, int, int]:
    """Take channels for rows, rows for columns, and columns for channels."""
    begin, row, column, channel, image = strides
    return begin, channel, row, column, image
