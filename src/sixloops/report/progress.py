"""The progress of a training on the terminal: a live bar, and one line an epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from sixloops.engine import Plan
from sixloops.report.words import duration_words
from sixloops.training import Callback, Run

BETWEEN_UPDATES = 0.1
"""Seconds for which steps leave the bar alone, so that showing costs no time."""

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
        >>> history = fit(network, data, epochs=1, callbacks=[Progress()])
        ... # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
        epoch  train loss  accuracy      rate      time
        1/1  ...
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        self._bar: Bar | None = None

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Print the heading of the lines to come."""
        now = time.monotonic()
        self._pace = Pace(now, run.step, now, run.current.images)
        self._updated = now
        self._print(heading(run.validation is not None), "bold")

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
        testing = ended and run.validation is not None
        self._show(run, "testing …" if testing else status_words(run, self._pace, now))
        if testing:
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
        self._pace.begin_epoch(time.monotonic())

    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Take the bar away, and say why the run ended early if it did."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
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
    return f"loss {means['loss']:.4f}{accuracy}  {speed}  {left} left"


def heading(validated: bool) -> str:
    """Word the heading of the epochs' lines."""
    test = f"{'test loss':>11}{'accuracy':>10}" if validated else ""
    return f"{'epoch':>7}{'train loss':>12}{'accuracy':>10}{test}{'rate':>10}{'time':>10}"


def epoch_line(run: Run) -> str:
    """Word the last epoch's record.

    The time is that of its training steps, without evaluations and interruptions.
    """
    record = run.history.epochs[-1]
    earlier = run.history.epochs[-2]["seconds"] if len(run.history.epochs) > 1 else 0.0
    number = f"{record['epoch']}/{run.settings.epochs}"
    measures = f"{record['loss']:12.4f}{_percent(record.get('accuracy'))}"
    if run.validation is not None:
        test = record["validation_loss"], record.get("validation_accuracy")
        measures += f"{test[0]:11.4f}{_percent(test[1])}"
    took = duration_words(record["seconds"] - earlier)
    return f"{number:>7}{measures}{record['rate']:10.4g}{took:>10}"


def _percent(share: float | None) -> str:
    return f"{'–' if share is None else f'{share:.2%}':>10}"
