"""What ``sixloops train`` was asked for, as a run folder keeps it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sixloops import checks
from sixloops.cli.choices import chosen, is_image_folder, load_data
from sixloops.data import AUGMENTATIONS, Compose, Dataset
from sixloops.descriptions import Description, from_data
from sixloops.errors import ConfigurationError, FileError
from sixloops.optimizers import OPTIMIZERS
from sixloops.randomness import Streams
from sixloops.regularizers import L2
from sixloops.report import read_configuration
from sixloops.schedules import SCHEDULES
from sixloops.training import Settings

SINGLE_AUGMENTATIONS = {name: kind for name, kind in AUGMENTATIONS.items() if kind is not Compose}


class Parts(NamedTuple):
    """Images, by what they are for.

    Args:
        training: to train on.
        validation: to measure with after each epoch, and to choose the best network by.
        test: to measure the trained network with; they also validate where none are held out.
    """

    training: Dataset
    validation: Dataset
    test: Dataset

    def __str__(self) -> str:
        held_out = "" if self.validation is self.test else f", {len(self.validation):,} validation"
        return f"{len(self.training):,} training{held_out} and {len(self.test):,} test images"


@dataclass(frozen=True)
class Options(Description):
    """What ``sixloops train`` was asked for; a run folder keeps it, to go on from."""

    network: str = "two-convolutions"
    begin_from: str | None = None
    data: str = "mnist"
    data_folder: str | None = None
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    images: int | None = None
    hold_out: int | None = None
    epochs: int = 3
    batch: int = 64
    optimizer: str = "adam"
    rate: float | None = None
    schedule: str = "one-cycle"
    l2: float | None = None
    augmentation: tuple[str, ...] = ()
    clip_norm: float | None = None
    average: float | None = None
    evaluate_every: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what a configuration file may have wrong; :meth:`settings` checks the rest."""
        for name in ("network", "data", "optimizer", "schedule"):
            checks.instance(self, name, str, "a word")
        checks.instance(self, "begin_from", str | None, "the name of a run or model, or None")
        checks.instance(self, "data_folder", str | None, "a folder's name or None")
        for name in ("images", "hold_out"):
            checks.instance(self, name, int | None, "a whole number or None")
        if self.image_size is not None:
            checks.pair(self, "image_size")
        if self.channels not in (None, 1, 3):
            raise checks.fail(self, "channels", "be 1 for gray or 3 for colours")
        listed = isinstance(self.augmentation, tuple)
        if not listed or not all(isinstance(name, str) for name in self.augmentation):
            raise checks.fail(self, "augmentation", "be a list of words")

    def settings(self) -> Settings:
        """Return the training's settings."""
        kind = chosen("optimizer", self.optimizer, OPTIMIZERS)
        steps = [chosen("augmentation", name, SINGLE_AUGMENTATIONS)() for name in self.augmentation]
        return Settings(
            epochs=self.epochs,
            batch_size=self.batch,
            optimizer=kind() if self.rate is None else kind(rate=self.rate),
            schedule=chosen("schedule", self.schedule, SCHEDULES)(),
            regularizers=() if self.l2 is None else (L2(self.l2),),
            augmentation=Compose(tuple(steps)) if steps else None,
            clip_norm=self.clip_norm,
            average=self.average,
            seed=self.seed,
        )

    def words(self, threads: int) -> str:
        """Word the settings in one line."""
        settings = self.settings()
        parts = [
            f"{type(settings.optimizer).__name__} {settings.optimizer.rate:g}",
            self.schedule.replace("_", "-"),
            f"batches of {self.batch:,}",
            "1 thread" if threads == 1 else f"{threads} threads",
        ]
        if self.augmentation:
            parts.insert(3, "augmentation " + " and ".join(self.augmentation))
        return ", ".join(parts)

    def load(self, *, download: bool) -> Parts:
        """Load the images to train on, to validate with, and to test with.

        Where none are held out, the test images validate.
        """
        folder = None if self.data_folder is None else Path(self.data_folder)
        training, test = load_data(
            self.data, folder, self.image_size, self.channels, download=download
        )
        if self.images is not None:
            if not 1 <= self.images <= len(training):
                raise ConfigurationError(
                    f"--images must be from 1 to {len(training)}, the data's length. "
                    f"Got {self.images}."
                )
            training = self._some(training, self.images)
        if self.hold_out is None:
            return Parts(training, test, test)
        if not 1 <= self.hold_out < len(training):
            raise ConfigurationError(
                f"--hold-out must be from 1 to {len(training) - 1}, so that at least one of the "
                f"{len(training)} images is left to train on. Got {self.hold_out}."
            )
        kept, held_out = training.split(self.hold_out, seed=self.seed)
        return Parts(kept, held_out, test)

    def _some(self, training: Dataset, count: int) -> Dataset:
        """Return the first images, or some at random of a folder, where they come by classes."""
        if not is_image_folder(self.data):
            return training.first(count)
        return training.random_subset(count, Streams(self.seed).generator("images"))


def run_options(configuration: Path) -> Options:
    """Read the options that a run folder keeps.

    Raises:
        FileError: the file is missing or damaged, or the run was begun in Python.
    """
    given = read_configuration(configuration).get("options")
    try:
        options = from_data(given, [Options])
    except ConfigurationError as error:
        raise FileError(f"{configuration} is damaged: {error}") from error
    if not isinstance(options, Options):
        raise FileError(
            f"{configuration} must hold the options of 'sixloops train'. Got {given!r}. "
            "A run that was begun in Python goes on there: fit(..., resume=...)."
        )
    return options


def data_options(model: Path) -> Options:
    """Return options with the data that a run was trained on; MNIST where that is not known.

    It is not known of a model file, which holds a network alone, and of a run that was
    begun in Python.
    """
    configuration = model / "configuration.json"
    if not configuration.is_file() or read_configuration(configuration).get("options") is None:
        return Options()
    options = run_options(configuration)
    return dataclasses.replace(options, images=None, hold_out=None)
