"""What a rule is: a short function from the evidence to a diagnosis, or to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.verdict import Diagnosis

Rule: TypeAlias = Callable[[Evidence], Diagnosis | None]


def percent(share: float) -> str:
    """Return a share as people write it.

    Examples:
        >>> percent(0.5)
        '50 %'
    """
    return f"{100 * share:.0f} %"
