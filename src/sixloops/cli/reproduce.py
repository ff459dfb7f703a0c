"""``sixloops reproduce``."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sixloops.cli.choices import (
    INTERRUPT_CODE,
    DataFolderOption,
    DownloadOption,
    ThreadsOption,
    folder_of,
    option_names,
)
from sixloops.errors import ConfigurationError, did_you_mean
from sixloops.files import check_writable, remove_leftovers
from sixloops.recipes import RECIPES
from sixloops.recipes.recipe import Experiment, Load, Loaded, Measures, Recipe, Setting
from sixloops.recipes.records import (
    check_trained,
    read_results,
    record_path,
    records,
    write_record,
)
from sixloops.recipes.unfinished import Unfinished
from sixloops.report.charts import plot_charts
from sixloops.report.style import save_figure


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
        str | None,
        typer.Option(metavar="PATH", help="Folder of the records; default: reproduced/NAME."),
    ] = None,
    data_folder: DataFolderOption = None,
    download: DownloadOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Run what a post or paper describes, and show its figures beside ours.

    Each part leaves a record for each seed, with versions, machine, command and
    time. What is recorded in the folder already is not run again, and a training
    that was interrupted goes on where it was. Of several processes on one folder
    each must have parts of its own.
    """
    console = Console(highlight=False, soft_wrap=True)
    if name is None:
        _list_recipes(console)
        return
    recipe = _recipe(name)
    experiments = _chosen(recipe, only or [])
    folder = folder_of(out) or Path("reproduced") / (f"{name}-short" if short else name)
    # Hours may follow: what is wrong is told before the first of them.
    _check_folder(folder, recipe, short)
    data = _load({experiment.load for experiment in experiments}, data_folder, download)
    console.print(f"[bold]{recipe.name}[/bold]: {recipe.title} ({recipe.source})")
    if recipe.setup:
        console.print(recipe.setup, markup=False)
    if short:
        console.print(
            "[bold]This is the short form[/bold]: one epoch of some hundred images at the most, "
            "whatever is said above and in the table. That it runs is all that it says."
        )
    try:
        for experiment in experiments:
            for seed in range(seeds or (1 if short else experiment.seeds)):
                setting = Setting(*data[experiment.load], seed, short, threads)
                _run(recipe, experiment, setting, folder, console)
        _show(recipe, folder, short, console)
    except KeyboardInterrupt:
        words = "what is not recorded yet, and with a training where it was"
        console.print(f"Interrupted. The same command goes on with {words}.")
        raise typer.Exit(INTERRUPT_CODE) from None


def _list_recipes(console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("name", "what, source and parts"):
        table.add_column(head, overflow="fold")
    for recipe in RECIPES.values():
        parts = ", ".join(experiment.name for experiment in recipe.experiments)
        table.add_row(recipe.name, f"{recipe.title}\n{recipe.source}\n[dim]{parts}[/dim]\n")
    console.print(table)
    console.print(
        "Run one with: sixloops reproduce NAME; some of its parts alone with --only PART; to see "
        "that it works, with --short."
    )


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


def _check_folder(folder: Path, recipe: Recipe, short: bool) -> None:
    """Raise if records cannot be written, or if whole and short runs would mix."""
    check_writable(folder)
    for experiment, record in records(folder, recipe):
        if record["short"] != short:
            path = record_path(folder, experiment, record["seed"])
            raise ConfigurationError(
                f"{path} is the record of a {'whole' if short else 'short'} run. "
                f"Choose another folder with --out, or remove all such records."
            )


def _load(loaders: Collection[Load], folder: Path | None, download: bool) -> dict[Load, Loaded]:
    """Load each data set once."""
    with option_names():
        return {load: load(folder, download) for load in loaders}


def _run(
    recipe: Recipe, experiment: Experiment, setting: Setting, folder: Path, console: Console
) -> None:
    """Run one experiment by one seed, unless its record is there."""

    def tell(words: str) -> None:
        console.print(f"  {words}", markup=False)

    path = record_path(folder, experiment, setting.seed)
    console.print(f"[bold]{experiment.name}[/bold], seed {setting.seed}: {experiment.about}")
    unfinished = Unfinished(path.with_suffix(".unfinished"))
    if path.exists():
        check_trained(path, experiment, setting)
        tell(f"recorded already in {path}")
    else:
        remove_leftovers(path)
        telling = dataclasses.replace(setting, tell=tell)
        _record(path, recipe, experiment, telling, unfinished)
        unfinished.remove()
    if unfinished.folder.exists():
        words = "has trainings that this set-up, version or machine did not use"
        tell(f"{unfinished.folder} {words}; remove it, if nobody goes on with them")


def _record(
    path: Path,
    recipe: Recipe,
    experiment: Experiment,
    setting: Setting,
    unfinished: Unfinished,
) -> None:
    """Run one experiment by one seed, and write its record."""
    trained: list[Measures] = []
    began = time.perf_counter()
    noting = dataclasses.replace(setting, note=trained.append, unfinished=unfinished)
    measured = experiment.run(noting)
    seconds = time.perf_counter() - began + sum(unfinished.taken_over)
    notes = {
        "command": _command(recipe, experiment, setting),
        "seconds": round(seconds, 3),
        "taken_over": [round(each, 3) for each in unfinished.taken_over],
        "trained": trained,
    }
    write_record(path, recipe, experiment, setting, measured, **notes)


def _command(recipe: Recipe, experiment: Experiment, setting: Setting) -> str:
    """Return the command that does this run again, wherever its records go."""
    words = ["sixloops reproduce", recipe.name, "--only", experiment.name]
    words += ["--seeds", str(setting.seed + 1)]
    words += ["--short"] if setting.short else []
    words += [] if setting.threads is None else ["--threads", str(setting.threads)]
    return " ".join(words)


def _show(recipe: Recipe, folder: Path, short: bool, console: Console) -> None:
    """Print the findings, and draw the charts."""
    results = read_results(folder, recipe)
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("", "in the source", "here"):
        table.add_column(head, overflow="fold")
    for finding in recipe.findings(results):
        table.add_row(finding.question, finding.reported, finding.found)
    console.print(table)
    for experiment, record in records(folder, recipe):
        if "broken" in record["measured"]:
            words = record["measured"]["broken"]
            seed = record["seed"]
            console.print(f"{experiment.name}, seed {seed}, broke off: {words}.", markup=False)
    title = f"{recipe.title} (short form)" if short else recipe.title
    picture = folder / f"{recipe.name}.png"
    save_figure(plot_charts(recipe.charts(results), recipe.name, title), picture)
    console.print(f"Records and the picture {picture.name} are in {folder}", markup=False)
