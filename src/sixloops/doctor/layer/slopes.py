"""Slopes of a function that is not known: one-sided differences that must agree.

With e(t) = Σ dy·(y(x + t·v) − y(x)), the slopes to the right and to the left,

    (4·e(t/2) − e(t)) / t   and   (e(−t) − 4·e(−t/2)) / t,

agree to O(t³) where y is smooth (Fornberg 1988, "Generation of finite difference
formulas on arbitrarily spaced grids", table 3). Where they do not, there is a kink or a
tie within the step, no slope exists, and the direction proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.doctor.layer.budget import Budget
from sixloops.layers.base import Array

STEP = 2.0**-13
COARSE_STEP = 2.0**-6
TOLERANCE = 2e-6
COARSE_TOLERANCE = 2e-2
DIRECTIONS = 3
TRIES = 9


@dataclass(frozen=True)
class Ruler:
    """Step and tolerance, for exact or for single-precision code."""

    step: float = STEP
    tolerance: float = TOLERANCE


COARSE = Ruler(COARSE_STEP, COARSE_TOLERANCE)


def slope(
    function: Callable[[Array], Array],
    point: Array,
    direction: Array,
    dy: Array,
    ruler: Ruler,
    start: Array | None = None,
) -> tuple[float, float]:
    """Return the slope of Σ dy·function along a direction, and how far its two sides differ.

    ``start`` is the function at the point, where it is at hand.
    """
    if start is None:
        start = function(point).copy()

    def rise(step: float) -> float:
        return float((dy * (function(point + step * direction) - start)).sum())

    right, left = _sides(rise, ruler.step)
    return (right + left) / 2, abs(right - left)


def _sides(rise: Callable[[float], Any], t: float) -> tuple[Any, Any]:
    """Return the slopes to the right and to the left."""
    return (4 * rise(t / 2) - rise(t)) / t, (rise(-t) - 4 * rise(-t / 2)) / t


def differences_along(
    function: Callable[[Array], Array],
    point: Array,
    gradient: Array,
    dy: Array,
    ruler: Ruler,
    random: np.random.Generator,
) -> list[float]:
    """Compare a claimed gradient with slopes along random directions.

    Returns:
        The relative difference along each of up to ``DIRECTIONS`` in which a slope exists.
    """
    found: list[float] = []
    for _ in range(TRIES):
        direction = random.normal(size=point.shape)
        measured, gap = slope(function, point, direction, dy, ruler)
        scale = max(float(np.linalg.norm(gradient)), abs(measured), 1e-12)
        if gap <= ruler.tolerance * scale:
            found.append(abs(measured - float((gradient * direction).sum())) / scale)
        if len(found) == DIRECTIONS:
            break
    return found


def ratio_along(
    function: Callable[[Array], Array],
    point: Array,
    gradient: Array,
    dy: Array,
    ruler: Ruler,
    random: np.random.Generator,
) -> float | None:
    """Return c where the claimed gradient is c times the true one along random directions."""
    ratios: list[float] = []
    for _ in range(TRIES):
        direction = random.normal(size=point.shape)
        measured, gap = slope(function, point, direction, dy, ruler)
        claimed = float((gradient * direction).sum())
        scale = max(float(np.linalg.norm(gradient)), abs(measured), 1e-12)
        if gap > ruler.tolerance * scale or abs(measured) < 1e-2 * scale:
            continue
        ratios.append(claimed / measured)
        spread = max(ratios) - min(ratios)
        if spread > 10 * ruler.tolerance * 100 * max(abs(ratio) for ratio in ratios):
            return None
    return float(np.median(ratios)) if len(ratios) >= DIRECTIONS else None


def own_slopes(
    function: Callable[[Array], Array],
    point: Array,
    ruler: Ruler,
    random: np.random.Generator,
) -> Array | None:
    """Return f′ for each entry where every output depends on the input at its own place alone.

    Returns:
        NaN where there is no slope; None where the outputs depend on other places too.
    """
    start = function(point).copy()
    if start.shape != point.shape:
        return None
    for _ in range(2):
        moved = random.random(point.shape) < 0.5
        steps = random.normal(size=point.shape)
        some, every = function(point + moved * steps).copy(), function(point + steps).copy()
        if not np.array_equal(some, np.where(moved, every, start), equal_nan=True):
            return None
    right, left = _sides(lambda step: function(point + step) - start, ruler.step)
    known = np.abs(right - left) <= ruler.tolerance * np.maximum(1.0, np.abs(right))
    return np.where(known, (right + left) / 2, np.nan)


def whole_gradient(
    function: Callable[[Array], Array],
    point: Array,
    dy: Array,
    ruler: Ruler,
    budget: Budget,
) -> Array:
    """Measure every entry's slope; NaN where none exists, or where the time is over."""
    measured, start = np.full(point.shape, np.nan), function(point).copy()
    # In no order: where the time is over, what was measured is spread over the whole array.
    for number in np.random.default_rng(0).permutation(point.size):
        if budget.is_over():
            break
        place = np.unravel_index(number, point.shape)
        direction = np.zeros(point.shape)
        direction[place] = 1.0
        value, gap = slope(function, point, direction, dy, ruler, start)
        if gap <= ruler.tolerance * max(1.0, abs(value)):
            measured[place] = value
    return measured
