"""Wrong backwards of what makes maps larger: upsampling and transposed convolution."""

from __future__ import annotations

from typing import Any

from sixloops.doctor.layer.mistakes.base import JAVA, POST_316354, Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array

UPSAMPLING, TRANSPOSED = "upsampling", "transposed convolution"
COPIES = (
    "every copy y_j = x_i hands its error back: dx_i = Σ_j dy_j over the copies of x_i",
    "dy.reshape(N, C, H, k, W, k).sum(axis=(3, 5)).",
    f"{JAVA}#the-one-rule",
)


def _blocks(case: Case) -> Array:
    """Return dy with an axis for the copies of a pixel, down and across."""
    n, c, h, w = case.x.shape
    layer: Any = case.trace.model.core.layer
    return case.dz.reshape(n, c, h, layer.times[0], w, layer.times[1])


@mistake(
    about(
        "upsampling-mean",
        "dX is the mean of its copies' errors, and must be their sum: nothing was divided on the "
        "way forward.",
        *COPIES,
    ),
    UPSAMPLING,
)
def mean(case: Case) -> Roles:
    """Take the mean."""
    return {"x": _blocks(case).mean(axis=(3, 5))}


@mistake(
    about(
        "upsampling-one-copy",
        "dX is the error of the first copy of each pixel alone: those of the other copies must be "
        "added.",
        *COPIES,
    ),
    UPSAMPLING,
)
def first_copy(case: Case) -> Roles:
    """Take every k-th error."""
    return {"x": _blocks(case)[:, :, :, 0, :, 0]}


@mistake(
    about(
        "upsampling-largest",
        "dX is the largest of its copies' errors, as if the copies were pooled: it must be their "
        "sum.",
        *COPIES,
    ),
    UPSAMPLING,
)
def largest(case: Case) -> Roles:
    """Take the maximum."""
    return {"x": _blocks(case).max(axis=(3, 5))}


@mistake(
    about(
        "upsampling-reshaped",
        "The errors are added up in wrong groups: the reshape takes the copies' axes before the "
        "pixels'.",
        COPIES[0],
        "Write H before k in the reshape: dy.reshape(N, C, H, k, W, k).",
        COPIES[2],
        6,
    ),
    UPSAMPLING,
)
def reshaped(case: Case) -> Roles:
    """Reshape to (k, H, k, W)."""
    n, c, h, w = case.x.shape
    _, _, _, down, _, across = _blocks(case).shape
    return {"x": case.dz.reshape(n, c, down, h, across, w).sum(axis=(2, 4))}


def _turned(case: Case, weight: Array) -> Roles:
    """Return dX with other kernels."""
    roles = {**case.trace.given, "weight": weight}
    return {"x": case.trace.model.core.run(roles)[1](case.dz)["x"]}


@mistake(
    about(
        "kernel-not-rotated",
        "dX is right if the kernel is turned by 180°: the backward of a transposed convolution is "
        "a plain correlation, with the kernel as it is.",
        "dx[c,i,j] = Σ_f Σ_uv W[c,f,u,v] · dy[f,s·i+u,s·j+v]",
        "Take the kernel as the forward did, without turning it.",
        f"{POST_316354}#2-convolutions-error-back",
        7,
    ),
    TRANSPOSED,
)
def rotated(case: Case) -> Roles:
    """Turn the kernel."""
    return _turned(case, case.trace.given["weight"][..., ::-1, ::-1])


@mistake(
    about(
        "weights-updated-first",
        "dX is that of the weights after the update: W was changed before dX was computed "
        "(the error vanishes at learning rate 0).",
        "dx[c,i,j] = Σ_f Σ_uv W[c,f,u,v] · dy[f,s·i+u,s·j+v], with the W that the forward used",
        "Compute dX first, and update last.",
        f"{JAVA}#5-the-update",
        19,
    ),
    TRANSPOSED,
)
def updated_first(case: Case) -> Roles:
    """Use W − rate·dW in dX."""
    return _turned(case, case.trace.given["weight"] - case.rate * case.truth["weight"])


MISTAKES: tuple[Mistake, ...] = (mean, first_copy, largest, reshaped, rotated, updated_first)
