"""A training step of sixloops: forward, backward, plain SGD."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version

import numpy as np

from benchmarks.networks import CASES
from sixloops.engine import Plan
from sixloops.layers import ACTIVATIONS, Conv2D, Dense, Flatten, Layer, MaxPool2D
from sixloops.network import Network
from sixloops.optimizers import SGD

NAME = f"sixloops {version('sixloops')}"


def _layer(kind: object, *numbers: int) -> Layer:
    if kind == "conv":
        return Conv2D(numbers[0], numbers[1], padding=numbers[2])
    if kind == "dense":
        return Dense(numbers[0])
    return {"pool": MaxPool2D(2), "flatten": Flatten()}.get(kind) or ACTIVATIONS[kind]()


def training_step(case: str, batch: int, threads: int, open_until: ExitStack) -> Callable[[], None]:
    """Return a function that takes one step; what it opens, it leaves to ``open_until``."""
    made = CASES[case]
    network = Network([_layer(*layer) for layer in made.layers], made.input_shape)
    plan = open_until.enter_context(Plan(network, batch, threads))
    random, optimizer = np.random.default_rng(0), SGD(0.01)
    images = random.random((batch, *made.input_shape), dtype=np.float32)
    labels = random.integers(0, 10, batch)

    def step() -> None:
        gradients = plan.step(images, labels).gradients
        optimizer.update(network.parameters, gradients, {}, optimizer.rate, 1)

    return step
