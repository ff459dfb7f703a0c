r"""LeNet-5's loss, on outputs that are distances.

The output y_i ≥ 0 is the squared distance of an image's features from the code of class i.
For a label c,

    E = y_c + log(e^{−j} + Σ_i e^{−y_i})

(LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document
Recognition", eq. 9). The first term pulls them to the right code; the second pushes them
from the wrong ones, from the nearest hardest. The constant j > 0 stands for a class
"rubbish" at that distance: from a code much further away than j they are pushed no more.

**Gradient.** With q_i = e^{−y_i} / (e^{−j} + Σ_k e^{−y_k}),

    ∂E/∂y_i = t_i − q_i          t_c = 1, all other t_i = 0

**Far distances.** All exponents are taken less the largest, so that the sum is at
least 1 before its logarithm is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.layers.base import Array, Shape
from sixloops.losses.base import (
    Loss,
    LossBackward,
    log_sum_exp,
    require_classes,
    require_probabilities,
    softmax,
    target_rows,
    weighted,
)


@dataclass(frozen=True)
class RadialBasisLoss(Loss):
    """E = y_c + log(e^{−j} + Σ e^{−y_i}), for outputs that are distances, one a class.

    Targets are labels (batch,), or rows of probabilities (batch, classes).

    Args:
        margin: j, above 0: about the distance up to which wrong classes are pushed
            away. The paper does not say which it used.

    Raises:
        ConfigurationError: ``margin`` is no number above 0.

    Examples:
        >>> loss = RadialBasisLoss(margin=10.0)
        >>> losses, backward = loss.forward(np.array([[0.0, 50.0]]), np.array([0]))
        >>> losses.round(4)
        array([0.])
        >>> loss.forward(np.array([[5.0, 50.0]]), np.array([1]))[0].round(2)
        array([45.01])
    """

    margin: float = 10.0

    def __post_init__(self) -> None:
        checks.number(self, "margin", above=0)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = y_c + log(e^{−j} + Σ e^{−y_i})."""
        t = target_rows(self, outputs, targets)
        rubbish = np.full((len(outputs), 1), -self.margin, dtype=outputs.dtype)
        exponents = np.concatenate([-outputs, rubbish], axis=1)
        losses = (t * outputs).sum(axis=1) + log_sum_exp(exponents)

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, t - softmax(exponents)[:, :-1])

        return losses, backward

    def predictions(self, outputs: Array) -> Array:
        """Return probabilities: the softmax of the negated distances, without "rubbish"."""
        return softmax(-outputs)

    def check_targets(self, targets: Array, output_shape: Shape) -> None:
        """Raise unless ``targets`` are labels, or rows of probabilities."""
        require_classes(self, output_shape)
        super().check_targets(targets, output_shape)
        if np.ndim(targets) > 1:
            require_probabilities(self, np.asarray(targets))
