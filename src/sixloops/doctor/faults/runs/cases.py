"""Healthy runs, small enough to be repeated by the hundred."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sixloops.data import DATASETS, Dataset
from sixloops.doctor.run.case import Case
from sixloops.initializers import Glorot, He
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MeanPool2D,
    ReLU,
    Rescale,
    Sigmoid,
    Tanh,
)
from sixloops.network import Network
from sixloops.optimizers import SGD, Adam, Momentum

IMAGES, HELD_OUT = 1200, 500


def dense() -> list[Layer]:
    """Return a dense net with a sigmoid."""
    return [
        Rescale(1 / 255), Flatten(), Dense(64, weight_initializer=Glorot()), Sigmoid(), Dense(10)
    ]  # fmt: skip


def lenet_mean() -> list[Layer]:
    """Return a small LeNet with tanh and mean pooling."""
    return [
        Rescale(1 / 255), Conv2D(6, 5), Tanh(), MeanPool2D(2), Conv2D(12, 5), Tanh(),
        MeanPool2D(2), Flatten(), Dense(40), Tanh(), Dense(10),
    ]  # fmt: skip


def lenet_max() -> list[Layer]:
    """Return a small LeNet with ReLU and max pooling."""
    he = He()
    return [
        Rescale(1 / 255), Conv2D(8, 5, weight_initializer=he), ReLU(), MaxPool2D(2),
        Conv2D(12, 5, weight_initializer=he), ReLU(), MaxPool2D(2), Flatten(),
        Dense(40, weight_initializer=he), ReLU(), Dense(10),
    ]  # fmt: skip


def conv_bn() -> list[Layer]:
    """Return two convolutions with batch normalisation and ReLU."""
    he = He()
    return [
        Rescale(1 / 255), Conv2D(8, 3, stride=2, use_bias=False, weight_initializer=he),
        BatchNorm(), ReLU(), Conv2D(16, 3, stride=2, use_bias=False, weight_initializer=he),
        BatchNorm(), ReLU(), Flatten(), Dense(10),
    ]  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], list[Layer]], dict[str, Any]]] = {
    "dense": (dense, {"optimizer": SGD(0.5), "batch_size": 20, "epochs": 5}),
    "lenet-mean": (lenet_mean, {"optimizer": Momentum(0.03), "batch_size": 24, "epochs": 4}),
    "lenet-max": (lenet_max, {"optimizer": Adam(0.002), "batch_size": 24, "epochs": 4}),
    "conv-bn": (conv_bn, {"optimizer": Momentum(0.03), "batch_size": 32, "epochs": 4}),
}
"""Four networks, each with options under which it learns well."""


@cache
def _loaded(name: str) -> tuple[Dataset, Dataset]:
    return DATASETS[name]()


@cache
def part(name: str, seed: int, images: int = IMAGES) -> tuple[Dataset, Dataset]:
    """Return a random part of a data set, for training and for validation."""
    training, test = _loaded(name)
    random = np.random.default_rng([seed, 77])
    kept = random.permutation(len(training))[:images]
    held = random.permutation(len(test))[:HELD_OUT]
    return _copied(training, kept), _copied(test, held)


def _copied(data: Dataset, rows: np.ndarray) -> Dataset:
    images, labels = data.take(rows)
    return Dataset(images, labels, data.class_count)


def healthy(network: str, data: str = "mnist", seed: int = 1, **options: Any) -> Case:
    """Return a healthy case.

    Args:
        network: one of :data:`NETWORKS`.
        data: a data set's name.
        seed: of data, weights and order.
        options: of fit, in the place of the network's.
    """
    layers, usual = NETWORKS[network]
    training, held = part(data, seed)

    def make(seed: int) -> Network:
        return Network(layers(), training.image_shape, seed=seed)

    return Case(make, training, held, {**usual, "threads": 1, **options}, seed=seed)
