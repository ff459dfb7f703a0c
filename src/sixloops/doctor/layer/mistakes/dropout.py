"""Wrong backwards of dropout."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import JAVA, Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles
from sixloops.doctor.layer.variants import FixedDropout


def _dropped(case: Case) -> FixedDropout:
    if not isinstance(case.trace.model.activation, FixedDropout):
        raise ValueError("no dropout")
    return case.trace.model.activation


DROPOUT = (
    "y_i = m_i · x_i / (1 − p), so dx_i = m_i · dy_i / (1 − p), with the same mask m",
    "Multiply dy by what forward multiplied x by: the stored mask and its scale.",
    f"{JAVA}#the-one-rule",
)


@mistake(
    about(
        "dropout-mask-forgotten",
        "The errors of dropped units go through: dropout's mask is missing in backward.",
        *DROPOUT,
    )
)
def mask_forgotten(case: Case) -> Roles:
    """Hand dy on."""
    _dropped(case)
    return case.through_core(case.dy)


@mistake(
    about(
        "dropout-scale-forgotten",
        "The mask is right, but the scale 1/(1 − p), by which forward multiplies what it keeps, "
        "is missing in backward.",
        *DROPOUT,
    )
)
def scale_forgotten(case: Case) -> Roles:
    """Leave the scale out."""
    return case.through_core(np.where(_dropped(case).kept, case.dy, 0))


@mistake(
    about(
        "dropout-scale-twice",
        "The mask is right, but the scale 1/(1 − p) is multiplied in twice.",
        *DROPOUT,
    )
)
def scale_twice(case: Case) -> Roles:
    """Scale twice."""
    return case.through_core(case.dz * _dropped(case).scale)


@mistake(
    about(
        "dropout-mask-inverted",
        "The errors go through where forward dropped, and not where it kept: the mask is the "
        "wrong way round.",
        *DROPOUT,
    )
)
def mask_inverted(case: Case) -> Roles:
    """Keep what was dropped."""
    return case.through_core(np.where(_dropped(case).kept, 0, case.dy * _dropped(case).scale))


MISTAKES: tuple[Mistake, ...] = (*(mask_forgotten, scale_forgotten, scale_twice, mask_inverted),)
