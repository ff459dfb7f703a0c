"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sixloops.errors import DataError
from sixloops.layers.base import Array
from sixloops.report.style import (
    FAINT,
    GREEN,
    INK,
    MUTED,
    RED,
    SMALL,
    TEXT,
    Look,
    bare,
    inches,
    new_figure,
)
from sixloops.training import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ANGLE = 35
_TURNED: Look = {"rotation": ANGLE, "ha": "right", "rotation_mode": "anchor"}

LETTER = 0.095
"""About how many inches a letter of a class's name is wide."""

LONGEST = 36
"""Names with more letters than this are cut."""

MOST_NUMBERED = 20
"""With more classes than this the numbers would be too small to read."""

FULL_RED = 0.02
"""At least this share of a class must be taken for another to give the strongest red."""


def plot_confusion(evaluation: Evaluation, classes: Sequence[str] | None = None) -> Figure:
    """Draw how often each class was taken for each.

    What is right is green and what is wrong red, the stronger the larger its share of the
    class; mistakes are few in a good network, so their red has a scale of its own.

    Args:
        evaluation: of a network that names classes.
        classes: their names; None for their numbers.

    Returns:
        The figure, with one pair of axes: a row for each right class, and a column for
        each class that it was taken for.

    Raises:
        DataError: the evaluation has no confusion matrix, or the names do not fit it.
    """
    counts = evaluation.confusion
    if counts is None:
        raise DataError(
            "The evaluation must have a confusion matrix to be drawn. Got one without: its "
            "targets are no class labels."
        )
    names = _names(classes, len(counts))
    height = float(np.clip(0.46 * len(counts), 2.0, 7.5))
    letters = LETTER * max(map(len, names))
    left = max(1.1, 0.7 + letters)
    width = 11.0 - left
    turned = letters > 0.9 * width / min(len(names), MOST_NUMBERED)
    foot = max(0.95, 0.7 + letters * np.sin(np.radians(ANGLE))) if turned else 0.95
    figure = new_figure(height + foot + 1.05, "Confusion matrix", _subtitle(counts))
    axes = inches(figure, left, foot, width, height)
    axes.imshow(_colours(counts), interpolation="nearest", aspect="auto")
    _name_classes(axes, names, turned)
    if len(counts) <= MOST_NUMBERED:
        _draw_grid(axes, len(counts))
        _write_counts(axes, counts)
        _write_shares(axes, counts)
    return figure


def _names(classes: Sequence[str] | None, count: int) -> list[str]:
    names = list(map(str, range(count) if classes is None else classes))
    if len(names) != count:
        raise DataError(
            f"The 'classes' of a confusion matrix must be one name for each of its {count} rows. "
            f"Got {len(names)}."
        )
    return [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]


def _subtitle(counts: Array) -> str:
    right, images = int(np.trace(counts)), int(counts.sum())
    share = f" ({right / images:.2%})" if images else ""
    return f"{right:,} of {images:,} images classified right{share}"


def _colours(counts: Array) -> Array:
    """Return a colour for every entry, (classes, classes, 3)."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(len(counts)))
    strength = np.sqrt(wrong / max(wrong.max(initial=0.0), FULL_RED))
    return np.where(
        np.eye(len(counts), dtype=bool)[..., np.newaxis],
        _tint(0.6 * shares, GREEN),
        _tint(0.7 * strength, RED),
    )


def _tint(strength: Array, colour: str) -> Array:
    """Mix white with a colour, (…,) → (…, 3)."""
    red_green_blue = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.asarray(1 - strength[..., np.newaxis] * (1 - red_green_blue))


def _name_classes(axes: Axes, names: Sequence[str], turned: bool) -> None:
    bare(axes)
    shown = range(0, len(names), -(-len(names) // MOST_NUMBERED))
    labels = [names[i] for i in shown]
    axes.set_xticks(shown, labels=labels, parse_math=False, **(_TURNED if turned else {}))
    axes.set_yticks(shown, labels=labels, parse_math=False)
    axes.tick_params(labelsize=TEXT, labelcolor=INK, length=0)
    axes.set_xlabel("taken for", size=TEXT, color=MUTED, labelpad=8)
    axes.set_ylabel("right class", size=TEXT, color=MUTED, labelpad=8)


def _draw_grid(axes: Axes, classes: int) -> None:
    between = np.arange(0.5, classes - 1)
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(visible=True, which="minor", color=FAINT, linewidth=0.6)
    axes.tick_params(which="minor", length=0)


def _write_counts(axes: Axes, counts: Array) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            place: Look = {"ha": "center", "va": "center"}
            axes.text(column, row, f"{count:,}", size=SMALL + 1, color=INK, **place)


def _write_shares(axes: Axes, counts: Array) -> None:
    """Write beside each row which share of the class was classified right."""
    edge = len(counts) - 0.5
    place: Look = {"ha": "left", "size": SMALL + 1, "color": MUTED, "annotation_clip": False}
    beside: Look = {"xytext": (8, 0), "textcoords": "offset points", **place}
    axes.annotate("right", (edge, -0.5), va="bottom", **beside)
    for row, total in enumerate(counts.sum(axis=1)):
        share = f"{counts[row, row] / total:.1%}" if total else "no images"
        axes.annotate(share, (edge, row), va="center", **beside)
