"""Slopes of other functions, and slopes where a bound holds the output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    RIGHT,
    SLOPE,
    Case,
    Mistake,
    about,
    require_diagonal,
    require_slope,
)
from sixloops.doctor.layer.models import Roles
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.activations.sigmoid import logistic
from sixloops.layers.base import Array


def _relu(x: Array, y: Array) -> Array:
    return np.where(x > 0, 1.0, 0.0)


SLOPES: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (
    ("1 − y², tanh's at its output", lambda x, y: 1 - y**2),
    ("1 − tanh²(x), tanh's", lambda x, y: 1 - np.tanh(x) ** 2),
    ("y(1 − y), a sigmoid's at its output", lambda x, y: y * (1 - y)),
    ("σ(x)(1 − σ(x)), a sigmoid's", lambda x, y: logistic(x) * (1 - logistic(x))),
    ("σ(x), a sigmoid itself", lambda x, y: logistic(x)),
    ("1 where x > 0 and else 0, ReLU's", _relu),
    ("1 where x > 0 and else y", lambda x, y: np.where(x > 0, 1, y)),
    ("y, which is the function itself", lambda x, y: y),
    ("x", lambda x, y: x),
    ("2x, a square's", lambda x, y: 2 * x),
    ("e^x", lambda x, y: np.exp(x)),
    ("cos x", lambda x, y: np.cos(x)),
)
"""What people multiply by, in words and from input and output."""


def other_slope(words: str) -> Diagnosis:
    """Say that the error is multiplied by something else than the slope."""
    return about(
        "slope-of-another",
        f"The error is multiplied by {words}; that is not the slope of what forward computes.",
        RIGHT + ", and f′(z) ≈ (f(z + h) − f(z − h)) / 2h",
        "Differentiate the function of the forward, by the chain rule from its outside to its "
        "inside, and hold it against that quotient.",
        SLOPE,
        17,
    )


def _of_another(words: str, slope: Callable[[Array, Array], Array]) -> Mistake:
    """Multiply by another function's slope."""

    def wrong(case: Case) -> Roles:
        require_slope(case)
        require_diagonal(case)
        return case.through_core(case.dy * slope(case.trace.z, case.trace.y))

    return Mistake(other_slope(words), (), wrong)


def bound_forgotten(where: str) -> Diagnosis:
    """Say that errors pass where the output is held fast."""
    return about(
        "bound-forgotten",
        f"Where y is held at its {where} the error goes through, as if it were not held.",
        "f is flat there: f′(z) = 0 where y does not move with z",
        "Multiply dy by 0 there: dy * (low < z) * (z < high), with the bounds of the forward.",
        SLOPE,
        17,
    )


MISTAKES: tuple[Mistake, ...] = (*(_of_another(words, slope) for words, slope in SLOPES),)
