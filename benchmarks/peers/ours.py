"""sixloops, by its public means."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks.data import bytes_like_mnist, floats
from benchmarks.networks import CASES, Case
from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.layers import (
    ACTIVATIONS,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalMeanPool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Rescale,
    Residual,
)
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.training import fit

AT_ONCE = 256
"""Images that are predicted at a time."""


def network(case: Case, *first: Layer) -> Network:
    """Return a case's network, behind preprocessing if there is any."""
    shape = tuple(case.input_shape)
    layers = [layer for words, given in case.with_shapes() for layer in _layers(words, given)]
    return Network([*first, *layers], shape)


def _layers(words: tuple[Any, ...], shape: tuple[int, ...]) -> list[Layer]:
    match words:
        case ("conv", filters, kernel, padding):
            return [Conv2D(filters, kernel, padding=padding)]
        case ("normed conv", filters, stride):
            return _normed(filters, 3, stride)
        case ("block", filters, stride):
            body = [*_normed(filters, 3, stride), ReLU(), *_normed(filters, 3, 1)]
            same = shape[0] == filters and stride == 1
            return [Residual(body, [] if same else _normed(filters, 1, stride), "relu")]
        case ("dense", units):
            return [Dense(units)]
        case (kind,):
            plain = {"pool": MaxPool2D, "flatten": Flatten, "global mean": GlobalMeanPool2D}
            return [(plain | ACTIVATIONS)[kind]()]
    raise ValueError(f"There is no layer {words}.")


def _normed(filters: int, kernel: int, stride: int) -> list[Layer]:
    conv = Conv2D(filters, kernel, stride=stride, padding=kernel // 2, use_bias=False)
    return [conv, BatchNorm()]


def parameter_count(case: Case) -> int:
    """Return how many numbers the network learns."""
    return sum(array.size for array in network(case).parameters.values())


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    made = network(case)
    plan = open_until.enter_context(Plan(made, batch, threads))
    images, labels = floats(batch, case.input_shape)
    optimizer = SGD(0.01)

    def step() -> None:
        found = plan.step(images, labels)
        plan.update(optimizer, {}, optimizer.rate, 1)
        made.state.update(found.updates)

    return step


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images."""
    made, (given, _) = network(case), floats(images, case.input_shape)
    plan = open_until.enter_context(Plan(made, min(images, AT_ONCE), threads))
    return lambda: plan.predict(given)


def epoch(batch: int, images: int, threads: int, open_until: ExitStack) -> Callable[[], object]:
    """Return a function that trains network B once over some bytes."""
    made, data = network(CASES["B"], Rescale(1 / 255)), Dataset(*bytes_like_mnist(images))
    return lambda: fit(made, data, epochs=1, batch_size=batch, optimizer=SGD(0.01), threads=threads)
