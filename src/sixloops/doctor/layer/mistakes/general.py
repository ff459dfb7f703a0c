"""Mistakes that any layer may have."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import JAVA, POST_316354, Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array

RULE = "dx_i = Σ_o dy_o · ∂y_o/∂x_i"
BATCH = "dW = Σ_n dW of image n: a weight that every image uses adds up over the images"
UPDATE = f"{JAVA}#5-the-update"
LEARNT = ("weight", "bias", "gamma", "beta")


def _learnt(case: Case) -> list[str]:
    return [role for role in LEARNT if role in case.truth]


@mistake(
    about(
        "bias-summed-over-everything",
        "db is the same number for every output: it is summed over every axis, also over the "
        "outputs'.",
        "db_k = Σ over images (and positions) of dz_k: one sum for each output k",
        "Sum over the batch (and the positions) only: dz.sum(axis=0), or axis=(0, 2, 3) for maps.",
        f"{JAVA}#4-shared-weights",
        14,
    )
)
def bias_of_all(case: Case) -> Roles:
    """Sum db over all axes."""
    role = "bias" if "bias" in case.truth else "beta"
    return {role: np.full_like(case.truth[role], case.truth[role].sum())}


def _of_image(case: Case, number: int) -> Roles:
    if case.batch < 2 or not case.images_axis:
        raise ValueError("a single image")
    parts = case.only_image(number)
    return {role: parts[role] for role in _learnt(case)}


@mistake(
    about(
        "last-image-only",
        "The parameters' gradients are those of the last image alone: over the batch they are "
        "assigned (=) where they must be added (+=).",
        BATCH,
        "dW += …, with dW begun at zeros before the loop over images.",
        UPDATE,
        13,
    )
)
def last_image(case: Case) -> Roles:
    """Keep the last image's gradients."""
    return _of_image(case, -1)


@mistake(
    about(
        "last-image-only",
        "dW is that of the last image alone: over the batch it is assigned (=) where it must be "
        "added (+=).",
        BATCH,
        "dW += …, with dW begun at zeros before the loop over images.",
        UPDATE,
        13,
    )
)
def last_image_weight(case: Case) -> Roles:
    """Keep the last image's dW."""
    return {"weight": _of_image(case, -1)["weight"]}


@mistake(
    about(
        "last-image-only",
        "db is that of the last image alone: over the batch it is assigned (=) where it must be "
        "added (+=).",
        BATCH,
        "db += …, with db begun at zeros before the loop over images.",
        UPDATE,
        13,
    )
)
def last_image_bias(case: Case) -> Roles:
    """Keep the last image's db."""
    return {"bias": _of_image(case, -1)["bias"]}


@mistake(
    about(
        "first-image-only",
        "The parameters' gradients are those of the first image alone.",
        BATCH,
        "Add up over all images of the batch.",
        UPDATE,
        13,
    )
)
def first_image(case: Case) -> Roles:
    """Keep the first image's gradients."""
    return _of_image(case, 0)


@mistake(
    about(
        "dx-last-image-only",
        "dX is 0 for all images but the last: the array is made anew, or a return stands, inside "
        "the loop over images.",
        RULE + ", for every image",
        "Make dX before the loop over images, and return it behind the loop.",
        f"{POST_316354}#6-how-to-investigate",
        4,
    )
)
def dx_last_image(case: Case) -> Roles:
    """Keep dX of the last image."""
    return {"x": _one_image(case, -1)}


@mistake(
    about(
        "dx-first-image-only",
        "dX is 0 for all images but the first: a return stands inside the loop over images.",
        RULE + ", for every image",
        "Move the return behind the loop over images.",
        f"{POST_316354}#6-how-to-investigate",
        4,
    )
)
def dx_first_image(case: Case) -> Roles:
    """Keep dX of the first image."""
    return {"x": _one_image(case, 0)}


def _one_image(case: Case, number: int) -> Array:
    if case.batch < 2 or not case.images_axis:
        raise ValueError("a single image")
    dx = np.zeros_like(case.truth["x"])
    dx[number] = case.truth["x"][number]
    return dx


@mistake(
    about(
        "images-reversed",
        "dX has the right numbers, but at the wrong images: their order is reversed.",
        "dx of image n comes from dy of image n",
        "Do not move the batch's axis between forward and backward.",
        f"{POST_316354}#6-how-to-investigate",
        12,
    )
)
def images_reversed(case: Case) -> Roles:
    """Reverse the images."""
    if case.batch < 2 or not case.images_axis:
        raise ValueError("a single image")
    return {"x": case.truth["x"][::-1]}


