r"""Absolute error: the sum of the distances along the axes.

    E = Σ_k |y_k − t_k|        ∂E/∂y_k = sign(y_k − t_k)

An outlier pulls no harder than any other target (Goodfellow, Bengio & Courville 2016,
"Deep Learning", section 6.2.1.2: it leads to the median, where the squared error leads to
the mean). At the kink y = t any slope from −1 to 1 is a subgradient; 0 is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
class AbsoluteError(Loss):
    """E = Σ |y − t|.

    Args:
        off: what is wanted of the outputs of the other classes, where targets are labels.
        on: what is wanted of the output of the label's class.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> losses, backward = AbsoluteError().forward(np.array([[0.5, 0.0]]), np.array([1]))
        >>> losses
        array([1.5])
        >>> backward(np.array([1.0]))
        array([[ 1., -1.]])
    """

    off: float = 0.0
    on: float = 1.0

    def __post_init__(self) -> None:
        check_levels(self)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = Σ |y − t|."""
        difference = outputs - target_rows(self, outputs, targets, self.off, self.on)
        losses = per_image(np.abs(difference))

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, np.sign(difference))

        return losses, backward
