"""Post 316354: a convolution network that learnt, until max pooling came in.

The asker's network has a convolution of 20 kernels of 5×5, a layer of 100 sigmoids, and ten
sigmoid outputs with cross-entropy as the cost; trained in batches of 10, for 60 epochs. Without
pooling it reached 96 % in 3 epochs. With 2×2 max pooling behind the convolution it stood at 30 %,
at a cost of 2.52. The rates are ours: 0.5, and 0.1 without pooling, where four times as many
inputs reach the dense layer and 0.5 saturates it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sixloops.initializers import Initializer, LeCun, Normal
from sixloops.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, Rescale
from sixloops.losses import SigmoidCrossEntropy
from sixloops.optimizers import SGD
from sixloops.recipes.epochs import chart, shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.report.charts import Chart

EPOCHS, BATCH, RATE, LOWER_RATE = 60, 10, 0.5, 0.1


def network(middle: Sequence[Layer], init: Initializer = LeCun()) -> list[Layer]:  # noqa: B008
    """Return the post's layers, with ``middle`` in front of the dense ones."""
    dense = Dense(100, activation="sigmoid", weight_initializer=init)
    return [Rescale(1 / 255), *middle, Flatten(), dense, Dense(10, weight_initializer=init)]


def convolution(activation: str | None = None, init: Initializer = LeCun()) -> Layer:  # noqa: B008
    """Return the convolution."""
    return Conv2D(20, 5, activation=activation, weight_initializer=init)


def _experiment(name: str) -> Callable[[Setting], Measures]:
    rate = LOWER_RATE if name == "without-pooling" else RATE

    def run(setting: Setting) -> Measures:
        loss = SigmoidCrossEntropy()
        return train(setting, LAYERS[name], loss, EPOCHS, BATCH, optimizer=SGD(rate))

    return run


NORMAL = Normal(1.0)

LABELS = {
    "without-pooling": "without pooling: convolution with sigmoid",
    "pooling-with-sigmoid": "identity convolution, max pooling with sigmoid",
    "sigmoid-then-pooling": "convolution with sigmoid, max pooling",
    "standard-normal": "identity convolution, max pooling with sigmoid; weights from N(0, 1)",
}

LAYERS: dict[str, Sequence[Layer]] = {
    "without-pooling": network([convolution("sigmoid")]),
    "pooling-with-sigmoid": network([convolution(), MaxPool2D(2, activation="sigmoid")]),
    "sigmoid-then-pooling": network([convolution("sigmoid"), MaxPool2D(2)]),
    "standard-normal": network(
        [convolution(init=NORMAL), MaxPool2D(2, activation="sigmoid")], NORMAL
    ),
}


def findings(results: Results) -> list[Finding]:
    """Return the post's figures and ours."""

    def accuracy(name: str, epoch: int) -> str:
        return shown(values(results, name, "test_accuracy", epoch))

    def end(name: str) -> str:
        costs = shown(values(results, name, "cost", -1), ".2g")
        return f"{accuracy(name, -1)}; cost {costs}"

    stuck = "stuck at 30 %, cost 2.52"
    return [
        Finding("without pooling, after 3 epochs", "96 %", accuracy("without-pooling", 3)),
        Finding("without pooling, after 60 epochs", "–", end("without-pooling")),
        Finding(
            "with max pooling, sigmoid on the pooled values, after 3 epochs",
            stuck,
            accuracy("pooling-with-sigmoid", 3),
        ),
        Finding("the same, after 60 epochs", stuck, end("pooling-with-sigmoid")),
        Finding(
            "with max pooling behind a sigmoid convolution, after 60 epochs",
            stuck,
            end("sigmoid-then-pooling"),
        ),
        Finding(
            "with max pooling, and weights from N(0, 1), after 60 epochs",
            "–",
            end("standard-normal"),
        ),
    ]


def charts(results: Results) -> list[Chart]:
    """Return cost and accuracy over the epochs, as the post's callback gives them."""
    accuracy = chart(
        *(results, LABELS, "test_accuracy", "Accuracy", "test images classified right"),
        percent=True,
        y_range=(0.9, 1.0),
    )
    cost = chart(results, LABELS, "cost", "Cost", "mean cost of an image", logarithmic=True)
    return [cost, accuracy]


RECIPE = Recipe(
    name="post-316354",
    title="a network that stood at 30 % once max pooling came in",
    source="Cross Validated, question 316354",
    experiments=[Experiment(name, LABELS[name], _experiment(name)) for name in LAYERS],
    findings=findings,
    charts=charts,
)
