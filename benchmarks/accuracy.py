"""Accuracy: seconds of training on MNIST until the test accuracy reaches 98 % and 99 %."""

from __future__ import annotations

import statistics
import time
from typing import Annotated, Any

import typer
from matplotlib.figure import Figure

from benchmarks.options import Short, Threads, Write
from benchmarks.page import finish
from benchmarks.peers import with_versions
from benchmarks.records import Record, Row, new_record
from benchmarks.tables import Goal, about, lines_of, number
from sixloops.data import Dataset, load_mnist
from sixloops.optimizers import Adam
from sixloops.recipes import build_network
from sixloops.report.style import BLUE, INK, dress, inches, new_figure
from sixloops.schedules import OneCycle
from sixloops.training import EvaluateEvery, fit

NETWORK = "two-convolutions"
LEVELS = (0.98, 0.99)


def measure(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the 60,000 images.")] = 2,
    batch: Annotated[int, typer.Option(min=1, help="Images a step.")] = 128,
    rate: Annotated[float, typer.Option(help="Adam's rate at the cycle's peak.")] = 0.004,
    every: Annotated[int, typer.Option(min=1, help="Steps between evaluations.")] = 20,
    threads: Threads = 2,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings, each by a seed.")] = 3,
    short: Short = False,
    write: Write = False,
) -> None:
    """Seconds of training on MNIST to 98 % and 99 % test accuracy, by some seeds."""
    training, test = load_mnist()
    if short:
        training, test = training.first(128), test.first(100)
        epochs, batch, seeds, every = 1, 64, 1, 1
    given = {"epochs": epochs, "batch_size": batch, "threads": threads}
    began = time.perf_counter()
    # What the first steps compile, or load from the cache, is no training.
    _curve(training.first(batch), test.first(100), given | {"epochs": 1}, rate, 1, seed=0)
    before = time.perf_counter() - began
    rows: list[Row] = [
        {"seed": seed, "curve": _curve(training, test, given, rate, every, seed)}
        for seed in range(seeds)
    ]
    record = new_record(rows, with_versions(["ours"]), threads)
    record["options"] = {"epochs": epochs, "batch": batch, "rate": rate, "every": every}
    record["seconds_before"] = before
    finish("accuracy", record, write)


def _curve(
    training: Dataset, test: Dataset, given: dict[str, Any], rate: float, every: int, seed: int
) -> list[tuple[float, float]]:
    """Train anew, and return the seconds of training and the test accuracy at evaluations.

    The clock of ``fit`` counts batches and steps; it stands still while callbacks evaluate.
    """
    network = build_network(NETWORK, training.image_shape, training.classes or (), seed=seed)
    evaluation = EvaluateEvery(every, test, images=None)
    history = fit(
        network,
        training,
        optimizer=Adam(rate),
        schedule=OneCycle(),
        callbacks=[evaluation],
        seed=seed,
        **given,
    )
    return [(record["seconds"], record["accuracy"]) for record in history.of("evaluation")]


def seconds_to(curve: list[tuple[float, float]], level: float) -> float | None:
    """Return the seconds after which a curve first reached a level; None if it never did."""
    return next((seconds for seconds, accuracy in curve if accuracy >= level), None)


def section(record: Record) -> str:
    """Return the part of the page."""
    options = record["options"]
    rows = [
        [
            str(row["seed"]),
            *(_cell(seconds_to(row["curve"], level)) for level in LEVELS),
            number(row["curve"][-1][0]),
            f"{row['curve'][-1][1]:.2%}",
        ]
        for row in record["rows"]
    ]
    head = "seed", *(f"seconds to {level:.0%}" for level in LEVELS), "all seconds", "accuracy then"
    return (
        f"## Accuracy\n\nMNIST with the network `{NETWORK}`, Adam with a rate of up to "
        f"{options['rate']:g} over one cycle, batches of {options['batch']}, "
        f"{options['epochs']} epoch{'s' if options['epochs'] > 1 else ''}. The test set is "
        f"evaluated every {options['every']} steps, which is not counted; nor is what came "
        f"before, {record['seconds_before']:.1f} s of compiling, or loading what was compiled, "
        f"with a first step.\n\n{about(record, 'Seconds by seed').partition(', median')[0]}.\n\n"
        f"{lines_of(head, rows)}"
    )


def _cell(seconds: float | None) -> str:
    return "–" if seconds is None else number(seconds)


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is: the median of the seeds."""
    found = []
    for level, required, aim in zip(LEVELS, (3, 12), (1.5, 5), strict=True):
        seconds = [seconds_to(row["curve"], level) for row in record["rows"]]
        reached = [value for value in seconds if value is not None]
        median = statistics.median(reached) if len(reached) == len(seconds) else None
        what = f"MNIST, training time to {level:.0%} test accuracy"
        found.append(Goal(what, required, aim, median, " s"))
    return found


def picture(record: Record) -> Figure:
    """Draw the accuracy over the seconds of training."""
    figure = new_figure(4.8, "MNIST", "test accuracy over seconds of training, by seed")
    axes = inches(figure, 0.85, 0.65, 10.9, 3.1)
    for row in record["rows"]:
        axes.plot(*zip(*row["curve"], strict=True), color=BLUE, lw=1.5, alpha=0.7)
    for level in LEVELS:
        axes.axhline(level, color=INK, linewidth=1, linestyle="--")
    dress(axes, "", "seconds of training", "test images classified right")
    axes.set_ylim(0.95, 1.0)
    return figure
