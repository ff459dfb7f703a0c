"""Wrong backwards where an output depends on all numbers of its image: softmax and its like."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    JAVA,
    Case,
    Mistake,
    about,
    mistake,
    require_activation,
)
from sixloops.doctor.layer.models import Roles


@mistake(
    about(
        "softmax-diagonal",
        "Only the diagonal of softmax's Jacobian is used, y(1 − y): that every output depends on "
        "every score is left out.",
        "dz_i = y_i · (dy_i − Σ_j dy_j · y_j)",
        "y * (dy - (dy * y).sum(axis=1, keepdims=True)); or softmax and cross-entropy together: "
        "p − t.",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def softmax_diagonal(case: Case) -> Roles:
    """Take y(1 − y)."""
    require_activation(case, "softmax")
    return case.through_core(case.dy * case.trace.y * (1 - case.trace.y))


@mistake(
    about(
        "softmax-summed-over-batch",
        "The sum in softmax's backward runs over all images together, and not over each one's own "
        "scores.",
        "dz_ni = y_ni · (dy_ni − Σ_j dy_nj · y_nj)",
        "(dy * y).sum(axis=1, keepdims=True): over the scores, image by image.",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def softmax_whole(case: Case) -> Roles:
    """Sum over the whole array."""
    require_activation(case, "softmax")
    y = case.trace.y
    return case.through_core(y * (case.dy - (case.dy * y).sum()))


@mistake(
    about(
        "log-softmax-no-sum",
        "dX is dy − p: the sum of the errors, by which p must be multiplied, is missing; it is 1 "
        "only where dy picks one class out.",
        "y = z − ln Σ e^z, so dz_i = dy_i − p_i · Σ_j dy_j",
        "dy - np.exp(y) * dy.sum(axis=1, keepdims=True).",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def log_softmax_no_sum(case: Case) -> Roles:
    """Subtract p alone."""
    require_activation(case, "log-softmax")
    return case.through_core(case.dy - np.exp(case.trace.y))


@mistake(
    about(
        "unit-length-constant",
        "dX is dy divided by the length: it treats the length as a constant, but that depends on "
        "x too.",
        "y = x / r with r = ‖x‖, so dx = (dy − y · Σ_j dy_j y_j) / r",
        "(dy - y * (dy * y).sum(axis=1, keepdims=True)) / r.",
        f"{JAVA}#the-one-rule",
        24,
    )
)
def unit_length_constant(case: Case) -> Roles:
    """Divide by the length."""
    require_activation(case, "normalisation to length 1")
    length = np.sqrt((case.trace.z**2).sum(axis=1, keepdims=True))
    return case.through_core(case.dy / length)


MISTAKES: tuple[Mistake, ...] = (
    *(softmax_diagonal, softmax_whole, log_softmax_no_sum, unit_length_constant),
)
