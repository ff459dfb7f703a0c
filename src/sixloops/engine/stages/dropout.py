"""Dropout, with the mask that the layer itself draws."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sixloops.engine.kernels.dropout import multiply
from sixloops.engine.kernels.sums import copy
from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, arranged
from sixloops.layers import Dropout


class DropoutStage(Stage):
    """Dropout; outside training, or with a rate of 0, nothing.

    Args:
        place: the layer at its place.
        layer: the layer itself.
    """

    def __init__(self, place: Place, layer: Dropout) -> None:
        self._place, self.draws = place, layer.rate > 0
        self.name = f"{place.path} Dropout: the layer's own mask, drawn before all else"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = x · mask."""
        self._drops = program.training and self.draws
        if not self._drops:
            return x
        size = math.prod(x.shape)
        self._mask = replace(x, buffer=program.buffer(size, whole=True))
        program.call_first(lambda images: self._draw(program, images), draws=True)
        y = replace(x, buffer=program.buffer(size))
        program.each(copy, x.buffer, y.buffer, size)
        program.each(multiply, y.buffer, self._mask.buffer, size)
        return y

    def _draw(self, program: Program, images: int) -> None:
        """Let the layer drop ones: what it makes of them is the mask."""
        ones = np.broadcast_to(np.ones((), program.dtype), (images, *self._mask.shape))
        mask, _ = self._place.forward(ones, {}, program.context)
        shape = self._mask.shape
        if self._mask.channels_last:
            mask, shape = mask.transpose(0, 2, 3, 1), (*shape[1:], shape[0])
        np.copyto(self._mask.buffer.view(images, shape), mask)

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · mask."""
        if not self._drops:
            return dy
        dy = arranged(program, dy, self._mask.channels_last)
        program.each(multiply, dy.buffer, self._mask.buffer, math.prod(dy.shape))
        return dy
