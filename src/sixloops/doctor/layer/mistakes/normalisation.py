"""Wrong backwards of normalisations: over the batch, or over each image's features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.doctor.layer.mistakes.base import Case, Mistake, about
from sixloops.doctor.layer.models import Roles
from sixloops.doctor.layer.variants import LayerNorm
from sixloops.layers.base import Array

PAGE = "src/sixloops/layers/batch_normalization.py"
GAMMA_AXES = (0, 2, 3)


@dataclass(frozen=True)
class Kind:
    """A kind of normalisation.

    Args:
        core: the core's kind.
        prefix: of the ids.
        whose: of what mean and variance are taken.
        over: what the means run over.
        axis: of the means in NumPy, for the features (image, feature).
        axes: of the means in the inner order.
    """

    core: str
    prefix: str
    whose: str
    over: str
    axis: int
    axes: tuple[int, ...]

    @property
    def right(self) -> str:
        """Return the right equation."""
        equation = "dx = (1/σ) · (u − mean(u) − x̂ · mean(u · x̂)) with u = γ · dy"
        return f"{equation}, means over {self.over}"

    @property
    def fix(self) -> str:
        """Return the right line of code."""
        mean = f"mean({self.axis}, keepdims=True)"
        return (
            "Use the whole formula: u = gamma * dy; "
            f"dx = (u - u.{mean} - xhat * (u * xhat).{mean}) / std."
        )


KINDS = (
    Kind(
        *("batch normalisation", "batch-norm", "the batch's"),
        *("the batch (and positions)", 0, (0, 2, 3)),
    ),
    Kind(
        *("layer normalisation", "layer-norm", "each image's own"),
        *("the image's features", 1, (1,)),
    ),
)


@dataclass(frozen=True)
class Parts:
    """What the equations are made of: u = γ · dy, x̂, what it is divided by, and the means."""

    u: Array
    normal: Array
    divisor: Array
    axes: tuple[int, ...]

    def mean(self, array: Array) -> Array:
        """Return the mean that belongs to the kind."""
        return np.asarray(array.mean(axis=self.axes, keepdims=True))


def _parts(case: Case, kind: Kind) -> Parts:
    layer: Any = case.trace.model.core.layer
    u = case.dz * case.trace.given["gamma"].reshape(1, -1, 1, 1)
    if isinstance(layer, LayerNorm):
        return Parts(u, *layer.parts(case.x)[:2], kind.axes)
    x, axes = case.x, kind.axes
    sigma = np.sqrt(x.var(axis=axes, keepdims=True) + layer.epsilon)
    return Parts(u, (x - x.mean(axis=axes, keepdims=True)) / sigma, sigma, axes)


def _constants(parts: Parts) -> Array:
    """Hold mean and variance constant."""
    return parts.u / parts.divisor


def _variance_constant(parts: Parts) -> Array:
    """Leave the variance's term out."""
    return (parts.u - parts.mean(parts.u)) / parts.divisor


def _mean_constant(parts: Parts) -> Array:
    """Leave the mean's term out."""
    along: Array = parts.normal * parts.mean(parts.u * parts.normal)
    return np.asarray((parts.u - along) / parts.divisor)


def _not_divided(parts: Parts) -> Array:
    """Leave the division by σ out."""
    along: Array = parts.normal * parts.mean(parts.u * parts.normal)
    return np.asarray(parts.u - parts.mean(parts.u) - along)


WRONG: tuple[tuple[str, str, Callable[[Parts], Array]], ...] = (
    (
        "constants",
        "dX treats {whose} mean and variance as constants; they depend on x too. dγ and dβ do not "
        "show it.",
        _constants,
    ),
    (
        "variance-constant",
        "dX treats {whose} variance as a constant: the term x̂ · mean(dy · x̂) is missing.",
        _variance_constant,
    ),
    (
        "mean-constant",
        "dX treats {whose} mean as a constant: the term mean(dy) is missing.",
        _mean_constant,
    ),
    ("not-divided", "dX is not divided by {whose} standard deviation σ.", _not_divided),
)


def _of_kind(kind: Kind) -> Iterator[Mistake]:
    for name, sentence, wrong in WRONG:
        said = sentence.format(whose=kind.whose)
        diagnosis = about(f"{kind.prefix}-{name}", said, kind.right, kind.fix, PAGE, 24)
        yield Mistake(diagnosis, (kind.core,), _dx(kind, wrong))
    no_gamma = f"{kind.prefix}-no-gamma", "dX lacks the factor γ.", kind.right, kind.fix, PAGE, 24
    yield Mistake(about(*no_gamma), (kind.core,), _no_gamma)
    of_input = about(
        f"{kind.prefix}-gamma-of-input",
        "dγ is Σ dy · x: it uses the input, not the normalised x̂.",
        "dγ = Σ dy · x̂",
        "Multiply dy by x̂ = (x − mean) / std.",
        PAGE,
        24,
    )
    yield Mistake(of_input, (kind.core,), _gamma_of_input)
    of_centred = about(
        f"{kind.prefix}-gamma-of-centred",
        "dγ is Σ dy · (x − mean): it uses the centred input, which was not divided by the "
        "standard deviation, and not the normalised x̂.",
        "dγ = Σ dy · x̂",
        "Multiply dy by x̂ = (x − mean) / std.",
        PAGE,
        24,
    )
    yield Mistake(of_centred, (kind.core,), _gamma_of_centred(kind))


def _dx(kind: Kind, wrong: Callable[[Parts], Array]) -> Callable[[Case], Roles]:
    return lambda case: {"x": wrong(_parts(case, kind))}


def _no_gamma(case: Case) -> Roles:
    """Leave γ out."""
    ones = {**case.trace.given, "gamma": np.ones_like(case.trace.given["gamma"])}
    return {"x": case.trace.model.core.run(ones)[1](case.dz)["x"]}


def _gamma_of_input(case: Case) -> Roles:
    """Use x for x̂."""
    return {"gamma": (case.dz * case.x).sum(axis=GAMMA_AXES)}


def _gamma_of_centred(kind: Kind) -> Callable[[Case], Roles]:
    """Use x − mean for x̂."""

    def wrong(case: Case) -> Roles:
        parts = _parts(case, kind)
        return {"gamma": (case.dz * parts.normal * parts.divisor).sum(axis=GAMMA_AXES)}

    return wrong


MISTAKES: tuple[Mistake, ...] = tuple(mistake for kind in KINDS for mistake in _of_kind(kind))
