"""A case: everything that a training begins with, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sixloops import checks
from sixloops.data import Dataset
from sixloops.doctor.run.callback import Doctor
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.shares import in_shares
from sixloops.errors import ConfigurationError, NonFiniteError
from sixloops.layers import Layer, Rescale
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.training import (
    AfterEpoch,
    Callback,
    Checkpoint,
    History,
    HistoryFile,
    evaluate,
    fit,
)
from sixloops.training.run import Run, Settings

Accuracy = Callable[[Array, Array], float]


@dataclass(frozen=True)
class Case:
    """A training that has not begun yet.

    Args:
        network: makes a freshly initialised network from a seed.
        data: what it is trained on.
        validation: what it is evaluated on; None for nothing.
        options: those of :func:`sixloops.training.fit`, such as ``epochs`` and ``optimizer``.
        accuracy: the user's own share of right answers, from outputs (batch, classes) and
            labels (batch,); None for sixloops'.
        seed: of the initial weights, and of the run.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> data = Dataset(np.eye(4, dtype=np.float32).reshape(4, 1, 2, 2), [0, 1, 0, 1])
        >>> def network(seed):
        ...     return Network([Flatten(), Dense(2)], input_shape=(1, 2, 2), seed=seed)
        >>> case = Case(network, data, options={"epochs": 3, "batch_size": 2})
        >>> case.run().failed
        ''
    """

    network: Callable[[int], Network]
    data: Dataset
    validation: Dataset | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_data(self)
        if not callable(self.network):
            raise checks.fail(self, "network", "be a function that makes a network from a seed")

    def option(self, name: str) -> Any:
        """Return one of fit's options; where it is not given, as fit has it then."""
        return self.options.get(name, getattr(Settings, name))

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

    def without_files(self) -> Case:
        """Return the case without callbacks that are there to write files."""
        return self._with_callbacks(lambda each: not writes(each))

    def alone(self) -> Case:
        """Return the case without callbacks that may write files: also without the user's own."""
        return self._with_callbacks(lambda each: not writes(each) and not is_own(each))

    def own_callbacks(self) -> str:
        """Return the names of the user's own callbacks; empty for none."""
        own = [each for each in self.options.get("callbacks", ()) if is_own(each)]
        return ", ".join(getattr(each, "__name__", type(each).__name__) for each in own)

    def _with_callbacks(self, keeps: Callable[[Any], bool]) -> Case:
        given = self.options.get("callbacks", ())
        kept = [each for each in given if keeps(each)]
        same = isinstance(given, Sequence) and len(kept) == len(given)
        return self if same else self.with_options(callbacks=kept)

    def with_rate(self, factor: float) -> Case:
        """Return the case with its learning rate multiplied."""
        optimizer = self.option("optimizer")
        return self.with_options(optimizer=replace(optimizer, rate=optimizer.rate * factor))

    @property
    def steps(self) -> int:
        """How many steps it has."""
        batch = max(int(self.option("batch_size")), 1)
        return -(-len(self.data) // batch) * int(self.option("epochs"))

    def shortened(self, steps: int, held_out: int | None = None) -> Case:
        """Return the case, cut down to a run of so many steps, and to so many held-out images."""
        batch, epochs = self.option("batch_size"), self.option("epochs")
        images = min(len(self.data), max(steps * batch // max(epochs, 1), batch * 20, 500))
        fewer = max(1, min(epochs, steps * batch // max(images, 1)))
        random = np.random.default_rng(self.seed)
        data, held = self.data, self.validation
        if images < len(data):
            # In the order that they have: that may be what is wrong with them.
            data = data.subset(np.sort(random.choice(len(data), images, replace=False)))
        if held is not None and held_out is not None and len(held) > held_out:
            held = held.random_subset(held_out, random)
        return replace(self.with_options(epochs=int(fewer)), data=data, validation=held)

    def with_images(self, change: Callable[[Array], Array], training: bool = True) -> Case:
        """Return the case with its images changed: all, or only those of the validation."""
        data = with_images(self.data, change) if training else self.data
        held = self.validation
        return replace(self, data=data, validation=held and with_images(held, change))

    def zeroed(self) -> Case:
        """Return the case with zeros in the place of all images."""
        return self.with_images(np.zeros_like)

    def shuffled(self) -> Case:
        """Return the case with another order of its images in each epoch."""
        return self.with_options(shuffle=True)

    def scaled(self, factor: float) -> Case:
        """Return the case with the network's inputs multiplied by a factor."""
        return self.with_layers(lambda layers: [Rescale(factor), *layers])

    def memorised(self, images: int = 32, epochs: int = 80) -> Case:
        """Return the case with one batch, again and again."""
        data = self.data.subset(np.arange(min(images, len(self.data))))
        options = {"epochs": epochs, "batch_size": len(data), "callbacks": [_Until()]}
        return replace(self.with_options(**options), data=data, validation=None)

    def run(self, *, share: float | None = None, watched: bool = True) -> Outcome:
        """Train from the seed.

        Args:
            share: of the time that the doctor may take; None for all that it wants.
            watched: whether the doctor looks on.
        """
        network, doctor = self.network(self.seed), Doctor(share)
        own = list(self.options.get("callbacks", ()))
        if self.accuracy is not None:
            own.append(_Metric(doctor, self.accuracy))
        options = {
            "seed": self.seed,
            **self.options,
            "callbacks": [*own, doctor] if watched else list(self.options.get("callbacks", ())),
        }
        failed, history = "", History()
        try:
            history = fit(network, self.data, validation=self.validation, **options)
        except NonFiniteError as error:
            failed = str(error)
        accuracy = 0.0 if failed else final_accuracy(self, network, history)
        evidence = in_shares(doctor.monitor.evidence)
        return Outcome(network, history, evidence, accuracy, failed, doctor.seconds)


def check_data(owner: Any) -> None:
    """Check the fields ``data``, ``validation`` and ``seed`` of what is to be examined.

    Raises:
        ConfigurationError: images and labels that are no data set, or no seed.
    """
    for name in ("data", "validation"):
        each = getattr(owner, name)
        if not isinstance(each, Dataset) and (name == "data" or each is not None):
            raise ConfigurationError(
                f"The '{name}' of {type(owner).__name__} must be a Dataset. Got a "
                f"{type(each).__name__}. Make one of your own arrays: "
                "sixloops.data.Dataset(images, labels)."
            )
    checks.whole(owner, "seed", minimum=0)


def writes(callback: Any) -> bool:
    """Say whether a callback is there to write files, or to show how a run goes."""
    shows = any(kind.__module__.startswith("sixloops.report") for kind in type(callback).__mro__)
    return shows or isinstance(callback, Checkpoint | HistoryFile)


def is_own(callback: Any) -> bool:
    """Say whether a callback is the user's own, of which nobody knows what it does."""
    ours = type(callback).__module__.startswith("sixloops.")
    return not writes(callback) and (not ours or isinstance(callback, AfterEpoch))


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


def final_accuracy(case: Case, network: Network, history: History) -> float:
    """Return the last accuracy on validation data, or that on the training data."""
    if history.validation_accuracy:
        return history.validation_accuracy[-1]
    return evaluate(network, case.data, threads=1).accuracy or 0.0


def with_images(data: Dataset, change: Callable[[Array], Array]) -> Dataset:
    """Return a data set with its images changed."""
    images = np.ascontiguousarray(change(data.images))
    return Dataset(images, data.labels, data.classes or data.class_count)


class _Until(Callback):
    """Stops once everything is known by heart."""

    def on_epoch_end(self, run: Run, plan: object) -> None:
        """Stop, if it is time."""
        if run.history.epochs[-1].get("accuracy", 0.0) >= 1.0:
            run.stop("known by heart")
