"""The run folder: everything that a training leaves behind, in one place."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from sixloops.data import Dataset
from sixloops.errors import FileError
from sixloops.files import as_path, write_text
from sixloops.network import Network
from sixloops.report.confusion import plot_confusion
from sixloops.report.curves import plot_history
from sixloops.report.feature_maps import plot_feature_maps
from sixloops.report.kernels import plot_kernels
from sixloops.report.mistakes import plot_mistakes
from sixloops.report.run_callbacks import Configuration, Curves, Outdated
from sixloops.report.style import save_figure
from sixloops.report.walk import first_convolution
from sixloops.report.words import class_names
from sixloops.training import Callback, Checkpoint, Evaluation, History, HistoryFile, evaluate
from sixloops.training.checkpoint import BEST, LAST

CONFIGURATION = "configuration.json"
HISTORY = "history.jsonl"
MODEL = "model.safetensors"
EVALUATION = "evaluation.json"
PICTURES = "pictures"
CURVES, KERNELS, MAPS = "curves.png", "kernels.png", "feature_maps.png"
CONFUSION, MISTAKES = "confusion.png", "mistakes.png"
_FILES = (CONFIGURATION, HISTORY, LAST, BEST, MODEL, EVALUATION)


class RunFolder:
    """A folder for one training.

    It holds ``configuration.json``, ``history.jsonl``, the checkpoints
    ``last.safetensors`` and ``best.safetensors``, the curves in ``pictures/``, and, once
    :meth:`finish` was called, ``model.safetensors``, ``evaluation.json`` and all pictures.

    Args:
        path: the folder; it is made if it is missing.
        resume: whether the run that it holds shall go on.
        command: the command line that began the run; noted in the configuration.
        options: what it was asked for, in JSON's types; noted in the configuration.

    Raises:
        FileError: the folder already holds a run (without ``resume``), holds none to go on
            from (with it), or cannot be made.

    Examples:
        A run folder's place in a training::

            folder = RunFolder.new("lenet")
            history = fit(network, data, validation=test, callbacks=folder.callbacks())
            folder.finish(network, history, test)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        resume: bool = False,
        command: str | None = None,
        options: Any = None,
    ) -> None:
        self.path = as_path(path)
        self.command = command
        self.options = options
        self._resumed = resume
        if resume:
            self._require_checkpoint()
        else:
            self._require_no_run()
            _make(self.path, exist_ok=True)

    @classmethod
    def new(
        cls,
        name: str,
        *,
        parent: str | os.PathLike[str] = "runs",
        command: str | None = None,
        options: Any = None,
    ) -> RunFolder:
        """Make a folder of its own for a run that begins now: ``runs/20260131-235959-lenet``.

        Args:
            name: what the network is called.
            parent: the folder in which it is made.
            command: as for the class.
            options: as for the class.

        Raises:
            FileError: it cannot be made.
        """
        safe = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{safe}"
        # Making the folder is what claims its name, so that two runs never share one.
        number = 1
        while not _make(path := as_path(parent) / (stem if number == 1 else f"{stem}-{number}")):
            number += 1
        return cls(path, command=command, options=options)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def configuration(self) -> Path:
        """What was run, with what."""
        return self.path / CONFIGURATION

    @property
    def history(self) -> Path:
        """The history, as JSON lines."""
        return self.path / HISTORY

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.path / LAST

    @property
    def best(self) -> Path:
        """The network after its best epoch."""
        return self.path / BEST

    @property
    def model(self) -> Path:
        """The network that :meth:`finish` was given."""
        return self.path / MODEL

    @property
    def pictures(self) -> Path:
        """The folder of the pictures."""
        return self.path / PICTURES

    def _require_no_run(self) -> None:
        there = _names(self.path)
        found = [name for name in _FILES if name in there]
        if found:
            raise FileError(
                f"The folder for a new run must not hold one already. {self.path} has {found[0]}. "
                "Name another folder, or resume that run: --resume, in Python "
                "RunFolder(path, resume=True)."
            )

    def _require_checkpoint(self) -> None:
        if LAST not in _names(self.path):
            raise FileError(
                f"The folder of a run to resume must hold its checkpoint {LAST}. {self.path} does "
                "not. Check the name, or begin a new run."
            )

    def callbacks(self, *, every_seconds: float = 60.0) -> list[Callback]:
        """Return what fills the folder while a network is trained.

        Args:
            every_seconds: at least so often a checkpoint is written, besides after each epoch.

        Raises:
            FileError: the folder holds a run by now, and was not made to go on with it.
        """
        if not self._resumed:
            self._require_no_run()
        return [
            Configuration(self.configuration, self.command, self.options),
            Outdated(self._of_the_end()),
            HistoryFile(self.history),
            Curves(self.pictures / CURVES),
            Checkpoint(self.path, every_seconds=every_seconds),
        ]

    def _of_the_end(self) -> list[Path]:
        """Return the files that :meth:`finish` alone writes."""
        pictures = [self.pictures / name for name in (KERNELS, MAPS, CONFUSION, MISTAKES)]
        return [self.model, self.path / EVALUATION, *pictures]

    def finish(
        self, network: Network, history: History, test: Dataset, *, threads: int | None = None
    ) -> Evaluation:
        """Write the network, what it reached, and all pictures.

        Args:
            network: the trained network.
            history: of its training.
            test: what it is evaluated on.
            threads: how many; None for all that the process may use.

        Returns:
            The evaluation on ``test``.

        Raises:
            DataError: the data does not fit the network.
            FileError: a file cannot be written.
        """
        network.save(self.model)
        evaluation = evaluate(network, test, threads=threads)
        classes = class_names(network, test)
        write_text(self.path / EVALUATION, _evaluation_text(evaluation, classes))
        save_figure(plot_history(history), self.pictures / CURVES)
        if first_convolution(network) is not None:
            save_figure(plot_kernels(network), self.pictures / KERNELS)
        images, _ = test.take([0])
        save_figure(plot_feature_maps(network, images[0]), self.pictures / MAPS)
        if evaluation.confusion is not None:
            save_figure(plot_confusion(evaluation, classes), self.pictures / CONFUSION)
            save_figure(plot_mistakes(network, test, threads=threads), self.pictures / MISTAKES)
        return evaluation


def _names(folder: Path) -> set[str]:
    """Return what lies in a folder; nothing if there is none."""
    try:
        return {entry.name for entry in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be read: {error.strerror}. Name one of your own."
        ) from error


def _make(folder: Path, exist_ok: bool = False) -> bool:
    """Make a folder; say whether it is new or may have been there."""
    if not exist_ok:
        _make(folder.parent, exist_ok=True)
    try:
        folder.mkdir(parents=exist_ok, exist_ok=exist_ok)
    except FileExistsError as error:
        if exist_ok:
            raise FileError(f"{folder} is no folder. Name a folder for the run.") from error
        return False
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be made: {error.strerror}. Name one that you may write to."
        ) from error
    return True


def _evaluation_text(evaluation: Evaluation, classes: tuple[str, ...] | None) -> str:
    about = evaluation.to_json() | {"classes": None if classes is None else list(classes)}
    confusion = about.pop("confusion")
    text = json.dumps(about | {"confusion": confusion and "rows"}, indent=2, allow_nan=False) + "\n"
    if confusion is None:
        return text
    # A matrix is read row by row; JSON's own form would put each number on a line.
    rows = ",\n".join(f"    {json.dumps(row)}" for row in confusion)
    head, _, tail = text.rpartition('"rows"')
    return f"{head}[\n{rows}\n  ]{tail}"
