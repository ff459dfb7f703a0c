"""``sixloops predict``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from sixloops.cli.choices import load_network
from sixloops.data import read_image


def predict(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    images: Annotated[list[Path], typer.Argument(help="Image files of any format.")],
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help="Swap light and dark, for dark ink on light paper with MNIST."
        ),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many classes to name for each image.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Say which class each image shows, and how probable it is."""
    network = load_network(model)
    read = [read_image(path, network.input_shape, invert=invert) for path in images]
    probabilities = network.predict(np.stack(read))
    names = network.classes or tuple(str(number) for number in range(probabilities.shape[1]))
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    answers = [
        [(names[number], float(row[number])) for number in order]
        for row, order in zip(probabilities, best, strict=True)
    ]
    if as_json:
        rows = [
            {
                "image": str(path),
                "classes": [{"class": name, "probability": p} for name, p in answer],
            }
            for path, answer in zip(images, answers, strict=True)
        ]
        typer.echo(json.dumps(rows))
        return
    Console(highlight=False).print(_table(images, answers))


def _table(images: list[Path], answers: list[list[tuple[str, float]]]) -> Table:
    table = Table("image", "class", "probability", "then")
    for path, ((name, probability), *others) in zip(images, answers, strict=True):
        then = ", ".join(f"{other} {p:.1%}" for other, p in others)
        table.add_row(str(path), name, f"{probability:.1%}", then)
    return table
