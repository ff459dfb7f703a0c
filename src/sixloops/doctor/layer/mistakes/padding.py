"""Wrong cuts of the padding on the way back, of convolutions and of a frame of zeros."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    CHAINED,
    Case,
    Mistake,
    about,
    mistake,
    weights_of,
)
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array

KINDS = ("convolution", "zero padding")
SHIFTED = (
    "dx = the padded gradient without its padding: rows top … , columns left …",
    "dx_padded[:, :, ph : ph + H, pw : pw + W].",
    CHAINED,
    10,
)


def _padding(case: Case) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the pixels ((top, bottom), (left, right)) around the map."""
    window = case.window
    layer: Any = case.trace.model.core.layer
    return layer.padding if window is None else window.padding


def _padded_dx(case: Case) -> Array:
    """Return dX with the padding still on it."""
    window = case.window
    if window is None:
        return case.dz
    (h, w), (top, bottom), (left, right) = window.extent, *window.padding
    whole = replace(window, padding=((0, 0), (0, 0)), extent=(h + top + bottom, w + left + right))
    return whole.scatter(np.einsum("kcuv,nkij->ncuvij", weights_of(case), case.dz))


def _cut(case: Case, first_row: int, first_column: int) -> Roles:
    """Cut the padding off from another pixel on; what is missing there is 0."""
    padded, (h, w) = _padded_dx(case), case.x.shape[2:]
    sides = ((0, 0), (0, 0), (0, first_row), (0, first_column))
    rows = slice(first_row, first_row + h)
    return {"x": np.pad(padded, sides)[:, :, rows, first_column : first_column + w]}


@mistake(
    about(
        "padding-crop",
        "dX is shifted: the padding's height was cut off where its width belongs.",
        "dx = the padded gradient without its padding: rows top … , columns left …",
        "dx_padded[:, :, ph : ph + H, pw : pw + W].",
        CHAINED,
        10,
    ),
    *KINDS,
)
def padding_crop(case: Case) -> Roles:
    """Cut the padding of height and width the wrong way round."""
    (top, _), (left, _) = _padding(case)
    return _cut(case, left, top)


@mistake(
    about(
        "padding-crop",
        "dX is shifted sideways: the padding's height was cut off its columns, where its width "
        "belongs.",
        *SHIFTED,
    ),
    *KINDS,
)
def height_for_width(case: Case) -> Roles:
    """Cut the height's padding off both."""
    top = _padding(case)[0][0]
    return _cut(case, top, top)


@mistake(
    about(
        "padding-crop",
        "dX is shifted up or down: the padding's width was cut off its rows, where its height "
        "belongs.",
        *SHIFTED,
    ),
    *KINDS,
)
def width_for_height(case: Case) -> Roles:
    """Cut the width's padding off both."""
    left = _padding(case)[1][0]
    return _cut(case, left, left)


@mistake(
    about(
        "padding-crop",
        "dX is shifted: as many rows and columns were cut off before it as there are padded "
        "behind it.",
        *SHIFTED,
    ),
    *KINDS,
)
def behind_for_before(case: Case) -> Roles:
    """Cut the padding behind off before."""
    (_, bottom), (_, right) = _padding(case)
    return _cut(case, bottom, right)


@mistake(
    about(
        "padding-not-cut",
        "dX is shifted down and to the right: the padding before the first row and column was not "
        "cut off.",
        *SHIFTED,
    ),
    *KINDS,
)
def not_cut(case: Case) -> Roles:
    """Take the first rows and columns of the padded gradient."""
    return _cut(case, 0, 0)


@mistake(
    about(
        "padding-cut-before",
        "dX is shifted up and to the left: the padding behind the last row and column was cut off "
        "before the first ones too.",
        *SHIFTED,
    ),
    *KINDS,
)
def all_cut_before(case: Case) -> Roles:
    """Take the last rows and columns of the padded gradient."""
    vertical, horizontal = _padding(case)
    return _cut(case, sum(vertical), sum(horizontal))


MISTAKES: tuple[Mistake, ...] = (
    *(padding_crop, height_for_width, width_for_height, not_cut, behind_for_before),
    all_cut_before,
)
