r"""Softmax cross-entropy, computed from logits.

The network's outputs z, one a class, are *logits*: the loss makes probabilities of
them, p = softmax(z), and takes the cross-entropy with the wanted ones, t:

    p_k = exp(z_k) / Σ_i exp(z_i)            E = −Σ_k t_k · log p_k

(Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network
Outputs"). For a label c, t is 1 there and 0 elsewhere, and E = −log p_c.

**Gradient.** log p_k = z_k − log Σ_i exp(z_i), and the derivative of log Σ_i exp(z_i)
by z_j is exp(z_j) / Σ_i exp(z_i) = p_j. Hence, with δ_kj = 1 for k = j and 0 otherwise,

    ∂(log p_k)/∂z_j = δ_kj − p_j
    ∂E/∂z_j = −Σ_k t_k · (δ_kj − p_j) = −t_j + p_j · Σ_k t_k = p_j − t_j

as the t_k sum to 1. The softmax's Jacobian and the logarithm's slope 1/p, each of which
can vanish or blow up, cancel: a unit that is very wrong gets a large gradient, and not a
vanishing one.

**Label smoothing** asks for a little of every class, so that no logit need go on growing:
of K classes, for a small ε,

    t'_k = (1 − ε)·t_k + ε / K

stands for t_k (Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer
Vision", section 7). These sum to 1 as well, and all the above holds for them. The loss of
an image is then never 0: at best, where p = t', it is −Σ_k t'_k · log t'_k.

**Large logits.** Softmax is the same for z and for s = z − max z. Exponentials of s
never overflow, and their sum is at least 1, so that the logarithm is finite too.
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
class SoftmaxCrossEntropy(Loss):
    """E = −Σ t·log softmax(z), for classes of which exactly one is right.

    The network ends with plain numbers, one a class, without a softmax of its own.
    Targets are labels (batch,) or rows of probabilities (batch, classes).

    Args:
        label_smoothing: ε, which part of each target is shared evenly among all classes: at
            least 0, and below 1. It also counts in the cost of test images.

    Raises:
        ConfigurationError: such a part makes no sense.

    Examples:
        >>> loss = SoftmaxCrossEntropy()
        >>> losses, backward = loss.forward(np.array([[0.0, 0.0]]), np.array([1]))
        >>> losses  # log 2
        array([0.69314718])
        >>> backward(np.array([1.0]))
        array([[ 0.5, -0.5]])
        >>> smoothed = SoftmaxCrossEntropy(label_smoothing=0.1)  # wants 0.05 and 0.95
        >>> losses, backward = smoothed.forward(np.array([[0.0, 0.0]]), np.array([1]))
        >>> backward(np.array([1.0]))
        array([[ 0.45, -0.45]])
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "label_smoothing", minimum=0, below=1)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """Compute E = log Σ exp(s) − Σ t'·s with s = z − max z."""
        rows = target_rows(self, outputs, targets)
        t = (1 - self.label_smoothing) * rows + self.label_smoothing / rows.shape[1]
        s = outputs - outputs.max(axis=1, keepdims=True)
        losses = log_sum_exp(s) - (t * s).sum(axis=1)

        def backward(dlosses: Array) -> Array:
            return weighted(dlosses, softmax(s) - t)

        return losses, backward

    def predictions(self, outputs: Array) -> Array:
        """Return the probabilities p."""
        return softmax(outputs)

    def check_targets(self, targets: Array, output_shape: Shape) -> None:
        """Raise unless ``targets`` are labels, or rows of probabilities."""
        require_classes(self, output_shape)
        super().check_targets(targets, output_shape)
        if np.ndim(targets) > 1:
            require_probabilities(self, np.asarray(targets))
