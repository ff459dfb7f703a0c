r"""Huber's loss: squared near the target, absolute far from it.

With d = y − t, for every output

    E = ½·d²               for |d| ≤ δ        ∂E/∂d = d
    E = δ·(|d| − ½·δ)      beyond             ∂E/∂d = δ·sign(d)

(Huber 1964, "Robust Estimation of a Location Parameter", section 1). Values and slopes
of both pieces meet at |d| = δ. With c = d cut to [−δ, δ], both pieces are

    E = c·(d − ½·c)        ∂E/∂d = c
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.layers.base import Array
from sixloops.losses.base import (
    Loss,
    LossBackward,
    check_levels,
    per_image,
    target_rows,
    weighted,
)


@dataclass(frozen=True)
class Huber(Loss):
    """E = Σ ½·d² where |d| ≤ δ, and δ·(|d| − ½·δ) beyond, with d = y − t.

    Args:
        delta: δ, where the straight part begins, above 0.
        off: what is wanted of the outputs of the other classes, where targets are labels.
        on: what is wanted of the output of the label's class.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> outputs, targets = np.array([[0.5, 9.0]]), np.array([[0.0, 0.0]])
        >>> losses, backward = Huber(delta=1.0).forward(outputs, targets)
        >>> losses  # 0.125 + 8.5
        array([8.625])
        >>> backward(np.array([1.0]))
        array([[0.5, 1. ]])
    """

    delta: float = 1.0
    off: float = 0.0
    on: float = 1.0

    def __post_init__(self) -> None:
        checks.number(self, "delta", above=0)
        check_levels(self)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = Σ c·(d − ½·c)."""
        difference = outputs - target_rows(self, outputs, targets, self.off, self.on)
        cut = np.clip(difference, -self.delta, self.delta)
        losses = per_image(cut * (difference - cut / 2))

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, cut)

        return losses, backward
