"""The curves of a training: loss, which the posts call cost, and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sixloops.layers.base import Array
from sixloops.report.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    TEXT,
    Look,
    dress,
    inches,
    new_figure,
    percentages,
    plain_numbers,
)
from sixloops.training import History
from sixloops.training.history import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_FROM = 8.0
"""A loss whose largest and smallest values are this factor apart gets a logarithmic axis."""

MOST_MARKED = 30
"""With more epochs than this their points would be a string of beads."""


@dataclass(frozen=True)
class _Line:
    """One line of a picture: the records it is made of, and how it looks."""

    label: str
    records: Sequence[Record]
    prefix: str
    look: Look = field(hash=False)

    def points(self, measure: str, steps_per_epoch: float) -> tuple[list[float], list[float]]:
        """Return the positions in epochs and the values of a measure, where there are any."""
        key = self.prefix + measure
        found = [r for r in self.records if r.get(key) is not None]
        return [r["step"] / steps_per_epoch for r in found], [r[key] for r in found]


def plot_history(history: History) -> Figure:
    """Draw loss and accuracy over the epochs.

    The training's curve was measured while the network learnt, on images with dropout and
    augmentation, so it may lie below the validation's, which is taken after each epoch.

    Args:
        history: of a run, finished or not.

    Returns:
        The figure, with axes for loss (cost) and, where there is one, accuracy.
    """
    lines, steps = _lines(history), _steps_per_epoch(history)
    figure = new_figure(5.0, "Training", _subtitle(history))
    has_accuracy = any(line.points("accuracy", 1)[0] for line in lines)
    width = 4.6 if has_accuracy else 10.4
    loss = inches(figure, 0.85, 0.65, width, 3.1)
    _draw(loss, lines, "loss", steps)
    dress(loss, "Loss (cost)", _unit(history), "mean loss of an image")
    _scale_loss(loss)
    _name_last(loss, "{:.3g}")
    if has_accuracy:
        accuracy = inches(figure, 6.85, 0.65, width - 0.2, 3.1)
        _draw(accuracy, lines, "accuracy", steps)
        dress(accuracy, "Accuracy", _unit(history), "images classified right")
        _scale_accuracy(accuracy)
        _name_last(accuracy, "{:.2%}")
    _legend(figure, loss)
    return figure


def _draw(axes: Axes, lines: Sequence[_Line], measure: str, steps_per_epoch: float) -> None:
    for line in lines:
        axes.plot(*line.points(measure, steps_per_epoch), label=line.label, **line.look)
    axes.set_xlim(left=0)
    axes.locator_params(axis="x", nbins=10, steps=[1, 2, 5, 10], integer=True)


def _unit(history: History) -> str:
    return "epoch" if history.epochs else "step"


def _lines(history: History) -> list[_Line]:
    """Choose what is drawn: the finer of the two training curves, and what else there is."""
    steps, epochs = history.of("step"), history.epochs
    marker: Look = {"marker": "o", "ms": 5} if len(epochs) <= MOST_MARKED else {}
    fine = _Line("training", steps, "", {"color": BLUE, "lw": 1.2, "alpha": 0.8})
    coarse = _Line("training", epochs, "", {"color": BLUE, "lw": 1.5, **marker})
    subset_look = {"color": GREEN, "ls": "", "marker": ".", "ms": 5, "alpha": 0.7}
    subset = _Line("random subset", history.of("evaluation"), "", subset_look)
    validation = _Line("validation", epochs, "validation_", {"color": ORANGE, "lw": 2.0, **marker})
    lines = [fine if len(steps) > len(epochs) else coarse, subset, validation]
    return [line for line in lines if line.points("loss", 1)[0]]


def _steps_per_epoch(history: History) -> float:
    """Return how many steps an epoch has; 1, which leaves steps as they are, if none has ended."""
    if not history.epochs:
        return 1
    last = history.epochs[-1]
    return float(last["step"] / last["epoch"])


def _subtitle(history: History) -> str:
    epochs = history.epochs
    if not epochs:
        return "no epoch has ended yet"
    ended = "after 1 epoch" if len(epochs) == 1 else f"after {len(epochs)} epochs"
    stopped = f" · stopped: {history.stopped}" if history.stopped else ""
    if "validation_accuracy" not in epochs[-1]:
        return ended + stopped
    accuracies = [record["validation_accuracy"] for record in epochs]
    best = int(np.argmax(accuracies))
    last = f"{accuracies[-1]:.2%} of the validation images classified right {ended}"
    better = accuracies[best] > accuracies[-1]
    at_best = f", at best {accuracies[best]:.2%} after epoch {epochs[best]['epoch']}"
    return last + (at_best if better else "") + stopped


def _scale_loss(axes: Axes) -> None:
    values = _values(axes)
    if len(values) == 0:
        return
    if values.min() > 0 and values.max() / values.min() > LOG_FROM:
        axes.set_yscale("log")
        many = values.max() / values.min() > 3000
        axes.locator_params(axis="y", subs=(1.0,) if many else (1.0, 2.0, 5.0))
        plain_numbers(axes)
    else:
        axes.set_ylim(min(0.0, values.min()), 1.05 * max(values.max(), 0.0) or 1.0)


def _scale_accuracy(axes: Axes) -> None:
    """Show the range in which things happen; the steep rise of a run's first tenth may leave it."""
    percentages(axes)
    parts = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
    parts = [part for part in parts if len(part)]
    if not parts:
        axes.set_ylim(0, 1)
        return
    low = min(part[len(part) // 10 :].min() for part in parts)
    high = max(part.max() for part in parts)
    margin = max(0.08 * (high - low), 0.002)
    axes.set_ylim(max(low - margin, 0), min(high, 1 - margin / 2) + margin)


def _values(axes: Axes) -> Array:
    """Return all values in axes."""
    parts = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines]
    return np.concatenate([*parts, np.zeros(0)])


def _name_last(axes: Axes, form: str) -> None:
    """Write the last value of the last curve, the validation's if there is one, beside it."""
    drawn = [line for line in axes.lines if len(np.asarray(line.get_xydata()))]
    curves = [line for line in drawn if line.get_linestyle() != "None"]
    if not curves:
        return
    x, y = np.asarray(curves[-1].get_xydata())[-1]
    # Matplotlib 3.11 draws smaller bold figures so that they seem to have serifs.
    size = TEXT + 1
    axes.annotate(
        form.format(y),
        (x, y),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        size=size,
        weight="bold",
        color=curves[-1].get_color(),
        annotation_clip=False,
    )


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="upper right",
            ncols=len(handles),
            frameon=False,
            fontsize=TEXT,
            labelcolor=INK,
        )
