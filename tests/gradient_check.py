r"""Hand-written gradients against finite differences.

For a random cotangent ``dy``, the error E = Σ dy·y has the gradient that
``backward(dy)`` claims. Along a direction v, with t the step,

    e(t) = Σ dy·(y(x + t·v) − y(x))

    right = (4·e(t/2) − e(t)) / t                          e′(0) − t²·e‴/12 + O(t³)
    left  = (e(−t) − 4·e(−t/2)) / t                        e′(0) − t²·e‴/12 + O(t³)

(Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced
grids", table 3.) Where y is smooth, right and left agree to O(t³), and their mean is
the slope. Where they do not, there is a kink or a tie within the step, no slope
exists, and the direction is skipped and counted. Small arrays are compared entry by
entry, large ones along a few random directions.

Comparing 0 with 0 proves nothing, and is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from draws import Array, Draw, Shape, generator, normal, parameters_off_zero, state_off_zero
from sixloops.layers import Context, Layer
from sixloops.layers.base import Backward
from sixloops.losses import Loss

STEP = 2.0**-14
TOLERANCE = 1e-7
EVERY_ENTRY_UP_TO = 100
RANDOM_DIRECTIONS = 4


@dataclass(frozen=True)
class Comparison:
    """How one array's gradient compared.

    Args:
        compared: directions along which slope and gradient were compared.
        kinks: directions that were skipped, because there is no slope.
        worst: the largest difference, relative to the gradient's largest entry.
    """

    compared: int
    kinks: int
    worst: float


def check_gradient(
    name: str,
    function: Callable[[Array], Array],
    point: Array,
    gradient: Array,
    cotangent: Array,
    *,
    kinks: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Compare a claimed gradient with the slopes of Σ cotangent·function(point).

    Args:
        name: what the gradient is of, for the message.
        function: from an array like ``point`` to one like ``cotangent``; the same
            input must always give the same output.
        point: where.
        gradient: what is claimed there.
        cotangent: random, one weight for every output.
        kinks: which share of the directions may have no slope.
        seed: of the random directions.

    Raises:
        AssertionError: they differ, or nothing was proved.
    """
    assert point.dtype == np.float64, f"{name}: gradients are checked in float64"
    assert gradient.shape == point.shape, f"{name}: gradient {gradient.shape}, not {point.shape}"
    assert np.isfinite(gradient).all(), f"{name}: the gradient is not finite"
    scale = float(np.abs(gradient).max()) or 1.0
    slopes, gaps, claims = [], [], []
    start = function(point).copy()
    for direction in _directions(point.shape, generator("directions", seed)):
        slope, gap = _slope(function, point, direction, start, cotangent)
        slopes.append(slope)
        gaps.append(gap)
        claims.append(float((gradient * direction).sum()))
    smooth = np.abs(gaps) <= TOLERANCE * scale
    _require_enough(name, smooth, kinks)
    errors = np.where(smooth, np.abs(np.subtract(slopes, claims)), 0.0) / scale
    worst = int(errors.argmax())
    assert errors[worst] <= TOLERANCE, (
        f"{name}: {_place(point.shape, worst)} the gradient is {claims[worst]:.9g}, but the slope "
        f"is {slopes[worst]:.9g}; {int((errors > TOLERANCE).sum())} of {len(errors)} differ"
    )
    something = np.any(np.where(smooth, slopes, 0.0))
    assert something, f"{name}: all slopes are 0, and so is the gradient: this proves nothing"
    return Comparison(int(smooth.sum()), int((~smooth).sum()), float(errors[worst]))


def _directions(shape: Shape, random: np.random.Generator) -> Iterator[Array]:
    """Yield every axis of a small array, a few random unit vectors of a large one."""
    size = int(np.prod(shape))
    if size <= EVERY_ENTRY_UP_TO:
        for entry in range(size):
            direction = np.zeros(size)
            direction[entry] = 1.0
            yield direction.reshape(shape)
        return
    for _ in range(RANDOM_DIRECTIONS):
        direction = random.normal(size=shape)
        yield direction / np.linalg.norm(direction)


