"""Post 316354: a convolution network that learnt, until max pooling came in.

The asker's network has a convolution of 20 kernels of 5×5, a layer of 100 sigmoids, and ten
sigmoid outputs with cross-entropy as the cost; trained in batches of 10, for 60 epochs. Without
pooling it reached 96 % in 3 epochs. With 2×2 max pooling behind the convolution it stood at 30 %,
at a cost of 2.52. The post names no rate, so that each of the two is trained at two rates.

Its pooling's code is not in the post. One of the faults that are thinkable is planted here: no
error arrives at the convolution, which so keeps its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixloops.initializers import Initializer, LeCun, Normal
from sixloops.layers import Conv2D, Layer, MaxPool2D
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Parameters,
)
from sixloops.losses import SigmoidCrossEntropy
from sixloops.optimizers import SGD
from sixloops.recipes.epochs import broke_off, chart, ended, outcome, shown, train, values
from sixloops.recipes.networks import post_316354
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.report.charts import Chart, Mark

BATCH, RATE, LOWER_RATE = 10, 0.5, 0.1
EPOCHS, FEW, SOME = 60, 3, 10


@dataclass(frozen=True)
class NothingBack(Layer):
    """Hands its input on, and no error back: a mistake."""

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Return the input, and the backward that returns zeros."""

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return np.zeros_like(dy), {}

        return x, backward


def network(middle: Sequence[Layer] | None = None, init: Initializer = LeCun()) -> Sequence[Layer]:  # noqa: B008
    """Return the post's layers, with ``middle`` in front of the dense ones."""
    return post_316354((1, 28, 28), 10, middle, init)


def convolution(activation: str | None = None) -> Layer:
    """Return the convolution."""
    return Conv2D(20, 5, activation=activation, weight_initializer=LeCun())


@dataclass(frozen=True)
class Part:
    """One training.

    Args:
        about: what is trained.
        layers: of the network.
        rate: of plain gradient descent.
        epochs: passes over the data.
    """

    about: str
    layers: Sequence[Layer]
    rate: float = RATE
    epochs: int = EPOCHS

    @property
    def label(self) -> str:
        """What is trained, and at which rate."""
        return f"{self.about}; rate {self.rate:g}"

    def run(self, setting: Setting) -> Measures:
        """Train it."""
        loss, optimizer = SigmoidCrossEntropy(), SGD(self.rate)
        return train(setting, self.layers, loss, self.epochs, BATCH, optimizer=optimizer)


WITHOUT = network([convolution("sigmoid")])
POOLED = network()
BEHIND = network([convolution("sigmoid"), MaxPool2D(2)])
DEAF = network([convolution(), MaxPool2D(2, activation="sigmoid"), NothingBack()])
SPREAD = network(init=Normal(1.0))

NO_POOLING = "without pooling: convolution with sigmoid"
POOLING = "identity convolution, max pooling with sigmoid"
FROZEN = "max pooling hands no error back"

PARTS = {
    "without-pooling": Part(NO_POOLING, WITHOUT, LOWER_RATE),
    "pooling-with-sigmoid": Part(POOLING, POOLED),
    "sigmoid-then-pooling": Part("convolution with sigmoid, max pooling", BEHIND),
    "standard-normal": Part(f"{POOLING}; weights from N(0, 1)", SPREAD),
    "without-pooling-higher-rate": Part(NO_POOLING, WITHOUT, RATE, SOME),
    "pooling-lower-rate": Part(POOLING, POOLED, LOWER_RATE, FEW),
    "no-error": Part(FROZEN, DEAF, RATE, SOME),
    "no-error-middle-rate": Part(FROZEN, DEAF, 0.2, SOME),
    "no-error-lower-rate": Part(FROZEN, DEAF, LOWER_RATE, SOME),
    "no-error-low-rate": Part(FROZEN, DEAF, 0.02, SOME),
}


LEARNT = "without-pooling", "pooling-with-sigmoid", "standard-normal"
UNLEARNT = "no-error", "no-error-middle-rate", "no-error-lower-rate", "no-error-low-rate"


def findings(results: Results) -> list[Finding]:
    """Return the post's figures and ours."""

    def after(name: str, epoch: int) -> str:
        return outcome(results, name, values(results, name, "test_accuracy", epoch))

    stuck, worked = "stuck at 30 %, cost 2.52", "96 %"
    half, tenth = f"rate {RATE:g}", f"rate {LOWER_RATE:g}"
    few, whole = f"after {FEW} epochs", f"after {EPOCHS} epochs"
    return [
        Finding(f"without pooling, {tenth}, {few}", worked, after("without-pooling", FEW)),
        Finding(f"the same, {whole}", "–", _end(results, "without-pooling")),
        Finding(
            f"without pooling, {half}, {few}", worked, after("without-pooling-higher-rate", FEW)
        ),
        Finding(f"the same, {SOME} epochs", "–", _course(results, "without-pooling-higher-rate")),
        Finding(
            f"max pooling, sigmoid on the pooled values, {half}, {few}",
            stuck,
            after("pooling-with-sigmoid", FEW),
        ),
        Finding(f"the same, {whole}", stuck, _end(results, "pooling-with-sigmoid")),
        Finding(
            f"max pooling, sigmoid on the pooled values, {tenth}, {few}",
            stuck,
            after("pooling-lower-rate", FEW),
        ),
        Finding(
            f"max pooling behind a sigmoid convolution, {half}, {whole}",
            stuck,
            _beside(results, "pooling-with-sigmoid", "sigmoid-then-pooling"),
        ),
        Finding(
            f"max pooling, {half}, epoch 1, weights of variance 1 / fan-in",
            "–",
            _start(results, "pooling-with-sigmoid"),
        ),
        Finding(
            f"max pooling, {half}, epoch 1, weights from N(0, 1)",
            "–",
            _start(results, "standard-normal"),
        ),
        Finding(f"the same, {whole}", "–", _end(results, "standard-normal")),
        *(
            Finding(
                f"max pooling that hands no error back, rate {PARTS[name].rate:g}, {SOME} epochs",
                stuck,
                _course(results, name),
            )
            for name in UNLEARNT
        ),
    ]


