"""What a loss is if the network says the same of every image: values worth knowing by heart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sixloops.layers.base import Array
from sixloops.losses.base import log_sum_exp, softmax

SMALLEST = float(-np.log(np.finfo(np.float32).tiny))
"""−ln of the smallest normal float32, 87.3: the logarithm of a probability that became 0."""
COUNTS = (*range(2, 11), 100, 1000)
"""Numbers of classes that are usual, and whose logarithms lie well apart."""


@dataclass(frozen=True)
class Fingerprint:
    """A value at which losses stand still.

    Args:
        loss: the value.
        kind: which loss it is of, such as ``"softmax cross-entropy"``.
        words: what it means if a loss stays there.
    """

    loss: float
    kind: str
    words: str


def fingerprints(shares: Array) -> list[Fingerprint]:
    """Return the values at which the usual losses stand still.

    Args:
        shares: of the classes among the labels, (classes,), with sum 1.

    Examples:
        >>> [round(each.loss, 3) for each in fingerprints(np.full(10, 0.1))]
        [2.303, 3.251, 0.45, 0.5, 87.337]
    """
    return list(_of_shares(tuple(np.asarray(shares, dtype=np.float64).tolist())))


@lru_cache(maxsize=32)
def _of_shares(shares: tuple[float, ...]) -> tuple[Fingerprint, ...]:
    p = np.clip(shares, 1e-12, 1 - 1e-12)
    constant = "what a network reaches that says the same of every image"
    return (
        Fingerprint(float(-(p * np.log(p)).sum()), "softmax cross-entropy", constant),
        Fingerprint(
            float(-(p * np.log(p) + (1 - p) * np.log1p(-p)).sum()), "binary cross-entropy", constant
        ),
        Fingerprint(float((p * (1 - p)).sum() / 2), "squared error", constant),
        Fingerprint(0.5, "squared error", "all outputs are 0"),
        Fingerprint(SMALLEST, "softmax cross-entropy", "the logarithm of a probability that is 0"),
    )


def classes_guessed(loss: float) -> int | None:
    """Return among how many classes a guess has this cross-entropy, ln K; None for none.

    Examples:
        >>> classes_guessed(2.303), classes_guessed(0.69), classes_guessed(2.0)
        (10, 2, None)
    """
    return next((k for k in COUNTS if abs(loss - np.log(k)) < 0.015 * np.log(k)), None)


def recount(outputs: Array, labels: Array) -> dict[str, float]:
    """Return what the usual losses make of outputs and labels, by name.

    Args:
        outputs: (batch, classes).
        labels: whole numbers, (batch,).

    Examples:
        >>> found = recount(np.array([[0.5, 0.5]]), np.array([0]))
        >>> for name, value in found.items():
        ...     print(f"{name} {value:.3f}")
        cross-entropy of logits 0.693
        squared error 0.250
        cross-entropy of probabilities 0.693
    """
    z = np.asarray(outputs, dtype=np.float64)
    rows, right = np.arange(len(z)), np.asarray(labels, dtype=np.intp)
    wanted = np.zeros_like(z)
    wanted[rows, right] = 1
    found = {
        "cross-entropy of logits": float((log_sum_exp(z) - z[rows, right]).mean()),
        "squared error": float(((z - wanted) ** 2).sum(axis=1).mean() / 2),
    }
    if are_probabilities(z):
        likely = np.clip(z[rows, right], 1e-300, None)
        found["cross-entropy of probabilities"] = float(-np.log(likely).mean())
    return found


def mean_error(outputs: Array, labels: Array, loss: float) -> Array | None:
    """Return the mean over a batch of ∂E/∂(the outputs' sums), where the loss is a usual one.

    For softmax with cross-entropy that is the mean of p − t, for the squared error of y − t. It is
    the gradient of the outputs' bias. None where no usual loss of these outputs is the reported
    one.

    Args:
        outputs: (batch, classes): sums, or probabilities.
        labels: whole numbers, (batch,).
        loss: the mean, as it was reported.

    Examples:
        >>> mean_error(np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([0, 0]), 0.6931)
        array([-0.5,  0.5])
    """
    z = np.asarray(outputs, dtype=np.float64)
    wanted = np.zeros_like(z)
    wanted[np.arange(len(z)), labels] = 1
    told = {"cross-entropy of logits": softmax(z), "squared error": z}
    for name, value in recount(z, labels).items():
        if np.isclose(value, loss, rtol=1e-3):
            return np.asarray((told.get(name, z) - wanted).mean(axis=0))
    return None


def are_probabilities(outputs: Array) -> bool:
    """Say whether every row is at least 0 and adds up to 1."""
    z = np.asarray(outputs, dtype=np.float64)
    return bool((z >= 0).all() and np.allclose(z.sum(axis=1), 1, atol=1e-4))
