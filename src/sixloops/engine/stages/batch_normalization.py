"""Batch normalisation, with the activation behind it.

In training all shares wait for each other twice: until each channel's moments over the whole
batch are known, and on the way back until the means of its errors are.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sixloops.engine.kernels import batch_normalization as kernels
from sixloops.engine.kernels.sums import add_parts, clear
from sixloops.engine.places import Place
from sixloops.engine.program import Part, Program
from sixloops.engine.stages.activation import activate, differentiate
from sixloops.engine.stages.base import Learned, Stage, Values, arranged
from sixloops.layers import BatchNorm, Layer, ReLU
from sixloops.layers.base import Array

WIDTH = 256
"""Numbers up to which a row takes in several pixels."""

RUNNING = "running_mean", "running_variance"


class BatchNormStage(Stage):
    """Batch normalisation with an activation.

    Args:
        place: the layer at its place.
        layer: the layer itself.
        activation: applied to the result, if any.
        learned: the network's parameters and gradients.
    """

    learns = True

    def __init__(
        self, place: Place, layer: BatchNorm, activation: Layer | None, learned: Learned
    ) -> None:
        self._place, self._layer, self._learned = place, layer, learned
        self._relu = type(activation) is ReLU
        self._activation = None if self._relu else activation
        self._channels, self._pixels = place.input_shape[0], math.prod(place.input_shape[1:])
        self._width = self._channels * _pixels_in_a_row(self._channels, self._pixels)
        self._rows = self._channels * self._pixels // self._width
        name = f" with {type(activation).__name__}" if activation else ""
        self.name = f"{place.path} BatchNorm{name}: rows of {self._width} numbers"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = f((x − μ)·γ/s + β)."""
        self._x = arranged(program, x, channels_last=True) if len(x.shape) == 3 else x
        self._scratch = program.scratch(2 * self._width)
        self._constants = program.part(4 * self._width)
        if program.training:
            self._take_moments(program)
        else:
            self._take_running_values(program)
        self._y = replace(self._x, buffer=program.buffer(math.prod(x.shape)))
        arrays = self._x.buffer, self._y.buffer, self._constants
        program.each(kernels.normalise, *arrays, self._rows, self._width, self._relu)
        activate(program, self._activation, self._y)
        return self._y

    def _parameters(self, program: Program) -> tuple[Array, Array, Array]:
        parameters, path = self._learned.parameters, self._place.path
        epsilon = program.array([self._layer.epsilon])
        return parameters[f"{path}.gamma"], parameters[f"{path}.beta"], epsilon

    def _take_moments(self, program: Program) -> None:
        """Write how the batch's moments come about, and the running values follow them."""
        count, form = 2 * self._channels, (self._width, self._channels)
        parts, moments = program.part(count + 1), program.part(count)
        program.once(clear, parts, count + 1)
        program.each(kernels.add_moments, self._x.buffer, self._scratch, parts, self._rows, *form)
        program.wait()
        arrays = parts.array, moments, *self._parameters(program), self._constants
        program.once(kernels.constants_of_batch, *arrays, parts.array.shape[1], *form)
        # Each share has the batch's moments, so the first one's do.
        found = moments.array[0, :count].reshape(2, self._channels)
        program.call_last(lambda images: self._follow(program, found, images))

    def _follow(self, program: Program, found: Array, images: int) -> None:
        names = [f"{self._place.path}.{name}" for name in RUNNING]
        mean, variance = (program.context.state[name] for name in names)
        moments = found[0], found[1]
        new = self._layer.followed((mean, variance), moments, images * self._pixels)
        program.context.updates.update(zip(names, new, strict=True))

    def _take_running_values(self, program: Program) -> None:
        """Write how the running values, as they are at each run, are taken."""
        moments = program.array(np.zeros(2 * self._channels))
        names = [f"{self._place.path}.{name}" for name in RUNNING]
        found = moments[: 2 * self._channels].reshape(2, self._channels)

        def fetch(_: int) -> None:
            for values, name in zip(found, names, strict=True):
                values[:] = program.context.state[name]

        program.call_first(fetch)
        arrays = moments, *self._parameters(program), self._constants
        program.once(kernels.constants_of_running, *arrays, self._width, self._channels)

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write Σ dy and Σ dy·x̂, and the dx that follows from them."""
        if len(dy.shape) == 3:
            dy = arranged(program, dy, channels_last=True)
        differentiate(program, self._activation, self._y, dy)
        sums = self._sum_errors(program, dy)
        return self._subtract_averages(program, dy, sums) if needs_dx else dy

    def _sum_errors(self, program: Program, dy: Values) -> Part:
        channels, gradients, path = self._channels, self._learned.gradients, self._place.path
        sums = program.part(2 * channels)
        program.once(clear, sums, 2 * channels)
        arrays = self._x.buffer, dy.buffer, self._constants, self._scratch, sums
        program.each(kernels.add_errors, *arrays, self._rows, self._width, channels, self._relu)
        of_gamma, part = sums.array[:, channels:], sums.array.shape[1]
        program.after(add_parts, sums.array, gradients[f"{path}.beta"], part, channels)
        program.after(add_parts, of_gamma, gradients[f"{path}.gamma"], part, channels)
        return sums

    def _subtract_averages(self, program: Program, dy: Values, sums: Part) -> Values:
        averages, part = program.part(2 * self._width), sums.array.shape[1]
        numbers = part, self._width, self._channels, self._pixels
        program.wait()
        program.once(kernels.average_errors, sums.array, self._constants, averages, *numbers)
        arrays = self._x.buffer, dy.buffer, self._constants, averages
        program.each(kernels.subtract_averages, *arrays, self._rows, self._width, self._relu)
        return dy


def _pixels_in_a_row(channels: int, pixels: int) -> int:
    """Return the most pixels that part an image evenly and are not too many for a row."""
    most = max(1, min(pixels, WIDTH // channels))
    return next(count for count in range(most, 0, -1) if pixels % count == 0)
