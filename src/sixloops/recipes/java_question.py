"""The Java question: a feed-forward net at 94 %, and now a convolution network without a library.

The asker wants to know what goes back through ReLU, whether ReLU belongs into the convolution or
stands by itself, what error signal a max pooling hands back (is the winner's set to 1?), and how
shared weights are updated. The question names neither sizes nor rates; they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
)
from sixloops.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.recipes.epochs import SHORT_TRAINING, chart, shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.report.charts import Chart
from sixloops.training import fit

EPOCHS, BATCH, RATE = 3, 10, 0.03
SOME = 6000
"""Images on which both ways of writing ReLU are trained."""


@dataclass(frozen=True)
class WinnersGetOne(MaxPool2D):
    """Max pooling that hands 1 back to each winner, whatever the error is: a mistake."""

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Return the maxima, and the backward that forgets the error."""
        y, right = super().forward(x, parameters, context)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return right(np.ones_like(dy))

        return y, backward


def convolutions(pool: Callable[[int], Layer] = MaxPool2D, inside: bool = False) -> list[Layer]:
    """Return two convolutions with ReLU, inside them or by itself, and pooling."""
    init, activation = He(), "relu" if inside else None
    layers: list[Layer] = [Rescale(1 / 255)]
    for filters in (20, 40):
        convolution = Conv2D(filters, 5, activation=activation, weight_initializer=init)
        layers += [convolution, pool(2)] if inside else [convolution, ReLU(), pool(2)]
    dense = Dense(100, activation="relu", weight_initializer=init)
    return [*layers, Flatten(), dense, Dense(10)]


def feed_forward(setting: Setting) -> Measures:
    """Train a net of 100 sigmoids."""
    dense = Dense(100, activation="sigmoid", weight_initializer=LeCun())
    layers = [Rescale(1 / 255), Flatten(), dense, Dense(10, weight_initializer=LeCun())]
    return train(setting, layers, SigmoidCrossEntropy(), EPOCHS, BATCH, optimizer=SGD(0.1))


def _convolutions(pool: Callable[[int], Layer]) -> Callable[[Setting], Measures]:
    def run(setting: Setting) -> Measures:
        layers, loss = convolutions(pool), SoftmaxCrossEntropy()
        return train(setting, layers, loss, EPOCHS, BATCH, optimizer=SGD(RATE))

    return run


def compare_relus(setting: Setting) -> Measures:
    """Train with ReLU inside the convolutions and with ReLU as a layer; compare all bits."""
    some = setting.training.first(SHORT_TRAINING if setting.short else SOME)
    trained = []
    for inside in (True, False):
        network = Network(convolutions(inside=inside), some.image_shape, seed=setting.seed)
        how = {"epochs": 1, "batch_size": BATCH, "optimizer": SGD(RATE)}
        fit(network, some, seed=setting.seed, threads=setting.threads, **how)  # type: ignore[arg-type]
        trained.append(b"".join(array.tobytes() for array in network.parameters.values()))
    numbers = np.frombuffer(trained[0], np.float32), np.frombuffer(trained[1], np.float32)
    return {
        "numbers": len(numbers[0]),
        "different": int((numbers[0].view(np.int32) != numbers[1].view(np.int32)).sum()),
    }


LABELS = {
    "feed-forward": "feed-forward, 100 sigmoids",
    "convolutions": "two convolutions with ReLU and max pooling",
    "winners-get-one": "the same, each winner's error set to 1",
}


def findings(results: Results) -> list[Finding]:
    """Return the question's figures and ours."""

    def accuracy(name: str) -> str:
        return shown(values(results, name, "test_accuracy", -1))

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
            "ReLU inside the convolution against a layer of its own, one epoch",
            "which?",
            _bits(results.get("relu-inside-or-apart", [])),
        ),
    ]


def _bits(runs: Sequence[Measures]) -> str:
    if not runs:
        return "not run yet"
    different, numbers = (sum(run[key] for run in runs) for key in ("different", "numbers"))
    return f"{different} of {numbers:,} trained numbers differ in a bit"


def charts(results: Results) -> list[Chart]:
    """Return accuracy and cost over the epochs."""
    accuracy = chart(
        *(results, LABELS, "test_accuracy", "Accuracy", "test images classified right"),
        percent=True,
        y_range=(0.0, 1.0),
    )
    cost = chart(results, LABELS, "cost", "Cost", "mean cost of an image", logarithmic=True)
    return [cost, accuracy]


RECIPE = Recipe(
    name="java-question",
    title="from a feed-forward net to a convolution network, without a library",
    source="A question about Java",
    experiments=[
        Experiment("feed-forward", LABELS["feed-forward"], feed_forward),
        Experiment("convolutions", LABELS["convolutions"], _convolutions(MaxPool2D)),
        Experiment("winners-get-one", LABELS["winners-get-one"], _convolutions(WinnersGetOne), 1),
        Experiment("relu-inside-or-apart", "both ways of writing ReLU", compare_relus),
    ],
    findings=findings,
    charts=charts,
)
