"""A training loop that someone wrote by hand, so that the doctor can repeat it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from sixloops import checks
from sixloops.data import Dataset
from sixloops.doctor.run.arrays import as_array
from sixloops.doctor.run.case import Outcome, check_data, with_images
from sixloops.doctor.run.evidence import Evaluated, Evidence
from sixloops.doctor.run.judged import recovered, rose
from sixloops.doctor.run.monitor import Monitor
from sixloops.doctor.run.neighbours import renumbering
from sixloops.doctor.run.probe import chance_of, compare_spreads, look_up, part_of
from sixloops.doctor.run.shares import in_shares
from sixloops.errors import DataError
from sixloops.layers.base import Array
from sixloops.training import History

TRAIN = "images", "labels", "rate", "seed", "monitor"
"""What a training loop is given."""

ASKED = 1000
"""So many images are asked about at the end, of training and of validation."""

Predict: TypeAlias = Callable[[Array], object]
Train: TypeAlias = Callable[[Array, Array, float, int, Monitor], Predict]


@dataclass(frozen=True)
class Loop:
    """A training loop in NumPy or another framework.

    Args:
        train: ``train(images, labels, rate, seed, monitor)`` begins anew from the seed,
            tells the monitor of its steps with :meth:`Monitor.observe`, and returns a
            function from images to outputs (images, classes).
        data: images and labels, which it is given as they are here.
        validation: what the trained network is asked about; None for nothing.
        rate: the learning rate.
        seed: a whole number, at least 0.

    Raises:
        ConfigurationError: images and labels that are no data set, or no function, rate or seed.

    Examples:
        >>> images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 3
        >>> Loop(lambda *given: None, (images, labels))
        Traceback (most recent call last):
          ...
        sixloops.errors.ConfigurationError: The 'data' of Loop must be a Dataset. Got a tuple. ...
        >>> loop = Loop(lambda *given: None, Dataset(images, labels))
    """

    train: Train
    data: Dataset
    validation: Dataset | None = None
    rate: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_data(self)
        checks.number(self, "rate", minimum=0)
        if not callable(self.train):
            raise checks.fail(self, "train", "be a function of images, labels, rate, seed, monitor")

    def with_rate(self, factor: float) -> Loop:
        """Return the loop with its learning rate multiplied."""
        return replace(self, rate=self.rate * factor)

    def scaled(self, factor: float = 1 / 255) -> Loop:
        """Return the loop with its images multiplied by a factor, so that bytes go from 0 to 1."""
        return self.with_images(lambda x: np.asarray(x, dtype=np.float32) * np.float32(factor))

    def with_images(self, change: Callable[[Array], Array], training: bool = True) -> Loop:
        """Return the loop with its images changed: all, or only those of the validation."""
        data = with_images(self.data, change) if training else self.data
        held = self.validation
        return replace(self, data=data, validation=held and with_images(held, change))

    def shuffled(self) -> Loop:
        """Return the loop with its images, and their labels, in a random order."""
        order = np.random.default_rng(self.seed).permutation(len(self.data))
        return replace(self, data=self.data.subset(order))

    def first(self, images: int, times: int) -> Loop:
        """Return the loop for a few images, which come again and again."""
        # From all of the data, which may be in the order of its classes.
        some = np.linspace(0, len(self.data) - 1, min(images, len(self.data))).astype(np.intp)
        rows = np.tile(some, times)
        return replace(self, data=self.data.subset(rows), validation=None)

    @property
    def steps(self) -> int:
        """How many steps it has: of a loop nobody knows."""
        return 0

    def shortened(self, steps: int, held_out: int | None = None) -> Loop:
        """Return the loop, which cannot be cut down."""
        return self

    def alone(self) -> Loop:
        """Return the loop: of what it does besides training nobody knows."""
        return self

    def without_files(self) -> Loop:
        """Return the loop."""
        return self

    def own_callbacks(self) -> str:
        """Return nothing, as all of it is the user's own."""
        return ""

    def zeroed(self) -> Loop:
        """Return the loop with zeros in the place of all images."""
        return self.with_images(np.zeros_like)

    def memorised(self, images: int = 32, epochs: int = 80) -> Loop:
        """Return the loop with a few images, again and again."""
        return self.first(images, epochs)

    def run(self, *, watched: bool = True) -> Outcome:
        """Train from the seed.

        Args:
            watched: whether the doctor looks on.
        """
        _check_arguments(self.train)
        monitor = Monitor(self.data.class_count)
        # A loop that changes its images in place must not change those of the next run.
        images, labels = self.data.images.copy(), self.data.labels.copy()
        try:
            with np.errstate(all="ignore"):
                predict = self.train(images, labels, self.rate, self.seed, monitor)
        except Exception as error:
            if not (monitor.evidence.broken or rose(monitor.evidence)):
                raise
            return _blown_up(monitor, error)
        if not callable(predict):
            kind = type(predict).__name__
            raise DataError(f"The train function must return a function of images. Got {kind}.")
        e = monitor.evidence = in_shares(monitor.evidence)
        e.given = len(self.data)
        if not e.steps:
            raise DataError(
                "The train function must call monitor.observe(loss, ...) after each step. It never "
                "did."
            )
        # As they lie: a loop that answers with what it has stored for these images shows itself so.
        images, labels = _first(self.data, ASKED)
        answers = _answers(predict, images)
        told = float((answers == labels).mean())
        e.probes["training part"] = told
        e.answered = renumbering(answers, labels)
        if not e.counts.sum():  # it told the monitor of no labels
            e.counts = np.bincount(self.data.labels, minlength=self.data.class_count)
        _ask_one_by_one(predict, self.data, e)
        reached = told
        if self.validation is not None:
            reached = _accuracy(predict, *part_of(self.validation, ASKED))
            asked = min(ASKED, len(self.validation))
            e.evaluations.append(Evaluated(monitor.step, None, reached, asked))
            e.held_out_chance = chance_of(self.validation)
        if watched:
            compare_spreads(monitor, self.data, self.validation)
            _ask_of_nothing(predict, self.data, e)
            look_up(monitor, self.data, self.validation)
        failed = "" if recovered(e) else e.broken
        return Outcome(None, History(), e, 0.0 if failed else reached, failed, 0.0)


