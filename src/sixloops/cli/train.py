"""``sixloops train``."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sixloops import checks
from sixloops.cli.choices import (
    DataFolderOption,
    DataOption,
    DownloadOption,
    ThreadsOption,
    chosen,
    is_image_folder,
    load_data,
    spelled,
)
from sixloops.data import Dataset
from sixloops.data.augmentation import AUGMENTATIONS, Compose
from sixloops.descriptions import Description, from_data, to_data
from sixloops.errors import ConfigurationError, FileError
from sixloops.network import Network
from sixloops.optimizers import OPTIMIZERS
from sixloops.recipes import NETWORKS, build_network
from sixloops.regularizers import L2
from sixloops.report import Progress, RunFolder, print_summary, read_configuration
from sixloops.schedules import SCHEDULES
from sixloops.training import Callback, EvaluateEvery, History, Settings, fit
from sixloops.training.evaluate import check_data
from sixloops.training.fit import INTERRUPTED

INTERRUPT_CODE = 130
SINGLE_AUGMENTATIONS = {name: kind for name, kind in AUGMENTATIONS.items() if kind is not Compose}


@dataclasses.dataclass(frozen=True)
class Options(Description):
    """What ``sixloops train`` was asked for; a run folder keeps it, to go on from."""

    network: str = "two-convolutions"
    data: str = "mnist"
    data_folder: str | None = None
    images: int | None = None
    epochs: int = 3
    batch: int = 64
    optimizer: str = "adam"
    rate: float | None = None
    schedule: str = "one-cycle"
    l2: float | None = None
    augmentation: tuple[str, ...] = ()
    clip_norm: float | None = None
    evaluate_every: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what a configuration file may have wrong; :meth:`settings` checks the rest."""
        for name in ("network", "data", "optimizer", "schedule"):
            checks.instance(self, name, str, "a word")
        checks.instance(self, "data_folder", str | None, "a folder's name or None")
        checks.instance(self, "images", int | None, "a whole number or None")
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
            seed=self.seed,
        )


