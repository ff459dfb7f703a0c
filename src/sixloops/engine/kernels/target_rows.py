"""Class labels become rows of what is wanted of the outputs."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, labels, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _target_rows(
    labels: Array, off: float, on: float, images: int, classes: int, targets: Array
) -> None:
    """Write ``on`` at the label's class, and ``off`` at all others.

    Args:
        labels: whole numbers from 0 to classes − 1, (images,).
        off: what is wanted of the outputs of the other classes.
        on: what is wanted of the output of the label's class.
        images: how many.
        classes: how many.
        targets: filled; (images, classes).
    """
    wanted = targets[: images * classes]
    for k in range(images * classes):
        wanted[k] = off
    for n in range(images):
        wanted[n * classes + labels[n]] = on


@Instruction
def target_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Turn labels into rows."""
    row = whole_numbers_at(at)
    classes, levels = labels(row, 0, first), floats(row, 1, 0, like)
    targets = floats(row, 2, first, like)
    _target_rows(classes, levels[0], levels[1], images, number(row, 3), targets)
