"""Maps copied into another order or frame."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import five_numbers, floats, number, whole_numbers_at
from sixloops.engine.kernels.vectors import load, save
from sixloops.layers.base import Array

Strides = tuple[int, int, int, int, int]
"""Where maps begin and how many numbers further the next row, column, channel and image are."""


@kernel
def _copy_maps(
    source: Array,
    source_strides: Strides,
    target: Array,
    target_strides: Strides,
    images: int,
    height: int,
    width: int,
    channels: int,
) -> None:
    """Copy maps pixel by pixel: to channels last or first, into a frame or out of one.

    Args:
        source: copied from.
        source_strides: how it is laid out.
        target: copied into.
        target_strides: how it is laid out.
        images: how many.
        height: of the maps that are copied.
        width: of the maps.
        channels: of the maps.
    """
    s_begin, s_row, s_column, s_channel, s_image = source_strides
    t_begin, t_row, t_column, t_channel, t_image = target_strides
    for n in range(images):
        for i in range(height):
            for j in range(width):
                s = s_begin + n * s_image + i * s_row + j * s_column
                t = t_begin + n * t_image + i * t_row + j * t_column
                if s_channel == 1 and t_channel == 1:
                    pixel, copy = source[s : s + channels], target[t : t + channels]
                    for c in range(channels):
                        copy[c] = pixel[c]
                else:
                    for c in range(channels):
                        save(target, t + c * t_channel, load(source, s + c * s_channel))


@Instruction
def copy_maps(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Copy maps into another order or frame."""
    row = whole_numbers_at(at)
    source, target = floats(row, 0, first, like), floats(row, 1, first, like)
    height, width, channels = number(row, 2), number(row, 3), number(row, 4)
    _copy_maps(
        source, five_numbers(row, 5), target, five_numbers(row, 10), images, height, width, channels
    )
