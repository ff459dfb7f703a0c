"""Activations, in place behind another stage's work, or as a stage of their own."""

from __future__ import annotations

from dataclasses import replace

from sixloops.engine.kernels import activations as kernels
from sixloops.engine.kernels.sums import copy
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, arranged, size_of
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
    hyper, size = program.array(_hyper_parameters(layer)), size_of(y.shape)
    program.each(kernels.activate, y.buffer, hyper, KINDS[type(layer)], size)


def differentiate(program: Program, layer: Layer | None, y: Values, dy: Values) -> None:
    """Write how the error by an activation's output becomes, in place, that by its input."""
    if layer is None or type(layer) is Identity:
        return
    hyper, size = program.array(_hyper_parameters(layer)), size_of(y.shape)
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
        self._y = replace(x, buffer=program.buffer(size_of(x.shape)))
        program.each(copy, x.buffer, self._y.buffer, size_of(x.shape))
        activate(program, self._layer, self._y)
        return self._y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy · f′."""
        dy = arranged(program, dy, self._y.channels_last)
        differentiate(program, self._layer, self._y, dy)
        return dy
