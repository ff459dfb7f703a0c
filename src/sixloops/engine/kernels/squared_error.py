"""The squared error, loss and gradient in one go."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _squared_error(
    outputs: Array,
    targets: Array,
    images: int,
    size: int,
    scale: float,
    losses: Array,
    errors: Array,
) -> None:
    """Compute E = ½·Σ (y − t)², and scale · (y − t).

    Args:
        outputs: (images, size).
        targets: what is wanted of them, (images, size).
        images: how many.
        size: outputs of an image.
        scale: how much each image's loss counts.
        losses: filled; (images,).
        errors: ∂E/∂outputs, filled; (images, size).
    """
    weight = outputs.dtype.type(scale)
    for n in range(images):
        row, wanted = outputs[n * size :][:size], targets[n * size :][:size]
        error, total = errors[n * size :][:size], 0.0
        for k in range(size):
            difference = row[k] - wanted[k]
            total += difference * difference
            error[k] = weight * difference
        losses[n] = total / 2


@Instruction
def squared_error(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    outputs, targets = floats(row, 0, first, like), floats(row, 1, first, like)
    losses, errors = floats(row, 2, first, like), floats(row, 3, first, like)
    _squared_error(outputs, targets, images, number(row, 5), scale, losses, errors)
