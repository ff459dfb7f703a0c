"""``sixloops summary``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sixloops.cli.choices import did_you_mean, load_network
from sixloops.errors import ConfigurationError
from sixloops.recipes import NETWORKS, build_network
from sixloops.report import print_plan, print_summary


def summary(
    network: Annotated[
        str,
        typer.Argument(help=f"{', '.join(NETWORKS)}, a .json file, a model file or a run folder."),
    ] = "two-convolutions",
    input_shape: Annotated[
        str, typer.Option(help="Images of a named network: channels,height,width.")
    ] = "1,28,28",
    classes: Annotated[int, typer.Option(min=1, help="Classes of a named network.")] = 10,
    batch: Annotated[int, typer.Option(min=1, help="Images per step, for memory and plan.")] = 64,
    plan: Annotated[
        bool, typer.Option("--plan", help="Also show how the engine runs it: stages and methods.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the description, to edit and train from.")
    ] = False,
) -> None:
    """Show a network's layers, shapes, parameters, multiply-adds and memory."""
    if network in NETWORKS or network.endswith(".json"):
        names = [str(number) for number in range(classes)] if network in NETWORKS else []
        built = build_network(network, _shape(input_shape), names)
    elif Path(network).exists():
        built = load_network(Path(network))
    else:
        raise ConfigurationError(
            f"The network must be one of {', '.join(NETWORKS)}, a .json file, a model file or a "
            f"run folder. Got {network!r}, which is none.{did_you_mean(network, NETWORKS)}"
        )
    if as_json:
        typer.echo(json.dumps(built.about(), indent=2))
        return
    print_summary(built, batch_size=batch)
    if plan:
        print_plan(built, batch_size=batch)


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        raise ConfigurationError(
            f"--input-shape must be three whole numbers, such as 3,32,32. Got {text!r}."
        )
    return tuple(int(part) for part in parts)
