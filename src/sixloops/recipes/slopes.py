"""Slopes by differences, against which derivatives are held."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.layers.base import Array

TOGETHER = 64
"""So many moved arrays are handed over at a time."""


def central_differences(of: Callable[[Array], Array], x: Array, step: float) -> Array:
    r"""Return how a number changes with each entry of an array: (f(x + h) − f(x − h)) / 2h.

    Args:
        of: makes the number of each of several arrays, (n, \*x.shape).
        x: in float64.
        step: h.

    Examples:
        >>> squares = lambda several: (several**2).sum(axis=1)
        >>> central_differences(squares, np.array([1.0, 3.0]), 1e-6).round(6)
        array([2., 6.])
    """
    moves = step * np.eye(x.size).reshape(x.size, *x.shape)
    pieces = np.array_split(moves, -(-x.size // TOGETHER))
    slopes = [(of(x + moved) - of(x - moved)) / (2 * step) for moved in pieces]
    return np.concatenate(slopes).reshape(x.shape)
