"""Huber's loss, loss and gradient in one go."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _huber(
    outputs: Array,
    targets: Array,
    images: int,
    size: int,
    delta: float,
    scale: float,
    losses: Array,
    errors: Array,
) -> None:
    """Compute E = Σ c·(d − ½·c), and scale · c, with d = y − t and c = d cut to [−δ, δ].

    Args:
        outputs: (images, size).
        targets: what is wanted of them, (images, size).
        images: how many.
        size: outputs of an image.
        delta: where the straight part begins.
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
            # A NaN is on neither side, and stays.
            cut = delta if difference > delta else difference
            cut = -delta if difference < -delta else cut
            total += cut * (difference - cut / 2)
            error[k] = weight * cut
        losses[n] = total


@Instruction
def huber(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    outputs, targets = floats(row, 0, first, like), floats(row, 1, first, like)
    losses, errors = floats(row, 2, first, like), floats(row, 3, first, like)
    delta, size = floats(row, 4, 0, like)[0], number(row, 5)
    _huber(outputs, targets, images, size, delta, scale, losses, errors)
