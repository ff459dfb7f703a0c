"""The Java question: what goes back through max pooling and through ReLU.

Loops over one map, as they would stand in Java; here are the two answers that were doubted.

    sixloops doctor layer java_question.py:MaxPooling
    sixloops doctor layer java_question.py:MaxPooling --argument mended=True
    sixloops doctor layer java_question.py:ReLU
    sixloops doctor layer java_question.py:ReLU --argument mended=True
"""

from __future__ import annotations

import numpy as np


class MaxPooling:
    """2×2 max pooling of one map: on the way back the winner gets a 1, whatever the error is."""

    def __init__(self, mended=False):
        self.mended = mended

    def forward(self, image):
        """Return the largest of each four pixels, and remember which it was."""
        height, width = image.shape[0] // 2, image.shape[1] // 2
        output, self.shape = np.zeros((height, width)), image.shape
        self.winner = np.zeros((height, width), dtype=int)
        for a in range(height):
            for b in range(width):
                output[a, b] = image[2 * a, 2 * b]
                for i in range(1, 4):
                    value = image[2 * a + i // 2, 2 * b + i % 2]
                    if value > output[a, b]:
                        output[a, b] = value
                        self.winner[a, b] = i
        return output

    def backward(self, error):
        """Return the error of the pixels."""
        result = np.zeros(self.shape)
        for a in range(error.shape[0]):
            for b in range(error.shape[1]):
                i = self.winner[a, b]
                result[2 * a + i // 2, 2 * b + i % 2] = error[a, b] if self.mended else 1.0
        return result


class ReLU:
    """max(x, 0), pixel by pixel: on the way back 1 or 0, without the error from above."""

    def __init__(self, mended=False):
        self.mended = mended

    def forward(self, image):
        """Return the map with its negative pixels at 0."""
        self.image = image
        output = np.zeros_like(image)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                output[i, j] = max(image[i, j], 0.0)
        return output

    def backward(self, error):
        """Return the error of the pixels."""
        result = np.zeros_like(error)
        for i in range(error.shape[0]):
            for j in range(error.shape[1]):
                slope = 1.0 if self.image[i, j] > 0 else 0.0
                result[i, j] = slope * error[i, j] if self.mended else slope
        return result