def _slope(
    function: Callable[[Array], Array],
    point: Array,
    direction: Array,
    start: Array,
    cotangent: Array,
) -> tuple[float, float]:
    """Return the slope along ``direction``, and how far the one-sided slopes lie apart."""

    def rise(step: float) -> float:
        # Weighted after subtracting: the digits that cancel do so exactly.
        return float((cotangent * (function(point + step * direction) - start)).sum())

    ahead, half_ahead = rise(STEP), rise(STEP / 2)
    behind, half_behind = rise(-STEP), rise(-STEP / 2)
    right = (4 * half_ahead - ahead) / STEP
    left = (behind - 4 * half_behind) / STEP
    return (right + left) / 2, right - left


def _require_enough(name: str, smooth: Array, kinks: float) -> None:
    skipped = int((~smooth).sum())
    assert skipped <= kinks * len(smooth), (
        f"{name}: {skipped} of {len(smooth)} directions have no slope, more than {kinks:.0%}"
    )
    assert smooth.any(), f"{name}: no direction has a slope: this proves nothing"


def _place(shape: Shape, direction: int) -> str:
    if int(np.prod(shape)) > EVERY_ENTRY_UP_TO:
        return f"along random direction {direction}"
    return f"at {tuple(int(i) for i in np.unravel_index(direction, shape))}"


def check_layer_gradients(
    layer: Layer,
    input_shape: Shape,
    batch: int = 2,
    *,
    training: bool = False,
    draw: Draw = normal,
    kinks: float = 0.0,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Compare the gradients of a layer's input and of all its parameters with slopes.

    Every evaluation sees the same state and the same random numbers.

    Args:
        layer: the layer.
        input_shape: one image's, without the batch.
        batch: how many images.
        training: whether in training mode.
        draw: how the input is drawn.
        kinks: which share of the directions may have no slope.
        seed: of everything random.

    Returns:
        One comparison for ``"x"`` and one for each parameter.

    Raises:
        AssertionError: a gradient differs, is missing, or nothing was proved.
    """
    points = {"x": draw(generator("x", seed), (batch, *input_shape))}
    points |= parameters_off_zero(layer, input_shape, seed)
    state = state_off_zero(layer, input_shape, seed)

    def run(name: str, array: Array) -> tuple[Array, Backward]:
        parameters = {**points, name: array}
        x = parameters.pop("x")
        return layer.forward(x, parameters, Context(training, generator("dropout", seed), state))

    y, backward = run("x", points["x"])
    cotangent = normal(generator("cotangent", seed), y.shape)
    dx, gradients = backward(cotangent)
    claimed = {"x": dx, **gradients}
    assert set(claimed) == set(points), f"gradients of {set(claimed)}, parameters {set(points)}"

    def compare(name: str) -> Comparison:
        return check_gradient(
            f"{layer}, d{name}",
            lambda array: run(name, array)[0],
            points[name],
            claimed[name],
            cotangent,
            kinks=kinks,
            seed=seed,
        )

    return {name: compare(name) for name in points}


def check_loss_gradients(
    loss: Loss, outputs: Array, targets: Array, *, kinks: float = 0.0, seed: int = 0
) -> Comparison:
    """Compare a loss's gradient by the network's outputs with slopes.

    Args:
        loss: the loss.
        outputs: of the network, (batch, …).
        targets: as the loss takes them.
        kinks: which share of the directions may have no slope.
        seed: of everything random.

    Raises:
        AssertionError: the gradient differs, or nothing was proved.
    """
    losses, backward = loss.forward(outputs, targets)
    cotangent = normal(generator("cotangent", seed), losses.shape)
    return check_gradient(
        f"{loss}, doutputs",
        lambda array: loss.forward(array, targets)[0],
        outputs,
        backward(cotangent),
        cotangent,
        kinks=kinks,
        seed=seed,
    )
