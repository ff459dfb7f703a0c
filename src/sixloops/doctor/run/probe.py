"""Probes: what is measured on a few images, outside training, of a network and of its data."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sixloops.data import Dataset
from sixloops.doctor.run import neighbours
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.monitor import ENOUGH_WEIGHTS, Monitor
from sixloops.doctor.run.signals import Start, of_inputs
from sixloops.engine import places_of
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Normalize,
    Rescale,
    Sigmoid,
    Tanh,
    ZeroPad2D,
)
from sixloops.layers.base import Array, Backward, Context
from sixloops.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from sixloops.losses.base import are_class_numbers
from sixloops.network import Network
from sixloops.randomness import Streams

PREPARING = (Rescale, Normalize, ZeroPad2D, Flatten)
"""Layers that only prepare what the others learn from."""

SPREAD_IMAGES = 100
"""Of so many images the values are looked at."""

FEWEST_SPREADS = 30
"""Of fewer images nothing is said."""

FEWEST_IMAGES = 100
"""With fewer images, what neighbours say means little."""

LOOKED_UP = 1000
"""So many images are compared with each other where a run falls short."""

KINDS = {
    SoftmaxCrossEntropy: "softmax cross-entropy",
    SigmoidCrossEntropy: "binary cross-entropy",
}


def part_of(data: Dataset, images: int, seed: int = 0) -> tuple[Array, Array]:
    """Return some images of a data set with their labels, drawn from all of it."""
    count = min(images, len(data))
    rows = Streams(seed).generator("doctor").choice(len(data), count, replace=False)
    return data.take(np.sort(rows))


def chance_of(data: Dataset) -> float | None:
    """Return the share of the most frequent class; None where targets are no classes."""
    if not are_class_numbers(data.labels):
        return None
    return float(np.bincount(data.labels).max() / len(data))


def compare_spreads(monitor: Monitor, data: Dataset, validation: Dataset | None) -> None:
    """See how far the values of training and of held-out images spread."""
    if validation is None or validation.image_shape != data.image_shape:
        return
    if min(len(data), len(validation)) < FEWEST_SPREADS:
        return
    for name, each in ("training", data), ("held-out", validation):
        images, _ = part_of(each, SPREAD_IMAGES)
        spreads = images.reshape(len(images), -1).std(axis=1, dtype=np.float64)
        monitor.evidence.probes[f"{name} spread"] = float(np.median(spreads))
        monitor.evidence.probes[f"{name} largest"] = float(np.abs(images).max())


def through(
    network: Network, images: Array, *, training: bool = False, seed: int = 0
) -> Iterator[tuple[str, Layer, Array, Array, Backward]]:
    """Run images through the layers' definitions, and return what each makes of them.

    Returns:
        For each layer its name, itself, its input, its output, and its backward.
    """
    x = np.asarray(images).astype(network.dtype)
    random = np.random.default_rng(seed)
    context = Context(training=training, random=random, state=network.state)
    with np.errstate(all="ignore"):
        for place in places_of(network):
            y, backward = place.forward(x, network.parameters, context)
            yield place.name, place.layer, x, y, backward
            x = y


def look(monitor: Monitor, network: Network, step: int, images: Array) -> None:
    """Let a monitor see the outputs of a network's layers, preparation left out."""
    for name, layer, x, y, _ in through(network, images):
        if isinstance(layer, PREPARING):
            continue
        if monitor.evidence.inputs is None and not isinstance(layer, BatchNorm):
            monitor.evidence.inputs = of_inputs(x, str(np.asarray(images).dtype))
        monitor.look_at_layer(step, name, y)


def outputs_of(network: Network, images: Array, *, training: bool = False) -> Array:
    """Return the outputs of images, in either mode."""
    *_, (_, _, _, outputs, _) = through(network, images, training=training)
    return outputs


def accuracy_of(
    network: Network, images: Array, labels: Array, *, training: bool = False
) -> float | None:
    """Return the share of images whose class is told rightly, in either mode."""
    outputs = outputs_of(network, images, training=training)
    if outputs.ndim != 2 or labels.ndim != 1 or labels.dtype.kind not in "iu":
        return None
    with np.errstate(all="ignore"):
        answers = network.loss.predictions(outputs).argmax(axis=1)
    return float((answers == labels).mean())


def weights_at_the_start(monitor: Monitor, network: Network) -> None:
    """Keep the spread of the initial weights, by what it should be."""
    for place in places_of(network):
        layer, weight = place.layer, network.parameters.get(f"{place.path}.weight")
        if weight is None or weight.size == 1 or not isinstance(layer, Conv2D | Dense):
            continue
        area = math.prod(weight.shape[2:])
        fan_in = math.prod(weight.shape[1:])
        spread = float(weight.std(dtype=np.float64))
        constant = bool((weight == weight.flat[0]).all())
        monitor.evidence.starts[f"{place.path}.weight"] = Start(
            spread=0.0 if constant else spread,
            value=float(weight.flat[0]),
            mean=float(weight.mean(dtype=np.float64)) if weight.size >= ENOUGH_WEIGHTS else None,
            gain=spread * math.sqrt(fan_in),
            area=float(area),
        )


def bounds_of_outputs(network: Network) -> float | None:
    """Return −1 or 0, the lower bound of logits that a sigmoid or tanh holds fast; else None."""
    if type(network.loss) is not SoftmaxCrossEntropy:
        return None
    last = network.layers[-1]
    activation = getattr(last, "activation", None) or last
    if isinstance(activation, Sigmoid):
        return 0.0
    return -1.0 if isinstance(activation, Tanh) else None


def kind_of_loss(network: Network) -> str:
    """Return which of the usual losses a network has; empty for another."""
    loss = network.loss
    if type(loss) is SquaredError and (loss.off, loss.on) == (0.0, 1.0):
        return "squared error"
    return KINDS.get(type(loss), "")


def look_up(monitor: Monitor, data: Dataset, validation: Dataset | None) -> None:
    """Ask nearest neighbours what can be told from the images."""
    probes = monitor.evidence.probes
    images, labels = part_of(data, LOOKED_UP)
    if len(images) < FEWEST_IMAGES or data.class_count < 2:
        return
    if (images == images[:1]).all():
        probes["alike"] = float(len(images))
    probes["neighbours"] = neighbours.agreement(images, labels)
    probes["looked up"] = float(len(images))
    if neighbours.are_bytes(images):
        shift, best = neighbours.best_shift(images[:400], labels[:400])
        plain = neighbours.agreement(images[:400], labels[:400])
        if shift and best > plain + 0.05:
            probes["unwrapped by"] = float(shift)
            probes["unwrapped neighbours"] = probes["neighbours"] + best - plain
    if validation is None or validation.image_shape != data.image_shape:
        return
    held, held_labels = part_of(validation, LOOKED_UP // 2)
    across = neighbours.agreement_across(images, labels, held, held_labels)
    probes["neighbours across"] = across
    if across < probes["neighbours"] - 0.1:
        _compare(monitor.evidence, images, labels, held, held_labels)


def _compare(e: Evidence, images: Array, labels: Array, held: Array, held_labels: Array) -> None:
    """Look for what held-out images, or their labels, have that the training's do not."""
    way = neighbours.best_way(images, labels, held, held_labels)
    numbers = neighbours.other_numbers(images, labels, held, held_labels)
    if numbers is not None and (way is None or numbers.agreement > way[1]):
        e.numbers = numbers
    else:
        e.prepared = way
