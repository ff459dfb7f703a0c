"""What a stage is.

A stage does the work of one layer, or of several that belong together. It does it by writing
instructions into a program: first, from the first stage to the last, those that lead forward,
then, from the last to the first, those that lead back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sixloops.engine.kernels.maps import copy_maps
from sixloops.engine.program import Buffer, Program
from sixloops.layers.base import Gradients, Parameters, Shape


@dataclass(frozen=True)
class Values:
    """What goes from stage to stage: for each image an array, in a buffer.

    Args:
        buffer: where it is.
        shape: the array's, as the layers know it: (channels, height, width) or (features,).
        channels_last: whether it lies there as (height, width, channels).
    """

    buffer: Buffer
    shape: Shape
    channels_last: bool = False


@dataclass(frozen=True)
class Learned:
    """What stages learn.

    Args:
        parameters: the network's, by dotted name.
        gradients: arrays of the same shapes, which the stages fill.
    """

    parameters: Parameters
    gradients: Gradients


class Stage:
    """Base of all stages."""

    name: str
    """What it is, for people: the layers' paths and kinds, and the method."""

    inner: tuple[Stage, ...] = ()
    """The stages of which it consists, if of any."""

    learns: bool = False
    """Whether it has parameters."""

    draws: bool = False
    """Whether it may draw random numbers."""

    def forward(self, program: Program, x: Values) -> Values:
        """Write how the output comes from ``x``, which must be left as it is."""
        raise NotImplementedError

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write how ``dy``, which may be changed, leads to the gradients and to dx.

        Where ``needs_dx`` is false nobody looks at what is returned.
        """
        raise NotImplementedError


def write_back(program: Program, stages: Sequence[Stage], dy: Values, needs_dx: bool) -> Values:
    """Write how an error goes back through stages, no further than somebody asks for it."""
    first = next((i for i, stage in enumerate(stages) if stage.learns), len(stages))
    end = 0 if needs_dx else first
    for number in range(len(stages) - 1, end - 1, -1):
        dy = stages[number].backward(program, dy, needs_dx or number > first)
    return dy


def strides_of(
    values: Values, frame: tuple[int, int] | None = None, corner: tuple[int, int] = (0, 0)
) -> tuple[int, int, int, int, int]:
    """Return where maps begin, and the steps to the next row, column, channel and image.

    Args:
        values: the maps.
        frame: (height, width) of the frame that they are in; None for their own.
        corner: where in the frame they are.
    """
    channels, height, width = values.shape
    rows, columns = frame or (height, width)
    row, column, channel = columns, 1, rows * columns
    if values.channels_last:
        row, column, channel = columns * channels, channels, 1
    begin = corner[0] * row + corner[1] * column
    return begin, row, column, channel, channels * rows * columns


def arranged(program: Program, values: Values, channels_last: bool) -> Values:
    """Return maps with their channels last, or first; copied only where they must be."""
    if values.channels_last == channels_last:
        return values
    channels, height, width = values.shape
    if channels == 1 or height * width == 1:
        return replace(values, channels_last=channels_last)
    made = replace(
        values, buffer=program.buffer(math.prod(values.shape)), channels_last=channels_last
    )
    copy(program, values, strides_of(values), made, strides_of(made))
    return made


def copy(
    program: Program,
    source: Values,
    source_strides: tuple[int, ...],
    target: Values,
    target_strides: tuple[int, ...],
) -> None:
    """Write how maps are copied, as many pixels as ``source`` has in its shape."""
    channels, height, width = source.shape
    operands = (source.buffer, target.buffer, height, width, channels)
    program.each(copy_maps, *operands, *source_strides, *target_strides)
