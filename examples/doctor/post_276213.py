"""Cross Validated 276213: a network in plain Python, slow, and far below what is usual.

Two layers of tanh on digits of 14×14, the squared error, the gradients of a batch added up; lists
and loops, nothing else. The pixels are bytes, 0 to 255, so that the first layer is saturated from
the start, and a bigger rate only makes it worse.

    sixloops doctor run post_276213.py:make
    sixloops doctor run post_276213.py:mended
"""

from __future__ import annotations

import math
import random

from sixloops import load_mnist
from sixloops.data import Dataset
from sixloops.doctor.run import Loop

HIDDEN, BATCH, EPOCHS = 30, 10, 2


def draw(rows, columns, generator):
    """Return weights by Xavier's rule."""
    spread = math.sqrt(2 / (rows + columns))
    return [[generator.gauss(0, spread) for _ in range(columns)] for _ in range(rows)]


def layer(weights, biases, inputs):
    """Return tanh(W·x + b)."""
    return [
        math.tanh(sum(map(float.__mul__, row, inputs)) + bias)
        for row, bias in zip(weights, biases, strict=True)
    ]


def add(gradients, deltas, inputs):
    """Add δ·x to the gradients of the weights."""
    for row, delta in zip(gradients, deltas, strict=True):
        row[:] = [slope + delta * value for slope, value in zip(row, inputs, strict=True)]


def step(weights, gradients, rate):
    """Go down, row by row."""
    for row, slopes in zip(weights, gradients, strict=True):
        row[:] = [weight - rate * slope for weight, slope in zip(row, slopes, strict=True)]


def errors_of(p, x, label, gradients):
    """Take one image forward and back; add its gradients; return its error, layer by layer."""
    hidden = layer(p["W1"], p["b1"][0], x)
    y = layer(p["W2"], p["b2"][0], hidden)
    apart = [value - (1 if k == label else -1) for k, value in enumerate(y)]
    d2 = [e * (1 - value * value) for e, value in zip(apart, y, strict=True)]
    back = [sum(map(float.__mul__, d2, column)) for column in zip(*p["W2"], strict=True)]
    d1 = [e * (1 - value * value) for e, value in zip(back, hidden, strict=True)]
    for name, deltas, inputs in (("1", d1, x), ("2", d2, hidden)):
        add(gradients[f"W{name}"], deltas, inputs)
        add(gradients[f"b{name}"], [1.0], deltas)
    return sum(e * e for e in apart) / 2, hidden, y


def train(images, labels, rate, seed, monitor):
    """Train as the doctor asks for it, and return the function that predicts."""
    generator = random.Random(seed)  # noqa: S311
    pixels = [[float(value) for value in image.ravel()] for image in images]
    p = {
        "W1": draw(HIDDEN, len(pixels[0]), generator), "b1": [[0.0] * HIDDEN],
        "W2": draw(10, HIDDEN, generator), "b2": [[0.0] * 10],
    }  # fmt: skip
    for start in range(0, EPOCHS * len(pixels), BATCH):
        rows = [row % len(pixels) for row in range(start, start + BATCH)]
        gradients = {name: [[0.0] * len(row) for row in w] for name, w in p.items()}
        seen = [errors_of(p, pixels[row], labels[row], gradients) for row in rows]
        for name, weights in p.items():
            step(weights, gradients[name], rate)
        losses, hidden, outputs = zip(*seen, strict=True)
        monitor.observe(
            sum(losses) / BATCH, outputs=outputs, labels=labels[rows], inputs=images[rows],
            parameters=p, gradients=gradients, activations=[hidden, outputs], rate=rate,
        )  # fmt: skip

    def predict(images):
        rows = [[float(value) for value in image.ravel()] for image in images]
        return [layer(p["W2"], p["b2"][0], layer(p["W1"], p["b1"][0], x)) for x in rows]

    return predict


def halved(data, images):
    """Return some images at 14×14, still as bytes."""
    some = data.first(images)
    small = some.images.reshape(images, 1, 14, 2, 14, 2).mean(axis=(3, 5))
    return Dataset(small.astype("uint8"), some.labels, 10)


def make(rate: float = 1e-3) -> Loop:
    """Return the loop as it stood, with bytes: at ten times the rate it is worse still."""
    training, test = load_mnist()
    return Loop(train, halved(training, 500), halved(test, 200), rate)


def mended() -> Loop:
    """Return the loop with pixels from 0 to 1, and a rate that fits them."""
    return make(rate=2e-2).scaled()