def _check_arguments(train: Train) -> None:
    """Raise if a function does not take what it is given."""
    try:
        signature = inspect.signature(train)
    except (TypeError, ValueError):  # of compiled code nothing is known
        return
    try:
        signature.bind(*TRAIN)
    except TypeError as error:
        name = getattr(train, "__name__", "train")
        raise DataError(
            f"The train function must take {', '.join(TRAIN)}, in this order. "
            f"Got {name}{signature}: {error}."
        ) from error


def _blown_up(monitor: Monitor, error: Exception) -> Outcome:
    """Return what was seen of a loop that raised once its numbers had grown beyond bounds."""
    e = monitor.evidence = in_shares(monitor.evidence)
    words = f"after step {monitor.step} the loop raised {type(error).__name__}: {error}"
    e.broken = e.broken or words
    return Outcome(None, History(), e, 0.0, e.broken, 0.0)


def _ask_one_by_one(predict: Predict, data: Dataset, e: Evidence, images: int = 6) -> None:
    """See whether an image's outputs depend on the others that are asked about with it."""
    x, _ = _first(data, images)
    try:
        together, again = as_array(predict(x)), as_array(predict(x))
        alone = [as_array(predict(x[i : i + 1])) for i in range(len(x))]
    except Exception as error:
        e.notes.append(f"Single images could not be asked about: {type(error).__name__}: {error}")
        return
    whole = [array for array in alone if array is not None]
    if together is None or again is None or len(whole) < len(x) or not np.isfinite(together).all():
        return
    differ = _apart(again, together)
    if differ > 0:
        e.probes["answers by chance"] = differ
        return
    rows = np.concatenate([array.reshape(1, -1) for array in whole])
    if rows.shape != together.shape:
        return
    e.probes["depends on its batch"] = _apart(rows, together)


def _apart(outputs: Array, others: Array) -> float:
    """Return by how much outputs differ at most, as a part of the largest; 0 for other shapes."""
    if outputs.shape != others.shape:
        return 0.0
    return float(np.abs(outputs - others).max() / max(float(np.abs(others).max()), 1e-12))


def _ask_of_nothing(predict: Predict, data: Dataset, e: Evidence) -> None:
    """See how many labels are told with zeros in the place of the images."""
    try:
        e.probes["zero told"] = _accuracy(lambda x: predict(np.zeros_like(x)), *_first(data, 200))
    except Exception as error:
        # Theirs need not bear images that nobody ever has.
        e.notes.append(f"Zeros could not be asked about: {type(error).__name__}: {error}")


def _first(data: Dataset, images: int) -> tuple[Array, Array]:
    """Return the first images of a data set with their labels."""
    return data.take(np.arange(min(images, len(data))))


def _accuracy(predict: Predict, x: Array, labels: Array) -> float:
    """Return the share of some images that are told rightly."""
    return float((_answers(predict, x) == labels).mean())


def _answers(predict: Predict, x: Array) -> Array:
    """Return the class that is told of each image."""
    with np.errstate(all="ignore"):
        outputs = as_array(predict(x))
    if outputs is None or outputs.ndim != 2 or len(outputs) != len(x):
        got = "nothing" if outputs is None else f"shape {outputs.shape}"
        raise DataError(
            f"What train returns must give outputs of shape ({len(x)}, classes). Got {got}."
        )
    return np.asarray(outputs.argmax(axis=1))
