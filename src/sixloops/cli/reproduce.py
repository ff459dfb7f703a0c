"""``sixloops reproduce``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sixloops.cli.choices import ThreadsOption, did_you_mean
from sixloops.errors import ConfigurationError
from sixloops.recipes import RECIPES
from sixloops.recipes.recipe import Experiment, Recipe, Setting
from sixloops.recipes.records import read_record, read_results, record_path, write_record
from sixloops.report.charts import plot_charts
from sixloops.report.style import save_figure

INTERRUPT_CODE = 130


def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="Which set-up; none for a list of them.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="EXPERIMENT", help="Only this part; may be given several times."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="By how many seeds; default: each part's own.")
    ] = None,
    short: Annotated[
        bool, typer.Option(help="Little of everything, in seconds: to see that it works.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the records; default: reproduced/NAME.")
    ] = None,
    threads: ThreadsOption = None,
) -> None:
    """Run what a post or paper describes, and show its figures beside ours.

    Each part leaves a record for each seed, with versions, machine, command and
    time. What is recorded in the folder already is not run again, so that an
    interrupted run goes on where it was.
    """
    console = Console(highlight=False, soft_wrap=True)
    if name is None:
        _list_recipes(console)
        return
    recipe = _recipe(name)
    experiments = _chosen(recipe, only or [])
    folder = out or Path("reproduced") / (f"{name}-short" if short else name)
    console.print(f"[bold]{recipe.name}[/bold]: {recipe.title} ({recipe.source})")
    try:
        for experiment in experiments:
            for seed in range(seeds or (1 if short else experiment.seeds)):
                _run(recipe, experiment, seed, short, folder, threads, console)
    except KeyboardInterrupt:
        console.print("Interrupted. The same command goes on with what is not recorded yet.")
        raise typer.Exit(INTERRUPT_CODE) from None
    _show(recipe, folder, console)


def _list_recipes(console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("name", "what", "source", "parts"):
        table.add_column(head, overflow="fold")
    for recipe in RECIPES.values():
        parts = ", ".join(experiment.name for experiment in recipe.experiments)
        table.add_row(recipe.name, recipe.title, recipe.source, parts)
    console.print(table)
    console.print("Run one with: sixloops reproduce NAME; to see that it works, with --short.")


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise ConfigurationError(
            f"The set-up must be one of {', '.join(RECIPES)}. Got {name!r}."
            f"{did_you_mean(name, RECIPES)}"
        )
    return RECIPES[name]


def _chosen(recipe: Recipe, only: list[str]) -> list[Experiment]:
    names = [experiment.name for experiment in recipe.experiments]
    for name in only:
        if name not in names:
            raise ConfigurationError(
                f"--only must be one of {', '.join(names)}. Got {name!r}."
                f"{did_you_mean(name, names)}"
            )
    return [each for each in recipe.experiments if not only or each.name in only]


def _run(
    recipe: Recipe,
    experiment: Experiment,
    seed: int,
    short: bool,
    folder: Path,
    threads: int | None,
    console: Console,
) -> None:
    """Run one experiment by one seed, unless its record is there."""
    path = record_path(folder, experiment, seed)
    console.print(f"[bold]{experiment.name}[/bold], seed {seed}: {experiment.about}")
    if path.exists():
        if read_record(path)["short"] != short:
            raise ConfigurationError(
                f"{path} is the record of a {'whole' if short else 'short'} run. "
                f"Choose another folder with --out, or remove it."
            )
        console.print(f"  recorded already in {path}")
        return
    training, test = experiment.load()
    setting = Setting(
        training, test, seed, short, threads, tell=lambda words: console.print(f"  {words}")
    )
    began = time.perf_counter()
    measured = experiment.run(setting)
    notes = {
        "command": shlex.join(["sixloops", *sys.argv[1:]]),
        "seconds": round(time.perf_counter() - began, 3),
    }
    write_record(path, recipe, experiment, setting, measured, **notes)


def _show(recipe: Recipe, folder: Path, console: Console) -> None:
    """Print the findings, and draw the charts."""
    results = read_results(folder, recipe)
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("", "as reported", "here"):
        table.add_column(head, overflow="fold")
    for finding in recipe.findings(results):
        table.add_row(finding.question, finding.reported, finding.found)
    console.print(table)
    picture = folder / f"{recipe.name}.png"
    save_figure(plot_charts(recipe.charts(results), recipe.name, recipe.title), picture)
    console.print(f"Records and the picture {picture.name} are in {folder}")
