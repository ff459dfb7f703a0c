"""Dense layers, with the activation behind them.

The gradient of the weights, errorᵀ · x, has as many numbers as the weights, which may be many
for few images. So it is not summed up in every share: once all shares are done, one product
over the whole batch writes it, by rows on several threads.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sixloops.engine.kernels.dense import OF_IMAGES, dense_forward, sum_rows
from sixloops.engine.places import Place
from sixloops.engine.program import Behind, Operand, Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import Learned, Stage, Values, arranged, size_of
from sixloops.engine.stages.convolution import add_biases
from sixloops.layers import Conv2D, Dense, Layer


class DenseStage(Stage):
    """A dense layer, or a convolution whose kernel covers the whole map, with an activation.

    Args:
        place: the layer at its place.
        layer: the layer itself.
        activation: applied to the result, if any.
        learned: the network's parameters and gradients.
    """

    learns = True

    def __init__(
        self, place: Place, layer: Dense | Conv2D, activation: Layer | None, learned: Learned
    ) -> None:
        self._place, self._activation = place, activation
        self._units = size_of(place.output_shape)
        self._has_bias = layer.use_bias
        self._learned, self._features = learned, size_of(place.input_shape)
        name = f" with {type(activation).__name__}" if activation else ""
        kind = type(layer).__name__
        self.name = f"{place.path} {kind} {self._units}{name}: tiles in registers"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = f(x·Wᵀ + b)."""
        self._x = x = arranged(program, x, channels_last=False)
        units = self._units
        self._y = Values(program.buffer(units), self._place.output_shape)
        self._weight = self._learned.parameters[f"{self._place.path}.weight"]
        zeros = np.zeros(units, self._weight.dtype)
        bias = self._learned.parameters.get(f"{self._place.path}.bias", zeros)
        pieces: list[tuple[Operand, ...]] = []
        for begin, end in pairwise(program.edges(units, self._weight.size)):
            arrays = x.buffer, Behind(self._y.buffer, begin), self._weight[begin:], bias[begin:]
            pieces.append((*arrays, self._features, end - begin))
        program.pieces(dense_forward, pieces)
        activate(program, self._activation, self._y)
        return self._y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = dy·W, and the products that give the weights' gradient."""
        dy = arranged(program, dy, channels_last=False)
        differentiate(program, self._activation, self._y, dy)
        units, gradients = self._units, self._learned.gradients
        self._x.buffer.whole = dy.buffer.whole = True
        gradient = gradients[f"{self._place.path}.weight"]
        arrays = dy.buffer, self._x.buffer, gradient
        for begin, end, where in program.cut(units, gradient.size):
            rows = begin, end - begin, self._features
            program.after(sum_rows, *arrays, 1, units, OF_IMAGES, *rows, where=where)
        if self._has_bias:
            add_biases(program, dy, 1, units, gradients[f"{self._place.path}.bias"])
        if not needs_dx:
            return dy
        dx = Values(program.buffer(self._features), self._place.input_shape)
        program.each(
            sum_rows,
            dy.buffer,
            self._weight,
            dx.buffer,
            units,
            1,
            units,
            0,
            OF_IMAGES,
            self._features,
        )
        return dx
