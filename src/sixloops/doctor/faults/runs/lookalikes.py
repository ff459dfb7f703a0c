"""Healthy runs that look sick: what a doctor must not alarm at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sixloops.data import Dataset, Shift
from sixloops.doctor.faults.runs.plant import ALL, with_loss
from sixloops.doctor.run.case import Case
from sixloops.initializers import Constant, Normal
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    GlobalMeanPool2D,
    Layer,
    ReLU,
    Rescale,
    Sigmoid,
    Tanh,
)
from sixloops.layers.base import Array, Backward, Gradients
from sixloops.losses import SigmoidCrossEntropy, SquaredError
from sixloops.optimizers import SGD, Adam
from sixloops.regularizers import L2


@dataclass(frozen=True)
class Lookalike:
    """A healthy run, or what makes a healthy case look sick without being so.

    Args:
        id: short and unique.
        change: makes it of a healthy case.
        networks: of which of the four.
        hard: whether it looks sick.
    """

    id: str
    change: Callable[[Case], Case]
    networks: tuple[str, ...] = ALL
    hard: bool = True


@dataclass(frozen=True)
class MaskedReLU(ReLU):
    """A ReLU of one's own whose mask is taken on the outputs, as may be done."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Cut off what is negative."""
        y = x * (x > 0)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * (y > 0), {}

        return y, backward


@dataclass(frozen=True)
class OwnDense(Layer):
    """A dense layer of one's own, right, that derives from none of sixloops'."""

    units: int

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (units,)."""
        return (self.units,)

    def initial_parameters(
        self, input_shape: tuple[int, ...], random: np.random.Generator, dtype: Any
    ) -> dict[str, Array]:
        """Return weights and biases."""
        spread = 1 / np.sqrt(input_shape[0])
        return {
            "weight": random.normal(0, spread, (self.units, input_shape[0])).astype(dtype),
            "bias": np.zeros(self.units, dtype),
        }

    def forward(self, x: Array, parameters: Any = None, *rest: Any) -> tuple[Array, Backward]:
        """Multiply."""

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy @ parameters["weight"], {"weight": dy.T @ x, "bias": dy.sum(axis=0)}

        return x @ parameters["weight"].T + parameters["bias"], backward


def _of(case: Case, data: Dataset, rows: Array) -> Case:
    images, labels = data.take(rows)
    return replace(case, data=Dataset(images, labels, data.class_count))


def _imbalanced(case: Case) -> Case:
    random = np.random.default_rng(case.seed)
    labels = case.data.labels
    common = np.flatnonzero(labels < 2)
    others = np.flatnonzero(labels >= 2)
    rows = np.concatenate([np.repeat(common, 4), others])
    return _of(case, case.data, random.permutation(rows)[: len(labels)])


def _two_classes(case: Case) -> Case:
    def chosen(data: Dataset) -> Dataset:
        images, labels = data.take(np.flatnonzero(data.labels < 2))
        return Dataset(images, labels, data.class_count)

    held = case.validation
    longer = case.with_options(epochs=8)
    return replace(longer, data=chosen(case.data), validation=held and chosen(held))


def _few_images(case: Case) -> Case:
    return _of(case, case.data, np.arange(250)).with_options(epochs=15)


def _noisy_labels(case: Case) -> Case:
    random = np.random.default_rng(case.seed)
    labels = case.data.labels.copy()
    wrong = random.random(len(labels)) < 0.15
    labels[wrong] = random.integers(0, 10, wrong.sum())
    return replace(case, data=Dataset(case.data.images, labels, case.data.class_count))


def _binary(case: Case) -> Case:
    """Return images of two values only: nearly every pooling window is a tie."""

    def cut(data: Dataset) -> Dataset:
        images = np.where(data.images > 127, 255, 0).astype(np.uint8)
        return Dataset(images, data.labels, data.class_count)

    return replace(case, data=cut(case.data), validation=case.validation and cut(case.validation))


def _standardised(case: Case) -> Case:
    """Return floats of mean 0 and spread 1, prepared outside the network."""

    def scaled(data: Dataset) -> Dataset:
        images = ((data.images.astype(np.float32) / 255) - 0.13) / 0.31
        return Dataset(images.astype(np.float32), data.labels, data.class_count)

    bare = case.with_layers(lambda layers: [x for x in layers if type(x) is not Rescale])
    bare = bare.with_rate(0.3)
    return replace(
        bare, data=scaled(case.data), validation=case.validation and scaled(case.validation)
    )


def _sparse(case: Case) -> Case:
    def begun(layer: Layer) -> Layer:
        if isinstance(layer, Dense | Conv2D) and layer.use_bias:
            return replace(layer, bias_initializer=Constant(-0.25))
        return layer

    return case.with_layers(lambda layers: [*map(begun, layers[:-1]), layers[-1]])


def _zero_end(case: Case) -> Case:
    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [*layers[:-1], replace(layers[-1], weight_initializer=Normal(0.0))]  # type: ignore[call-arg]

    return case.with_layers(change)


def _dropout(case: Case) -> Case:
    return case.with_layers(lambda layers: [*layers[:-1], Dropout(0.5), layers[-1]])


def _own_parts(case: Case) -> Case:
    def own(layer: Layer) -> Layer:
        if type(layer) is ReLU:
            return MaskedReLU()
        return OwnDense(layer.units) if type(layer) is Dense else layer

    return case.with_layers(lambda layers: [own(x) for x in layers])


def _normalised_first(case: Case) -> Case:
    """Return bytes given to batch normalisation, which scales them itself."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [BatchNorm(), *[x for x in layers if type(x) is not Rescale]]

    return case.with_layers(change)


