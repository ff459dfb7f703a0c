"""A run: the settings of a training, and where it stands."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from sixloops import checks
from sixloops.data import Dataset, steps_per_epoch
from sixloops.data.augmentation import Augmentation
from sixloops.descriptions import Description
from sixloops.errors import ConfigurationError
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.optimizers import OPTIMIZERS, SGD, Optimizer
from sixloops.randomness import Streams
from sixloops.regularizers import Regularizer
from sixloops.schedules import SCHEDULES, Clock, Constant, Schedule
from sixloops.training.evaluate import check_data
from sixloops.training.history import History, missing_of


@dataclass(frozen=True)
class Settings(Description):
    """Everything that decides a run's bits, besides network and data.

    The arguments are those of :func:`~sixloops.training.fit`.
    """

    called: ClassVar[str] = "fit"

    epochs: int = 10
    batch_size: int = 64
    optimizer: Optimizer = SGD()
    schedule: Schedule = Constant()
    regularizers: tuple[Regularizer, ...] = ()
    augmentation: Augmentation | None = None
    clip_norm: float | None = None
    average: float | None = None
    shuffle: bool = True
    seed: int = 0
    record_every: int = 100

    def __post_init__(self) -> None:
        checks.whole(self, "epochs", "batch_size", "record_every")
        checks.whole(self, "seed", minimum=0)
        checks.flag(self, "shuffle")
        words = "an optimizer such as sixloops.optimizers.Adam()"
        mend = _meant("optimizer", self.optimizer, OPTIMIZERS)
        checks.instance(self, "optimizer", Optimizer, words, mend)
        words = "a schedule such as sixloops.schedules.Cosine()"
        mend = _meant("schedule", self.schedule, SCHEDULES)
        checks.instance(self, "schedule", Schedule, words, mend)
        if self.augmentation is not None:
            words = "an augmentation such as sixloops.data.Shift(2)"
            checks.instance(self, "augmentation", Augmentation, words)
        if self.clip_norm is not None:
            checks.number(self, "clip_norm", above=0)
        if self.average is not None:
            checks.number(self, "average", above=0, below=1)
        self._check_regularizers()

    def _check_regularizers(self) -> None:
        given = self.regularizers
        listed = [given] if isinstance(given, Regularizer) else given
        if not isinstance(listed, Sequence) or not all(isinstance(r, Regularizer) for r in listed):
            words = "be a list such as [sixloops.regularizers.L2(1e-4)]"
            raise checks.fail(self, "regularizers", words)
        object.__setattr__(self, "regularizers", tuple(listed))


def _meant(parameter: str, given: object, known: Mapping[str, type]) -> str:
    """Return how what is meant by a name, or by a class without brackets, is written."""
    kind = known.get(given.lower().replace("-", "_")) if isinstance(given, str) else given
    if not isinstance(kind, type) or kind not in known.values():
        return ""
    return f"Write {parameter}={kind.__name__}(...)."


@dataclass
class Tally:
    """Loss and hits added up over some batches.

    Args:
        loss: sum over the images.
        correct: images whose class was right; None where targets are no labels.
        images: how many.
    """

    loss: float = 0.0
    correct: int | None = 0
    images: int = 0

    def add(self, loss: float, correct: int | None, images: int) -> None:
        """Count a batch with its *mean* loss."""
        self.loss += loss * images
        self.images += images
        self.correct = None if self.correct is None or correct is None else self.correct + correct

    def means(self) -> dict[str, float]:
        """Return the mean loss and, where there is one, the accuracy."""
        means = {"loss": self.loss / max(self.images, 1)}
        if self.correct is not None:
            means["accuracy"] = self.correct / max(self.images, 1)
        return means


@dataclass
class Run:
    """A training under way; callbacks are handed it.

    Args:
        network: what is trained.
        data: what it is trained on.
        validation: what it is evaluated on after each epoch; may be None.
        settings: how.

    Attributes:
        step: batches done since the beginning.
        epoch: epochs done.
        rate: the learning rate of the last step.
        optimizer_state: the optimiser's arrays by name.
        averages: of the network's arrays, by their names in files; none if none are asked for.
        history: all records so far.
        recent: since the last record of kind ``step``.
        current: since the epoch began.
        seconds: training time so far, interruptions left out.
        stop_reason: why the run shall end early; None while it shall go on.
        losses: the monitored loss after each epoch, for the schedule.
        failed: whether an error ended the run, so that its arrays are not to be kept.
    """

    network: Network
    data: Dataset
    validation: Dataset | None
    settings: Settings
    step: int = 0
    epoch: int = 0
    rate: float = 0.0
    optimizer_state: dict[str, Array] = field(default_factory=dict)
    averages: dict[str, Array] = field(default_factory=dict)
    history: History = field(default_factory=History)
    recent: Tally = field(default_factory=Tally)
    current: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    stop_reason: str | None = None
    losses: tuple[float, ...] = ()
    failed: bool = False

    def __post_init__(self) -> None:
        check_data(self.network, self.data, "data")
        if self.validation is not None:
            check_data(self.network, self.validation, "validation")
        self.optimizer_state = self.settings.optimizer.initial_state(self.network.parameters)
        if self.settings.average is not None:
            self.averages = {name: a.copy() for name, a in self.network.tensors().items()}
        self.streams = Streams(self.settings.seed)
        self.steps_per_epoch = steps_per_epoch(len(self.data), self.settings.batch_size)

    @property
    def total_steps(self) -> int:
        """How many batches the whole run has."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def batch(self) -> int:
        """How many batches of the current epoch are done."""
        return self.step - self.epoch * self.steps_per_epoch

    @property
    def clock(self) -> Clock:
        """Where the run stands, for the schedule."""
        return Clock(self.step, self.total_steps, self.epoch, self.settings.epochs, self.losses)

    def stop(self, reason: str) -> None:
        """End the run after the current step; the first reason counts."""
        self.stop_reason = self.stop_reason or reason

    def record(self, kind: str, **values: Any) -> None:
        """Add a record with epoch, step and time: the epoch under way, unless it is given.

        Raises:
            ConfigurationError: a value cannot be written to a file; or a record of a kind that
                a run makes itself lacks what those have.
        """
        epoch = min(self.epoch + 1, self.settings.epochs)
        when = {"epoch": epoch, "step": self.step, "seconds": round(self.seconds, 3)}
        missing = missing_of({"kind": kind} | when | values)
        if missing:
            raise ConfigurationError(
                f"A record of the kind '{kind}' must have the numbers {', '.join(missing)}, as the "
                "run's own have. For what you measure take a kind of your own."
            )
        self.history.add(kind, **when | values)
        if kind == "epoch":
            self.losses = tuple(self.history.monitored("loss"))

    def position(self) -> dict[str, Any]:
        """Return where the run stands, in JSON's types; arrays are left out."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "rate": self.rate,
            "seconds": self.seconds,
            "recent": asdict(self.recent),
            "current": asdict(self.current),
            "history": self.history.records,
        }

    def go_to(self, position: dict[str, Any]) -> None:
        """Take up a position that :meth:`position` returned."""
        self.step, self.epoch = position["step"], position["epoch"]
        self.rate, self.seconds = position["rate"], position["seconds"]
        self.recent = Tally(**position["recent"])
        self.current = Tally(**position["current"])
        self.history = History(list(position["history"]))
        self.losses = tuple(self.history.monitored("loss"))

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells this run's data from other data, in JSON's types."""
        validation = None if self.validation is None else fingerprint(self.validation)
        return {**fingerprint(self.data), "validation": validation}


def fingerprint(data: Dataset) -> dict[str, int]:
    """Return what tells a data set from others, in JSON's types."""
    # Some images, spread over the set, tell it from another of the same length and labels.
    some, _ = data.take(np.linspace(0, len(data) - 1, 16).astype(np.intp))
    return {
        "images": len(data),
        "labels": zlib.crc32(data.labels.tobytes()),
        "pixels": zlib.crc32(some.tobytes()),
    }
