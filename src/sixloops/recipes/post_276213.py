"""Post 276213: a two-layer net that learns, a small convolution net at 51 %, LeNet-5 at 20–30 %.

The asker wrote everything in Python. Error and accuracy are measured on a random subset of the
training images while the net learns, as there. :data:`SETUP` says which sizes and rates are the
post's and which are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.initializers import Glorot, He, Initializer, Uniform
from sixloops.layers import (
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MeanPool2D,
    Normalize,
    Rescale,
    ZeroPad2D,
)
from sixloops.layers.base import Array
from sixloops.losses import Loss, SigmoidCrossEntropy, SquaredError
from sixloops.optimizers import SGD, AdaGrad, Optimizer
from sixloops.recipes.epochs import outcome, train, values
from sixloops.recipes.networks import LENET_TABLE, post_276213
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.regularizers import L2
from sixloops.report.charts import Chart, Curve, Mark

SETUP = """\
The post names: digits of 32×32 (a border of 2 around MNIST's), the layers of its three networks
(100 sigmoids and 10 outputs; five 5×5 filters with tanh, pooled, and ten outputs; LeNet-5 with tanh
and max pooling), the sum of squared errors or the logistic error, weights by Xavier's rule as
2 / volume, plain gradient descent with the gradients of a batch added up, and the rate 0.001 of the
two-layer network. Ours are: batches of 20; the rate 0.02 of the other networks, for the *mean* of a
batch's gradients (where the post adds up, that is 0.001 for each image, so that the two-layer
network has 0.02 too); the volume taken as what one unit sees, which makes the variance He's
2 / fan-in; inputs and targets from −1 to 1, but from 0 to 1 for the two-layer network, whose
outputs are linear; for the logistic error the probability of a class is (1 + tanh z) / 2, which is
the sigmoid of 2z; ten epochs for the two layers, two for the five filters, five for LeNet-5 and
what is varied about it. Tiny-dnn's example has one epoch, and its own batches (16), targets (±0.8),
weights (Glorot's) and AdaGrad at 0.04. All 60,000 images are learnt from. The whole takes about
25 minutes on two cores."""

BATCH = 20
RATE = 0.001 * BATCH
"""The two-layer network's rate in the post, for the mean of a batch instead of its sum."""

XAVIER = He()
"""Weights of variance 2 / volume, where the volume is what a unit sees."""

BETWEEN = SquaredError(off=-1.0, on=1.0)
"""The sum of squares, between −1 and 1, as a tanh can reach them."""

SCALES: dict[str, Layer] = {
    "bytes": Rescale(1.0),
    "0 to 1": Rescale(1 / 255),
    "-1 to 1": Rescale(2 / 255, -1.0),
    # Mean and standard deviation of all bytes of the training images with their border.
    "normalised": Normalize(25.509, 70.180),
}


@dataclass(frozen=True)
class TwoOver(Initializer):
    """Weights of variance 2 / volume, where the volume is understood in one way or another.

    Args:
        volume: ``"both fans"``, their sum; ``"fan-in"``; ``"area"``, height times width of a
            kernel, or the fan-in of a dense layer; ``"all"``, the layer's number of weights.
    """

    volume: str

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw normally distributed weights."""
        volume = {
            "both fans": fan_in + fan_out,
            "fan-in": fan_in,
            "area": math.prod(shape[2:]) if len(shape) == 4 else fan_in,
            "all": math.prod(shape),
        }[self.volume]
        return random.normal(0, math.sqrt(2 / volume), shape).astype(dtype)


def inputs(scale: str = "-1 to 1") -> list[Layer]:
    """Return what brings digits to 32×32 and into a range."""
    return [ZeroPad2D(2), SCALES[scale]]


def two_layers() -> list[Layer]:
    """Return the fully connected net."""
    hidden = Dense(100, activation="sigmoid", weight_initializer=XAVIER)
    return [*inputs("0 to 1"), Flatten(), hidden, Dense(10, weight_initializer=XAVIER)]


def five_filters(logistic: bool = False) -> list[Layer]:
    """Return the small convolution net: five kernels with tanh, pooled, and ten outputs.

    Args:
        logistic: whether the outputs are for the logistic error, whose sigmoid makes of 2z the
            probability (1 + tanh z) / 2; otherwise they are tanh z.
    """
    convolution = Conv2D(5, 5, activation="tanh", weight_initializer=XAVIER)
    dense = Dense(10, activation=None if logistic else "tanh", weight_initializer=XAVIER)
    outputs = [dense, Rescale(2.0)] if logistic else [dense]
    return [*inputs(), convolution, MaxPool2D(2), Flatten(), *outputs]


def lenet5(
    scale: str = "-1 to 1",
    init: Initializer = XAVIER,
    use_bias: bool = True,
) -> Sequence[Layer]:
    """Return LeNet-5 as the post lists it: tanh everywhere, max pooling."""
    return post_276213((1, 28, 28), 10, SCALES[scale], init, use_bias)


DRAWN = Uniform(-math.sqrt(6 / (4 + 1)), math.sqrt(6 / (4 + 1)))
"""Glorot's rule with four inputs and one output, by which tiny-dnn draws its pooling's weights."""


def tiny_dnn() -> list[Layer]:
    """Return the network of tiny-dnn's example: C3 by the paper's table, no layer of 84 units."""
    how: dict[str, Any] = {"activation": "tanh", "weight_initializer": Glorot()}
    return [
        *(*inputs(), Conv2D(6, 5, **how), *scaled_means(6)),
        *(Conv2D(16, 5, table=LENET_TABLE, **how), *scaled_means(16)),
        *(Conv2D(120, 5, **how), Flatten(), Dense(10, **how)),
    ]


def scaled_means(maps: int) -> list[Layer]:
    """Return tiny-dnn's pooling: tanh of a window's mean, times a coefficient, plus a bias.

    Each map has one coefficient and one bias, as in a 1×1 convolution of each map by itself.

    Args:
        maps: how many there are.
    """
    given: dict[str, Any] = {"groups": maps, "activation": "tanh"}
    return [MeanPool2D(2), Conv2D(maps, 1, weight_initializer=DRAWN, **given)]


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        about: what it is, in a few words.
        layers: of the network.
        loss: which the post calls error.
        optimizer: with its rate.
        epochs: passes over the data.
        batch_size: images a step.
        options: of :func:`sixloops.training.fit`.
    """

    about: str
    layers: Sequence[Layer]
    loss: Loss = BETWEEN
    optimizer: Optimizer = SGD(RATE)
    epochs: int = 2
    batch_size: int = BATCH
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, setting: Setting) -> Measures:
        """Train, and measure on random subsets meanwhile."""
        given = self.epochs, self.batch_size
        how = {"optimizer": self.optimizer, **dict(self.options)}
        return train(setting, self.layers, self.loss, *given, subsets_every=100, **how)


