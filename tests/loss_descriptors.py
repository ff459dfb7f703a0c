"""The table of losses: one row for every configuration that the contracts are proved over.

A loss that lacks a row fails ``test_loss_contracts.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from draws import Array, Draw, Shape, generator, normal, positive, tied, wide
from sixloops.losses import (
    AbsoluteError,
    Huber,
    Loss,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)


def labels(random: np.random.Generator, shape: Shape) -> Array:
    """Draw a class for every image."""
    return random.integers(0, shape[1], size=shape[0])


def bytes_as_labels(random: np.random.Generator, shape: Shape) -> Array:
    """Draw a class for every image, as a label file holds it."""
    return labels(random, shape).astype(np.uint8)


def shares(random: np.random.Generator, shape: Shape) -> Array:
    """Draw probabilities of the classes, which sum to 1."""
    raw = random.uniform(0.1, 1.0, size=shape)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def unit(random: np.random.Generator, shape: Shape) -> Array:
    """Draw numbers between 0 and 1."""
    return random.uniform(size=shape)


@dataclass(frozen=True)
class LossRow:
    """One configuration of one loss, and what to know about it.

    Args:
        loss: the loss.
        targets_from: how targets are drawn.
        shape: of the outputs, the batch included.
        draw: how outputs are drawn.
        kinks: which share of the outputs may sit on a kink, where there is no slope.
    """

    loss: Loss
    targets_from: Draw
    shape: Shape = (3, 5)
    draw: Draw = normal
    kinks: float = 0.0

    @property
    def outputs(self) -> Array:
        """The network's outputs; the same each time."""
        return self.draw(generator("outputs"), self.shape)

    @property
    def targets(self) -> Array:
        """What is wanted of them; the same each time."""
        return self.targets_from(generator("targets"), self.shape)

    @property
    def description(self) -> Loss:
        """The loss, by the name that layers share."""
        return self.loss

    def __str__(self) -> str:
        """Return the loss's hyper-parameters that are not its defaults, and the data."""
        given = [
            f"{field.name}={getattr(self.loss, field.name)}"
            for field in fields(self.loss)
            if getattr(self.loss, field.name) != field.default
        ]
        shape = "x".join(str(n) for n in self.shape)
        data = f"{self.draw.__name__}-{self.targets_from.__name__}"
        return f"{type(self.loss).__name__}({', '.join(given)})-{shape}-{data}"


LOSS_ROWS: list[LossRow] = [
    LossRow(SoftmaxCrossEntropy(), labels),
    LossRow(SoftmaxCrossEntropy(), bytes_as_labels),
    LossRow(SoftmaxCrossEntropy(), shares),
    LossRow(SoftmaxCrossEntropy(), labels, shape=(1, 2)),
    LossRow(SoftmaxCrossEntropy(), labels, draw=wide),
    LossRow(SoftmaxCrossEntropy(), labels, draw=tied),
    LossRow(SoftmaxCrossEntropy(), labels, shape=(40, 10)),
    LossRow(SoftmaxCrossEntropy(0.1), labels),
    LossRow(SoftmaxCrossEntropy(0.3), shares, draw=wide),
    LossRow(SigmoidCrossEntropy(), labels),
    LossRow(SigmoidCrossEntropy(), unit),
    LossRow(SigmoidCrossEntropy(), unit, shape=(4, 1)),
    LossRow(SigmoidCrossEntropy(), unit, draw=wide),
    LossRow(SigmoidCrossEntropy(), labels, draw=tied),
    LossRow(SigmoidCrossEntropy(), unit, shape=(2, 2, 3, 4)),
    LossRow(SquaredError(), labels),
    LossRow(SquaredError(off=-1.0), labels),
    LossRow(SquaredError(), normal),
    LossRow(SquaredError(), normal, shape=(4, 1)),
    LossRow(SquaredError(), normal, shape=(2, 2, 3, 4)),
    LossRow(SquaredError(), tied, draw=tied),
    LossRow(AbsoluteError(), labels),
    LossRow(AbsoluteError(off=0.1, on=0.9), labels, shape=(1, 4)),
    LossRow(AbsoluteError(), normal, shape=(2, 2, 3, 4)),
    LossRow(AbsoluteError(), tied, draw=tied, kinks=0.6),
    LossRow(Huber(), labels),
    LossRow(Huber(0.3), normal),
    LossRow(Huber(0.3), normal, shape=(2, 2, 3, 4)),
    LossRow(Huber(1.0), tied, draw=tied),
    LossRow(RadialBasisLoss(), labels, draw=positive),
    LossRow(RadialBasisLoss(0.5), labels, draw=positive, shape=(1, 10)),
    LossRow(RadialBasisLoss(0.5), shares, draw=positive),
    LossRow(RadialBasisLoss(3.0), labels, draw=wide),
]
