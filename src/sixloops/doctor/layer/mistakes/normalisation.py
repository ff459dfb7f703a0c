"""Wrong backwards of batch normalisation."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array

KIND = "batch normalisation"
RIGHT = "dx = (γ/σ) · (dy − mean(dy) − x̂ · mean(dy · x̂)), means over the batch (and positions)"
FIX = "Use the whole formula: gamma / std * (dy - dy.mean(0) - xhat * (dy * xhat).mean(0))."
PAGE = "src/sixloops/layers/batch_normalization.py"


def _parts(case: Case) -> tuple[tuple[int, ...], Array, Array]:
    """Return the axes of the means, x̂ and γ/σ."""
    x, axes = case.x, (0, 2, 3)
    sigma = np.sqrt(x.var(axis=axes, keepdims=True) + case.trace.model.core.layer.epsilon)  # type: ignore[attr-defined]
    gamma = case.trace.given["gamma"].reshape(1, -1, 1, 1)
    return axes, (x - x.mean(axis=axes, keepdims=True)) / sigma, gamma / sigma


@mistake(
    about(
        "batch-norm-constants",
        "dX treats the batch's mean and variance as constants; they depend on x too. dγ and dβ do "
        "not show it.",
        RIGHT,
        FIX,
        PAGE,
        24,
    ),
    KIND,
)
def constants(case: Case) -> Roles:
    """Take γ/σ · dy."""
    _, _, scale = _parts(case)
    return {"x": scale * case.dy}


@mistake(
    about(
        "batch-norm-variance-constant",
        "dX treats the batch's variance as a constant: the term x̂ · mean(dy · x̂) is missing.",
        RIGHT,
        FIX,
        PAGE,
        24,
    ),
    KIND,
)
def variance_constant(case: Case) -> Roles:
    """Leave the variance's term out."""
    axes, _, scale = _parts(case)
    return {"x": scale * (case.dy - case.dy.mean(axis=axes, keepdims=True))}


@mistake(
    about(
        "batch-norm-mean-constant",
        "dX treats the batch's mean as a constant: the term mean(dy) is missing.",
        RIGHT,
        FIX,
        PAGE,
        24,
    ),
    KIND,
)
def mean_constant(case: Case) -> Roles:
    """Leave the mean's term out."""
    axes, normal, scale = _parts(case)
    along = (case.dy * normal).mean(axis=axes, keepdims=True)
    return {"x": scale * (case.dy - normal * along)}


@mistake(
    about("batch-norm-no-gamma", "dX lacks the factor γ.", RIGHT, FIX, PAGE, 24),
    KIND,
)
def no_gamma(case: Case) -> Roles:
    """Leave γ out."""
    return {"x": case.truth["x"] / case.trace.given["gamma"].reshape(1, -1, 1, 1)}


@mistake(
    about(
        "batch-norm-gamma-of-input",
        "dγ is Σ dy · x: it uses the input, not the normalised x̂.",
        "dγ = Σ dy · x̂",
        "Multiply dy by x̂ = (x − mean) / std.",
        PAGE,
        24,
    ),
    KIND,
)
def gamma_of_input(case: Case) -> Roles:
    """Use x for x̂."""
    return {"gamma": (case.dy * case.x).sum(axis=(0, 2, 3))}


MISTAKES: tuple[Mistake, ...] = (
    *(constants, variance_constant, mean_constant, no_gamma, gamma_of_input),
)
