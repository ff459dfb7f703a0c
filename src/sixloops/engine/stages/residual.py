"""Residual blocks: two ways of stages, which start from one input and end in one sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sixloops.engine.kernels.residual import add, fork, join
from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import Stage, Values, arranged, write_back
from sixloops.layers import Layer, ReLU


class ResidualStage(Stage):
    """A residual block with an activation.

    Args:
        place: the block at its place.
        body: the stages of its body.
        shortcut: those of its shortcut; none for the identity.
        activation: applied to the sum, if any.
    """

    def __init__(
        self,
        place: Place,
        body: Sequence[Stage],
        shortcut: Sequence[Stage],
        activation: Layer | None,
    ) -> None:
        self._body, self._shortcut = body, shortcut
        self.inner = (*body, *shortcut)
        self._relu = type(activation) is ReLU
        self._activation = None if self._relu else activation
        self._size = math.prod(place.output_shape)
        self.learns = any(stage.learns for stage in (*body, *shortcut))
        self.draws = any(stage.draws for stage in (*body, *shortcut))
        name = f" with {type(activation).__name__}" if activation else ""
        self.name = f"{place.path} Residual{name}: {_names(body)} + {_names(shortcut)}"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = f(body(x) + shortcut(x))."""
        body, shortcut = x, x
        for stage in self._body:
            body = stage.forward(program, body)
        for stage in self._shortcut:
            shortcut = stage.forward(program, shortcut)
        shortcut = arranged(program, shortcut, body.channels_last)
        self._y = replace(body, buffer=program.buffer(self._size))
        arrays = body.buffer, shortcut.buffer, self._y.buffer
        program.each(join, *arrays, self._size, self._relu)
        activate(program, self._activation, self._y)
        return self._y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write how each way carries the error back, and dx = the sum of what they give."""
        dy = arranged(program, dy, self._y.channels_last)
        differentiate(program, self._activation, self._y, dy)
        # Each way may change the error that it is given.
        copied = replace(dy, buffer=program.buffer(self._size))
        program.each(fork, self._y.buffer, dy.buffer, copied.buffer, self._size, self._relu)
        dx = write_back(program, self._body, dy, needs_dx)
        more = write_back(program, self._shortcut, copied, needs_dx)
        if needs_dx:
            more = arranged(program, more, dx.channels_last)
            program.each(add, dx.buffer, more.buffer, math.prod(dx.shape))
        return dx


def _names(stages: Sequence[Stage]) -> str:
    return f"({'; '.join(stage.name for stage in stages)})" if stages else "x"
