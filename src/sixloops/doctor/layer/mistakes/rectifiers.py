"""Wrong backwards of ReLU and leaky ReLU."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    RELU,
    Case,
    Mistake,
    about,
    mistake,
    require_activation,
)
from sixloops.doctor.layer.models import Roles


@mistake(
    about(
        "relu-of-error",
        "ReLU is applied to the error: negative errors are cut off, whatever the input was.",
        "dx = dy where x > 0, else 0: the sign of x on the way forward decides, not that of dy",
        "np.where(x > 0, dy, 0).",
        RELU,
        16,
    )
)
def relu_of_error(case: Case) -> Roles:
    """Take max(dy, 0)."""
    require_activation(case, "ReLU")
    return case.through_core(np.maximum(case.dy, 0))


@mistake(
    about(
        "relu-mask-and-error",
        "Negative errors are cut off as well: the mask holds x > 0 and dy > 0.",
        "dx = dy where x > 0, else 0: a negative error goes through an open ReLU unchanged",
        "np.where(x > 0, dy, 0).",
        RELU,
        16,
    )
)
def relu_both(case: Case) -> Roles:
    """Take max(dy, 0) where x > 0."""
    require_activation(case, "ReLU")
    return case.through_core(np.maximum(case.dz, 0))


@mistake(
    about(
        "relu-mask-inverted",
        "The mask is the wrong way round: the error goes through where x < 0.",
        "dx = dy where x > 0, else 0",
        "np.where(x > 0, dy, 0).",
        RELU,
    )
)
def relu_inverted(case: Case) -> Roles:
    """Let the error through where x ≤ 0."""
    require_activation(case, "ReLU")
    return case.through_core(np.where(case.trace.z > 0, 0, case.dy))


@mistake(
    about(
        "relu-returns-input",
        "dX is max(x, 0), the forward once more: the error is not in it.",
        "dx = dy where x > 0, else 0",
        "np.where(x > 0, dy, 0).",
        RELU,
        26,
    )
)
def relu_forward_again(case: Case) -> Roles:
    """Return the forward's output."""
    require_activation(case, "ReLU")
    return case.through_core(case.trace.y)


@mistake(
    about(
        "leaky-slope-forgotten",
        "Where x < 0 dX is 0: this is ReLU's backward, but the forward leaks.",
        "dx = dy where x > 0, else α · dy",
        "np.where(x > 0, dy, alpha * dy).",
        RELU,
    )
)
def leak_forgotten(case: Case) -> Roles:
    """Cut off below 0."""
    require_activation(case, "leaky ReLU", "ELU", "selu")
    return case.through_core(np.where(case.trace.z > 0, case.dy, 0))


@mistake(
    about(
        "leaky-slope-by-error",
        "The slope is chosen by the sign of the error dy, where the sign of the input x must "
        "decide.",
        "dx = dy where x > 0, else α · dy: x is the input of the forward",
        "np.where(x > 0, dy, alpha * dy), with the x that forward stored.",
        RELU,
        17,
    )
)
def leak_by_error(case: Case) -> Roles:
    """Leak where dy < 0."""
    require_activation(case, "leaky ReLU")
    return case.through_core(np.where(case.dy > 0, case.dy, case.slope(case.dy) * case.dy))


@mistake(
    about(
        "leaky-slope-without-error",
        "Where x < 0 dX is the slope α alone: dy is not multiplied in there.",
        "dx = dy where x > 0, else α · dy",
        "np.where(x > 0, dy, alpha * dy).",
        RELU,
        16,
    )
)
def leak_without_error(case: Case) -> Roles:
    """Return α below 0."""
    require_activation(case, "leaky ReLU")
    z = case.trace.z
    return case.through_core(np.where(z > 0, case.dy, case.slope(z)))


def _other_leak(slope: float) -> Mistake:
    """Leak by another slope than the forward."""

    def wrong(case: Case) -> Roles:
        require_activation(case, "leaky ReLU")
        own = float(case.slope(np.array([[-1.0]])).item())
        if abs(own - slope) < 1e-9 or slope == 0:
            raise ValueError("the same slope")
        return case.through_core(np.where(case.trace.z > 0, case.dy, slope * case.dy))

    said = about(
        "leaky-other-slope",
        f"Where x < 0 dX is {slope:g} · dy, but the forward's slope α there is another one.",
        "dx = dy where x > 0, else α · dy, with the α of the forward",
        "np.where(x > 0, dy, alpha * dy), with one alpha for both ways.",
        RELU,
    )
    return Mistake(said, (), wrong)


MISTAKES: tuple[Mistake, ...] = (
    *(relu_of_error, relu_both, relu_inverted, relu_forward_again),
    *(leak_forgotten, leak_by_error, leak_without_error),
    *(_other_leak(slope) for slope in (0.01, 0.001, 0.05, 0.1, 0.2, 0.3)),
)
