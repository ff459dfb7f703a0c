"""Dense layers, with the activation behind them.

The gradient of the weights, errorᵀ · x, has as many numbers as the weights, which may be many for
few images. So it is not summed up in every share: once all shares are done, one product over the
whole batch gives it. For few images, writing it takes longer than computing it, and a step leaves
it as its two factors: an update takes from them some rows at a time, and whoever asks for the
gradient has it written. For many images a step writes it, by rows on several threads.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from sixloops.engine.kernels.dense import OF_IMAGES, dense_forward, sum_rows
from sixloops.engine.kernels.optimizers import check_factor
from sixloops.engine.places import Place
from sixloops.engine.program import Behind, Factors, Operand, Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import Learned, Stage, Values, arranged
from sixloops.engine.stages.convolution import add_biases
from sixloops.layers import Conv2D, Dense, Layer

FACTORED_IMAGES = 16
"""Images of a batch up to which a gradient may be left as factors."""


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
        self._units = math.prod(place.output_shape)
        self._has_bias = layer.use_bias
        self._learned, self._features = learned, math.prod(place.input_shape)
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
        """Write dx = dy·W, and the weights' gradient or its factors."""
        dy = arranged(program, dy, channels_last=False)
        differentiate(program, self._activation, self._y, dy)
        units, gradients = self._units, self._learned.gradients
        name, x = f"{self._place.path}.weight", self._x.buffer
        dy.buffer.whole = x.whole = True
        factors = Factors(name, gradients[name], dy.buffer, x, units, self._features)
        if self._stay_factors(program.batch_size):
            program.factored.append(factors)
            for buffer in (dy.buffer, x):
                program.after(check_factor, buffer, buffer.size, program.too_large)
        else:
            _write_product(program, factors, dy.buffer, x)
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

    def _stay_factors(self, images: int) -> bool:
        """Say whether a batch's factors are fewer numbers than their product, and images few."""
        units, features = self._units, self._features
        return images <= FACTORED_IMAGES and images * (units + features) < units * features


def _write_product(program: Program, factors: Factors, error: Operand, x: Operand) -> None:
    """Write how a gradient comes from its factors, once all shares are done."""
    units, features, gradient = factors.units, factors.features, factors.gradient
    for begin, end, where in program.cut(units, gradient.size):
        rows = begin, end - begin, features
        program.after(sum_rows, error, x, gradient, 1, units, OF_IMAGES, *rows, where=where)


def products_of(program: Program, threads: int) -> Program:
    """Return the program that writes the gradients that another one leaves as factors.

    Args:
        program: the other one, assembled.
        threads: the most that will work.
    """
    made = Program(program.dtype, program.batch_size, 1, chunk=1, threads=threads)
    for factors in program.factored:
        _write_product(made, factors, *factors.arrays())
    made.assemble()
    return made