LENET = Run("LeNet-5 with tanh and max pooling", lenet5(), epochs=5)

TINY_DNN = Run(
    "tiny-dnn's example: C3's table, trainable mean pooling, AdaGrad, batch 16, one epoch",
    tiny_dnn(),
    SquaredError(off=-0.8, on=0.8),
    AdaGrad(0.01 * math.sqrt(16)),
    epochs=1,
    batch_size=16,
)

RUNS: dict[str, Run] = {
    "two-layers": Run(
        "100 sigmoids, 10 outputs, rate 0.001",
        two_layers(),
        SquaredError(),
        epochs=10,
    ),
    "five-filters": Run("five 5×5 filters with tanh, pooled; squared error", five_filters()),
    "five-filters-logistic": Run(
        "the same with the logistic error", five_filters(logistic=True), SigmoidCrossEntropy()
    ),
    "lenet5": LENET,
    "rate-tenth": replace(LENET, about="a tenth of the rate", optimizer=SGD(RATE / 10)),
    "rate-hundredth": replace(LENET, about="a hundredth of the rate", optimizer=SGD(RATE / 100)),
    "rate-400th": replace(LENET, about="a 400th of the rate", optimizer=SGD(RATE / 400)),
    "rate-10": replace(LENET, about="ten times the rate", optimizer=SGD(RATE * 10)),
    "rate-100": replace(LENET, about="a hundred times the rate", optimizer=SGD(RATE * 100)),
    "inputs-0-1": replace(LENET, about="inputs from 0 to 1", layers=lenet5("0 to 1")),
    "inputs-bytes": replace(LENET, about="inputs as bytes, 0 to 255", layers=lenet5("bytes")),
    "inputs-normalised": replace(
        LENET,
        about="one mean off, divided by one standard deviation",
        layers=lenet5("normalised"),
    ),
    # The sum is the mean times the batch's size.
    "summed": replace(
        LENET, about="the sum at the rate that suits the mean", optimizer=SGD(RATE * BATCH)
    ),
    "glorot": replace(LENET, about="weights by Glorot's rule", layers=lenet5(init=Glorot())),
    "volume-area": replace(
        LENET, about="the kernel's area as the volume", layers=lenet5(init=TwoOver("area"))
    ),
    "volume-all": replace(
        LENET, about="all weights as the volume", layers=lenet5(init=TwoOver("all"))
    ),
    "l2-weights": replace(
        LENET, about="L2 of 0.0005 on the weights", options=(("regularizers", [L2(0.0005)]),)
    ),
    "l2-all": replace(
        LENET,
        about="L2 of 0.0005 on weights and biases",
        options=(("regularizers", [L2(0.0005, biases=True)]),),
    ),
    "no-biases": replace(LENET, about="biases left at 0", layers=lenet5(use_bias=False)),
    "no-biases-0-1": replace(
        LENET,
        about="biases left at 0, inputs from 0 to 1",
        layers=lenet5("0 to 1", use_bias=False),
    ),
    "tiny-dnn": TINY_DNN,
    "tiny-dnn-quarter": replace(
        TINY_DNN, about="with a quarter of its rate", optimizer=AdaGrad(0.01)
    ),
}


