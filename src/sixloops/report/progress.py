"""The progress of a training on the terminal: a live bar, and one line an epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from sixloops.engine import Plan
from sixloops.layers.base import Array
from sixloops.losses.base import are_class_numbers
from sixloops.report.compilation import compile_kernels
from sixloops.report.words import duration_words
from sixloops.training import Callback, Run
from sixloops.training.metrics import loss_words

BETWEEN_UPDATES = 0.1
"""Seconds for which steps leave the bar alone, so that showing costs no time."""

NOTE = "train: mean over the epoch, while learning."
NOTE_VALIDATED = "train: mean over the epoch, while learning; val.: validation, after the epoch."

NO_ACCURACY = "The targets are numbers and no classes, so there is no accuracy."
ONE_HOT = "Rows with a single 1 become classes by labels.argmax(axis=1)."

STATUS_WIDTH = 50
"""Room for what stands beside the bar."""


class Progress(Callback):
    """Shows how a training goes on.

    After every epoch one line is printed. While an epoch is under way a bar shows the
    loss and the accuracy so far, images a second, and the time left for the whole run;
    where the output is no terminal there is no bar.

    Args:
        console: where to print; None for the standard output.

    Examples:
        >>> import numpy as np
        >>> from sixloops.data import Dataset
        >>> from sixloops.layers import Dense, Flatten
        >>> from sixloops.network import Network
        >>> from sixloops.training import fit
        >>> data = Dataset(np.eye(4, dtype=np.float32).reshape(4, 1, 2, 2), np.arange(4))
        >>> network = Network([Flatten(), Dense(4)], input_shape=(1, 2, 2))
        >>> with Plan(network, batch_size=64) as plan:
        ...     plan.prepare()  # else the first run on a machine says that it compiles
        >>> history = fit(network, data, epochs=1, callbacks=[Progress()])
        ... # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
        epoch  train loss  train acc.      rate      time
        1/1  ...
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        self._bar: Bar | None = None
        self._lines = 0

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Say where a resumed run goes on, and print the heading of the lines to come.

        What must be compiled for this machine, once, is compiled before, and it is said.
        """
        unfinished = run.epoch < run.settings.epochs
        if unfinished:
            compile_kernels(run.network, run.settings.batch_size, self._console)
        now = time.monotonic()
        self._pace = Pace(now, run.step, now, run.current.images)
        self._updated = now
        if run.step > 0:
            self._print(resumed_words(run))
        if unfinished:
            if not are_class_numbers(run.data.labels):
                self._print(targets_words(run.data.labels[0]), "dim")
            self._print(heading(run), "bold")

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Move the bar on, if it is time."""
        now = time.monotonic()
        ended = run.batch == run.steps_per_epoch
        if not self._console.is_interactive or (
            now - self._updated < BETWEEN_UPDATES and not ended
        ):
            return
        self._updated = now
        # The bar begins with the first step and not with the training: if another
        # callback refuses to begin, no bar is left on the screen.
        if self._bar is None:
            self._bar = _bar(self._console, run)
            self._bar.start()
        validating = ended and run.validation is not None
        self._show(run, "validating …" if validating else status_words(run, self._pace, now))
        if validating:
            self._bar.refresh()

    def _show(self, run: Run, status: str) -> None:
        if self._bar is not None and run.epoch < run.settings.epochs:
            number = f"epoch {run.epoch + 1}/{run.settings.epochs}"
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=run.batch, description=number, status=status)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Print the epoch's line, and begin the next one's bar."""
        self._show(run, "")
        if self._bar is not None:
            self._bar.refresh()
        self._print(epoch_line(run))
        self._lines += 1
        self._pace.begin_epoch(time.monotonic())

    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Take the bar away, say what the lines mean, and why the run ended early if it did."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._lines:
            self._print(NOTE_VALIDATED if run.validation is not None else NOTE, "dim")
            self._lines = 0
        if run.stop_reason and not run.failed:
            steps = f"{run.step:,} of {run.total_steps:,} steps"
            self._print(f"Stopped after {steps}: {run.stop_reason}.")

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, soft_wrap=True, highlight=False, markup=False)


@dataclass
class Pace:
    """How fast a training goes, by the clock on the wall.

    Args:
        began: when it began, or was resumed.
        first_step: the steps that were done by then.
        epoch_began: when the current epoch began, or was resumed.
        epoch_images: the epoch's images that were done by then.
    """

    began: float
    first_step: int
    epoch_began: float
    epoch_images: int

    def begin_epoch(self, now: float) -> None:
        """Begin to count a new epoch."""
        self.epoch_began, self.epoch_images = now, 0

    def images_a_second(self, run: Run, now: float) -> float:
        """Return the current epoch's training speed."""
        return (run.current.images - self.epoch_images) / max(now - self.epoch_began, 1e-9)

    def seconds_left(self, run: Run, now: float) -> float:
        """Return the time until the last epoch's end, if all goes on as it did on average."""
        done = max(run.step - self.first_step, 1)
        return (now - self.began) / done * (run.total_steps - run.step)


