"""Checkpoints: a run on disk, from which it goes on to the same bits.

One safetensors file holds the parameters, the state, the optimiser's arrays, the averages
of the parameters where there are any, and as JSON the network, the settings, the history
and the position in the epoch. The random streams are addressed by seed, epoch and step
(see :mod:`sixloops.randomness`), so the position says all there is to know about them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any, ClassVar

from sixloops import checks
from sixloops.descriptions import completed, to_data
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, FileError
from sixloops.files import as_path, read_tensors, remove_leftovers, write_tensors
from sixloops.layers.base import under, within
from sixloops.network import fitting
from sixloops.training.averaging import averaged
from sixloops.training.callbacks import Callback
from sixloops.training.position import check_position
from sixloops.training.run import Run

LAST = "last.safetensors"
BEST = "best.safetensors"


class Checkpoint(Callback):
    """Writes ``last.safetensors`` to go on from, and ``best.safetensors`` to use.

    Args:
        folder: where.
        every_seconds: at least so often the last one is written, besides after each epoch.
        every_steps: also after so many steps; None for never.
        monitor: ``"loss"`` or ``"accuracy"``: what makes an epoch the best one.
        best: whether the best one is written too.

    The best file holds the network alone, as :meth:`Network.save` writes it.
    """

    runs_last: ClassVar[bool] = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every_seconds: float = 60.0,
        every_steps: int | None = None,
        monitor: str = "accuracy",
        best: bool = True,
    ) -> None:
        self.folder = as_path(folder)
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.monitor = monitor
        self.best = best
        checks.number(self, "every_seconds", above=0)
        checks.choice(self, "monitor", ("loss", "accuracy"))
        checks.flag(self, "best")
        if every_steps is not None:
            checks.whole(self, "every_steps")
        self._written = 0.0

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Write a first one, so that this run, and no older one, goes on if it is killed."""
        for name in (LAST, BEST):
            remove_leftovers(self.folder / name)
        self._write(run)

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Write the last one, if it is time."""
        due = self.every_steps is not None and run.step % self.every_steps == 0
        if due or time.monotonic() - self._written > self.every_seconds:
            self._write(run)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Write the best one, if this epoch was the best, and the last one."""
        if self.best and is_best(run, self.monitor):
            with averaged(run):
                run.network.save(self.folder / BEST)
        self._write(run)

    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Write the last one; after an error the arrays may be half changed, so not then."""
        if not run.failed:
            self._write(run)

    def _write(self, run: Run) -> None:
        save_checkpoint(run, self.folder / LAST)
        self._written = time.monotonic()


def is_best(run: Run, monitor: str) -> bool:
    """Say whether the last epoch was better than all before it."""
    if "accuracy" not in run.history.epochs[-1]:
        monitor = "loss"
    values = run.history.monitored(monitor)
    sign = 1 if monitor == "accuracy" else -1
    return all(sign * values[-1] > sign * value for value in values[:-1])


def save_checkpoint(run: Run, path: str | os.PathLike[str]) -> None:
    """Write a run into one file, whole or not at all."""
    about = {
        "network": run.network.about(),
        "training": {
            "settings": to_data(run.settings),
            "data": run.fingerprint(),
            "position": run.position(),
        },
    }
    besides = under("optimizer", run.optimizer_state) | under("average", run.averages)
    write_tensors(path, run.network.tensors() | besides, about)


def restore_checkpoint(run: Run, path: str | os.PathLike[str]) -> None:
    """Put a run, just set up, where a checkpoint stood.

    Args:
        run: set up with the checkpoint's network, settings and data; only the number
            of epochs may differ.
        path: the checkpoint.

    Raises:
        FileError: the file is no checkpoint, or is damaged.
        ConfigurationError: network, settings or data are others than the checkpoint's.
        NonFiniteError: the checkpoint's network holds NaN or infinite values.
    """
    arrays, about = read_tensors(path)
    training = _entry(about, "training", path)
    position = _entry(training, "position", path)
    _check_same(run, _entry(about, "network", path), training, path)
    check_position(run, position, str(path))
    optimizer_state = fitting(within(arrays, "optimizer"), run.optimizer_state, str(path))
    averages = fitting(within(arrays, "average"), run.averages, str(path))
    run.network.take_tensors(arrays, str(path))
    run.network.check_arrays()
    run.optimizer_state, run.averages = optimizer_state, averages
    run.go_to(position)


def _entry(about: dict[str, Any], name: str, source: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the dictionary ``name`` in a checkpoint's JSON."""
    entry = about.get(name)
    if not isinstance(entry, dict):
        raise FileError(
            f"{source} is no checkpoint to go on from: it has no whole '{name}' entry. "
            f"Training writes {LAST} into its run folder; {BEST} holds a network alone."
        )
    return entry


def _check_same(
    run: Run, network: dict[str, Any], training: dict[str, Any], source: str | os.PathLike[str]
) -> None:
    ours = {
        "network": run.network.about(),
        "settings": {**to_data(run.settings), "epochs": None},
        "data": run.fingerprint(),
    }
    theirs = {
        "network": network,
        "settings": {**_entry(training, "settings", source), "epochs": None},
        "data": _entry(training, "data", source),
    }
    found = _first_difference("", completed(theirs), ours)
    if found is None:
        return
    name, its, got = found
    if name.endswith((".labels", ".pixels")):
        said = "Those of the checkpoint's data are others. Give the data that it was begun with."
    else:
        said = f"The checkpoint has {_worded(its)}. Got {_worded(got)}."
    raise ConfigurationError(f"A run goes on from {source} only with the same {name}. {said}")


def _first_difference(name: str, theirs: Any, ours: Any) -> tuple[str, Any, Any] | None:
    """Return the innermost name and both values where JSON's types first differ."""
    if theirs == ours:
        return None
    pairs: Iterable[tuple[str, Any, Any]] = ()
    if isinstance(ours, dict) and isinstance(theirs, dict) and _type(ours) == _type(theirs):
        keys = dict.fromkeys([*ours, *theirs])
        pairs = [(f"{name}.{key}".strip("."), theirs.get(key), ours.get(key)) for key in keys]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{name}[{i}]", *pair) for i, pair in enumerate(zip(theirs, ours, strict=True))]
    inner = (_first_difference(*pair) for pair in pairs)
    return next(filter(None, inner), (name, theirs, ours))


def _type(data: dict[str, Any]) -> Any:
    return data.get("type")


def _worded(value: Any) -> str:
    """Return a value in few words."""
    if isinstance(value, dict):
        return str(value.get("type", "one"))
    if isinstance(value, list):
        return f"{len(value)} of them"
    return "none" if value is None else repr(value)
