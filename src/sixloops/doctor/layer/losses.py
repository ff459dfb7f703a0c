"""What a loss may compute: known losses with their gradients, and forwards that are wrong.

All of them take scores or predictions x and targets t as (image, feature), and are sums
over images; ``scale`` says by what the sum is divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sixloops.layers.activations.sigmoid import logistic
from sixloops.layers.base import Array
from sixloops.losses.base import softmax

AGREEMENT = 1e-6
"""Relative; logarithms of p + 1e-7 and such are taken for logarithms."""


def through_softmax(p: Array, error: Array) -> Array:
    """Return softmax's backward for an error of its outputs."""
    dx: Array = p * (error - (error * p).sum(axis=1, keepdims=True))
    return dx


@dataclass(frozen=True)
class KnownLoss:
    """A loss, summed over images.

    Args:
        kind: such as ``"softmax cross-entropy"``.
        words: how the verdict names it.
        value: the sum, from x and t.
        gradient: its derivative by x.
        fault: the id of a mistake in the forward itself; empty for a right one.
    """

    kind: str
    words: str
    value: Callable[[Array, Array], float]
    gradient: Callable[[Array, Array], Array]
    fault: str = ""


def _cross_entropy(p: Array, t: Array) -> float:
    return float(-(t * np.log(p)).sum())


def _binary(a: Array, t: Array) -> float:
    return float(-(t * np.log(a) + (1 - t) * np.log(1 - a)).sum())


def _softmax_twice(x: Array, t: Array) -> Array:
    once = softmax(x)
    return through_softmax(once, softmax(once) - t)


def _every_pair(x: Array, t: Array) -> Array:
    pairs: Array = x - t.reshape(1, -1)
    return pairs


LOSSES = (
    KnownLoss(
        "softmax cross-entropy",
        "softmax and cross-entropy",
        lambda x, t: _cross_entropy(softmax(x), t),
        lambda x, t: softmax(x) * t.sum(axis=1, keepdims=True) - t,
    ),
    KnownLoss(
        "softmax cross-entropy",
        "cross-entropy of softmax, softmax applied twice",
        lambda x, t: _cross_entropy(softmax(softmax(x)), t),
        _softmax_twice,
        "softmax-twice",
    ),
    KnownLoss(
        "cross-entropy",
        "cross-entropy of probabilities",
        _cross_entropy,
        lambda x, t: -t / x,
    ),
    KnownLoss(
        "sigmoid cross-entropy",
        "sigmoid and binary cross-entropy",
        lambda x, t: _binary(logistic(x), t),
        lambda x, t: logistic(x) - t,
    ),
    KnownLoss(
        "binary cross-entropy",
        "binary cross-entropy of probabilities",
        _binary,
        lambda x, t: (x - t) / (x * (1 - x)),
    ),
    KnownLoss(
        "squared error",
        "the squared error",
        lambda x, t: float(((x - t) ** 2).sum()),
        lambda x, t: 2 * (x - t),
    ),
    KnownLoss(
        "sigmoid squared error",
        "sigmoid and the squared error",
        lambda x, t: float(((logistic(x) - t) ** 2).sum()),
        lambda x, t: 2 * (logistic(x) - t) * logistic(x) * (1 - logistic(x)),
    ),
    KnownLoss(
        "softmax squared error",
        "softmax and the squared error",
        lambda x, t: float(((softmax(x) - t) ** 2).sum()),
        lambda x, t: through_softmax(softmax(x), 2 * (softmax(x) - t)),
    ),
    KnownLoss(
        "absolute error",
        "the absolute error",
        lambda x, t: float(np.abs(x - t).sum()),
        lambda x, t: np.sign(x - t),
    ),
    KnownLoss(
        "squared error",
        "the squared error of every output against every target",
        lambda x, t: float((_every_pair(x, t) ** 2).sum()),
        lambda x, t: 2 * _every_pair(x, t).sum(axis=1, keepdims=True),
        "every-pair",
    ),
)


def _scales(x: Array, every_pair: bool) -> Iterator[tuple[str, float]]:
    """Yield by what the sum is divided, in words and as a factor."""
    n, d = (x.size**2, 1) if every_pair else x.shape
    yield "the sum over the batch", 1.0
    yield "the batch's mean", 1 / n
    yield "the mean over all numbers", 1 / (n * d)
    yield "half, the sum over the batch", 0.5
    yield "half, the batch's mean", 0.5 / n
    yield "half, the mean over all numbers", 0.5 / (n * d)


PROBABILITIES = ("cross-entropy", "binary cross-entropy")
"""Kinds whose input must lie between 0 and 1."""


@dataclass(frozen=True)
class LossCase:
    """One forward of a recognised loss, as (image, feature).

    Args:
        loss: which it is.
        scaled: by what the sum is divided, in words.
        scale: the same as a factor.
        x: scores or predictions.
        t: targets, one-hot where they were classes.
        orient: from (image, feature) to the user's order.
    """

    loss: KnownLoss
    scaled: str
    scale: float
    x: Array
    t: Array
    orient: Callable[[Array], Array]

    @property
    def words(self) -> str:
        """Say what the loss is."""
        return f"{self.loss.words} ({self.scaled})"

    @property
    def truth(self) -> Array:
        """Return the right gradient, in the user's order."""
        return self.orient(self.scale * self.loss.gradient(self.x, self.t))


def recognise_loss(x: Array, labels: Array, y: Array, axes: str) -> LossCase | None:
    """Return what a loss computes, the simplest that gives ``y``; None for an unknown one."""
    total = float(np.asarray(y).sum())
    if x.ndim > 2 or not np.isfinite(total):
        return None
    inner = _inner(x, axes)
    targets = _targets(np.asarray(labels), inner, axes)
    for loss in LOSSES if inner.shape == targets.shape else ():
        if loss.fault == "every-pair" and inner.shape[1] > 1:
            continue
        with np.errstate(all="ignore"):
            ours = loss.value(inner, targets)
        for words, scale in _scales(inner, loss.fault == "every-pair"):
            if abs(scale * ours - total) <= AGREEMENT * max(abs(total), 1e-3):
                return LossCase(loss, words, scale, inner, targets, _orient(x, axes))
    return None


def _inner(x: Array, axes: str) -> Array:
    return x.reshape(1, -1) if x.ndim == 1 else x.T if axes == "DN" else x


def _orient(x: Array, axes: str) -> Callable[[Array], Array]:
    if x.ndim == 2 and axes == "DN":
        return np.transpose
    return lambda array: array.reshape(x.shape)


def _targets(labels: Array, x: Array, axes: str) -> Array:
    """Return targets as (image, feature): classes become one-hot rows."""
    if labels.dtype.kind in "iu" and labels.size == len(x) and x.shape[1] > 1:
        hot: Array = np.eye(x.shape[1])[labels.reshape(-1)]
        return hot
    if x.shape[1] == 1:
        return labels.astype(np.float64).reshape(-1, 1)
    return _inner(labels, axes).astype(np.float64)
