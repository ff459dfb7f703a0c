"""Optimisers, penalties and losses with a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sixloops.doctor.faults.runs.plant import RunFault, with_loss
from sixloops.doctor.run.case import Case
from sixloops.initializers import Glorot, Initializer
from sixloops.layers import Layer
from sixloops.layers.base import Array, Backward, Gradients
from sixloops.losses import Loss, SoftmaxCrossEntropy
from sixloops.losses.base import LossBackward, softmax
from sixloops.optimizers import SGD, Adam, Optimizer
from sixloops.regularizers import Regularizer


@dataclass(frozen=True)
class BiaslessSGD(SGD):
    """Forgets the biases."""

    def change(self, name: str, parameter: Array, gradient: Array, *rest: Any) -> None:
        """Step."""
        if name.endswith("weight"):
            super().change(name, parameter, gradient, *rest)


@dataclass(frozen=True)
class UphillSGD(SGD):
    """Adds the gradient."""

    def change(self, name: str, w: Array, g: Array, kept: Any, rate: float, step: int) -> None:
        """Step."""
        w += rate * g


@dataclass(frozen=True)
class UncorrectedAdam(Adam):
    """Adam without bias correction."""

    def change(self, name: str, w: Array, g: Array, kept: Any, rate: float, step: int) -> None:
        """Step."""
        mean, squares = kept
        mean[...] = self.beta1 * mean + (1 - self.beta1) * g
        squares[...] = self.beta2 * squares + (1 - self.beta2) * g * g
        w -= rate * mean / (np.sqrt(squares) + self.epsilon)


@dataclass(frozen=True)
class NeverClearingSGD(SGD):
    """Goes by the sum of all gradients so far."""

    memory: ClassVar[tuple[str, ...]] = ("sum",)

    def change(
        self, name: str, w: Array, g: Array, kept: Sequence[Array], rate: float, step: int
    ) -> None:
        """Step."""
        kept[0][...] += g
        w -= rate * kept[0]


@dataclass(frozen=True)
class GrowingPenalty(Regularizer):
    """Weight decay with the wrong sign."""

    strength: float = 0.05

    def penalty(self, parameters: Any) -> float:
        """Return ½λΣw²."""
        return sum(0.5 * self.strength * float((p**2).sum()) for p in parameters.values())

    def add_gradients(self, parameters: Any, gradients: Any) -> None:
        """Add the gradient."""
        for name, p in parameters.items():
            gradients[name] -= self.strength * p


@dataclass(frozen=True)
class OwnCrossEntropy(Loss):
    """Softmax cross-entropy as people write it, right but for what a subclass changes."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute −ln p."""
        p, rows = self.probabilities(outputs), np.arange(len(outputs))
        losses = -np.log(p[rows, targets])

        def backward(dlosses: Array) -> Array:
            wanted = np.zeros_like(p)
            wanted[rows, targets] = 1
            return self.slope(p, wanted) * dlosses[:, None]

        return losses, backward

    def probabilities(self, z: Array) -> Array:
        """Return softmax."""
        return softmax(z)

    def slope(self, p: Array, wanted: Array) -> Array:
        """Return ∂E/∂z."""
        return p - wanted

    def predictions(self, outputs: Array) -> Array:
        """Return probabilities."""
        return softmax(outputs)


class SummedCrossEntropy(OwnCrossEntropy):
    """Sums the gradient over the batch, and keeps the rate."""

    def slope(self, p: Array, wanted: Array) -> Array:
        """Return ∂E/∂z."""
        return (p - wanted) * len(p)


class BackwardsCrossEntropy(OwnCrossEntropy):
    """Has t − p for p − t."""

    def slope(self, p: Array, wanted: Array) -> Array:
        """Return ∂E/∂z."""
        return wanted - p


class UnsafeCrossEntropy(OwnCrossEntropy):
    """Takes the logarithm of probabilities that can round to 0."""

    def probabilities(self, z: Array) -> Array:
        """Return softmax."""
        powers = np.exp(z)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class SharedShiftCrossEntropy(OwnCrossEntropy):
    """Shifts by the largest of the whole array."""

    def probabilities(self, z: Array) -> Array:
        """Return softmax."""
        powers = np.exp(z - z.max())
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class TableCrossEntropy(OwnCrossEntropy):
    """Takes p[:, labels], an n × n table, for p[rows, labels]."""

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute −ln p."""
        p = softmax(outputs)
        losses = -np.log(np.maximum(p[:, targets], 1e-30)).mean(axis=1)
        wanted = np.bincount(targets, minlength=p.shape[1]).astype(p.dtype) / len(p)
        return losses, lambda dlosses: (p - wanted) * dlosses[:, None]


@dataclass(frozen=True)
class OwnSoftmax(Layer):
    """Softmax as a layer, with a right backward."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Turn into probabilities."""
        y = softmax(x)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return y * (dy - (dy * y).sum(axis=1, keepdims=True)), {}

        return y, backward


