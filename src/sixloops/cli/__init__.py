"""The command line: one thin command a capability."""

from __future__ import annotations

import io
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console

import sixloops
from sixloops.cli import doctor, evaluate, predict, reproduce, summary, train
from sixloops.errors import SixloopsError

app = typer.Typer(
    name="sixloops",
    help="Convolutional neural networks, differentiated by hand.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("summary")(summary.summary)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(doctor.app, name="doctor")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sixloops {sixloops.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Convolutional neural networks, differentiated by hand."""


def main() -> None:
    """Run the command line; what the user got wrong is one message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no frames or accents gets question marks in their place.
            stream.reconfigure(errors="replace")
    try:
        app()
    except SixloopsError as error:
        _fail(str(error))
    except MemoryError as error:
        _fail(f"There is not enough memory. {error} Take a smaller network, batch or data set.")
    except OSError as error:
        _fail(f"{error}. Check the name, the rights, and the room on the disk.")


def _fail(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"Error: {message}", style="bold red", markup=False
    )
    sys.exit(2)
