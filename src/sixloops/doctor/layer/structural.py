"""Mistakes that need no comparison of gradients: in forward itself, or in what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sixloops.doctor.layer.mistakes.base import JAVA, POST_276213, POST_316354, about
from sixloops.doctor.layer.trials import Trial, known_parameter, problem_of
from sixloops.doctor.verdict import Diagnosis

FORWARD_FAULTS = {
    "softmax-twice": about(
        "softmax-twice",
        "Softmax is applied twice: the outputs are nearly equal, and with ten classes the "
        "cross-entropy cannot fall below 1.461.",
        "p = softmax(z), once",
        "Hand the logits on: many losses have the softmax inside.",
        f"{JAVA}#6-all-of-it-together",
        21,
    ),
    "pool-axes": about(
        "pool-axes",
        "forward pools over pixels that lie apart, not over windows: after the reshape it takes "
        "the wrong axes.",
        "x.reshape(N, C, H/k, k, W/k, k), and the maximum or mean over axes 3 and 5",
        "Write H // k before k in the reshape.",
        "docs/answers/numpy-pooling.md",
        6,
    ),
    "every-pair": about(
        "every-pair",
        "Every output is compared with every target: (n, 1) against (n,) makes an n × n array.",
        "e_i = x_i − t_i, one for each image",
        "Bring both into one shape first: t.reshape(x.shape); and check that they have the same.",
        f"{POST_276213}#6-the-sum-over-a-batch-or-its-mean",
        30,
    ),
    "softmax-of-all": about(
        "softmax-of-all",
        "Softmax is taken over all images at once: an image's probabilities depend on the other "
        "images of its batch, and do not sum to 1.",
        "p_ni = exp(z_ni) / Σ_j exp(z_nj): the sum runs over the scores of image n alone",
        "np.exp(z) / np.exp(z).sum(axis=1, keepdims=True).",
        f"{JAVA}#6-all-of-it-together",
        12,
    ),
    "im2col-order": about(
        "im2col-order",
        "forward computes the right numbers and puts them in the wrong places: the product's axes "
        "are reshaped where they must be moved.",
        "W · P has its axes in the order (filter, image, row, column) or so; y needs (image, "
        "filter, row, column)",
        "reshape to the order in which the numbers are, then transpose(…) to the order wanted.",
        f"{POST_316354}#2-convolutions-error-back",
        11,
    ),
}
NEVER_UPDATED = about(
    "bias-never-updated",
    "backward updates the weights but not the bias.",
    "b ← b − η · db",
    "Update the bias too.",
    f"{POST_276213}#3-update-the-biases-too",
    15,
)
NO_DX = about(
    "returns-none",
    "backward returns nothing: the layers before get no error. (For the first layer of a network "
    "that is all right.)",
    "dx_i = Σ_o dy_o · ∂y_o/∂x_i",
    "Return dX.",
    f"{JAVA}#the-one-rule",
    26,
)
NO_GRADIENT = about(
    "missing-gradient",
    "backward gives no gradient for a learnt array.",
    "∂E/∂w for every learnt w",
    "Return it, or store it beside the array: self.dW for self.W.",
    f"{JAVA}#the-one-rule",
)
NOT_FINITE = about(
    "not-finite",
    "There are NaN or infinite numbers on ordinary inputs.",
    "",
    "Look for a division by 0, a logarithm of 0, or an exponential of a large number.",
)
WRONG_SHAPE = about(
    "wrong-shape",
    "A gradient has another shape than what it is the gradient of.",
    "the gradient of an array has its shape",
    "Sum over every axis along which the array is shared: for a bias the batch, and of maps also "
    "rows and columns, dz.sum(axis=(0, 2, 3)) for NCHW. Keep the others.",
    f"{JAVA}#4-shared-weights",
)


def structural_mistakes(trials: Sequence[Trial]) -> list[Diagnosis]:
    """Name what needs no comparison of numbers."""
    base, found = trials[0], []
    if base.forward_fault:
        found.append(FORWARD_FAULTS[base.forward_fault])
    if base.claimed.arrays.get("x") is None:
        found.append(NO_DX)
    missing = [n for n in base.names if n != "x" and known_parameter(n)]
    missing = [n for n in missing if base.claimed.arrays.get(n) is None]
    if missing:
        found.append(NO_GRADIENT)
    still = [n for n, a in base.claimed.moved.items() if not np.any(a) and known_parameter(n)]
    if still and any(np.any(a) for a in base.claimed.moved.values()):
        found.append(NEVER_UPDATED)
    problems = [
        problem_of(a, base.arrays[n].shape)
        for n, a in base.claimed.arrays.items()
        if a is not None and n in base.arrays
    ]
    if any("NaN" in problem for problem in problems) or not np.isfinite(base.y).all():
        found.append(NOT_FINITE)
    if any("shape" in problem for problem in problems):
        found.append(WRONG_SHAPE)
    return found