@mistake(
    about(
        "returns-input",
        "dX is x: backward returns the layer's input.",
        RULE,
        "Return dX, not the cached input.",
        f"{JAVA}#the-one-rule",
        26,
    )
)
def returns_input(case: Case) -> Roles:
    """Return x."""
    return {"x": case.x}


@mistake(
    about(
        "returns-dy",
        "dX is dy: backward hands the error on as it came, without the layer's own derivative.",
        RULE,
        "Multiply by the layer's derivative.",
        f"{JAVA}#the-one-rule",
        18,
    )
)
def returns_dy(case: Case) -> Roles:
    """Return dy."""
    moves = case.kind == "rearrangement"  # then its numbers are in another order, and say so
    if moves or case.dy.shape != case.x.shape or case.trace.z is not case.trace.y:
        raise ValueError("another shape, or an activation, whose mistake has a name of its own")
    return {"x": case.dy}


@mistake(
    about(
        "returns-output",
        "dX is y: backward returns the layer's output.",
        RULE,
        "Return dX, not the cached output.",
        f"{JAVA}#the-one-rule",
        26,
    )
)
def returns_output(case: Case) -> Roles:
    """Return y."""
    if case.dy.shape != case.x.shape:
        raise ValueError("another shape")
    return {"x": case.trace.y}


def _zero(*roles: str) -> Mistake:
    what = " and ".join("dX" if role == "x" else f"the {role}'s gradient" for role in roles)
    return Mistake(
        about(
            "zero-gradient",
            f"All of {what} is 0: no error arrives there. Usual causes: an integer division, an "
            "equality of floats that never holds, an array that is never filled.",
            RULE,
            "Follow one number of dy through the backward, and see where it becomes 0.",
            f"{POST_316354}#7-what-the-usual-faults-do",
        ),
        (),
        lambda case: {role: np.zeros_like(case.truth[role]) for role in roles},
    )


@mistake(
    about(
        "image-axis-mixed",
        "dX has the right numbers in the wrong places: it was reshaped where its axes should have "
        "been moved.",
        "dx[n, c, p, q] belongs to image n, channel c",
        "Use transpose to move axes; reshape only cuts the row of numbers elsewhere.",
        f"{POST_316354}#6-how-to-investigate",
        12,
    )
)
def reshaped(case: Case) -> Roles:
    """Read dX in another order of its first two axes."""
    x = case.truth["x"]
    return {"x": x.swapaxes(0, 1).reshape(x.shape)}


@mistake(
    about(
        "dx-transposed",
        "dX has rows and columns swapped in every map.",
        RULE,
        "Keep rows and columns in the same order both ways.",
        f"{POST_316354}#6-how-to-investigate",
        12,
    )
)
def rows_and_columns(case: Case) -> Roles:
    """Read maps column by column."""
    x = case.truth["x"]
    return {"x": x.swapaxes(2, 3).reshape(x.shape)}


@mistake(
    about(
        "dx-transposed",
        "dX is filled column by column where it was read row by row.",
        RULE,
        "Keep rows and columns in the same order both ways.",
        f"{POST_316354}#6-how-to-investigate",
        12,
    )
)
def columns_and_rows(case: Case) -> Roles:
    """Write maps column by column."""
    x = case.truth["x"]
    n, c, h, w = x.shape
    return {"x": x.reshape(n, c, w, h).swapaxes(2, 3)}


@mistake(
    about(
        "dy-read-by-columns",
        "The error is read column by column where it was written row by row: dX is that of "
        "another dy.",
        "dx of position (i, j) comes from dy of position (i, j)",
        "Flatten and unflatten in the same order (C order both times).",
        f"{POST_316354}#6-how-to-investigate",
        12,
    ),
    *("max pooling", "mean pooling", "convolution", "L2 pooling"),
)
def dy_by_columns(case: Case) -> Roles:
    """Swap the positions' axes of dy."""
    dy = case.dy.swapaxes(2, 3).reshape(case.dy.shape)
    return case.through_core(case.trace.activation_backward(dy))


MISTAKES: tuple[Mistake, ...] = (
    *(bias_of_all, last_image, last_image_weight, last_image_bias, first_image),
    *(dx_last_image, dx_first_image, images_reversed),
    *(returns_input, returns_dy, returns_output, reshaped, rows_and_columns, columns_and_rows),
    dy_by_columns,
    *(_zero("x"), _zero("weight"), _zero("bias"), _zero("weight", "bias"), _zero("gamma")),
    *(_zero("x", "weight", "bias"), _zero("beta")),
)
