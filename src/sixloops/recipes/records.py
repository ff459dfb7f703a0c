"""Records: one JSON file for each run of an experiment, with all that its figures hang on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sixloops.descriptions import completed
from sixloops.errors import FileError
from sixloops.files import read_bytes, write_text
from sixloops.recipes.recipe import Experiment, Measures, Recipe, Setting
from sixloops.report.machine import machine, versions

FORMAT = 2

KINDS: dict[str, type | tuple[type, ...]] = {
    "recipe": str,
    "experiment": str,
    "seed": int,
    "short": bool,
    "command": str,
    "seconds": (int, float),
    "trained": list,
    "versions": dict,
    "machine": dict,
    "measured": dict,
}
"""What a record has besides its format."""


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
        notes: the command; ``seconds``, of this process, and of training in earlier ones;
            ``taken_over``, the latter for each training that went on; and ``trained``, what was
            noted of each training (:class:`Setting`).
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
    write_text(path, json.dumps(record, indent=1) + "\n")


def read_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        FileError: it cannot be read, is none, or is of another run than its name says.
    """
    try:
        record = dict(json.loads(read_bytes(path)))
        _check(record, path)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise FileError(
            f"{path} is no record of a recipe: {reason}. Remove it, and run the recipe again."
        ) from error
    return record


def _check(record: dict[str, Any], path: Path) -> None:
    if record["format"] != FORMAT:
        raise ValueError(f"its format is {record['format']!r}, not {FORMAT}")
    for key, kind in KINDS.items():
        if not isinstance(record[key], kind):
            raise ValueError(f"its {key} is {str(record[key])[:40]!r}")
    name = f"{record['experiment']}-seed{record['seed']}.json"
    if path.name != name:
        raise ValueError(f"what it holds belongs into {name}")


class _NotedError(Exception):
    """Ends an experiment once its first training is noted."""


def first_training(experiment: Experiment, setting: Setting) -> Measures:
    """Return what an experiment notes of its first training, without training."""

    def end(noted: Measures) -> None:
        raise _NotedError(noted)

    try:
        experiment.run(replace(setting, note=end))
    except _NotedError as noted:
        return dict(noted.args[0])
    raise LookupError(f"{experiment.name} trains nothing.")


def check_trained(path: Path, experiment: Experiment, setting: Setting) -> None:
    """Raise if a record's first training was another than the experiment has now.

    Raises:
        FileError: it was; or as :func:`read_record`.
    """
    trained = completed(read_record(path)["trained"])
    if trained and trained[0] != json.loads(json.dumps(first_training(experiment, setting))):
        raise FileError(
            f"{path} is the record of another set-up, such as this experiment's of an older "
            "version. Choose another folder, or remove it."
        )


def records(folder: Path, recipe: Recipe) -> Iterator[tuple[Experiment, dict[str, Any]]]:
    """Read all records of a recipe in a folder, by experiment and in the seeds' order.

    Raises:
        FileError: as :func:`read_record`; or one is of another recipe.
    """
    for experiment in recipe.experiments:
        pattern = re.compile(rf"{re.escape(experiment.name)}-seed\d+\.json")
        paths = [path for path in folder.glob("*.json") if pattern.fullmatch(path.name)]
        for record in sorted(map(read_record, paths), key=lambda each: int(each["seed"])):
            if record["recipe"] != recipe.name:
                path = record_path(folder, experiment, record["seed"])
                raise FileError(
                    f"{path} is a record of {record['recipe']}, not of {recipe.name}. "
                    "Choose another folder, or remove it."
                )
            yield experiment, record


def read_results(folder: Path, recipe: Recipe) -> dict[str, list[Measures]]:
    """Return what all recorded runs of a recipe measured, by experiment and in the seeds' order.

    Raises:
        FileError: as :func:`records`.
    """
    results: dict[str, list[Measures]] = {each.name: [] for each in recipe.experiments}
    for experiment, record in records(folder, recipe):
        results[experiment.name].append(record["measured"])
    return results
