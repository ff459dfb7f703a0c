"""Activations, in place behind another stage's work, or as a stage of their own."""

from __future__ import annotations

import math
from dataclasses import replace

from sixloops.engine.kernels import activations as kernels
from sixloops.engine.kernels.gelu import gelu, gelu_back
from sixloops.engine.kernels.softmax import softmax, softmax_back
from sixloops.engine.kernels.sums import copy
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, arranged
from sixloops.layers import (
    ELU,
    SELU,
    Identity,
    Layer,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Softplus,
    Tanh,
)

KINDS: dict[type[Layer], int] = {
    Identity: kernels.IDENTITY,
    ReLU: kernels.RELU,
    LeakyReLU: kernels.LEAKY_RELU,
    Sigmoid: kernels.SIGMOID,
    Tanh: kernels.TANH,
    ScaledTanh: kernels.SCALED_TANH,
    ELU: kernels.ELU,
    SELU: kernels.SELU,
    Softplus: kernels.SOFTPLUS,
}
"""Activations whose derivative follows from their output. None of them ever falls, so that the
maximum of f is f of the maximum."""


def activate(program: Program, layer: Layer | None, y: Values) -> None:
    """Write how an activation is applied in place, if there is one."""
    if layer is None or type(layer) is Identity:
        return
    hyper, size = program.array(_hyper_parameters(layer)), math.prod(y.shape)
    program.each(kernels.activate, y.buffer, hyper, KINDS[type(layer)], size)


def differentiate(program: Program, layer: Layer | None, y: Values, dy: Values) -> None:
    """Write how the error by an activation's output becomes, in place, that by its input."""
    if layer is None or type(layer) is Identity:
        return
    hyper, size = program.array(_hyper_parameters(layer)), math.prod(y.shape)
    kind = KINDS[type(layer)]
    program.each(kernels.differentiate, y.buffer, dy.buffer, hyper, kind, size)


def _hyper_parameters(layer: Layer) -> tuple[float, float]:
    if isinstance(layer, ScaledTanh):
        return layer.amplitude, layer.slope
    if isinstance(layer, LeakyReLU):
        return layer.slope, 0.0
    return (layer.alpha, 0.0) if isinstance(layer, ELU) else (0.0, 0.0)


class ActivationStage(Stage):
    """An activation by itself.

    Args:
        path: the layer's.
        layer: the activation.
    """

    def __init__(self, path: str, layer: Layer) -> None:
        self.name, self._layer = f"{path} {type(layer).__name__}", layer

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = f(x)."""
        self._y = replace(x, buffer=program.buffer(math.prod(x.shape)))
        program.each(copy, x.buffer, self._y.buffer, math.prod(x.shape))
        activate(program, self._layer, self._y)
        return self._y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · f′."""
        dy = arranged(program, dy, self._y.channels_last)
        differentiate(program, self._layer, self._y, dy)
        return dy


class GELUStage(Stage):
    """GELU; its derivative does not follow from its output, and is computed with it.

    Args:
        path: the layer's.
    """

    def __init__(self, path: str) -> None:
        self.name = f"{path} GELU"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = x·Φ(x), and its slope."""
        self._slope = replace(x, buffer=program.buffer(math.prod(x.shape)))
        y = replace(x, buffer=program.buffer(math.prod(x.shape)))
        program.each(gelu, x.buffer, y.buffer, self._slope.buffer, math.prod(x.shape))
        return y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · slope."""
        dy = arranged(program, dy, self._slope.channels_last)
        program.each(gelu_back, self._slope.buffer, dy.buffer, math.prod(dy.shape))
        return dy


class SoftmaxStage(Stage):
    """Softmax over features, or over the channels of every pixel.

    Args:
        path: the layer's.
    """

    def __init__(self, path: str) -> None:
        self.name = f"{path} Softmax: channels last"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = eˣ / Σ eˣ."""
        rows = _rows(program, x)
        self._y = replace(rows, buffer=program.buffer(math.prod(x.shape)))
        self._operands = math.prod(x.shape[1:]), x.shape[0]
        program.each(softmax, rows.buffer, self._y.buffer, *self._operands)
        return _shaped(program, self._y, x)

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = y · (dy − Σ dy·y)."""
        rows = _rows(program, dy)
        program.each(softmax_back, self._y.buffer, rows.buffer, *self._operands)
        return _shaped(program, rows, dy)


def _rows(program: Program, values: Values) -> Values:
    """Return an array of any shape as maps with their channels, its first axis, last."""
    if len(values.shape) != 3:
        shape = values.shape[0], math.prod(values.shape[1:]), 1
        values = Values(values.buffer, shape)
    return arranged(program, values, channels_last=True)


def _shaped(program: Program, rows: Values, like: Values) -> Values:
    """Return what :func:`_rows` has made in the shape that it had before."""
    if len(like.shape) == 3:
        return rows
    return Values(arranged(program, rows, channels_last=False).buffer, like.shape)
