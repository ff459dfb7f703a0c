"""The callbacks that fill a run folder besides history and checkpoints."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sixloops import checks
from sixloops.data import Dataset
from sixloops.descriptions import to_data
from sixloops.engine import Plan
from sixloops.errors import FileError
from sixloops.files import as_path, read_bytes, remove, write_text
from sixloops.report.curves import plot_history
from sixloops.report.machine import machine, versions
from sixloops.report.style import save_figure
from sixloops.training import Callback, Run


class Configuration(Callback):
    """Writes what is run, and with what, as JSON.

    Args:
        path: the file; a resumed run adds its command to those that are there.
        command: the command line; None where there was none.
        options: what else it shall hold, in JSON's types.
    """

    def __init__(
        self, path: str | os.PathLike[str], command: str | None = None, options: Any = None
    ) -> None:
        self.path = as_path(path)
        self.command = command
        self.options = options

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Write it."""
        earlier = read_configuration(self.path)["commands"] if self.path.exists() else []
        about = {
            "commands": earlier + ([] if self.command is None else [self.command]),
            "options": self.options,
            "versions": versions(),
            "machine": machine(),
            "data": _data(run.data),
            "validation": None if run.validation is None else _data(run.validation),
            "settings": to_data(run.settings),
            "network": run.network.about(),
        }
        write_text(self.path, json.dumps(about, indent=2, allow_nan=False) + "\n")


def read_configuration(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what :class:`Configuration` wrote.

    Raises:
        FileError: the file is missing or damaged.
    """
    try:
        about = json.loads(read_bytes(path))
    # Brackets in brackets without end are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is no JSON ({error}). The file is damaged.") from error
    if not isinstance(about, dict) or not isinstance(about.get("commands"), list):
        raise FileError(
            f"{path} must hold the configuration of a run, with its 'commands'. It does not. "
            "The file is of another kind or damaged."
        )
    return about


def _data(data: Dataset) -> dict[str, Any]:
    return {"name": data.name, "images": len(data), "image_shape": list(data.image_shape)}


class Outdated(Callback):
    """Removes what an earlier end of the run left, as soon as the run has gone on.

    Args:
        files: of a network that is no longer the last.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Remove them."""
        for path in self._files:
            remove(path)
        self._files = ()


class Curves(Callback):
    """Draws the curves anew after an epoch, and when the training ends.

    Args:
        path: the PNG file.
        every_seconds: at most so often, so that short epochs do not wait for a picture.
    """

    def __init__(self, path: str | os.PathLike[str], *, every_seconds: float = 5.0) -> None:
        self.path = as_path(path)
        self.every_seconds = every_seconds
        checks.number(self, "every_seconds", minimum=0)
        self._drawn: float | None = None
        self._records = 0

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Draw, if it is time."""
        if self._drawn is None or time.monotonic() - self._drawn >= self.every_seconds:
            self._draw(run)

    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Draw what has not been drawn yet."""
        if len(run.history.records) > self._records:
            self._draw(run)

    def _draw(self, run: Run) -> None:
        save_figure(plot_history(run.history), self.path)
        self._drawn, self._records = time.monotonic(), len(run.history.records)
