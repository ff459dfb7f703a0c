"""Softmax cross-entropy, loss and gradient in one go."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.activations import exp
from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _softmax_cross_entropy(
    outputs: Array,
    targets: Array,
    images: int,
    size: int,
    smoothing: float,
    scale: float,
    losses: Array,
    errors: Array,
) -> None:
    """Compute E = log Σ exp(s) − Σ t'·s with s = z − max z, and scale · (softmax(z) − t').

    Args:
        outputs: (images, size).
        targets: what is wanted of them, (images, size).
        images: how many.
        size: outputs of an image.
        smoothing: ε in t' = (1 − ε)·t + ε / size.
        scale: how much each image's loss counts.
        losses: filled; (images,).
        errors: ∂E/∂outputs, filled; (images, size).
    """
    weight = outputs.dtype.type(scale)
    kept, even = outputs.dtype.type(1 - smoothing), outputs.dtype.type(smoothing / size)
    for n in range(images):
        row, wanted = outputs[n * size :][:size], targets[n * size :][:size]
        error, largest = errors[n * size :][:size], row[0]
        for k in range(size):
            # The second comparison lets a NaN through, so that it shows.
            if row[k] > largest or row[k] != row[k]:
                largest = row[k]
        for k in range(size):
            error[k] = exp(row[k] - largest)
        total = hit = 0.0
        for k in range(size):
            total += error[k]
            hit += (kept * wanted[k] + even) * (row[k] - largest)
        losses[n] = math.log(total) - hit
        part = outputs.dtype.type(1 / total)
        for k in range(size):
            error[k] = weight * (error[k] * part - (kept * wanted[k] + even))


@Instruction
def softmax_cross_entropy(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    outputs, targets = floats(row, 0, first, like), floats(row, 1, first, like)
    losses, errors = floats(row, 2, first, like), floats(row, 3, first, like)
    smoothing, size = floats(row, 4, 0, like)[0], number(row, 5)
    _softmax_cross_entropy(outputs, targets, images, size, smoothing, scale, losses, errors)
