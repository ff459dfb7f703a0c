"""Cross Validated 316354: 96 % without max pooling, stuck at 30 % with it.

The post does not show its pooling, and 30 % cannot tell its fault. These are two causes that are
easy to have, as its author may have written them, and each beside its mended twin:

    sixloops doctor layer post_316354.py:MaxPooling
    sixloops doctor layer post_316354.py:MaxPooling --argument mended=True
    sixloops doctor run post_316354.py:make
    sixloops doctor run post_316354.py:mended
"""

from __future__ import annotations

import numpy as np

from sixloops import Network, load_mnist
from sixloops.doctor.run import Case
from sixloops.initializers import Initializer, LeCun, Normal
from sixloops.layers import Conv2D, Dense, Flatten, MaxPool2D, Rescale
from sixloops.losses import SigmoidCrossEntropy
from sixloops.optimizers import SGD


class MaxPooling:
    """2×2 max pooling with a sigmoid on the pooled values; inputs (images, maps, rows, columns).

    The error belongs to the pixel that won. Who won is found again by comparing pixels with the
    output; but the output has been through the sigmoid, so that none is ever equal to it.
    """

    def __init__(self, mended=False):
        self.mended = mended

    def forward(self, inputs):
        """Return the sigmoid of the largest of each four."""
        self.inputs = inputs
        images, maps, rows, columns = inputs.shape
        blocks = inputs.reshape(images, maps, rows // 2, 2, columns // 2, 2)
        self.largest = blocks.max(axis=(3, 5))
        self.outputs = 1 / (1 + np.exp(-self.largest))
        return self.outputs

    def backward(self, error):
        """Return the error of the pixels."""
        delta = error * self.outputs * (1 - self.outputs)
        winners = self.largest if self.mended else self.outputs
        result = np.zeros_like(self.inputs)
        for place in np.ndindex(*winners.shape):
            image, one_map, row, column = place
            for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
                pixel = image, one_map, 2 * row + down, 2 * column + across
                if self.inputs[pixel] == winners[place]:
                    result[pixel] = delta[place]
                    break
        return result


def make(weights: Initializer = Normal(1.0)) -> Case:  # noqa: B008
    """Return the post's run, a part of its 60 epochs: all weights are drawn from N(0, 1)."""
    training, test = load_mnist()

    def network(seed: int) -> Network:
        layers = [
            Rescale(1 / 255),
            Conv2D(20, 5, weight_initializer=weights),
            MaxPool2D(2, activation="sigmoid"),
            Flatten(),
            Dense(100, activation="sigmoid", weight_initializer=weights),
            Dense(10, weight_initializer=weights),
        ]
        return Network(layers, (1, 28, 28), loss=SigmoidCrossEntropy(), seed=seed)

    options = {"epochs": 3, "batch_size": 10, "optimizer": SGD(0.2), "threads": 1}
    return Case(network, training.first(3000), test.first(500), options)


def mended() -> Case:
    """Return the same run with weights of variance 1 / (number of inputs)."""
    return make(LeCun())
