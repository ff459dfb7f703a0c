"""``sixloops evaluate``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sixloops.cli.choices import (
    ChannelsOption,
    DataFolderOption,
    DownloadOption,
    ImageSizeOption,
    ThreadsOption,
    check_classes,
    load_network,
    size_of,
    spelled,
)
from sixloops.cli.options import Options, data_options
from sixloops.cli.tables import print_whole
from sixloops.data import DATASETS
from sixloops.report import compile_kernels
from sixloops.report.words import class_names
from sixloops.training import evaluate as measure

BATCH_SIZE = 256

EvaluatedDataOption = Annotated[
    str | None,
    typer.Option(
        help=f"{spelled(DATASETS)}, or a folder of images; default: what the run was trained "
        "for, or else mnist."
    ),
]


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    data: EvaluatedDataOption = None,
    data_folder: DataFolderOption = None,
    image_size: ImageSizeOption = None,
    channels: ChannelsOption = None,
    download: DownloadOption = False,
    threads: ThreadsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Measure a trained network on a data set's test images."""
    network = load_network(model)
    options = data_options(model) if data is None else Options(data=data)
    if data_folder is not None:
        options = dataclasses.replace(options, data_folder=str(data_folder))
    if image_size is not None:
        options = dataclasses.replace(options, image_size=size_of(image_size))
    if channels is not None:
        options = dataclasses.replace(options, channels=channels)
    *_, test = options.load(download=download)
    check_classes(model, network, options.data, test)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    compile_kernels(network, BATCH_SIZE, errors, training=False)
    result = measure(network, test, batch_size=BATCH_SIZE, threads=threads)
    if as_json:
        typer.echo(json.dumps(result.to_json(), allow_nan=False))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Test images of {options.data}: {result}", markup=False)
    if result.confusion is not None:
        print_whole(_table(result.confusion, class_names(network, test)))


def _table(confusion: npt.NDArray[np.int64], classes: tuple[str, ...] | None) -> Table:
    names = classes or tuple(str(number) for number in range(len(confusion)))
    title = "Rows: the right class; columns: the answer, by number"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for number in range(len(names)):
        table.add_column(str(number), justify="right", no_wrap=True)
    for number, (name, row) in enumerate(zip(names, confusion, strict=True)):
        label = name if name == str(number) else f"{number} {name}"
        table.add_row(Text(label), *(str(count) for count in row))
    return table
