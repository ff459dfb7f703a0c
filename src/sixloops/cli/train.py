"""``sixloops train``."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from sixloops.cli.choices import (
    INTERRUPT_CODE,
    ChannelsOption,
    DataFolderOption,
    DataOption,
    DownloadOption,
    ImageSizeOption,
    ThreadsOption,
    check_classes,
    folder_of,
    is_image_folder,
    load_network,
    option_names,
    size_of,
    spelled,
)
from sixloops.cli.options import SINGLE_AUGMENTATIONS, Options, Parts, run_options
from sixloops.data import Dataset
from sixloops.descriptions import to_data
from sixloops.doctor import Doctor, Verdict
from sixloops.engine.threads import available_threads
from sixloops.errors import ConfigurationError, did_you_mean
from sixloops.network import Network
from sixloops.optimizers import OPTIMIZERS
from sixloops.recipes import NETWORKS, build_network
from sixloops.report import Progress, RunFolder, compile_kernels, print_summary
from sixloops.schedules import SCHEDULES
from sixloops.training import Callback, EvaluateEvery, evaluate, fit
from sixloops.training.evaluate import check_data


def train(
    context: typer.Context,
    network: Annotated[
        str, typer.Option(help=f"{', '.join(NETWORKS)}, or a .json file that describes one.")
    ] = Options.network,
    begin_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN_OR_MODEL",
            help="Begin with the weights of this trained network, instead of --network.",
        ),
    ] = None,
    data: DataOption = Options.data,
    data_folder: DataFolderOption = None,
    image_size: ImageSizeOption = None,
    channels: ChannelsOption = None,
    download: DownloadOption = False,
    images: Annotated[
        int | None,
        typer.Option(
            help="Train on the first so many images only; of a folder, on so many at random."
        ),
    ] = None,
    hold_out: Annotated[
        int | None,
        typer.Option(
            help="Hold out so many of these, drawn at random, to validate with; best.safetensors "
            "is then chosen by them, and not by the test images."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = Options.epochs,
    batch: Annotated[int, typer.Option(help="Images per step.")] = Options.batch,
    optimizer: Annotated[str, typer.Option(help=f"{spelled(OPTIMIZERS)}.")] = Options.optimizer,
    rate: Annotated[
        float | None, typer.Option(help="Learning rate; default: the optimizer's own.")
    ] = None,
    schedule: Annotated[
        str, typer.Option(help=f"How the rate changes: {spelled(SCHEDULES)}.")
    ] = Options.schedule,
    l2: Annotated[
        float | None, typer.Option(help="Strength of L2 regularisation of the weights.")
    ] = None,
    augmentation: Annotated[
        list[str] | None,
        typer.Option(help=f"{spelled(SINGLE_AUGMENTATIONS)}; may be given several times."),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="Largest norm of all gradients together.")
    ] = None,
    average: Annotated[
        float | None,
        typer.Option(help="Use a moving average of the weights, with this decay, such as 0.999."),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            min=1, help="Also evaluate on 1,000 random validation images every so many steps."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = Options.seed,
    threads: ThreadsOption = None,
    out: Annotated[
        str | None, typer.Option(metavar="PATH", help="Run folder; default: a new one in runs/.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with this run folder; beside it only --epochs and --threads. With more "
            "--epochs the schedule is laid over the new length, so the result is not that of a "
            "run begun with it."
        ),
    ] = None,
) -> None:
    """Train a network; leave model, history and pictures in a run folder.

    Without any option it trains two convolutions on MNIST for three epochs.

    Ctrl-C ends the run cleanly; --resume goes on with it, to the same bits.

    The accuracy that is reported is the last network's. Without --hold-out,
    validation and best.safetensors go by the test images, so that the best
    network's accuracy on them flatters it.
    """
    given = _given(context)
    if resume is not None:
        _resume(resume, given, epochs, threads)
        return
    with option_names():
        options = Options(
            network=network,
            begin_from=None if begin_from is None else str(begin_from.resolve()),
            data=str(Path(data).resolve()) if is_image_folder(data) else data,
            data_folder=None if data_folder is None else str(data_folder.resolve()),
            image_size=size_of(image_size),
            channels=channels,
            images=images,
            hold_out=hold_out,
            epochs=epochs,
            batch=batch,
            optimizer=optimizer,
            rate=rate,
            schedule=schedule,
            l2=l2,
            augmentation=tuple(augmentation or ()),
            clip_norm=clip_norm,
            average=average,
            evaluate_every=evaluate_every,
            seed=seed,
        )
        options.settings()  # a wrong option is told before data is read or a folder made
    _check_names(network, begin_from, given)
    chosen = folder_of(out)
    parts = options.load(download=download)
    built = _network(options, begin_from, parts.training)
    check_data(built, parts.training, "data")
    check_data(built, parts.test, "data's test part")
    notes = {"command": _command(), "options": to_data(options)}
    name = network if begin_from is None else begin_from.resolve().name
    folder = RunFolder(chosen, **notes) if chosen else RunFolder.new(Path(name).stem, **notes)
    _run(options, built, parts, folder, threads, resume=False)


def _given(context: typer.Context) -> set[str]:
    """Return the names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _check_names(network: str, begin_from: Path | None, given: set[str]) -> None:
    if begin_from is not None:
        if "network" in given:
            raise ConfigurationError(
                "--from brings its own network. Leave out --network, or --from to begin afresh."
            )
        return
    if network in NETWORKS or network.endswith(".json"):
        return
    if Path(network).exists():
        resume, begin = f"--resume {network}", f"--from {network}"
        mend = f" To go on with a run: {resume}. To begin with its weights: {begin}."
    else:
        mend = did_you_mean(network, NETWORKS)
    raise ConfigurationError(
        f"The network must be one of {', '.join(NETWORKS)}, or a .json file that describes one. "
        f"Got {network!r}.{mend}"
    )


