"""Local response normalisation across the channels of maps."""

from __future__ import annotations

import math
from dataclasses import replace

from sixloops.engine.kernels.local_response_normalization import (
    local_response_norm,
    local_response_norm_back,
)
from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, arranged
from sixloops.layers import LocalResponseNorm


class LocalResponseNormStage(Stage):
    """Divides each map by a power of the energy in the maps around it.

    Args:
        place: the layer at its place.
        layer: the layer itself.
    """

    def __init__(self, place: Place, layer: LocalResponseNorm) -> None:
        self._layer = layer
        self.name = f"{place.path} LocalResponseNorm {layer.size}: channels last"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = x · D^−β, and what the way back takes from it."""
        x = arranged(program, x, channels_last=True)
        size, layer = math.prod(x.shape), self._layer
        hyper = program.array([layer.k, layer.alpha, layer.beta])
        form = math.prod(x.shape[1:]), x.shape[0], layer.size
        scratch = program.scratch(x.shape[0]), program.scratch(x.shape[0])
        kept = program.buffer(size), program.buffer(size)
        self._known = *form, hyper, *scratch, x.buffer, *kept
        y = replace(x, buffer=program.buffer(size))
        program.each(local_response_norm, *self._known, y.buffer)
        return y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · D^−β − 2αβ · x · Σ dy · y / D."""
        if not needs_dx:
            return dy
        dx = arranged(program, dy, channels_last=True)
        program.each(local_response_norm_back, *self._known, dx.buffer)
        return dx
