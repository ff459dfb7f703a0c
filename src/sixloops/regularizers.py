"""Regularisers: a penalty on the parameters, added to the loss.

The total that is made small is E = (mean loss of the batch) + (penalty). The
penalty R(w) depends on the parameters alone, so that its gradient ∂R/∂w is simply
added to the one that the batch gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.descriptions import Description
from sixloops.parameters import Array, is_weight


@dataclass(frozen=True)
class Regularizer(Description):
    """Base of all regularisers."""

    def penalty(self, parameters: Mapping[str, Array]) -> float:
        """Return the number that is added to the mean loss.

        Args:
            parameters: arrays by dotted name, such as ``"0.weight"``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define penalty(parameters).")

    def add_gradients(
        self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> None:
        """Add the penalty's gradient to ``gradients``, in place.

        Args:
            parameters: as in :meth:`penalty`; not modified.
            gradients: ∂E/∂p under the same names; its arrays are changed.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define add_gradients(parameters, gradients)."
        )


def _chosen(parameters: Mapping[str, Array], biases: bool) -> dict[str, Array]:
    """Return the weights, or with ``biases`` all parameters."""
    return {name: p for name, p in parameters.items() if biases or is_weight(name)}


@dataclass(frozen=True)
class L2(Regularizer):
    """R = ½·λ·Σ w², hence ∂R/∂w = λ·w; also known as weight decay.

    (Krogh & Hertz 1991, "A Simple Weight Decay Can Improve Generalization".)
    Nielsen's λ is divided before use: by the number of training images in chapter 3 of
    his book, by the number of batches in an epoch in ``network3.py`` of chapter 6.

    Args:
        strength: λ, at least 0.
        biases: whether biases and all other parameters are penalised too.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> parameters = {"0.weight": np.array([3.0, -1.0]), "0.bias": np.array([9.0])}
        >>> L2(0.1).penalty(parameters)
        0.5
    """

    strength: float
    biases: bool = False

    def __post_init__(self) -> None:
        checks.number(self, "strength", minimum=0)
        checks.flag(self, "biases")

    def penalty(self, parameters: Mapping[str, Array]) -> float:
        """Return ½·λ·Σ w²."""
        chosen = _chosen(parameters, self.biases).values()
        return self.strength / 2 * sum(float(np.square(w, dtype=np.float64).sum()) for w in chosen)

    def add_gradients(
        self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> None:
        """Add λ·w."""
        for name, weight in _chosen(parameters, self.biases).items():
            gradient = gradients[name]
            gradient += self.strength * weight


@dataclass(frozen=True)
class L1(Regularizer):
    """R = λ·Σ |w|, hence ∂R/∂w = λ·sign(w), with sign(0) = 0.

    (Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso".) |w| has a
    kink at 0; of its subgradients there, 0 leaves a weight that is 0 where it is.

    Args:
        strength: λ, at least 0.
        biases: whether biases and all other parameters are penalised too.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> parameters = {"0.weight": np.array([3.0, -1.0]), "0.bias": np.array([9.0])}
        >>> L1(0.5).penalty(parameters)
        2.0
    """

    strength: float
    biases: bool = False

    def __post_init__(self) -> None:
        checks.number(self, "strength", minimum=0)
        checks.flag(self, "biases")

    def penalty(self, parameters: Mapping[str, Array]) -> float:
        """Return λ·Σ |w|."""
        chosen = _chosen(parameters, self.biases).values()
        return self.strength * sum(float(np.abs(w).sum(dtype=np.float64)) for w in chosen)

    def add_gradients(
        self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> None:
        """Add λ·sign(w)."""
        for name, weight in _chosen(parameters, self.biases).items():
            gradient = gradients[name]
            gradient += self.strength * np.sign(weight)


REGULARIZERS: dict[str, type[Regularizer]] = {"l2": L2, "l1": L1}
