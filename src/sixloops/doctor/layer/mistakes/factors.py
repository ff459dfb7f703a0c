"""Numbers by which people multiply, or forget to divide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    JAVA,
    NUMPY_POOLING,
    POST_276213,
    Case,
    Factor,
    about,
)

SUM_OR_MEAN = f"{POST_276213}#6-the-sum-over-a-batch-or-its-mean"
LEARNT = ("weight", "bias", "gamma", "beta")


def _area(case: Case) -> float | None:
    window = case.window
    return None if window is None else float(np.prod(window.kernel))


def _area_over_stride(case: Case) -> float | None:
    window = case.window
    if window is None:
        return None
    return float(np.prod(window.kernel)) / float(np.prod(window.stride))


def _area_over_positions(case: Case) -> float | None:
    area, positions = _area(case), _positions(case)
    return None if area is None or positions is None else area / positions


def _side(case: Case) -> float | None:
    """Return k; None for 2, which may be any other factor 2."""
    window = case.window
    square = window is not None and window.kernel[0] == window.kernel[1] != 2
    return float(window.kernel[0]) if window is not None and square else None


def _positions(case: Case) -> float | None:
    window = case.window
    return None if window is None else float(np.prod(window.positions))


def _batch(case: Case) -> float | None:
    return float(case.batch) if case.images_axis else None


def _inverse(value: Callable[[Case], float | None]) -> Callable[[Case], float | None]:
    def inverted(case: Case) -> float | None:
        found = value(case)
        return None if found is None else 1 / found

    return inverted


def _both(case: Case) -> float | None:
    positions, batch = _positions(case), _batch(case)
    return None if positions is None or batch is None else positions * batch


MEAN_PAGE = f"{NUMPY_POOLING}#mean-pooling-and-why-every-pixel-gets-dy--k"
TIMES = "{what} is {ratio} times the true gradient everywhere: "

FACTORS: tuple[Factor, ...] = (
    Factor(
        "the window's area",
        _area,
        ("mean pooling",),
        ("x",),
        about(
            "mean-pool-not-divided",
            TIMES + "mean pooling's backward must divide by the window's area.",
            "y = (1/k²) Σ x_i, so dx_i = dy / k² for each of the k² pixels",
            "Divide by the area: np.repeat(np.repeat(dy, k, -2), k, -1) / (k * k).",
            MEAN_PAGE,
            1,
        ),
    ),
    Factor(
        "the window's area over that of a stride",
        _area_over_stride,
        ("mean pooling",),
        ("x",),
        about(
            "mean-pool-divided-by-stride",
            TIMES + "it is divided by the stride squared, not by the window's area.",
            "y = (1/k²) Σ x_i, so dx_i = dy / k², whatever the stride is",
            "Divide by the window's area k * k.",
            MEAN_PAGE,
            1,
        ),
    ),
    Factor(
        "the window's area over the number of windows",
        _area_over_positions,
        ("mean pooling",),
        ("x",),
        about(
            "mean-pool-divided-by-windows",
            TIMES + "it is divided by the number of windows, the size of the output's map, and "
            "not by the window's area.",
            "y = (1/k²) Σ x_i, so dx_i = dy / k², whatever the map's size is",
            "Divide by the window's area k * k.",
            MEAN_PAGE,
            1,
        ),
    ),
    Factor(
        "the window's side",
        _side,
        ("mean pooling",),
        ("x",),
        about(
            "mean-pool-divided-by-side",
            TIMES + "it is divided by the window's side k, not by its area k².",
            "y = (1/k²) Σ x_i, so dx_i = dy / k²",
            "Divide by k * k.",
            MEAN_PAGE,
            1,
        ),
    ),
    Factor(
        "one over the window's area",
        _inverse(_area),
        ("mean pooling",),
        ("x",),
        about(
            "mean-pool-divided-twice",
            TIMES + "the window's area is divided by twice.",
            "dx_i = dy / k², once",
            "Take one of the two divisions out.",
            MEAN_PAGE,
            1,
        ),
    ),
    Factor(
        "one over the window's area",
        _inverse(_area),
        ("max pooling", "sum pooling", "min pooling", "L2 pooling"),
        ("x",),
        about(
            "pool-divided-by-area",
            TIMES + "it is divided by the window's area, as in mean pooling.",
            "max pooling: dx_w = dy for the winner; nothing is shared out",
            "Take the division out.",
            MEAN_PAGE,
        ),
    ),
    Factor(
        "the batch's size",
        _batch,
        (),
        (),
        about(
            "multiplied-by-batch",
            TIMES + "that is the batch's size; a division by it is missing, or a multiplication "
            "too many.",
            "E = (1/N) Σ E_n is divided by N once, and so is its derivative, in the loss",
            "In the loss, divide by N; elsewhere, take the multiplication out.",
            SUM_OR_MEAN,
            22,
        ),
    ),
    Factor(
        "one over the batch's size",
        _inverse(_batch),
        (),
        (),
        about(
            "divided-by-batch",
            TIMES + "it is divided by the batch's size, which belongs into the loss alone.",
            "E = (1/N) Σ E_n: dy has the 1/N in it, and the layers only add up",
            "Divide by N once, in the loss, and nowhere else.",
            SUM_OR_MEAN,
            22,
        ),
    ),
    Factor(
        "one over the number of positions",
        _inverse(_positions),
        ("convolution",),
        LEARNT,
        about(
            "mean-over-positions",
            TIMES + "it is the mean over the positions and not their sum.",
            "dW = Σ_ij dz_ij · x_ij: a shared weight adds up over all positions",
            "Sum over the positions.",
            f"{JAVA}#4-shared-weights",
            22,
        ),
    ),
    Factor(
        "one over images times positions",
        _inverse(_both),
        ("convolution", "batch normalisation"),
        LEARNT,
        about(
            "mean-over-images-and-positions",
            TIMES + "it is the mean over images and positions and not their sum.",
            "dW = Σ_n Σ_ij dz · x: a shared weight adds up over all positions and images",
            "Sum over the positions and images (np.sum, not np.mean).",
            f"{JAVA}#4-shared-weights",
            22,
        ),
    ),
    Factor(
        "−1",
        lambda case: -1.0,
        (),
        (),
        about(
            "sign",
            "{what} has the wrong sign everywhere (cosine −1).",
            "∂E/∂x, and not −∂E/∂x: the minus belongs into the update, w ← w − η · dw",
            "Negate it, or see which of residual and update has a minus too many.",
            f"{JAVA}#5-the-update",
            23,
        ),
    ),
    Factor(
        "2",
        lambda case: 2.0,
        (),
        (),
        about(
            "factor-2",
            "{what} is 2.000 times the true gradient everywhere: a factor too many, or added "
            "twice.",
            "each contribution is added once",
            "Look for a forgotten ½, or for an array that is added to itself.",
        ),
    ),
    Factor(
        "½",
        lambda case: 0.5,
        (),
        (),
        about(
            "factor-half",
            "{what} is 0.500 times the true gradient everywhere, on every shape: a factor 2 is "
            "missing, or a ½ too many.",
            "the derivative of d² is 2d; only that of ½ d² is d",
            "Let the loss and its derivative have the same factor.",
            f"{JAVA}#the-one-rule",
        ),
    ),
)
