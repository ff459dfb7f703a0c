"""Faults of data, of what a run begins with, of rates, and of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.data import Dataset
from sixloops.doctor.faults.runs.plant import RunFault
from sixloops.doctor.run.case import Case
from sixloops.initializers import Constant, Initializer, Normal
from sixloops.layers import BatchNorm, Conv2D, Dense, Layer, ReLU, Rescale, Sigmoid, Tanh
from sixloops.layers.base import Array
from sixloops.training import EvaluateEvery


@dataclass(frozen=True)
class IntegerDivision(Initializer):
    """2 // fan_in is 0."""

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw."""
        return random.normal(0, np.sqrt(2 // fan_in), shape).astype(dtype)


@dataclass(frozen=True)
class OnOneSide(Initializer):
    """Numbers from 0 to 1, which are none below 0."""

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw."""
        return random.random(shape).astype(dtype)


@dataclass(frozen=True)
class AreaForgotten(Initializer):
    """He's variance with the channels alone as fan-in."""

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw."""
        return random.normal(0, np.sqrt(2 / shape[1]), shape).astype(dtype)


def with_initializers(
    case: Case, weights: Initializer, biases: Initializer | None = None, *, kind: Any = None
) -> Case:
    """Return the case with other initial values in its layers, the last left alone."""

    def begun(layer: Layer) -> Layer:
        if not isinstance(layer, kind or (Conv2D, Dense)):
            return layer
        given = {"weight_initializer": weights}
        if biases is not None:
            given["bias_initializer"] = biases
        return replace(layer, **given)

    return case.with_layers(lambda layers: [*map(begun, layers[:-1]), layers[-1]])


def _integer_division(case: Case) -> Case:
    return with_initializers(case, IntegerDivision())


def _area_forgotten(case: Case) -> Case:
    return with_initializers(case, AreaForgotten(), kind=Conv2D)


def _constant(case: Case) -> Case:
    return with_initializers(case, Constant(0.05))


def _unscaled(case: Case) -> Case:
    return case.with_layers(lambda layers: [x for x in layers if type(x) is not Rescale])


def _scaled_twice(case: Case) -> Case:
    return case.with_layers(lambda layers: [Rescale(1 / 255), *layers])


def _one_sided(case: Case) -> Case:
    return with_initializers(case, OnOneSide())


def _renumbered(case: Case) -> Case:
    held = case.validation
    if held is None:
        return case
    labels = (held.labels + 1) % held.class_count
    return replace(case, validation=Dataset(held.images, labels, held.class_count))


def _saturating(case: Case) -> Case:
    return with_initializers(case, Normal(3.0))


def _dead(case: Case) -> Case:
    def change(layers: Sequence[Layer]) -> list[Layer]:
        hidden = [x for x in layers[:-1] if isinstance(x, Dense | Conv2D)]
        sick = replace(hidden[-1], bias_initializer=Constant(-12.0))
        return [sick if x is hidden[-1] else x for x in layers]

    return case.with_layers(change)


def _changed(data: Dataset, images: Array) -> Dataset:
    return Dataset(np.ascontiguousarray(images), data.labels, data.class_count)


def _held(change: Callable[[Array], Array]) -> Callable[[Case], Case]:
    def plant(case: Case) -> Case:
        held = case.validation
        return (
            case if held is None else replace(case, validation=_changed(held, change(held.images)))
        )

    return plant


def _apart(case: Case) -> Case:
    random = np.random.default_rng(case.seed)
    mixed = random.permutation(case.data.images)
    return replace(case, data=_changed(case.data, mixed))


def _off_by_one(case: Case) -> Case:
    return replace(case, data=_changed(case.data, np.roll(case.data.images, 1, axis=0)))


def _sorted(case: Case) -> Case:
    order = np.argsort(case.data.labels, kind="stable")
    images, labels = case.data.take(order)
    data = Dataset(images, labels, case.data.class_count)
    return replace(case, data=data).with_options(shuffle=False)


def _wrapped(case: Case) -> Case:
    def less(data: Dataset) -> Dataset:
        return _changed(data, data.images - np.uint8(96))

    return replace(case, data=less(case.data), validation=case.validation and less(case.validation))


def _rate(factor: float) -> Callable[[Case], Case]:
    return lambda case: case.with_rate(factor)


def _stale(case: Case) -> Case:
    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [BatchNorm(0.9995) if isinstance(x, BatchNorm) else x for x in layers]

    return case.with_layers(change)


def _relu_logits(case: Case) -> Case:
    return case.with_layers(lambda layers: [*layers, ReLU()])


def _sigmoid_logits(case: Case) -> Case:
    return case.with_layers(lambda layers: [*layers, Sigmoid()])


def _tanh_logits(case: Case) -> Case:
    return case.with_layers(lambda layers: [*layers, Tanh()])


def wrong_axis(outputs: Array, labels: Array) -> float:
    """Count right answers along the batch's axis."""
    answers = outputs.argmax(axis=0)
    return float((answers == labels[: len(answers)]).mean())


