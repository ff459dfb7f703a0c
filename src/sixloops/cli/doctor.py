"""``sixloops doctor``."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sixloops.cli import doctor_run
from sixloops.doctor import Verdict, check_layer
from sixloops.doctor.layer.guard import Guard
from sixloops.doctor.loading import load_subject, read_arguments, read_shape

FAULTY = 1
LAST_RESORT = 30.0

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
        float, typer.Option(min=0.1, help="How long one call of it may take.")
    ] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Check a layer's backward, and name the mistake.

    The exit code is 0 if it is healthy, 1 if it is not, and 2 if there was nothing to examine:
    a file that cannot be run, a setting that the layer does not have.
    """
    arguments, shape = read_arguments(argument or []), read_shape(input_shape)
    with _last_resort(seconds):
        subject = load_subject(where, Guard(seconds))
        verdict = check_layer(
            subject, input_shape=shape, axes=axes, arguments=arguments, seconds=seconds
        )
    _show(verdict, as_json)
    raise typer.Exit(0 if verdict.healthy else FAULTY)


app.command("run")(doctor_run.run)
app.command("show")(doctor_run.show)


@contextmanager
def _last_resort(seconds: float) -> Iterator[None]:
    """End the process, with exit code 1, where not even a signal interrupts the layer."""
    try:
        faulthandler.dump_traceback_later(seconds + LAST_RESORT, exit=True)
    except (RuntimeError, ValueError, OSError):  # there is no standard error to write to
        yield
        return
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(verdict.to_json(), ensure_ascii=False))
        return
    head, _, rest = str(verdict).partition("\n")
    text = Text(head, style="bold green" if verdict.healthy else "bold red")
    Console(highlight=False, soft_wrap=True).print(
        text.append(f"\n{rest}", style="not bold default")
    )
