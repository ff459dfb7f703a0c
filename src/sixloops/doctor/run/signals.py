"""Signals: the few numbers that are kept of an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.doctor.run.arrays import norm, some
from sixloops.layers.base import Array

SIGMOID_FAR, TANH_FAR = 0.00665, 1.82e-4
"""Slopes of σ and tanh at ±5."""
FEWER = 1 << 12
"""Of a gradient so many numbers are counted."""
UNITS = 64
"""Of a wide layer so many units are compared with each other."""


@dataclass(frozen=True)
class LayerSignals:
    """A layer's output on a part of a batch, at one step.

    Args:
        step: when.
        mean: of all values.
        spread: their standard deviation.
        zeros: share of values that are exactly 0.
        dead: share of units, or maps, that are 0 on every image.
        saturated: share of values where a sigmoid's or tanh's slope is under 4 % of its
            largest; 0 where the values are not those of such a function.
        identical: share of living units that say the same as another on every image.
        constant: whether all images give the same output.
        low: the smallest value.
        high: the largest.
        images: how many there were.
        far: share of values of a sigmoid or tanh whose argument is beyond ±5.
    """

    step: int
    mean: float
    spread: float
    zeros: float
    dead: float
    saturated: float
    identical: float
    constant: bool
    low: float
    high: float
    images: int
    far: float = 0.0

    @property
    def rectified(self) -> bool:
        """Whether it looks as behind a ReLU: never below 0, some values exactly 0."""
        return self.low >= 0 and self.zeros > 0


@dataclass(frozen=True)
class ParameterSignals:
    """A parameter at one step.

    Args:
        step: when.
        norm: ‖w‖.
        spread: its standard deviation.
        gradient: ‖g‖; None where it is not known.
        update: ‖Δw‖ of one step; None where it is not known.
        cosine: of the angle between Δw and −g; None also where numbers have overflowed.
        scale: ‖Δw‖ / (rate · ‖g‖).
        still: share of the gradient's numbers that are exactly 0.
        pull: the mean of their absolute values.
        matrix: whether more than one of its axes is longer than 1, as of weights and not of biases.
    """

    step: int
    norm: float
    spread: float
    gradient: float | None = None
    update: float | None = None
    cosine: float | None = None
    scale: float | None = None
    still: float | None = None
    pull: float | None = None
    matrix: bool = True

    @property
    def ratio(self) -> float | None:
        """‖Δw‖ / ‖w‖."""
        return None if self.update is None or not self.norm else self.update / self.norm


@dataclass(frozen=True)
class InputSignals:
    """What comes to the first layer that learns.

    Args:
        low: smallest value.
        high: largest.
        mean: of all values.
        spread: their standard deviation.
        kind: the array's type as it was given.
    """

    low: float
    high: float
    mean: float
    spread: float
    kind: str

    @property
    def factor(self) -> float:
        """By what bytes, or bytes divided by 255 twice, come to be from 0 to 1; 1 for others."""
        largest = max(abs(self.low), abs(self.high))
        if largest > 20 and self.spread >= 5:
            return 1 / 255
        return 255.0 if 0 < largest < 0.05 else 1.0


def of_layer(step: int, y: Array) -> LayerSignals:
    """Return the signals of a layer's output, (batch, units) or (batch, maps, height, width)."""
    y = np.asarray(y)
    flat = y.reshape(len(y), y.shape[1], -1) if y.ndim > 1 else y.reshape(len(y), 1, 1)
    values = some(y)
    low, high = float(y.min()), float(y.max())
    saturated, far = _saturated(values, low, high)
    zero = flat == 0
    dead = zero.all(axis=(0, 2))
    return LayerSignals(
        step=step,
        mean=float(values.mean()),
        spread=float(values.std()),
        zeros=float((values == 0).mean()),
        dead=float(dead.mean()),
        saturated=saturated,
        identical=_identical(flat[:, ~dead]),
        constant=len(y) > 1 and bool(np.ptp(flat, axis=0).max() <= 1e-6 * max(high - low, 1e-30)),
        low=low,
        high=high,
        images=len(y),
        far=far,
    )


def _saturated(values: Array, low: float, high: float) -> tuple[float, float]:
    """Return the shares of values that are saturated, and that lie far out."""
    if low >= 0 and high <= 1 and not np.any(values == 0):
        slopes, flat, far = values * (1 - values), 0.01, SIGMOID_FAR
    # With exact zeros it may be a ReLU as well; a sigmoid reaches them only far out.
    elif low >= -1 and high <= 1 and low < -0.5:
        slopes, flat, far = 1 - values**2, 0.04, TANH_FAR
    else:
        return 0.0, 0.0
    return float((slopes < flat).mean()), float((slopes < far).mean())


def _identical(units: Array) -> float:
    """Return the share of units, (batch, units, pixels), that have a twin."""
    count = min(units.shape[1], UNITS)
    if count < 2:
        return 0.0
    rows = np.ascontiguousarray(units[:, :count].swapaxes(0, 1)).reshape(count, -1)
    rows = rows[:, : 1 << 12].astype(np.float64)
    size = np.abs(rows).max()
    if not np.isfinite(size) or size == 0:
        return 0.0
    order = np.lexsort(rows[:, :4].T[::-1])
    gaps = np.abs(np.diff(rows[order], axis=0)).max(axis=1)
    twin = gaps <= 1e-6 * size
    return float((np.append(twin, False) | np.append(False, twin)).mean())


def of_parameter(
    step: int,
    w: Array,
    gradient: Array | None = None,
    update: Array | None = None,
    rate: float | None = None,
) -> ParameterSignals:
    """Return the signals of a parameter, with those of its gradient and its last change."""
    if gradient is not None and gradient.shape != w.shape:
        gradient = None
    length = norm(w)
    spread = float(some(w).std())
    g = None if gradient is None else norm(gradient)
    d = None if update is None else norm(update)
    cosine = scale = still = pull = None
    if gradient is not None:
        part = some(gradient, FEWER)
        still = 1 - np.count_nonzero(part) / max(part.size, 1)
        pull = float(np.abs(part).mean())
    if g and d and gradient is not None and update is not None:
        found = -float(np.vdot(update, gradient)) / (g * d)
        cosine = found if np.isfinite(found) else None
        scale = d / (rate * g) if rate else None
    return ParameterSignals(
        step, length, spread, g, d, cosine, scale, still, pull, matrix=is_matrix(w)
    )


def is_matrix(w: Array) -> bool:
    """Say whether a parameter is more than a row of numbers; biases may be (1, n) or (n, 1).

    Examples:
        >>> is_matrix(np.zeros((3, 4))), is_matrix(np.zeros((1, 4))), is_matrix(np.zeros(4))
        (True, False, False)
    """
    return w.size > max(w.shape, default=1)


@dataclass(frozen=True)
class Start:
    """How a weight began.

    Args:
        spread: the standard deviation; 0 where all units began alike.
        value: one of its numbers in the middle.
        mean: None of few numbers, whose mean may be anything.
        gain: the spread times √fan-in; None where that is not known.
        area: of a kernel, in pixels.
    """

    spread: float
    value: float
    mean: float | None = None
    gain: float | None = None
    area: float = 1.0


def of_inputs(x: Array, kind: str) -> InputSignals:
    """Return the signals of what comes to the first layer that learns."""
    values = some(x)
    return InputSignals(
        float(values.min()), float(values.max()), float(values.mean()), float(values.std()), kind
    )