def _network(options: Options, begin_from: Path | None, training: Dataset) -> Network:
    """Build a new network, or load the one to begin with."""
    if begin_from is not None:
        network = load_network(begin_from)
        check_classes(begin_from, network, options.data, training)
        return network
    classes = training.classes or [str(number) for number in range(training.class_count)]
    return build_network(options.network, training.image_shape, classes, seed=options.seed)


def _resume(path: Path, given: set[str], epochs: int, threads: int | None) -> None:
    others = given - {"resume", "epochs", "threads"}
    if others:
        names = ("from" if name == "begin_from" else name for name in sorted(others))
        raise ConfigurationError(
            f"Beside --resume only --epochs and --threads count; the rest comes from the run "
            f"folder. Got {', '.join('--' + name.replace('_', '-') for name in names)}."
        )
    folder = RunFolder(path, resume=True, command=_command())
    options = run_options(folder.configuration)
    if "epochs" in given:
        options = dataclasses.replace(options, epochs=epochs)
        with option_names():
            options.settings()
    folder.options = to_data(options)
    parts = options.load(download=False)
    network = Network.load(folder.last)
    _run(options, network, parts, folder, threads, resume=True)


def _command() -> str:
    """Return the command line, the program by its name alone."""
    return shlex.join(["sixloops", *sys.argv[1:]])


def _run(
    options: Options,
    network: Network,
    parts: Parts,
    folder: RunFolder,
    threads: int | None,
    *,
    resume: bool,
) -> None:
    console, settings = Console(highlight=False, soft_wrap=True), options.settings()
    print_summary(network, batch_size=settings.batch_size, console=console)
    console.print(options.words(threads or available_threads()))
    console.print(f"{parts}; run folder {folder.path}", markup=False)
    doctor = Doctor()
    extra: list[Callback] = [doctor]
    if options.evaluate_every is not None:
        extra.append(EvaluateEvery(options.evaluate_every))
    try:
        # Before fit, in which Ctrl-C ends only after the current step.
        compile_kernels(network, settings.batch_size, console)
        history = fit(
            network,
            parts.training,
            **{field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)},
            validation=parts.validation,
            callbacks=[*extra, *folder.callbacks(), Progress(console)],
            threads=threads,
            resume=folder.last if resume else None,
        )
        result = folder.finish(network, history, parts.test, threads=threads)
        if options.hold_out is not None:
            best = evaluate(Network.load(folder.best), parts.test, threads=threads)
    except KeyboardInterrupt:
        _end_interrupted(folder, console)
    console.print(f"Test: {result}")
    if options.hold_out is not None:
        console.print(f"Test of {folder.best.name}, the best by validation: {best}")
    console.print(_said(doctor.verdict()), markup=False)
    console.print(f"Model, history and pictures are in {folder.path}", markup=False)


def _said(verdict: Verdict) -> str:
    """Return what the doctor says: one line, unless the run is sick."""
    return str(verdict) if verdict.sick else str(verdict).partition("\n")[0]


def _end_interrupted(folder: RunFolder, console: Console) -> NoReturn:
    resume = f" Go on with: sixloops train --resume {shlex.quote(str(folder.path))}"
    console.print(f"Interrupted.{resume if folder.last.is_file() else ''}", markup=False)
    raise typer.Exit(INTERRUPT_CODE)
