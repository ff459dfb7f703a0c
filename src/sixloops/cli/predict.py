"""``sixloops predict``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sixloops.cli.choices import load_network
from sixloops.cli.tables import print_whole
from sixloops.data import read_image, read_photo
from sixloops.data.mnist import CLASSES as DIGITS
from sixloops.data.photo import is_light
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.training.metrics import may_be_probabilities

SHOWN_FROM = 0.001

Answer: TypeAlias = list[tuple[str, float]]
"""Classes and how probable each is."""


def predict(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    images: Annotated[list[Path], typer.Argument(help="Image files of any format.")],
    photo: Annotated[
        bool,
        typer.Option(
            "--photo",
            help="Dark ink on light paper, such as a photograph: take off the paper, cut out the "
            "ink, centre it as MNIST's digits are.",
        ),
    ] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap light and dark; with --photo: chalk on a board.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many classes to name for each image.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Say which class each image shows, and how probable it is.

    A network that learnt with an error of numbers, such as the squared one, gives outputs instead
    of probabilities.
    """
    network = load_network(model)
    network.check_arrays()
    network.check_classifies()
    read_one = read_photo if photo else read_image
    read = [read_one(path, network.input_shape, invert=invert) for path in images]
    if knows_digits(network):
        _hint(images, network, photo, invert)
    # What is not finite shows in the numbers, and not as NumPy's warnings.
    with np.errstate(all="ignore"):
        predictions = network.predict(np.stack(read))
    answers = _answers(predictions, network.classes, top)
    measure = "probability" if may_be_probabilities(predictions) else "output"
    if as_json:
        typer.echo(_as_json(images, answers, measure))
    else:
        print_whole(_table(images, answers, measure))


def _answers(predictions: Array, classes: Sequence[str] | None, top: int) -> list[Answer]:
    """Return of each image its ``top`` classes, the most probable first."""
    names = classes or [str(number) for number in range(predictions.shape[1])]
    best = np.argsort(-predictions, axis=1, kind="stable")[:, :top]
    return [
        [(names[number], float(row[number])) for number in order]
        for row, order in zip(predictions, best, strict=True)
    ]


def _as_json(images: list[Path], answers: list[Answer], measure: str) -> str:
    """Return answers as JSON, with null for what is not finite."""
    rows = [
        {
            "image": str(path),
            "classes": [
                {"class": name, measure: value if math.isfinite(value) else None}
                for name, value in answer
            ],
        }
        for path, answer in zip(images, answers, strict=True)
    ]
    return json.dumps(rows, allow_nan=False)


def knows_digits(network: Network) -> bool:
    """Say whether a network was trained on MNIST, as far as its classes tell."""
    return network.input_shape[0] == 1 and network.classes == DIGITS


def _hint(paths: list[Path], network: Network, photo: bool, invert: bool) -> None:
    """Say which images are the other way round than MNIST's digits, or than a photo of paper."""
    read = [read_image(path, network.input_shape, invert=invert) for path in paths]
    names = [str(path) for path, seen in zip(paths, read, strict=True) if is_light(seen) != photo]
    if not names:
        return
    are = "is" if len(names) == 1 else "are"
    words = "light with dark ink, but MNIST's digits are white on black: try --photo."
    if photo and invert:
        words = "light with dark ink already: try --photo without --invert."
    elif photo:
        words = (
            "dark with light ink, but --photo is for dark ink on paper: try without it, or, for "
            "chalk on a board, --invert too."
        )
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"Hint: {', '.join(names)} {are} {words}", markup=False
    )


def _table(images: list[Path], answers: list[Answer], measure: str) -> Table:
    probable = measure == "probability"
    form, least = (".1%", SHOWN_FROM) if probable else (".3g", -math.inf)
    table = Table("image", "class", measure, "next")
    for path, ((name, value), *others) in zip(images, answers, strict=True):
        following = ", ".join(f"{other} {v:{form}}" for other, v in others if v >= least)
        table.add_row(Text(str(path)), Text(name), f"{value:{form}}", Text(following))
    return table
