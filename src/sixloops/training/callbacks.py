"""Callbacks: what happens beside a training.

A callback derives from :class:`Callback` and overrides what it needs; a plain
function in its place is called with the run after every epoch. What a callback must
know about the past it reads from ``run.history``, which a checkpoint carries, so
that a resumed run behaves as one that was never interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sixloops import checks
from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.files import append_text, as_path, write_text
from sixloops.training.averaging import averaged
from sixloops.training.evaluate import check_data, evaluate_with
from sixloops.training.finite import check_evaluation
from sixloops.training.history import as_lines
from sixloops.training.run import Run


class Callback:
    """Base of all callbacks; does nothing."""

    runs_last: ClassVar[bool] = False
    """Whether it comes after the others, to see what they did."""

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Act before the first step, also of a resumed run."""

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Act after every step."""

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Act after every epoch, once its record is in the history."""

    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Act after the last step, also of a run that was stopped or failed."""


@dataclass
class AfterEpoch(Callback):
    """Calls a function with the run after every epoch."""

    function: Callable[[Run], object]

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Call it."""
        self.function(run)


@dataclass
class EvaluateEvery(Callback):
    """Evaluates on a random subset every so many steps.

    A subset of n images estimates an accuracy p with a standard error of
    √(p(1−p)/n): about ±1 % for n = 1,000 and p = 0.9, so swings of that size in the
    curve say nothing.

    Args:
        steps: how often.
        data: from which the subset is drawn; None for the validation set, or the
            training set where there is none.
        images: the subset's size; None for the whole set.
    """

    steps: int
    data: Dataset | None = None
    images: int | None = 1000

    def __post_init__(self) -> None:
        checks.whole(self, "steps")
        if self.images is not None:
            checks.whole(self, "images")

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Check that the data fits."""
        if self.data is not None:
            check_data(run.network, self.data, "data of EvaluateEvery")

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Evaluate, if it is time."""
        if run.step % self.steps:
            return
        data = self.data or run.validation or run.data
        if self.images is not None and self.images < len(data):
            data = data.random_subset(self.images, run.streams.generator("evaluate", run.step))
        with averaged(run):
            result = evaluate_with(plan, data)
        check_evaluation(run, result.loss, "a random subset")
        measures = {"loss": result.loss}
        if result.accuracy is not None:
            measures["accuracy"] = result.accuracy
        run.record("evaluation", **measures, images=result.images)


@dataclass
class EarlyStopping(Callback):
    """Stops when the monitored loss has not improved for some epochs.

    Args:
        patience: epochs without improvement before it stops.
        minimum_change: a smaller fall of the loss is none.
    """

    patience: int = 5
    minimum_change: float = 0.0

    def __post_init__(self) -> None:
        checks.whole(self, "patience")
        checks.number(self, "minimum_change", minimum=0)

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Stop at once if the run, now resumed, was killed after it had come to its end."""
        self.on_epoch_end(run, plan)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Stop, if it is time."""
        best, waited = float("inf"), 0
        for loss in run.history.monitored("loss"):
            improved = loss < best - self.minimum_change
            best, waited = (loss, 0) if improved else (best, waited + 1)
        if waited >= self.patience:
            run.stop(f"no better loss for {waited} epochs")


class HistoryFile(Callback):
    """Writes the history as JSON lines, as it grows.

    Args:
        path: the file; a resumed run writes it anew from its checkpoint's history.
    """

    runs_last: ClassVar[bool] = True  # others may make records when it is their turn

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path(path)
        self._written = 0

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Write what there is."""
        write_text(self.path, as_lines(run.history.records))
        self._written = len(run.history.records)

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Append what is new."""
        new = run.history.records[self._written :]
        if new:
            append_text(self.path, as_lines(new))
            self._written += len(new)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Append what is new."""
        self.on_step_end(run, plan)