def findings(results: Results) -> list[Finding]:
    """Return the post's figures and questions, and what came out."""

    def after(name: str, epoch: int = -1) -> str:
        return outcome(results, name, values(results, name, "test_accuracy", epoch))

    def each(*names: str) -> str:
        return "; ".join(f"{RUNS[name].about}: {after(name)}" for name in names)

    def with_costs(name: str) -> str:
        costs = ", ".join(f"{cost:.2f}" for cost in values(results, name, "test_cost", -1))
        return f"{each(name)}, test costs {costs}" if costs else each(name)

    filters = "five-filters"
    seconds = outcome(results, filters, values(results, filters, "seconds", 2), ".1f", " s")
    small = "rate-tenth", "rate-hundredth", "rate-400th"
    rates = [f"{RUNS[name].about}: {after(name, 1)}; {after(name)}" for name in small]
    return [
        Finding("two layers, after 10 epochs", "looks well", after("two-layers")),
        Finding("five filters, after two epochs", "51 %", after("five-filters")),
        Finding("time of these two epochs", "14 hours", seconds),
        Finding("five filters, logistic error", "–", after("five-filters-logistic")),
        Finding(
            "LeNet-5, after one epoch and after five",
            "20–30 %",
            f"{after('lenet5', 1)}; {after('lenet5')}",
        ),
        Finding(
            "does a bigger rate explode?",
            "asked",
            "; ".join(map(with_costs, ("rate-10", "rate-100"))),
        ),
        Finding("is the rate too small? After one epoch and after five", "–", "; ".join(rates)),
        Finding(
            "normalise the inputs?",
            "asked",
            each("inputs-0-1", "inputs-bytes", "inputs-normalised"),
        ),
        Finding("a batch's gradients, as a sum?", "added up", each("summed")),
        Finding(
            "2 / volume, or Glorot's rule?",
            "2 / volume",
            each("glorot", "volume-area", "volume-all"),
        ),
        Finding("a regularisation term, on which weights?", "asked", each("l2-weights", "l2-all")),
        Finding("update biases too?", "asked", each("no-biases", "no-biases-0-1")),
        Finding(
            "tiny-dnn's example after one epoch",
            "94.95 %: its program, run once for this project",
            f"{after('tiny-dnn')}; {each('tiny-dnn-quarter')}",
        ),
    ]


LABELS = {
    "two-layers": "two layers, targets 0 and 1",
    "five-filters": "five filters, targets ±1",
    "lenet5": "LeNet-5, targets ±1",
}
"""The error's scale is that of its targets: between −1 and 1 it may be four times as large."""

REPORTED = (
    Mark(0.51, "the post's five filters: 51 %"),
    Mark(0.3, "the post's LeNet-5: 30 %"),
    Mark(0.2, "the post's LeNet-5: 20 %"),
)


def charts(results: Results) -> list[Chart]:
    """Return error and accuracy on random training images over the steps, as in the post.

    There is one curve a seed.
    """
    errors, right = _subsets(results, "loss"), _subsets(results, "accuracy")
    return [
        Chart("Error", "step", "mean squared error of 1,000 images", errors),
        Chart("Accuracy", "step", "right among 1,000 images", right, percent=True, marks=REPORTED),
    ]


def _subsets(results: Results, measure: str) -> list[Curve]:
    return [
        Curve(label, [at["step"] for at in run["subsets"]], [at[measure] for at in run["subsets"]])
        for name, label in LABELS.items()
        for run in results.get(name, [])
    ]


RECIPE = Recipe(
    name="post-276213",
    title="a net of one's own in Python: are these results right?",
    source="Cross Validated, question 276213",
    experiments=[Experiment(name, run.about, run) for name, run in RUNS.items()],
    findings=findings,
    charts=charts,
    setup=SETUP,
)
