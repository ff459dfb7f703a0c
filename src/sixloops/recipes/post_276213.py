"""Post 276213: a two-layer net that learns, a small convolution net at 51 %, LeNet-5 at 20–30 %.

The asker wrote everything in Python. Digits of 32×32, a border of 2 around MNIST's; gradients
added up over a batch; weights by Xavier's rule in the form 2 / volume; the sum of squared errors;
error and accuracy measured on a random subset of the training images while the net learns. The
two-layer net has 100 sigmoids, 10 outputs and a learning rate of 0.001. For the others the rates,
and for all of them the batch's size, are ours: 20 images, and where the post adds up we take the
mean, with 20 times the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sixloops.initializers import Glorot, He, Initializer
from sixloops.layers import (
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MeanPool2D,
    Rescale,
    ZeroPad2D,
)
from sixloops.losses import Loss, SigmoidCrossEntropy, SquaredError
from sixloops.optimizers import SGD, AdaGrad, Optimizer
from sixloops.recipes.epochs import shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.regularizers import L2
from sixloops.report.charts import Chart, Curve

BATCH = 20
XAVIER = He()
"""Weights of variance 2 / volume, where the volume is what a unit sees."""

BETWEEN = SquaredError(off=-1.0, on=1.0)
"""The sum of squares, between −1 and 1, as a tanh can reach them."""

SCALES = {"bytes": Rescale(1.0), "0 to 1": Rescale(1 / 255), "-1 to 1": Rescale(2 / 255, -1.0)}


def inputs(scale: str = "-1 to 1") -> list[Layer]:
    """Return what brings digits to 32×32 and into a range."""
    return [ZeroPad2D(2), SCALES[scale]]


def two_layers() -> list[Layer]:
    """Return the fully connected net."""
    hidden = Dense(100, activation="sigmoid", weight_initializer=XAVIER)
    return [*inputs("0 to 1"), Flatten(), hidden, Dense(10, weight_initializer=XAVIER)]


def five_filters(output: str | None = "tanh") -> list[Layer]:
    """Return the small convolution net: five kernels with tanh, pooled, and ten outputs."""
    convolution = Conv2D(5, 5, activation="tanh", weight_initializer=XAVIER)
    dense = Dense(10, activation=output, weight_initializer=XAVIER)
    return [*inputs(), convolution, MaxPool2D(2), Flatten(), dense]


def lenet5(
    scale: str = "-1 to 1",
    init: Initializer = XAVIER,
    pool: Callable[[int], Layer] = MaxPool2D,
    use_bias: bool = True,
) -> list[Layer]:
    """Return LeNet-5 as the post lists it: tanh everywhere, max pooling."""
    how: dict[str, Any] = {
        "activation": "tanh",
        "weight_initializer": init,
        "use_bias": use_bias,
    }
    return [
        *(*inputs(scale), Conv2D(6, 5, **how), pool(2), Conv2D(16, 5, **how), pool(2)),
        *(Conv2D(120, 5, **how), Flatten(), Dense(84, **how), Dense(10, **how)),
    ]


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
    optimizer: Optimizer = SGD(0.02)
    epochs: int = 2
    batch_size: int = BATCH
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, setting: Setting) -> Measures:
        """Train, and measure on random subsets meanwhile."""
        given = self.epochs, self.batch_size
        how = {"optimizer": self.optimizer, **dict(self.options)}
        return train(setting, self.layers, self.loss, *given, subsets_every=100, **how)


LENET = Run("LeNet-5 with tanh and max pooling", lenet5(), epochs=5)

RUNS: dict[str, Run] = {
    "two-layers": Run(
        "100 sigmoids, 10 outputs, rate 0.001",
        two_layers(),
        SquaredError(),
        SGD(0.001 * BATCH),
        epochs=10,
    ),
    "five-filters": Run("five 5×5 filters with tanh, pooled; squared error", five_filters()),
    "five-filters-logistic": Run(
        "the same with the logistic error", five_filters(None), SigmoidCrossEntropy()
    ),
    "lenet5": LENET,
    "rate-tenth": replace(LENET, about="a tenth of the rate", optimizer=SGD(0.002)),
    "rate-10": replace(LENET, about="ten times the rate", optimizer=SGD(0.2)),
    "rate-100": replace(LENET, about="a hundred times the rate", optimizer=SGD(2.0)),
    "inputs-0-1": replace(LENET, about="inputs from 0 to 1", layers=lenet5("0 to 1")),
    "inputs-bytes": replace(LENET, about="inputs as bytes, 0 to 255", layers=lenet5("bytes")),
    "glorot": replace(LENET, about="weights by Glorot's rule", layers=lenet5(init=Glorot())),
    "l2-weights": replace(
        LENET, about="L2 of 0.0005 on the weights", options=(("regularizers", [L2(0.0005)]),)
    ),
    "l2-all": replace(
        LENET,
        about="L2 of 0.0005 on weights and biases",
        options=(("regularizers", [L2(0.0005, biases=True)]),),
    ),
    "no-biases": replace(LENET, about="biases left at 0", layers=lenet5(use_bias=False)),
    "tiny-dnn": Run(
        "tiny-dnn's example: mean pooling, AdaGrad, batch 16, one epoch",
        lenet5(pool=MeanPool2D, init=Glorot()),
        optimizer=AdaGrad(0.01),
        epochs=1,
        batch_size=16,
    ),
}


def findings(results: Results) -> list[Finding]:
    """Return the post's figures and questions, and what came out."""

    def after(name: str, epoch: int = -1) -> str:
        broken = [each["broken"] for each in results.get(name, []) if each.get("broken")]
        if broken:
            return f"breaks off: {broken[0]}"
        return shown(values(results, name, "test_accuracy", epoch))

    def each(*names: str) -> str:
        return "; ".join(f"{RUNS[name].about}: {after(name)}" for name in names)

    seconds = shown(values(results, "five-filters", "seconds", 2), ".1f", " s")
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
        Finding("does a bigger rate explode?", "asked", each("rate-tenth", "rate-10", "rate-100")),
        Finding("normalise the inputs?", "asked", each("inputs-0-1", "inputs-bytes")),
        Finding("2 / volume, or Glorot's rule?", "2 / volume", each("glorot")),
        Finding("a regularisation term, on which weights?", "asked", each("l2-weights", "l2-all")),
        Finding("update biases too?", "asked", each("no-biases")),
        Finding("tiny-dnn after one epoch", "94.95 %", after("tiny-dnn")),
    ]


LABELS = {
    "two-layers": "two layers",
    "five-filters": "five filters",
    "lenet5": "LeNet-5",
}


def charts(results: Results) -> list[Chart]:
    """Return error and accuracy on random training images over the steps, as in the post."""
    errors, right = _subsets(results, "loss"), _subsets(results, "accuracy")
    return [
        Chart("Error", "step", "mean error of 1,000 images", errors),
        Chart("Accuracy", "step", "right among 1,000 images", right, percent=True),
    ]


def _subsets(results: Results, measure: str) -> list[Curve]:
    return [
        Curve(label, [at["step"] for at in run["subsets"]], [at[measure] for at in run["subsets"]])
        for name, label in LABELS.items()
        for run in results.get(name, [])[:1]
    ]


RECIPE = Recipe(
    name="post-276213",
    title="a net of one's own in Python: are these results right?",
    source="Cross Validated, question 276213",
    experiments=[Experiment(name, run.about, run) for name, run in RUNS.items()],
    findings=findings,
    charts=charts,
)
