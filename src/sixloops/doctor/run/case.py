"""A case: everything that a training begins with, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sixloops.data import Dataset
from sixloops.doctor.run.callback import Doctor
from sixloops.doctor.run.evidence import Evidence
from sixloops.errors import NonFiniteError
from sixloops.layers import Layer
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.training import Callback, History, evaluate, fit

Accuracy = Callable[[Array, Array], float]


@dataclass(frozen=True)
class Case:
    """A training that has not begun yet.

    Args:
        network: makes a freshly initialised network from a seed.
        data: what it is trained on.
        validation: what it is evaluated on; None for nothing.
        options: those of :func:`sixloops.training.fit`, such as ``epochs`` and ``optimizer``.
        accuracy: the user's own count of right answers, from outputs (batch, classes) and
            labels (batch,); None for sixloops'.
        seed: of the initial weights, and of the run.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> data = Dataset(np.eye(4, dtype=np.float32).reshape(4, 1, 2, 2), [0, 1, 0, 1])
        >>> def network(seed):
        ...     return Network([Flatten(), Dense(2)], input_shape=(1, 2, 2), seed=seed)
        >>> case = Case(network, data, options={"epochs": 3, "batch_size": 2})
        >>> run(case).failed
        ''
    """

    network: Callable[[int], Network]
    data: Dataset
    validation: Dataset | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    seed: int = 0

    def with_options(self, **options: Any) -> Case:
        """Return the case with some options of fit changed."""
        return replace(self, options={**self.options, **options})

    def with_layers(self, change: Callable[[Sequence[Layer]], Sequence[Layer]]) -> Case:
        """Return the case with the network's layers changed."""
        make = self.network

        def network(seed: int) -> Network:
            made = make(seed)
            return Network(
                change(made.layers), made.input_shape, loss=made.loss, classes=made.classes,
                dtype=made.dtype, seed=seed,
            )  # fmt: skip

        return replace(self, network=network)

    def with_rate(self, factor: float) -> Case:
        """Return the case with its learning rate multiplied."""
        optimizer = self.options.get("optimizer", SGD())
        return self.with_options(optimizer=replace(optimizer, rate=optimizer.rate * factor))


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Args:
        network: as it was at the end; None for a loop of the user's own.
        history: of the run; empty if it broke.
        evidence: what the doctor saw.
        accuracy: on the validation data, or else on the training data; 0 if it broke.
        failed: why it broke; empty if it did not.
        seconds: that the doctor took.
    """

    network: Network | None
    history: History
    evidence: Evidence
    accuracy: float
    failed: str
    seconds: float


class _Metric(Callback):
    """Hands the user's own count of right answers to the monitor."""

    def __init__(self, doctor: Doctor, accuracy: Accuracy) -> None:
        self.doctor = doctor
        self.accuracy = accuracy

    def on_epoch_end(self, run: Any, plan: Any) -> None:
        """Count once with theirs, on some images."""
        images, labels = run.data.take(np.arange(min(97, len(run.data))))
        outputs = plan.outputs(images)
        losses, _ = run.network.loss.forward(outputs, labels)
        for rows in (slice(0, 97), slice(0, 53)):
            told = float(self.accuracy(outputs[rows].copy(), labels[rows].copy()))
            some = outputs[rows], labels[rows], float(losses[rows].mean())
            self.doctor.monitor.see_outputs(run.step, *some, told)


def run(case: Case, *, share: float | None = None, watched: bool = True) -> Outcome:
    """Train a case from its seed.

    Args:
        case: what is trained.
        share: of the time that the doctor may take; None for all that it wants.
        watched: whether the doctor looks on.
    """
    network, doctor = case.network(case.seed), Doctor(share)
    own = list(case.options.get("callbacks", ()))
    if case.accuracy is not None:
        own.append(_Metric(doctor, case.accuracy))
    options = {
        "seed": case.seed,
        **case.options,
        "callbacks": [*own, doctor] if watched else list(case.options.get("callbacks", ())),
    }
    failed, history = "", History()
    try:
        history = fit(network, case.data, validation=case.validation, **options)
    except NonFiniteError as error:
        failed = str(error)
    accuracy = 0.0 if failed else final_accuracy(case, network, history)
    return Outcome(network, history, doctor.monitor.evidence, accuracy, failed, doctor.seconds)


def final_accuracy(case: Case, network: Network, history: History) -> float:
    """Return the last accuracy on validation data, or that on the training data."""
    if history.validation_accuracy:
        return history.validation_accuracy[-1]
    return evaluate(network, case.data, threads=1).accuracy or 0.0