def _end(results: Results, name: str) -> str:
    """Return accuracy and costs after a part's last epoch."""
    measures = "test_accuracy", "cost", "test_cost"
    accuracy, cost, test_cost = (values(results, name, each, -1) for each in measures)
    if not accuracy:
        return outcome(results, name, accuracy)
    costs = f"training cost {shown(cost, '.2g')}, test cost {shown(test_cost, '.2g')}"
    return f"{outcome(results, name, accuracy)}; {costs}"


def _course(results: Results, name: str) -> str:
    """Return between which values a part moved, from epoch to epoch."""
    runs = ended(results, name)
    if not runs:
        return outcome(results, name, [])
    epochs = [epoch for run in runs for epoch in run["epochs"]]
    accuracies, costs = ([each[key] for each in epochs] for key in ("test_accuracy", "test_cost"))
    accuracy = f"{min(accuracies):.2%} to {max(accuracies):.2%}"
    cost = f"test cost {min(costs):.2f} to {max(costs):.2f}"
    moved = f"after each epoch {accuracy}, {cost} ({_seeds(len(runs))})"
    return "; ".join(filter(None, [moved, broke_off(results, name)]))


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"


def _start(results: Results, name: str) -> str:
    """Return a part's accuracy in its first epoch, and after it."""
    accuracy, after = (values(results, name, each, 1) for each in ("accuracy", "test_accuracy"))
    if not accuracy:
        return outcome(results, name, accuracy)
    first = outcome(results, name, accuracy)
    return f"training images while learning {first}, test images then {shown(after)}"


def _beside(results: Results, first: str, second: str) -> str:
    """Return the end of ``second``, or that all its figures are those of ``first``."""
    pairs = list(zip(*(_measured(results, name) for name in (first, second)), strict=False))
    broken = broke_off(results, first) or broke_off(results, second)
    if broken or not pairs or any(one != other for one, other in pairs):
        return _end(results, second)
    seeds = _seeds(len(pairs))
    return f"every figure of every epoch as with the sigmoid on the pooled values ({seeds})"


def _measured(results: Results, name: str) -> list[list[Measures]]:
    """Return what each seed measured in its epochs, without the time."""
    return [
        [{key: each[key] for key in each if key != "seconds"} for each in run["epochs"]]
        for run in results.get(name, [])
    ]


def charts(results: Results) -> list[Chart]:
    """Return cost and share of errors over the epochs, of what the post's callback tells."""
    drawn = {name: [_with_errors(run) for run in results.get(name, [])] for name in PARTS}
    beside = "without-pooling-higher-rate", *UNLEARNT
    return [*_pair(drawn, LEARNT), *_pair(drawn, beside, ": no error back, or too high a rate")]


def _with_errors(run: Measures) -> Measures:
    """Return a run with the share of test images that are classified wrong, epoch by epoch."""
    return {"epochs": [each | {"errors": 1 - each["test_accuracy"]} for each in run["epochs"]]}


def _pair(results: Results, names: Sequence[str], words: str = "") -> list[Chart]:
    labels = {name: PARTS[name].label for name in names}
    cost = chart(
        *(results, labels, "test_cost", f"Cost{words}", "mean cost of a test image"),
        logarithmic=True,
        marks=[Mark(2.52, "the post: stuck at 2.52")],
        y_ticks=[0.1, 0.2, 0.5, 1.0, 2.0, 5.0],
    )
    errors = chart(
        *(results, labels, "errors", f"Errors{words}", "test images classified wrong"),
        percent=True,
        logarithmic=True,
        marks=[
            Mark(0.04, "the post, without pooling: 96 % right"),
            Mark(0.7, "the post: stuck at 30 % right"),
        ],
        y_ticks=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
    )
    return [cost, errors]


RECIPE = Recipe(
    name="post-316354",
    title="a network that stood at 30 % once max pooling came in",
    source="Cross Validated, question 316354",
    experiments=[Experiment(name, part.label, part.run) for name, part in PARTS.items()],
    findings=findings,
    charts=charts,
    setup="""\
All 60,000 images to learn from and 10,000 to test; 20 kernels of 5×5, 100 sigmoids, ten sigmoid
outputs with cross-entropy, batches of 10 and 60 epochs are the post's. It names no rate. Plain
gradient descent, pixels divided by 255, weights of variance 1 / fan-in, the number of a unit's
inputs (where N(0, 1) is not said), biases 0 and the rates are ours: 0.5 with pooling and 0.1
without for 60 epochs; 0.1 with pooling for 3 epochs and 0.5 without for 10. In the rows where no
error goes back, a layer of zeros on the way back stands behind the pooling, so that the convolution
keeps its first weights; these have 10 epochs. A training cost is the mean over the epoch, while the
network learns. Three seeds of everything take some two hours on two cores.""",
)
