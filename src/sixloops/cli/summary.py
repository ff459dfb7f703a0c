"""``sixloops summary``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sixloops.cli.choices import load_network
from sixloops.errors import ConfigurationError, did_you_mean
from sixloops.recipes import NETWORKS, build_network
from sixloops.report import print_plan, print_summary


def summary(
    network: Annotated[
        str,
        typer.Argument(help=f"{', '.join(NETWORKS)}, a .json file, a model file or a run folder."),
    ] = "two-convolutions",
    input_shape: Annotated[
        str | None,
        typer.Option(
            help="Images of a named network: channels,height,width.", show_default="1,28,28"
        ),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Classes of a named network.", show_default="10")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images per step, for memory and plan.")] = 64,
    plan: Annotated[
        bool, typer.Option("--plan", help="Also show how the engine runs it: stages and methods.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the description, to edit and train from.")
    ] = False,
) -> None:
    """Show a network's layers, shapes, parameters, multiply-adds and memory."""
    if network in NETWORKS:
        names = [str(number) for number in range(classes or 10)]
        built = build_network(network, _shape(input_shape or "1,28,28"), names)
    elif not network.endswith(".json") and not Path(network).exists():
        raise ConfigurationError(
            f"The network must be one of {', '.join(NETWORKS)}, a .json file, a model file or a "
            f"run folder. Got {network!r}, which is none.{did_you_mean(network, NETWORKS)}"
        )
    elif input_shape is not None or classes is not None:
        option = "--classes" if input_shape is None else "--input-shape"
        raise ConfigurationError(
            f"{option} must be left out for a network from a file, which has its own. Got it for "
            f"{network!r}. It is for one of {', '.join(NETWORKS)}."
        )
    elif network.endswith(".json"):
        built = build_network(network, (), [])
    else:
        built = load_network(Path(network))
    if as_json:
        typer.echo(json.dumps(built.about(), indent=2))
        return
    print_summary(built, batch_size=batch)
    if plan:
        print_plan(built, batch_size=batch)


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ConfigurationError(
            f"--input-shape must be three whole numbers, such as 3,32,32. Got {text!r}."
        )
    return tuple(int(part) for part in parts)
