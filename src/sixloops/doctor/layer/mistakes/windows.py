"""Wrong backwards of windows: the right errors at the wrong windows, or at some windows alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    CHAINED,
    NUMPY_POOLING,
    POST_316354,
    Case,
    Mistake,
    about,
    window_of,
)
from sixloops.doctor.layer.mistakes.pooling import L2, MAX, MEAN, patches_of
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array

CONVOLUTION = "convolution"
POOLINGS = (MAX, MEAN, L2, "sum pooling", "min pooling")
STRIDE_FORGOTTEN = about(
    "pool-stride-forgotten",
    "dX is handed back as if the stride were 1: window (i, j) gives to the pixels from (i, j) on, "
    "not from (s·i, s·j) on.",
    "window (i, j) holds the pixels x[s·i + u, s·j + v], on the way back as on the way forward",
    "Multiply the position by the stride: dx[i*s : i*s + k, j*s : j*s + k].",
    f"{POST_316354}#6-how-to-investigate",
)
TILED = about(
    "pool-tiled",
    "The errors are at the wrong windows: copies of the whole map of errors stand side by side "
    "(np.tile), where each error must be repeated over its own window (np.repeat).",
    "every pixel of window (i, j) gets its error from dy[i, j]",
    "np.repeat(np.repeat(dy, k, axis=-2), k, axis=-1), for maps in the last two axes.",
    f"{NUMPY_POOLING}#mean-pooling-and-why-every-pixel-gets-dy--k",
)
FIRST_ROW = about(
    "only-first-row-of-windows",
    "Only the first row of windows has a gradient: there is a return inside the loop over rows.",
    "dx is the sum over all windows",
    "Move the return out of the loop.",
    CHAINED,
    4,
)
LAST_ROW = about(
    "only-last-row-of-windows",
    "Only the last row of windows has a gradient: the array is made anew (or assigned) inside the "
    "loop over rows.",
    "dx is the sum over all windows",
    "Make the array before the loop, and add to it.",
    CHAINED,
    4,
)


def strideless(case: Case) -> Roles:
    """Look for winners, and give errors, in the windows that stride 1 would have."""
    layer: Any = case.trace.model.core.layer
    y, back = replace(layer, stride=(1, 1)).forward(case.x)
    errors = np.zeros_like(y)
    down, across = case.dz.shape[2:]
    errors[:, :, :down, :across] = case.dz
    return {"x": back(errors)[0]}


def laid_strideless(case: Case) -> Roles:
    """Give what each window hands back to where stride 1 would have the window."""
    window, parts = window_of(case), patches_of(case)
    down, across = replace(window, stride=(1, 1)).positions
    missing = (0, down - parts.shape[4]), (0, across - parts.shape[5])
    return {"x": replace(window, stride=(1, 1)).scatter(np.pad(parts, ((0, 0),) * 4 + missing))}


def _tiled(case: Case, map_: Array) -> Array:
    """Lay copies of a map of the output's size side by side, as many as a window has pixels."""
    copies = np.tile(map_, (1, 1, *window_of(case).kernel))
    if copies.shape != case.x.shape:
        raise ValueError("they do not fill the input")
    return copies


def mean_tiled(case: Case) -> Roles:
    """Tile dy / area."""
    return {"x": _tiled(case, case.dz) / np.prod(window_of(case).kernel)}


def errors_tiled(case: Case) -> Roles:
    """Tile dy, but find the winners rightly."""
    won = window_of(case).scatter(patches_of(case)) != 0
    return {"x": _tiled(case, case.dz) * won}


def errors_and_winners_tiled(case: Case) -> Roles:
    """Tile dy, and the maxima with which the input is compared."""
    return {"x": _tiled(case, case.dz) * (_tiled(case, case.trace.z) == case.x)}


def _row(place: int, images: Any, *roles: str) -> Callable[[Case], Roles]:
    """Keep the errors of one row of windows, of some images, in the gradients of ``roles``."""

    def wrong(case: Case) -> Roles:
        errors = np.zeros_like(case.dz)
        errors[images][..., place, :] = case.dz[images][..., place, :]
        gradients = case.through_core(errors)
        return {role: gradients[role] for role in roles or gradients}

    return wrong


ALL, FIRST, FIRST_MAP = slice(None), slice(0, 1), (slice(0, 1), slice(0, 1))
WINDOWED = (*POOLINGS, CONVOLUTION)
ROLES = (("x", "weight"), ("x",), ("weight",))
"""What a convolution's loop may hold of its gradients, where the others are made elsewhere."""
MISTAKES: tuple[Mistake, ...] = (
    *(Mistake(STRIDE_FORGOTTEN, POOLINGS, wrong) for wrong in (strideless, laid_strideless)),
    Mistake(TILED, (MEAN,), mean_tiled),
    Mistake(TILED, (MAX, "min pooling"), errors_tiled),
    Mistake(TILED, (MAX, "min pooling"), errors_and_winners_tiled),
    *(Mistake(FIRST_ROW, WINDOWED, _row(0, images)) for images in (ALL, FIRST, FIRST_MAP)),
    Mistake(LAST_ROW, WINDOWED, _row(-1, ALL)),
    *(Mistake(FIRST_ROW, (CONVOLUTION,), _row(0, ALL, *roles)) for roles in ROLES),
    *(Mistake(LAST_ROW, (CONVOLUTION,), _row(-1, ALL, *roles)) for roles in ROLES),
)