def _bar(console: Console, run: Run) -> Bar:
    # What Ctrl-C echoes must still fit on the line, or a piece of the bar stays behind.
    words = 2 * len(str(run.settings.epochs)) + STATUS_WIDTH + 12
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(8, min(40, console.width - words))),
        TextColumn("{task.fields[status]}"),
        console=console,
        transient=True,
        refresh_per_second=4,
    )
    bar.add_task("", total=run.steps_per_epoch, status="")
    return bar


def status_words(run: Run, pace: Pace, now: float) -> str:
    """Word what stands beside the bar."""
    means = run.current.means()
    accuracy = f"  {means['accuracy']:.2%}" if "accuracy" in means else ""
    speed = f"{pace.images_a_second(run, now):,.0f} images/s"
    left = duration_words(max(pace.seconds_left(run, now), 1), whole=True)
    return f"loss {loss_words(means['loss'])}{accuracy}  {speed}  {left} left"


def targets_words(first: Array) -> str:
    """Word why there is no accuracy.

    Args:
        first: the first image's target.
    """
    one_hot = first.size > 1 and np.count_nonzero(first) == 1 == first.max()
    return f"{NO_ACCURACY} {ONE_HOT}" if one_hot else NO_ACCURACY


def resumed_words(run: Run) -> str:
    """Word where a resumed run goes on."""
    epochs = run.settings.epochs
    if run.epoch >= epochs:
        return f"Nothing is left to do: {_all(epochs)} done. Name more epochs to go on."
    if run.batch == 0:
        return f"Going on after epoch {run.epoch} of {epochs}."
    where = f"step {run.batch:,} of {run.steps_per_epoch:,}"
    return f"Going on in epoch {run.epoch + 1} of {epochs}, after {where}."


def _all(epochs: int) -> str:
    return "the 1 epoch is" if epochs == 1 else f"all {epochs:,} epochs are"


def heading(run: Run) -> str:
    """Word the heading of the epochs' lines."""
    measured = f" {'val. loss':>10} {'val. acc.':>9}" if run.validation is not None else ""
    first = f"{'epoch':>{_number_width(run)}}"
    return f"{first} {'train loss':>11} {'train acc.':>10}{measured} {'rate':>9} {'time':>9}"


def epoch_line(run: Run) -> str:
    """Word the last epoch's record.

    The time is that of its training steps, without evaluations and interruptions.
    """
    record = run.history.epochs[-1]
    earlier = run.history.epochs[-2]["seconds"] if len(run.history.epochs) > 1 else 0.0
    number = f"{record['epoch']}/{run.settings.epochs}"
    first = f"{number:>{_number_width(run)}}"
    measures = f"{loss_words(record['loss']):>11} {_percent(record.get('accuracy')):>10}"
    if run.validation is not None:
        accuracy = _percent(record.get("validation_accuracy"))
        measures += f" {loss_words(record['validation_loss']):>10} {accuracy:>9}"
    took = duration_words(record["seconds"] - earlier)
    return f"{first} {measures} {record['rate']:>9.4g} {took:>9}"


def _number_width(run: Run) -> int:
    return max(6, 2 * len(str(run.settings.epochs)) + 1)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"
