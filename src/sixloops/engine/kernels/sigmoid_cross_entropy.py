"""Sigmoid cross-entropy, loss and gradient in one go."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.activations import exp
from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _sigmoid_cross_entropy(
    outputs: Array,
    targets: Array,
    images: int,
    size: int,
    scale: float,
    losses: Array,
    errors: Array,
) -> None:
    """Compute E = Σ [max(z, 0) − t·z + log(1 + exp(−|z|))], and scale · (σ(z) − t).

    Args:
        outputs: (images, size).
        targets: what is wanted of them, (images, size).
        images: how many.
        size: outputs of an image.
        scale: how much each image's loss counts.
        losses: filled; (images,).
        errors: ∂E/∂outputs, filled; (images, size).
    """
    one, weight = outputs.dtype.type(1), outputs.dtype.type(scale)
    for n in range(images):
        row, wanted = outputs[n * size :][:size], targets[n * size :][:size]
        error, total = errors[n * size :][:size], 0.0
        for k in range(size):
            error[k] = weight * (one / (one + exp(-row[k])) - wanted[k])
        for k in range(size):
            # A NaN shows through the product.
            total += max(row[k], 0) - wanted[k] * row[k] + math.log1p(math.exp(-abs(row[k])))
        losses[n] = total


@Instruction
def sigmoid_cross_entropy(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    outputs, targets = floats(row, 0, first, like), floats(row, 1, first, like)
    losses, errors = floats(row, 2, first, like), floats(row, 3, first, like)
    _sigmoid_cross_entropy(outputs, targets, images, number(row, 5), scale, losses, errors)
