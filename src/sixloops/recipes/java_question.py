"""The Java question: a feed-forward net at 94 %, and now a convolution network without a library.

The asker wants to know what goes back through ReLU, whether ReLU belongs into the convolution or
stands by itself, what error signal a max pooling hands back (is the winner's set to 1?), and how
shared weights are updated. The question names neither sizes nor rates; they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.initializers import He, LeCun
from sixloops.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Rescale
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Parameters,
    forward_part,
)
from sixloops.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.recipes.epochs import SHORT_TRAINING, chart, fitted, outcome, shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.recipes.slopes import central_differences
from sixloops.report.charts import Chart, Mark

EPOCHS, BATCH, RATE = 3, 10, 0.03
SOME_IMAGES = 6000
"""Images on which both ways of writing ReLU are trained."""
MOVED = 1e-5
"""By how much a weight is moved both ways, to measure a slope."""
STEPS, SHORT_STEPS = 20, 3
"""Updates by the layers' definitions, without the engine."""


@dataclass(frozen=True)
class WinnersGetOne(Layer):
    """Behind max pooling, says that the error is 1, whatever it is: a mistake.

    As everywhere the batch's mean counts, so that each image's 1 is divided by the batch's size.
    """

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Return the maxima as they are, and the backward that forgets the error."""

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return np.full_like(dy, 1 / BATCH), {}

        return x, backward


def convolutions(behind: Sequence[Layer] = (), inside: bool = False) -> list[Layer]:
    """Return two convolutions with ReLU and max pooling, and two dense layers.

    Args:
        behind: what follows each pooling.
        inside: whether ReLU is a part of the convolution, or a layer.
    """
    init, activation = He(), "relu" if inside else None
    layers: list[Layer] = [Rescale(1 / 255)]
    for filters in (20, 40):
        convolution = Conv2D(filters, 5, activation=activation, weight_initializer=init)
        relu = [] if inside else [ReLU()]
        layers += [convolution, *relu, MaxPool2D(2), *behind]
    dense = Dense(100, activation="relu", weight_initializer=init)
    return [*layers, Flatten(), dense, Dense(10)]


def feed_forward(setting: Setting) -> Measures:
    """Train a net of 100 sigmoids."""
    dense = Dense(100, activation="sigmoid", weight_initializer=LeCun())
    layers = [Rescale(1 / 255), Flatten(), dense, Dense(10, weight_initializer=LeCun())]
    return train(setting, layers, SigmoidCrossEntropy(), EPOCHS, BATCH, optimizer=SGD(0.1))


def _convolutions(behind: Sequence[Layer] = ()) -> Callable[[Setting], Measures]:
    def run(setting: Setting) -> Measures:
        layers, loss = convolutions(behind), SoftmaxCrossEntropy()
        return train(setting, layers, loss, EPOCHS, BATCH, optimizer=SGD(RATE))

    return run


def compare_relus(setting: Setting) -> Measures:
    """Train with ReLU inside the convolutions and with ReLU as a layer; compare all bits."""
    some = setting.training.first(SHORT_TRAINING if setting.short else SOME_IMAGES)
    engine, definitions = [], []
    measured: Measures = {}
    for inside in (True, False):
        network = Network(convolutions(inside=inside), some.image_shape, seed=setting.seed)
        how: dict[str, Any] = {"epochs": 1, "batch_size": BATCH, "optimizer": SGD(RATE)}
        measured |= fitted(setting, network, some, **how)[1]
        engine.append(_bits(network))
        network = Network(convolutions(inside=inside), some.image_shape, seed=setting.seed)
        for _ in _steps(network, setting):
            pass
        definitions.append(_bits(network))
    return measured | {
        "numbers": len(engine[0]),
        "different": int((engine[0] != engine[1]).sum()),
        "steps by the definitions": SHORT_STEPS if setting.short else STEPS,
        "different by the definitions": int((definitions[0] != definitions[1]).sum()),
    }


def _bits(network: Network) -> Array:
    """Return all parameters, each one's 32 bits as a whole number."""
    return np.concatenate([array.ravel() for array in network.parameters.values()]).view(np.int32)


