"""Softmax cross-entropy of class labels, loss and gradient in one go."""

from __future__ import annotations

import math
from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.operands import floats, labels, number, whole_numbers_at
from sixloops.layers.base import Array


@kernel
def _softmax_cross_entropy(
    logits: Array,
    labels: Array,
    images: int,
    classes: int,
    scale: float,
    losses: Array,
    dlogits: Array,
) -> None:
    """Compute −log softmax(logits)[label], and scale · (softmax − one-hot).

    Args:
        logits: (images, classes).
        labels: whole numbers from 0 to classes − 1, (images,).
        images: how many.
        classes: how many.
        scale: how much each image's loss counts.
        losses: filled; (images,).
        dlogits: filled; (images, classes).
    """
    for n in range(images):
        row = logits[n * classes :][:classes]
        gradient, label = dlogits[n * classes :][:classes], labels[n]
        largest = row[0]
        for c in range(classes):
            # The second comparison lets a NaN through, so that it shows.
            if row[c] > largest or row[c] != row[c]:
                largest = row[c]
        total = largest * 0
        for c in range(classes):
            gradient[c] = math.exp(row[c] - largest)
            total += gradient[c]
        losses[n] = math.log(total) - (row[label] - largest)
        for c in range(classes):
            gradient[c] *= scale / total
        gradient[label] -= scale


@Instruction
def softmax_cross_entropy(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    logits, classes = floats(row, 0, first, like), labels(row, 1, first)
    each, error = floats(row, 2, first, like), floats(row, 3, first, like)
    _softmax_cross_entropy(logits, classes, images, number(row, 4), scale, each, error)
