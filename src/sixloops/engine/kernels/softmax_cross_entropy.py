"""Softmax cross-entropy of class labels, loss and gradient in one go."""

from __future__ import annotations

import math

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array


@kernel
def softmax_cross_entropy(
    logits: Array, labels: Array, scale: float, losses: Array, dlogits: Array
) -> None:
    """Compute −log softmax(logits)[label], and scale · (softmax − one-hot).

    Args:
        logits: (images, classes).
        labels: whole numbers from 0 to classes − 1, (images,).
        scale: how much each image's loss counts.
        losses: filled; (images,).
        dlogits: filled; (images, classes).
    """
    for n in range(logits.shape[0]):
        row, gradient, label = logits[n], dlogits[n], labels[n]
        largest = row[0]
        for c in range(row.shape[0]):
            # The second comparison lets a NaN through, so that it shows.
            if row[c] > largest or row[c] != row[c]:
                largest = row[c]
        total = largest * 0
        for c in range(row.shape[0]):
            gradient[c] = math.exp(row[c] - largest)
            total += gradient[c]
        losses[n] = math.log(total) - (row[label] - largest)
        for c in range(row.shape[0]):
            gradient[c] *= scale / total
        gradient[label] -= scale