def _optimizer(kind: type[Optimizer]) -> Any:
    def plant(case: Case) -> Case:
        given: Optimizer = case.options["optimizer"]
        rate = {"Adam": 0.05, "Momentum": 0.1}.get(type(given).__name__, given.rate)
        return case.with_options(optimizer=kind(rate=rate))

    return plant


def _adam(kind: type[Adam]) -> Any:
    return lambda case: case.with_options(optimizer=kind(rate=0.01))


def _growing(case: Case) -> Case:
    return case.with_options(regularizers=[GrowingPenalty()])


def _loss(loss: Loss) -> Any:
    return lambda case: with_loss(case, loss)


@dataclass(frozen=True)
class SharedRow(Initializer):
    """Glorot's weights, and in all rows one more, the same: softmax does not feel it."""

    def draw(
        self, shape: tuple[int, ...], fan_in: int, fan_out: int, random: Any, dtype: Any
    ) -> Array:
        """Draw."""
        own = Glorot().draw(shape, fan_in, fan_out, random, dtype)
        return np.asarray(own + random.normal(0, 60, shape[1:]).astype(dtype))


def _shifted(loss: Loss) -> Any:
    """Plant a loss that breaks for large logits, with weights that shift logits together."""

    def plant(case: Case) -> Case:
        def change(layers: Sequence[Layer]) -> list[Layer]:
            last = replace(layers[-1], weight_initializer=SharedRow())  # type: ignore[call-arg]
            return [*layers[:-1], last]

        return with_loss(case, loss).with_layers(change)

    return plant


def _twice(case: Case) -> Case:
    return case.with_layers(lambda layers: [*layers, OwnSoftmax()])


RIGHT = SoftmaxCrossEntropy()

FAULTS = (
    RunFault("bias-never-updated", 15, "bias never updated", ("bias-never-updated",),
             _optimizer(BiaslessSGD), code=BiaslessSGD, twin=_optimizer(SGD)),
    RunFault("softmax-twice", 21, "softmax applied twice", ("softmax-twice",), _twice,
             code=_twice),
    RunFault("summed-gradient", 22, "gradient summed, rate meant for a mean",
             ("summed-gradient",), _loss(SummedCrossEntropy()), code=SummedCrossEntropy),
    RunFault("sign-of-the-loss", 23, "sign of the loss's gradient", ("sign",),
             _loss(BackwardsCrossEntropy()), code=BackwardsCrossEntropy),
    RunFault("uphill", 23, "sign of the update", ("sign",), _optimizer(UphillSGD),
             code=UphillSGD, twin=_optimizer(SGD)),
    RunFault("weight-decay-sign", 27, "weight decay's sign", ("weight-decay-sign",), _growing,
             code=GrowingPenalty),
    RunFault("adam-uncorrected", 28, "Adam without bias correction", ("adam-uncorrected",),
             _adam(UncorrectedAdam), code=UncorrectedAdam, twin=_adam(Adam)),
    RunFault("gradients-not-cleared", 29, "gradients not cleared", ("gradients-not-cleared",),
             _optimizer(NeverClearingSGD), code=NeverClearingSGD, twin=_optimizer(SGD)),
    RunFault("loss-table", 30, "n × n: every image with every target", ("loss-mixes-images",),
             _loss(TableCrossEntropy()), code=TableCrossEntropy),
    RunFault("shared-shift", 31, "softmax shifted by the maximum of the whole array",
             ("softmax-shifted-together",), _shifted(SharedShiftCrossEntropy()),
             code=SharedShiftCrossEntropy, twin=_shifted(RIGHT)),
    RunFault("log-of-zero", 32, "log 0", ("log-of-zero",), _shifted(UnsafeCrossEntropy()),
             twin=_shifted(RIGHT),
             code=UnsafeCrossEntropy),
)  # fmt: skip
"""Faults of optimisers, penalties and losses."""
