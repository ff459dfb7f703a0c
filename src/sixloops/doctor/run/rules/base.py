"""What a rule is: a short function from the evidence to a diagnosis, or to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.verdict import Diagnosis

Rule: TypeAlias = Callable[[Evidence], Diagnosis | None]


def times(factor: float) -> str:
    """Return a multiple of the learning rate in words, to be followed by "the rate".

    Examples:
        >>> times(10), times(0.1), times(1e4)
        ('ten times', 'a tenth of', '10000 times')
    """
    return {10.0: "ten times", 0.1: "a tenth of"}.get(factor, f"{factor:g} times")


def percent(share: float) -> str:
    """Return a share as people write it.

    Examples:
        >>> percent(0.5)
        '50 %'
    """
    return f"{100 * share:.0f} %"
