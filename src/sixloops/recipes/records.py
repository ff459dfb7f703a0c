"""Records: one JSON file for each run of an experiment, with all that its figures hang on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sixloops.errors import FileError
from sixloops.files import read_bytes, write_bytes
from sixloops.recipes.recipe import Experiment, Measures, Recipe, Setting
from sixloops.report.machine import machine, versions

FORMAT = 1


def record_path(folder: Path, experiment: Experiment, seed: int) -> Path:
    """Return where the record of one run is, or will be."""
    return folder / f"{experiment.name}-seed{seed}.json"


def write_record(
    path: Path,
    recipe: Recipe,
    experiment: Experiment,
    setting: Setting,
    measured: Measures,
    **notes: Any,
) -> None:
    """Write the record of one run.

    Args:
        path: of the file.
        recipe: what was run.
        experiment: which part of it.
        setting: what it was given.
        measured: what it measured.
        notes: the command and the seconds that it took.
    """
    record = {
        "format": FORMAT,
        "recipe": recipe.name,
        "experiment": experiment.name,
        "seed": setting.seed,
        "short": setting.short,
        **notes,
        "versions": versions(),
        "machine": machine(),
        "measured": measured,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(record, indent=1) + "\n").encode())


def read_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        FileError: it cannot be read, or is none.
    """
    try:
        record = dict(json.loads(read_bytes(path)))
        if record["format"] != FORMAT or not isinstance(record["measured"], dict):
            raise ValueError("it has another form")
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path} is no record of a recipe: {error}. Remove it, and run the recipe again."
        ) from error
    return record


def read_results(folder: Path, recipe: Recipe) -> dict[str, list[Measures]]:
    """Return what all recorded runs of a recipe measured, by experiment and in the seeds' order."""
    results = {}
    for experiment in recipe.experiments:
        paths = folder.glob(f"{experiment.name}-seed*.json")
        records = sorted((read_record(path) for path in paths), key=lambda each: each["seed"])
        results[experiment.name] = [record["measured"] for record in records]
    return results
