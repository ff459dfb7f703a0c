"""Wrong backwards of flattening: the numbers are right, the places are not."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import POST_316354, Case, Mistake, about
from sixloops.layers.base import Array

KIND = "flatten"


def _folded(sentence: str, number: int, order: tuple[int, ...] | str) -> Mistake:
    """Fold the rows of dy back in another order than that in which they were flattened."""
    said = about(
        "flatten-order",
        f"dX has the right numbers in the wrong places: {sentence}",
        "dx = dy, each number back in its place",
        "dy.reshape(x.shape), in the same order as the forward's reshape.",
        f"{POST_316354}#6-how-to-investigate",
        number,
    )
    return Mistake(said, (KIND,), lambda case: {"x": _read(case, order)})


def _read(case: Case, order: tuple[int, ...] | str) -> Array:
    shape = case.x.shape
    rows = case.dy.reshape(len(case.x), -1)
    if order == "F":
        return rows.reshape(shape, order="F")
    if order == "F of each image":
        return np.stack([row.reshape(shape[1:], order="F") for row in rows])
    axes = tuple(int(axis) for axis in order)
    return case.dy.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))


FORTRAN = "forward flattens row by row, backward folds in Fortran's order, column by column."
MISTAKES: tuple[Mistake, ...] = (
    _folded(FORTRAN, 11, "F"),
    _folded(FORTRAN, 11, "F of each image"),
    _folded("backward folds with the channels last, forward has them first.", 11, (0, 2, 3, 1)),
    _folded("backward folds with rows and columns swapped.", 11, (0, 1, 3, 2)),
    _folded("backward folds with the channels first, forward has them last.", 11, (0, 3, 1, 2)),
    _folded("backward folds with the batch in another place.", 12, (1, 2, 3, 0)),
    _folded("backward folds with the batch in another place.", 12, (1, 0, 2, 3)),
)
