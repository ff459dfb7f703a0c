"""Wrong backwards that people write, in general form: what they would hand out."""

from __future__ import annotations

from sixloops.doctor.layer.mistakes import (
    activations,
    convolution,
    dense,
    dropout,
    enlarging,
    flattening,
    general,
    normalisation,
    other_slopes,
    padding,
    pooling,
    rectifiers,
    whole_rows,
    windows,
)
from sixloops.doctor.layer.mistakes.base import Case, Factor, Mistake
from sixloops.doctor.layer.mistakes.factors import FACTORS

MISTAKES: tuple[Mistake, ...] = (
    *pooling.MISTAKES,
    *windows.MISTAKES,
    *convolution.MISTAKES,
    *padding.MISTAKES,
    *enlarging.MISTAKES,
    *dense.MISTAKES,
    *normalisation.MISTAKES,
    *whole_rows.MISTAKES,
    *rectifiers.MISTAKES,
    *dropout.MISTAKES,
    *activations.MISTAKES,
    *other_slopes.MISTAKES,
    *general.MISTAKES,
    *flattening.MISTAKES,
    *convolution.MOVED,
)
"""All mistakes, the particular ones before the general ones."""

__all__ = ["FACTORS", "MISTAKES", "Case", "Factor", "Mistake"]