def watch_relus(setting: Setting) -> Measures:
    """Measure how many outputs of the second convolution's ReLU are open, before each update."""
    image_shape = setting.training.image_shape
    steps = SHORT_STEPS if setting.short else STEPS
    setting.note({"network": Network(convolutions(), image_shape).about(), "steps": steps})
    shares: Measures = {}
    for name, behind in (("right", []), ("ones", [WinnersGetOne()])):
        layers = convolutions(behind)
        second = [number for number, layer in enumerate(layers) if isinstance(layer, ReLU)][1]
        network = Network(layers, image_shape, seed=setting.seed)
        shares[name] = [float((ys[second] > 0).mean()) for ys in _steps(network, setting)]
    return shares


def _steps(network: Network, setting: Setting) -> Iterator[list[Array]]:
    """Train by the layers' own definitions, batch after batch from the first image on.

    Yields:
        What each layer returned, before the update.
    """
    loss = SoftmaxCrossEntropy()
    for step in range(SHORT_STEPS if setting.short else STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        x, ys, backs = setting.training.images[batch].astype(np.float32), [], []
        for number, layer in enumerate(network.layers):
            x, back = forward_part(layer, str(number), x, network.parameters, Context())
            ys.append(x)
            backs.append(back)
        yield ys
        _, loss_back = loss.forward(x, setting.training.labels[batch])
        dy = loss_back(np.full(len(x), 1 / len(x), np.float32))
        for back in reversed(backs):
            dy, gradients = back(dy)
            for name, gradient in gradients.items():
                network.parameters[name] -= np.float32(RATE) * gradient


def compare_sums(setting: Setting) -> Measures:
    """Compare what may be made of a shared weight's gradients with central differences, in float64.

    Each position of a convolution's output has a gradient for each weight, as if the position had
    weights of its own.
    """
    random = np.random.default_rng(setting.seed)
    x, error = random.normal(size=(1, 2, 6, 6)), random.normal(size=(1, 3, 4, 4))
    weight, bias = random.normal(size=(3, 2, 3, 3)), np.zeros(3)

    def outputs(weights: Array) -> Array:
        ys = [Conv2D(3, 3).forward(x, {"weight": each, "bias": bias})[0] for each in weights]
        return np.array([(error * y).sum() for y in ys])

    slopes = central_differences(outputs, weight, MOVED)
    seen = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
    positions = np.einsum("kij,cijuv->ijkcuv", error[0], seen)
    ways = {
        "sum": positions.sum(axis=(0, 1)),
        "mean": positions.mean(axis=(0, 1)),
        "last": positions[-1, -1],
    }
    size = np.linalg.norm(slopes)
    return {name: float(np.linalg.norm(made - slopes) / size) for name, made in ways.items()}


LABELS = {
    "feed-forward": "feed-forward, 100 sigmoids",
    "convolutions": "two convolutions with ReLU and max pooling",
    "winners-get-one": "the same, each winner's error set to 1",
}


def findings(results: Results) -> list[Finding]:
    """Return the question's figures and ours."""

    def accuracy(name: str) -> str:
        return outcome(results, name, values(results, name, "test_accuracy", -1))

    after = f"after {EPOCHS} epochs"
    return [
        Finding(f"feed-forward net, {after}", "94 %", accuracy("feed-forward")),
        Finding(f"its convolution network, {after}", "–", accuracy("convolutions")),
        Finding(
            f"the same with the winner's error set to 1, {after}",
            "is that right?",
            accuracy("winners-get-one"),
        ),
        Finding(
            "outputs of the second convolution's ReLU that are not 0, with the error set to 1",
            "–",
            _open(results.get("open-relus", []), "ones"),
        ),
        Finding(
            "the same with the right error", "–", _open(results.get("open-relus", []), "right")
        ),
        Finding(
            "ReLU inside the convolution against a layer of its own",
            "which?",
            _differences(results.get("relu-inside-or-apart", [])),
        ),
        Finding(
            "a shared weight's gradient: what of those of its positions?",
            "how?",
            _sums(results.get("shared-weights", [])),
        ),
    ]


def _open(runs: Sequence[Measures], error: str) -> str:
    """Return the share of open ReLUs at first, after an update, and at the end."""
    if not runs:
        return "not run yet"
    first, second, last = (_share([run[error][step] for run in runs]) for step in (0, 1, -1))
    updates = len(runs[0][error]) - 1
    return f"at first {first}; after one update {second}; after {updates} updates {last}"


def _share(found: Sequence[float]) -> str:
    return shown(found, ".1%") if any(found) else "none"


def _differences(runs: Sequence[Measures]) -> str:
    """Return in how many numbers the two ways differ, seed by seed."""
    if not runs:
        return "not run yet"
    engine, definitions = (
        ", ".join(str(run[key]) for run in runs)
        for key in ("different", "different by the definitions")
    )
    numbers, steps = runs[0]["numbers"], runs[0]["steps by the definitions"]
    return (
        f"differences in a bit, of {numbers:,} trained numbers, seed by seed: {engine} after an "
        f"epoch of the engine; {definitions} after {steps} updates by the definitions in NumPy"
    )


def _sums(runs: Sequence[Measures]) -> str:
    """Return how far each way is from the measured gradient."""
    if not runs:
        return "not run yet"
    worst = max(run["sum"] for run in runs)
    mean, last = (shown([run[name] for run in runs], ".1%") for name in ("mean", "last"))
    return (
        f"their sum: {worst:.0e} from central differences; their mean is off by {mean}, the last "
        f"position's by {last}"
    )


def charts(results: Results) -> list[Chart]:
    """Return accuracy and cost over the epochs."""
    accuracy = chart(
        *(results, LABELS, "test_accuracy"),
        *("Accuracy; the third lies far below", "test images classified right"),
        percent=True,
        y_range=(0.9, 1.0),
        marks=[Mark(0.94, "the post: 94 %")],
    )
    cost = chart(results, LABELS, "cost", "Cost", "mean cost of an image", logarithmic=True)
    return [cost, accuracy]


RECIPE = Recipe(
    name="java-question",
    title="from a feed-forward net to a convolution network, without a library",
    source="A question about Java",
    experiments=[
        Experiment("feed-forward", LABELS["feed-forward"], feed_forward),
        Experiment("convolutions", LABELS["convolutions"], _convolutions()),
        Experiment(
            *("winners-get-one", LABELS["winners-get-one"], _convolutions([WinnersGetOne()]))
        ),
        Experiment("open-relus", "how many ReLUs are open with either error", watch_relus),
        Experiment("relu-inside-or-apart", "both ways of writing ReLU", compare_relus),
        Experiment("shared-weights", "the positions' gradients of shared weights", compare_sums),
    ],
    findings=findings,
    charts=charts,
    setup="""\
Three epochs of 60,000 images in batches of 10, plain gradient descent, pixels from 0 to 1. The
feed-forward net: 100 sigmoids, then 10 with cross-entropy, weights of variance 1 / inputs, rate
0.1. The convolution network: 20 and 40 kernels of 5×5, each with ReLU and 2×2 max pooling, then 100
ReLU and 10 outputs with softmax and cross-entropy, weights of variance 2 / inputs (in the last
layer Glorot's), rate 0.03. The question names the 94 %, but neither sizes nor rates: these are
ours. Where the error is set to 1, each image's 1 is divided by the 10 of the batch. Both ways of
writing ReLU are compared after 6,000 images; ways to collect a shared weight's gradient on three
3×3 kernels over two 6×6 maps of random numbers. All of it takes about five minutes.""",
)
