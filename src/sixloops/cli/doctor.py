"""``sixloops doctor``."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sixloops.cli import doctor_run
from sixloops.cli.layer_options import read_arguments, read_shape
from sixloops.cli.waiting import last_words, waiting
from sixloops.doctor import Verdict, check_layer
from sixloops.doctor.layer.guard import LONGEST, Guard
from sixloops.doctor.layer.watch import last_resort
from sixloops.doctor.loading import load_subject, loaded_for_now

FAULTY, UNDECIDED = 1, 2
LAST_RESORT = 30.0
CALLED = {"exec_module": "the file", "make": "the constructor"}

app = typer.Typer(
    help="What is wrong with a layer that you wrote, or with a run that does not learn.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def doctor() -> None:
    """Say what is wrong with a layer that you wrote, or with a run that does not learn."""


@app.command("layer")
def layer(
    where: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:NAME",
            help="A class, an object, or forward,backward in a file of yours. The file is run.",
        ),
    ],
    input_shape: Annotated[
        str | None,
        typer.Option("--input", metavar="2,3,8,6", help="An input that it takes; else found."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="The order of the input's axes: NCHW, NHWC, CHW, HW, ND, DN, …"),
    ] = None,
    argument: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A setting; may be given several times."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=LONGEST, help="How long one call of it may take.")
    ] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Check a layer's backward, and name the mistake.

    The exit code is 0 if it is healthy, 1 if it is not, and 2 if nothing can be said: a file that
    cannot be run, a setting that the layer does not have, an input that does not fit it, a loss
    that cannot be examined in the form it has, a call that cannot be interrupted.
    """
    arguments, shape = read_arguments(argument or []), read_shape(input_shape)
    guard = Guard(seconds)
    watch = last_resort(seconds + LAST_RESORT, lambda name: _give_up(name, seconds))
    with watch, loaded_for_now(), waiting(f"{where} is being examined"):
        subject = load_subject(where, guard)
        verdict = check_layer(
            subject, input_shape=shape, axes=axes, arguments=arguments, seconds=seconds
        )
    _show(verdict, as_json)
    raise typer.Exit(0 if verdict.healthy else UNDECIDED if verdict.undecided else FAULTY)


app.command("run")(doctor_run.run)
app.command("show")(doctor_run.show)


def _give_up(name: str, seconds: float) -> None:
    """End the process where not even a signal interrupts the layer."""
    words = (
        f"Error: {CALLED.get(name, name)} took too long: a call may take {seconds:g} seconds, and "
        f"{LAST_RESORT:g} seconds later it was still running and could not be interrupted. Nothing "
        "can be said of it. Look for a loop that never ends; or give it more time with --seconds.\n"
    )
    last_words(words)
    os._exit(UNDECIDED)


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(verdict.to_json()))
        return
    head, _, rest = str(verdict).partition("\n")
    style = "bold green" if verdict.healthy else "bold yellow" if verdict.undecided else "bold red"
    text = Text(head, style=style)
    Console(highlight=False, soft_wrap=True).print(
        text.append(f"\n{rest}", style="not bold default")
    )