def train(
    context: typer.Context,
    network: Annotated[
        str, typer.Option(help=f"{', '.join(NETWORKS)}, or a .json file that describes one.")
    ] = Options.network,
    data: DataOption = Options.data,
    data_folder: DataFolderOption = None,
    download: DownloadOption = False,
    images: Annotated[
        int | None, typer.Option(help="Train on the first so many images only.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = Options.epochs,
    batch: Annotated[int, typer.Option(help="Images a step.")] = Options.batch,
    optimizer: Annotated[str, typer.Option(help=f"{spelled(OPTIMIZERS)}.")] = Options.optimizer,
    rate: Annotated[
        float | None, typer.Option(help="Learning rate; the optimiser's own unless said.")
    ] = None,
    schedule: Annotated[str, typer.Option(help=f"{spelled(SCHEDULES)}.")] = Options.schedule,
    l2: Annotated[float | None, typer.Option(help="Strength of L2 on the weights.")] = None,
    augmentation: Annotated[
        list[str] | None,
        typer.Option(help=f"{spelled(SINGLE_AUGMENTATIONS)}; may be given several times."),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="Largest norm of all gradients together.")
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(min=1, help="Also evaluate on 1,000 random test images every so many steps."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all random streams.")] = Options.seed,
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; a new one under runs/ unless said.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with this run folder; only --epochs and --threads count beside it."
        ),
    ] = None,
) -> None:
    """Train a network; leave model, history and pictures in a run folder.

    Without any option it trains two convolutions on the carried MNIST for three epochs.

    Ctrl-C ends the run cleanly; --resume goes on with it, to the same bits.

    The accuracy that is reported is the last network's. best.safetensors is chosen by the
    test images, so that its accuracy on them flatters it.
    """
    if resume is not None:
        _resume(resume, _given(context), epochs, threads)
        return
    options = Options(
        network=network,
        data=str(Path(data).resolve()) if is_image_folder(data) else data,
        data_folder=None if data_folder is None else str(data_folder.resolve()),
        images=images,
        epochs=epochs,
        batch=batch,
        optimizer=optimizer,
        rate=rate,
        schedule=schedule,
        l2=l2,
        augmentation=tuple(augmentation or ()),
        clip_norm=clip_norm,
        evaluate_every=evaluate_every,
        seed=seed,
    )
    options.settings()  # a wrong option is told before data is read or a folder made
    training, test = _data(options, download)
    classes = training.classes or [str(number) for number in range(training.class_count)]
    built = build_network(network, training.image_shape, classes, seed=seed)
    check_data(built, training, "data")
    check_data(built, test, "data's test part")
    notes = {"command": _command(), "options": to_data(options)}
    folder = RunFolder.new(Path(network).stem, **notes) if out is None else RunFolder(out, **notes)
    _run(options, built, training, test, folder, threads, resume=False)


def _given(context: typer.Context) -> set[str]:
    """Return the names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _resume(path: Path, given: set[str], epochs: int, threads: int | None) -> None:
    others = given - {"resume", "epochs", "threads"}
    if others:
        raise ConfigurationError(
            f"Beside --resume only --epochs and --threads count; the rest comes from the run "
            f"folder. Got {', '.join('--' + name.replace('_', '-') for name in sorted(others))}."
        )
    folder = RunFolder(path, resume=True, command=_command())
    options = _read_options(folder)
    if "epochs" in given:
        options = dataclasses.replace(options, epochs=epochs)
    folder.options = to_data(options)
    training, test = _data(options, download=False)
    network = Network.load(folder.last)
    _run(options, network, training, test, folder, threads, resume=True)


def _read_options(folder: RunFolder) -> Options:
    given = read_configuration(folder.configuration).get("options")
    try:
        options = from_data(given, [Options])
    except ConfigurationError as error:
        raise FileError(f"{folder.configuration} is damaged: {error}") from error
    if not isinstance(options, Options):
        raise FileError(
            f"{folder.configuration} must hold the options of 'sixloops train'. Got {given!r}. "
            "A run that was begun in Python goes on there: fit(..., resume=...)."
        )
    return options


def _command() -> str:
    """Return the command line, the program by its name alone."""
    return shlex.join(["sixloops", *sys.argv[1:]])


def _data(options: Options, download: bool) -> tuple[Dataset, Dataset]:
    folder = None if options.data_folder is None else Path(options.data_folder)
    training, test = load_data(options.data, folder, download=download)
    if options.images is None:
        return training, test
    if not 1 <= options.images <= len(training):
        raise ConfigurationError(
            f"--images must be from 1 to {len(training)}, the data's length. Got {options.images}."
        )
    return training.first(options.images), test


def _run(
    options: Options,
    network: Network,
    training: Dataset,
    test: Dataset,
    folder: RunFolder,
    threads: int | None,
    *,
    resume: bool,
) -> None:
    console, settings = Console(highlight=False, soft_wrap=True), options.settings()
    print_summary(network, batch_size=settings.batch_size, console=console)
    console.print(
        f"{len(training):,} training and {len(test):,} test images; run folder {folder.path}"
    )
    extra: list[Callback] = []
    if options.evaluate_every is not None:
        extra.append(EvaluateEvery(options.evaluate_every))
    history = fit(
        network,
        training,
        **{field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)},
        validation=test,
        callbacks=[*extra, *folder.callbacks(), Progress(console)],
        threads=threads,
        resume=folder.last if resume else None,
    )
    _finish(network, history, test, folder, threads, console)


def _finish(
    network: Network,
    history: History,
    test: Dataset,
    folder: RunFolder,
    threads: int | None,
    console: Console,
) -> None:
    if history.stopped == INTERRUPTED:
        console.print(f"Interrupted. Go on with: sixloops train --resume {folder.path}")
        raise typer.Exit(INTERRUPT_CODE)
    result = folder.finish(network, history, test, threads=threads)
    console.print(f"Test: {result}")
    console.print(f"Model, history and pictures are in {folder.path}")
