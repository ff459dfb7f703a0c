"""LeNet-5's loss of distances, loss and gradient in one go."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.activations import exp
from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _radial_basis_loss(
    outputs: Array,
    targets: Array,
    images: int,
    size: int,
    margin: float,
    scale: float,
    losses: Array,
    errors: Array,
) -> None:
    """Compute E = Σ t·y + log(e^{−j} + Σ e^{−y}), and scale · (t − q).

    Args:
        outputs: (images, size).
        targets: what is wanted of them, (images, size).
        images: how many.
        size: outputs of an image.
        margin: j, the distance of the class "rubbish".
        scale: how much each image's loss counts.
        losses: filled; (images,).
        errors: ∂E/∂outputs, filled; (images, size).
    """
    weight = outputs.dtype.type(scale)
    for n in range(images):
        row, wanted = outputs[n * size :][:size], targets[n * size :][:size]
        error, least = errors[n * size :][:size], margin
        for k in range(size):
            # The second comparison lets a NaN through, so that it shows.
            if row[k] < least or row[k] != row[k]:
                least = row[k]
        for k in range(size):
            error[k] = exp(least - row[k])
        total, pulled = math.exp(least - margin), 0.0
        for k in range(size):
            total += error[k]
            pulled += wanted[k] * row[k]
        losses[n] = pulled + math.log(total) - least
        part = outputs.dtype.type(1 / total)
        for k in range(size):
            error[k] = weight * (wanted[k] - error[k] * part)


@Instruction
def radial_basis_loss(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    outputs, targets = floats(row, 0, first, like), floats(row, 1, first, like)
    losses, errors = floats(row, 2, first, like), floats(row, 3, first, like)
    margin, size = floats(row, 4, 0, like)[0], number(row, 5)
    _radial_basis_loss(outputs, targets, images, size, margin, scale, losses, errors)