def _global_mean(case: Case) -> Case:
    changed = case.with_layers(lambda x: [*x[:-2], GlobalMeanPool2D(), Dense(10)])
    return changed.with_options(epochs=8)


def _squared(case: Case) -> Case:
    return with_loss(case, SquaredError()).with_rate(0.3).with_options(epochs=8)


def _options(**options: Any) -> Callable[[Case], Case]:
    return lambda case: case.with_options(**options)


def _edge(case: Case) -> Case:
    kind = case.network(0).layers
    factor = 6.0 if any(isinstance(x, Sigmoid | BatchNorm) for x in kind) else 2.5
    return case.with_rate(factor)


def _single(case: Case) -> Case:
    calm = any(isinstance(x, Tanh | Sigmoid) for x in case.network(0).layers)
    return case.with_options(batch_size=1, epochs=2, optimizer=SGD(0.05 if calm else 0.01))


NO_STATISTICS = ("dense", "lenet-mean", "lenet-max")
RECTIFIED = ("lenet-max", "conv-bn")
LOOKALIKES = {
    each.id: each
    for each in (
        Lookalike("plain", lambda case: case, hard=False),
        Lookalike("longer", _options(epochs=8), hard=False),
        Lookalike("batch-64", _options(batch_size=64, epochs=8), hard=False),
        Lookalike("adam", _options(optimizer=Adam(0.002)), hard=False),
        Lookalike("standardised", _standardised, hard=False),
        Lookalike("weight-decay", _options(regularizers=[L2(1e-3)]), hard=False),
        Lookalike("clipped", _options(clip_norm=1.0), hard=False),
        Lookalike("augmented", _options(augmentation=Shift(2), epochs=6), hard=False),
        Lookalike("sigmoid-loss", lambda c: with_loss(c, SigmoidCrossEntropy()), hard=False),
        Lookalike("squared-error", _squared, ("lenet-mean", "lenet-max", "conv-bn"), hard=False),
        Lookalike("zero-end", _zero_end, hard=False),
        Lookalike("no-validation", lambda c: replace(c, validation=None), hard=False),
        Lookalike("sparse", _sparse, ("lenet-max",)),
        Lookalike("edge", _edge),
        Lookalike("slow", lambda c: c.with_rate(0.25)),
        Lookalike("short", _options(epochs=2)),
        Lookalike("very-short", _options(epochs=1)),
        Lookalike("batch-1", _single, NO_STATISTICS),
        Lookalike("imbalanced", _imbalanced),
        Lookalike("two-classes", _two_classes),
        Lookalike("few-images", _few_images),
        Lookalike("noisy-labels", _noisy_labels),
        Lookalike("ties", _binary),
        Lookalike("dropout", _dropout),
        Lookalike("own-parts", _own_parts),
        Lookalike("bytes-to-batch-norm", _normalised_first),
        Lookalike("global-mean", _global_mean, ("conv-bn",)),
    )
}  # fmt: skip
"""Healthy runs, easy ones and hard ones."""
