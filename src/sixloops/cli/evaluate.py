"""``sixloops evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from sixloops.cli.choices import (
    DataFolderOption,
    DataOption,
    DownloadOption,
    ThreadsOption,
    load_data,
    load_network,
)
from sixloops.data import Dataset
from sixloops.errors import DataError
from sixloops.network import Network
from sixloops.training import Evaluation
from sixloops.training import evaluate as measure


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    data: DataOption = "mnist",
    data_folder: DataFolderOption = None,
    download: DownloadOption = False,
    threads: ThreadsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Measure a trained network on a data set's test images."""
    network = load_network(model)
    _, test = load_data(data, data_folder, download=download)
    _check_classes(model, network, data, test)
    result = measure(network, test, threads=threads)
    if as_json:
        typer.echo(json.dumps(as_data(result)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Test: {result}")
    if result.confusion is not None:
        console.print(_table(result.confusion, network.classes or test.classes or ()))


def _check_classes(model: Path, network: Network, data: str, test: Dataset) -> None:
    """Raise if the same number means different classes to the network and in the data."""
    ours, theirs = network.classes, test.classes
    if ours and theirs and ours != theirs:
        raise DataError(
            f"The classes of {data} must be those of {model}: {', '.join(ours)}. Got "
            f"{', '.join(theirs)}. If only the names differ, sixloops.evaluate in Python compares "
            "the numbers alone."
        )


def as_data(result: Evaluation) -> dict[str, object]:
    """Return an evaluation in JSON's types."""
    confusion = None if result.confusion is None else result.confusion.tolist()
    return {
        "loss": result.loss,
        "accuracy": result.accuracy,
        "top_k": result.top_k,
        "k": result.k,
        "images": result.images,
        "confusion": confusion,
    }


def _table(confusion: npt.NDArray[np.int64], classes: tuple[str, ...]) -> Table:
    names = classes or tuple(str(number) for number in range(len(confusion)))
    table = Table(title="Rows: the right class; columns: the answer", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for name, row in zip(names, confusion, strict=True):
        table.add_row(name, *(str(count) for count in row))
    return table
