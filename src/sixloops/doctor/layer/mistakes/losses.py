"""Wrong gradients of losses: directions that people hand out, and factors of the right one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sixloops.doctor.layer.losses import LossCase
from sixloops.doctor.layer.mistakes.base import JAVA, POST_276213, POST_316354, about
from sixloops.doctor.layer.mistakes.factors import FACTORS
from sixloops.doctor.layer.where import constant_ratio
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.activations.sigmoid import logistic
from sixloops.layers.base import Array
from sixloops.losses.base import softmax

TOGETHER = f"{JAVA}#6-all-of-it-together"
SLOPE = f"{POST_316354}#4-where-the-sigmoid-stands"
SUM_OR_MEAN = f"{POST_276213}#6-the-sum-over-a-batch-or-its-mean"
SOFTMAX = "E = −Σ t·ln p with p = softmax(z): dE/dz = p − t"
SIGMOID = "E = −Σ (t·ln a + (1 − t)·ln(1 − a)) with a = σ(z): dE/dz = a − t"
SQUARE = "E = ½ Σ (a − t)² with a = σ(z): dE/dz = (a − t) · a(1 − a)"


@dataclass(frozen=True)
class Direction:
    """A wrong gradient of a loss, up to a factor.

    Args:
        kinds: losses that it is about.
        diagnosis: what to say.
        wrong: from x and t as (image, feature).
    """

    kinds: tuple[str, ...]
    diagnosis: Diagnosis
    wrong: Callable[[Array, Array], Array]


DIRECTIONS = (
    Direction(
        ("softmax cross-entropy",),
        about(
            "target-not-subtracted",
            "dX is p alone: the target is not subtracted.",
            SOFTMAX,
            "p - t, with t one-hot; for classes p[range(N), classes] -= 1.",
            TOGETHER,
        ),
        lambda x, t: softmax(x),
    ),
    Direction(
        ("softmax cross-entropy",),
        about(
            "softmax-slope-twice",
            "dX is (p − t) · p(1 − p): softmax's derivative is in p − t already, and is "
            "multiplied in again.",
            SOFTMAX,
            "Return p - t as it is.",
            TOGETHER,
            17,
        ),
        lambda x, t: (softmax(x) - t) * softmax(x) * (1 - softmax(x)),
    ),
    Direction(
        ("softmax cross-entropy",),
        about(
            "gradient-of-probabilities",
            "dX is −t / p, the derivative by the probabilities: that of softmax is missing.",
            SOFTMAX,
            "The loss takes scores z, so return p - t.",
            TOGETHER,
            18,
        ),
        lambda x, t: -t / softmax(x),
    ),
    Direction(
        ("softmax cross-entropy",),
        about(
            "softmax-diagonal",
            "dX is −t(1 − p): only the diagonal of softmax's Jacobian is used.",
            "dp_j/dz_i = p_j(δ_ij − p_i): every probability depends on every score",
            "With the whole Jacobian it becomes p - t.",
            TOGETHER,
            20,
        ),
        lambda x, t: -t * (1 - softmax(x)),
    ),
    Direction(
        ("softmax cross-entropy", "sigmoid cross-entropy", "sigmoid squared error"),
        about(
            "scores-for-probabilities",
            "dX is z − t: the scores stand where their probabilities belong.",
            SOFTMAX,
            "Put softmax's (or the sigmoid's) output into it.",
            TOGETHER,
            17,
        ),
        lambda x, t: x - t,
    ),
    Direction(
        ("cross-entropy", "binary cross-entropy"),
        about(
            "gradient-of-scores",
            "dX is p − t, the derivative by the scores; but this loss takes probabilities.",
            "E = −Σ t·ln p: dE/dp = −t / p",
            "Return -t / p; or take the scores, with softmax (or sigmoid) inside, and keep p - t.",
            TOGETHER,
            17,
        ),
        lambda x, t: x - t,
    ),
    Direction(
        ("cross-entropy",),
        about(
            "target-forgotten",
            "dX is −1 / p: the target is not multiplied in.",
            "E = −Σ t·ln p: dE/dp = −t / p",
            "-t / p.",
            TOGETHER,
        ),
        lambda x, t: -1 / x,
    ),
    Direction(
        ("cross-entropy",),
        about(
            "binary-for-softmax",
            "dX is (p − t) / (p(1 − p)), that of ten binary cross-entropies.",
            "E = −Σ t·ln p: dE/dp = −t / p",
            "-t / p; or add the terms (1 - t) ln(1 - p) to the loss.",
            TOGETHER,
        ),
        lambda x, t: (x - t) / (x * (1 - x)),
    ),
    Direction(
        ("binary cross-entropy",),
        about(
            "second-term-forgotten",
            "dX is −t / p: the derivative of (1 − t)·ln(1 − p) is missing.",
            "dE/dp = −t / p + (1 − t) / (1 − p)",
            "Add (1 - t) / (1 - p).",
            TOGETHER,
        ),
        lambda x, t: -t / x,
    ),
    Direction(
        ("sigmoid cross-entropy",),
        about(
            "slope-twice",
            "dX is (a − t) · a(1 − a): the sigmoid's slope has cancelled in a − t, and is "
            "multiplied in again.",
            SIGMOID,
            "Return a - t as it is.",
            SLOPE,
            17,
        ),
        lambda x, t: (logistic(x) - t) * logistic(x) * (1 - logistic(x)),
    ),
    Direction(
        ("sigmoid cross-entropy",),
        about(
            "slope-forgotten",
            "dX is (a − t) / (a(1 − a)), the derivative by the activation: the sigmoid's slope is "
            "missing.",
            SIGMOID,
            "Multiply by a(1 - a), which leaves a - t.",
            SLOPE,
            18,
        ),
        lambda x, t: (logistic(x) - t) / (logistic(x) * (1 - logistic(x))),
    ),
    Direction(
        ("sigmoid squared error",),
        about(
            "slope-forgotten",
            "dX is a − t: the sigmoid's slope f′(z) = a(1 − a) is missing. With binary "
            "cross-entropy it would cancel; with the squared error it does not.",
            SQUARE,
            "Multiply by a * (1 - a).",
            SLOPE,
            18,
        ),
        lambda x, t: logistic(x) - t,
    ),
    Direction(
        ("sigmoid squared error",),
        about(
            "slope-at-output",
            "The sigmoid's slope is taken at the wrong place: σ′(a), at its output, and not σ′(z).",
            SQUARE,
            "With a at hand the slope is a * (1 - a).",
            SLOPE,
            17,
        ),
        lambda x, t: (logistic(x) - t) * logistic(logistic(x)) * (1 - logistic(logistic(x))),
    ),
    Direction(
        ("softmax squared error",),
        about(
            "softmax-diagonal",
            "dX is (p − t) · p(1 − p): only the diagonal of softmax's Jacobian is used.",
            "dE/dz_i = p_i · (e_i − Σ_j e_j p_j) with e = p − t",
            "Use the whole Jacobian; or cross-entropy, whose gradient is p − t.",
            TOGETHER,
            20,
        ),
        lambda x, t: (softmax(x) - t) * softmax(x) * (1 - softmax(x)),
    ),
    Direction(
        ("softmax squared error",),
        about(
            "slope-forgotten",
            "dX is p − t: softmax's slope (its Jacobian) is missing. With cross-entropy it would "
            "cancel; with the squared error it does not.",
            "dE/dz_i = p_i · (e_i − Σ_j e_j p_j) with e = p − t",
            "Use the Jacobian; or cross-entropy.",
            TOGETHER,
            18,
        ),
        lambda x, t: softmax(x) - t,
    ),
    Direction(
        ("squared error",),
        about(
            "gradient-of-absolute-error",
            "dX is the sign of x − t: that of the absolute error.",
            "E = ½ Σ (x − t)²: dE/dx = x − t",
            "Return x - t (times 2 without the half).",
        ),
        lambda x, t: np.sign(x - t),
    ),
    Direction(
        ("absolute error",),
        about(
            "gradient-of-squared-error",
            "dX is x − t: that of the squared error.",
            "E = Σ |x − t|: dE/dx = sign(x − t)",
            "Return np.sign(x - t).",
        ),
        lambda x, t: x - t,
    ),
)

OUTPUTS = about(
    "multiplied-by-outputs",
    "dX is {ratio} times the true gradient: that is how many outputs an image has. The loss is the "
    "mean over all numbers, images times outputs, but its gradient is divided by the images alone. "
    "With one output it is right.",
    "E = (1/(N·D)) Σ e: its derivative has the same 1/(N·D)",
    "Divide by the array's size, not by its length; or let the loss divide by the images alone.",
    SUM_OR_MEAN,
    22,
)
NUMBERS = about(
    "multiplied-by-numbers",
    "dX is {ratio} times the true gradient: that is how many numbers there are, images times "
    "outputs. The loss is divided by it, its gradient is not.",
    "E = (1/(N·D)) Σ e: its derivative has the same 1/(N·D)",
    "Divide the gradient by the array's size as well.",
    SUM_OR_MEAN,
    22,
)
DIVIDED = about(
    "divided-by-outputs",
    "dX is {ratio} times the true gradient: it is divided by the outputs of an image, which the "
    "loss is not.",
    "a loss and its derivative have the same factor",
    "Divide both by the same number.",
    SUM_OR_MEAN,
    22,
)
_BY_NAME = {factor.diagnosis.id: factor.diagnosis for factor in FACTORS}
RATIOS: tuple[tuple[Diagnosis, Callable[[float, float], float]], ...] = (
    (_BY_NAME["sign"], lambda n, d: -1.0),
    (_BY_NAME["multiplied-by-batch"], lambda n, d: n),
    (_BY_NAME["divided-by-batch"], lambda n, d: 1 / n),
    (OUTPUTS, lambda n, d: d),
    (NUMBERS, lambda n, d: n * d),
    (DIVIDED, lambda n, d: 1 / d),
    (DIVIDED, lambda n, d: 1 / (n * d)),
    (_BY_NAME["factor-2"], lambda n, d: 2.0),
    (_BY_NAME["factor-half"], lambda n, d: 0.5),
)


def name_loss(cases: Sequence[tuple[LossCase, Array, float]]) -> list[Diagnosis]:
    """Name what is wrong with a recognised loss's gradient.

    Args:
        cases: of each trial the loss, what backward claimed, and the tolerance.
    """
    ratios = [constant_ratio(claimed, case.truth, tol) for case, claimed, tol in cases]
    if all(ratio is not None for ratio in ratios):
        return _by_ratio([case for case, _, _ in cases], [ratio or 0.0 for ratio in ratios])
    for direction in DIRECTIONS:
        if all(_along(direction, case, claimed, tol) for case, claimed, tol in cases):
            return [direction.diagnosis]
    return []


def _by_ratio(cases: Sequence[LossCase], ratios: list[float]) -> list[Diagnosis]:
    for diagnosis, expected in RATIOS:
        wanted = [expected(*map(float, case.x.shape)) for case in cases]
        if all(abs(r / w - 1) < 1e-3 for r, w in zip(ratios, wanted, strict=True)):
            sentence = diagnosis.sentence.replace("{what}", "dX")
            return [replace(diagnosis, sentence=sentence.replace("{ratio}", f"{ratios[0]:.3f}"))]
    return []


def _along(direction: Direction, case: LossCase, claimed: Array, tolerance: float) -> bool:
    if case.loss.kind not in direction.kinds:
        return False
    with np.errstate(all="ignore"):
        wrong = case.orient(direction.wrong(case.x, case.t))
    return constant_ratio(claimed, wrong, tolerance) is not None
