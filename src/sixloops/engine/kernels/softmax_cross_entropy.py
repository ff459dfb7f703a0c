"""Softmax cross-entropy of class labels, loss and gradient in one go."""

from __future__ import annotations

import math

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array


@kernel
def softmax_cross_entropy(
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
