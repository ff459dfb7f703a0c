"""Clipping: gradients that are too long are shortened, and keep their direction."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sixloops.checks import is_number
from sixloops.errors import ConfigurationError, wrong
from sixloops.parameters import Array


def clip_by_norm(gradients: Mapping[str, Array], maximum: float) -> float:
    """Scale all gradients together so that their norm is at most ``maximum``.

    With ‖g‖ = √(Σ g²) over all arrays, g becomes g·maximum/‖g‖ where ‖g‖ > maximum
    (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1). The squares are taken in float64, of values divided by the
    largest: none of them overflows or vanishes.

    Args:
        gradients: arrays by name; scaled in place. Left as they are where one of them
            is not finite: no factor mends that.
        maximum: the largest norm allowed, above 0.

    Returns:
        The norm before clipping.

    Raises:
        ConfigurationError: ``maximum`` is no number above 0.

    Examples:
        >>> gradients = {"0.weight": np.array([3.0, 0.0]), "0.bias": np.array([4.0])}
        >>> clip_by_norm(gradients, maximum=1.0)
        5.0
        >>> gradients["0.weight"]
        array([0.6, 0. ])
    """
    if not is_number(maximum) or maximum <= 0:
        raise ConfigurationError(wrong("maximum", "clip_by_norm", "be a number above 0", maximum))
    largest = _largest(gradients)
    if largest == 0 or not math.isfinite(largest):
        return largest
    length = math.sqrt(sum(_sum_of_squares(g, largest) for g in gradients.values()))
    if largest * length > maximum:
        factor = float(maximum) / largest / length
        for gradient in gradients.values():
            gradient *= factor
    return largest * length


def _largest(gradients: Mapping[str, Array]) -> float:
    """Return the largest magnitude; NaN if there is one."""
    return float(np.max([np.abs(g).max(initial=0) for g in gradients.values()], initial=0))


def _sum_of_squares(gradient: Array, unit: float) -> float:
    return float(np.square(np.divide(gradient, unit, dtype=np.float64)).sum())
