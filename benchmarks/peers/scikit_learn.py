"""scikit-learn's network of dense layers, for the case without convolutions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier  # type: ignore[import-not-found,unused-ignore]
from threadpoolctl import threadpool_limits

from benchmarks.data import floats
from benchmarks.networks import Case

_ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def network(case: Case, batch: int) -> Any:
    """Return a case's network: dense layers that all have the same activation."""
    units = [words[1] for words in case.layers if words[0] == "dense"]
    activation = next(words[0] for words in case.layers if words[0] in _ACTIVATIONS)
    return MLPClassifier(
        units[:-1],
        activation=_ACTIVATIONS[activation],
        solver="sgd",
        alpha=0,
        momentum=0,
        learning_rate_init=0.01,
        batch_size=batch,
    )


def parameter_count(case: Case) -> int:
    """Return how many numbers the network learns."""
    made = network(case, 10)
    _train(made, case, 10)()
    return sum(array.size for array in (*made.coefs_, *made.intercepts_))


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    open_until.enter_context(threadpool_limits(threads))
    return _train(network(case, batch), case, batch)


def _train(made: Any, case: Case, batch: int) -> Callable[[], object]:
    images, labels = floats(batch, case.input_shape)
    rows, classes = images.reshape(batch, -1), np.arange(10)
    return lambda: made.partial_fit(rows, labels, classes=classes)


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images."""
    open_until.enter_context(threadpool_limits(threads))
    made = network(case, 10)
    _train(made, case, 10)()
    rows = floats(images, case.input_shape)[0].reshape(images, -1)
    return lambda: made.predict_proba(rows)