def one_hot_of_one(outputs: Array, labels: Array) -> float:
    """Compare (n, 1) with (n,): the mean over an n × n table."""
    return float((outputs.argmax(axis=1)[:, None] == labels).mean())


def _metric(accuracy: Callable[[Array, Array], float]) -> Callable[[Case], Case]:
    return lambda case: replace(case, accuracy=accuracy)


def _few(case: Case) -> Case:
    return case.with_options(callbacks=[EvaluateEvery(8, images=20)])


def _vanishing(case: Case) -> Case:
    """Put four more sigmoid layers, with small weights, before the last."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        more: list[Layer] = []
        for _ in range(4):
            more += [Dense(32, weight_initializer=Normal(0.1)), Sigmoid()]
        return [*layers[:-1], *more, layers[-1]]

    return case.with_layers(change)


CONVS, RECTIFIED = ("lenet-mean", "lenet-max", "conv-bn"), ("lenet-max",)
FAULTS = (
    RunFault("area-forgotten", 33, "initial weights ignore the kernel's area",
             ("weights-ignore-area",), _area_forgotten, CONVS, AreaForgotten),
    RunFault("integer-division", 34, "integer division in the initialiser", ("weights-zero",),
             _integer_division, code=IntegerDivision),
    RunFault("constant-weights", 35, "constant weights", ("weights-constant",), _constant),
    RunFault("inputs-not-scaled", 36, "inputs left at 0..255", ("inputs-not-scaled",), _unscaled),
    RunFault("inputs-scaled-twice", 36, "inputs divided by 255 twice", ("inputs-scaled-twice",),
             _scaled_twice),
    RunFault("test-not-scaled", 37, "test images divided by 255 once more",
             ("prepared-otherwise",), _held(lambda x: (x / 255).astype(np.float32))),
    RunFault("test-inverted", 37, "test images inverted", ("prepared-otherwise",),
             _held(lambda x: 255 - x)),
    RunFault("test-transposed", 37, "test images transposed", ("prepared-otherwise",),
             _held(lambda x: x.swapaxes(-1, -2))),
    RunFault("shuffled-apart", 38, "images and labels shuffled apart", ("shuffled-apart",),
             _apart),
    RunFault("labels-off-by-one", 38, "labels one row off", ("shuffled-apart",), _off_by_one),
    RunFault("classes-renumbered", 38, "classes of the test images counted from another one",
             ("labels-numbered-otherwise",), _renumbered),
    RunFault("sorted-by-class", 39, "data sorted by class", ("sorted-by-class",), _sorted),
    RunFault("rate-30-times", 40, "learning rate 30 times too high",
             ("rate-too-high", "dead-relu"), _rate(30)),
    RunFault("rate-300-times", 40, "learning rate 300 times too high",
             ("rate-too-high", "dead-relu"), _rate(300)),
    RunFault("stale-statistics", 41, "stale running statistics", ("stale-statistics",), _stale,
             ("conv-bn",)),
    RunFault("relu-on-logits", 42, "ReLU on the logits", ("relu-on-logits",), _relu_logits),
    RunFault("dead-relu", 43, "dead ReLU units", ("dead-relu",), _dead, RECTIFIED),
    RunFault("saturated", 44, "saturated sigmoid or tanh", ("saturated",), _saturating,
             ("dense", "lenet-mean")),
    RunFault("one-sided", 44, "initial weights from 0 to 1",
             ("weights-not-centred", "saturated"), _one_sided, code=OnOneSide),
    RunFault("sigmoid-under-softmax", 45, "sigmoid outputs under softmax", ("output-does-not-fit",),
             _sigmoid_logits),
    RunFault("tanh-under-softmax", 45, "tanh outputs under softmax", ("output-does-not-fit",),
             _tanh_logits),
    RunFault("argmax-wrong-axis", 46, "argmax along the wrong axis", ("metric-wrong",),
             _metric(wrong_axis), code=wrong_axis, reported=True),
    RunFault("metric-table", 46, "accuracy of (n, 1) against (n,)", ("metric-wrong",),
             _metric(one_hot_of_one), code=one_hot_of_one, reported=True),
    RunFault("bytes-wrapped", 47, "unsigned bytes overflow", ("bytes-wrapped",), _wrapped),
    RunFault("rate-1-300th", 49, "learning rate 300 times too low", ("rate-too-low",),
             _rate(1 / 300)),
    RunFault("vanishing", 49, "vanishing gradients", ("vanishing-gradients", "rate-too-low"),
             _vanishing, ("dense", "lenet-mean")),
    RunFault("evaluated-on-few", 50, "evaluation on a few random images", ("evaluated-on-few",),
             _few, reported=True),
)  # fmt: skip
"""Faults of data, beginnings, rates, last layers and evaluation."""
