"""Wrong slopes of activations, alone or behind a convolution, a pooling or a dense layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.doctor.layer.mistakes.base import JAVA, POST_316354, Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles, activation_name
from sixloops.doctor.layer.variants import FixedDropout, Shortcut
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers import ScaledTanh
from sixloops.layers.activations.sigmoid import logistic
from sixloops.layers.base import Array

RIGHT = "dz = dy · f′(z)"
RELU = f"{JAVA}#1-backward-of-relu"
SLOPE = f"{POST_316354}#4-where-the-sigmoid-stands"


def _is(case: Case, *names: str) -> None:
    if activation_name(case.trace.model.activation) not in names:
        raise ValueError("another activation")


def _acts(case: Case) -> None:
    """Require an activation whose slope is not 1 everywhere."""
    if activation_name(case.trace.model.activation) == "identity":
        raise ValueError("no activation")


@mistake(
    about(
        "slope-forgotten",
        "The activation's slope f′(z) is missing: the error goes through as if the activation were "
        "the identity.",
        RIGHT,
        "Multiply dy by f′(z).",
        SLOPE,
        18,
    )
)
def forgotten(case: Case) -> Roles:
    """Leave f′ out."""
    _acts(case)
    if isinstance(case.trace.model.activation, Shortcut | FixedDropout):
        raise ValueError("this mistake has a name of its own there")
    return case.through_core(case.dy)


@mistake(
    about(
        "error-dropped",
        "dX is the slope f′(z) alone: the error from above, dy, is not multiplied in.",
        RIGHT,
        "Multiply the slope by dy.",
        RELU,
        16,
    )
)
def dropped(case: Case) -> Roles:
    """Leave dy out."""
    _acts(case)
    _not_softmax(case)
    return case.through_core(case.slope(case.trace.z))


WHOLE_ROWS = ("softmax", "log-softmax", "normalisation to length 1")
"""Activations whose outputs depend on all scores of their image."""


def _not_softmax(case: Case) -> None:
    if activation_name(case.trace.model.activation) in WHOLE_ROWS:
        raise ValueError("its Jacobian is not diagonal")


@mistake(
    about(
        "slope-at-output",
        "The slope is taken at the wrong place: f′(f(z)), at the activation's output, and not "
        "f′(z).",
        RIGHT + "; with y = f(z) at hand, sigmoid's is y(1 − y) and tanh's 1 − y²",
        "Give f′ the input z, or use the form in y, but not both.",
        SLOPE,
        17,
    )
)
def at_output(case: Case) -> Roles:
    """Take f′ at y."""
    _acts(case)
    _not_softmax(case)
    return case.through_core(case.dy * case.slope(case.trace.y))


@mistake(
    about(
        "slope-twice",
        "The slope is in twice: dX has f′(z)².",
        RIGHT + ", once",
        "Take one of the two multiplications by f′ out.",
        SLOPE,
        17,
    )
)
def twice(case: Case) -> Roles:
    """Multiply by f′ twice."""
    _acts(case)
    return case.through_core(case.trace.activation_backward(case.dz))


@mistake(
    about(
        "output-form-at-input",
        "The slope's form in y is given z: z(1 − z) where y(1 − y) belongs.",
        "σ′(z) = y(1 − y) with y = σ(z)",
        "Put the output y into it: dy * y * (1 - y).",
        SLOPE,
        17,
    )
)
def sigmoid_of_input(case: Case) -> Roles:
    """Take z(1 − z)."""
    _is(case, "sigmoid")
    return case.through_core(case.dy * case.trace.z * (1 - case.trace.z))


@mistake(
    about(
        "output-form-at-input",
        "The slope's form in y is given z: 1 − z² where 1 − y² belongs.",
        "tanh′(z) = 1 − y² with y = tanh(z)",
        "Put the output y into it: dy * (1 - y**2).",
        SLOPE,
        17,
    )
)
def tanh_of_input(case: Case) -> Roles:
    """Take 1 − z²."""
    _is(case, "tanh")
    return case.through_core(case.dy * (1 - case.trace.z**2))


@mistake(
    about(
        "tanh-not-squared",
        "The slope is 1 − y: the square is missing.",
        "tanh′(z) = 1 − y² with y = tanh(z)",
        "dy * (1 - y**2).",
        SLOPE,
        17,
    )
)
def tanh_not_squared(case: Case) -> Roles:
    """Take 1 − y."""
    _is(case, "tanh")
    return case.through_core(case.dy * (1 - case.trace.y))


SCALED = (
    "y = A · tanh(S · z), so y′ = A · S · (1 − tanh²(S · z)): the chain rule brings S out",
    "dy * A * S * (1 - t**2) with t = tanh(S * z); with y at hand, t = y / A.",
    SLOPE,
    17,
)


def _scaled(case: Case) -> ScaledTanh:
    activation = case.trace.model.activation
    if not isinstance(activation, ScaledTanh):
        raise ValueError("another activation")
    return activation


@mistake(
    about(
        "scaled-tanh-no-inner",
        "dX lacks the inner factor S (2/3 in LeCun's tanh): the inner derivative is forgotten.",
        *SCALED,
    )
)
def scaled_tanh_no_inner(case: Case) -> Roles:
    """Leave S out."""
    return case.through_core(case.dz / _scaled(case).slope)


@mistake(
    about(
        "scaled-tanh-no-outer",
        "dX lacks the outer factor A (1.7159 in LeCun's tanh).",
        *SCALED,
    )
)
def scaled_tanh_no_outer(case: Case) -> Roles:
    """Leave A out."""
    return case.through_core(case.dz / _scaled(case).amplitude)


@mistake(
    about(
        "scaled-tanh-plain",
        "dX lacks both factors, A and S: it has 1 − tanh²(S · z) alone.",
        *SCALED,
    )
)
def scaled_tanh_plain(case: Case) -> Roles:
    """Leave both out."""
    return case.through_core(case.dz / (_scaled(case).amplitude * _scaled(case).slope))


@mistake(
    about(
        "scaled-tanh-of-output",
        "The slope is that of the plain tanh, 1 − y²; but y is A · tanh(S · z) here.",
        *SCALED,
    )
)
def scaled_tanh_of_output(case: Case) -> Roles:
    """Take 1 − y²."""
    _scaled(case)
    return case.through_core(case.dy * (1 - case.trace.y**2))


@mistake(
    about(
        "tanh-for-sigmoid",
        "The slope is tanh's, 1 − y², but the activation is a sigmoid.",
        "σ′(z) = y(1 − y)",
        "dy * y * (1 - y).",
        SLOPE,
        17,
    )
)
def tanh_for_sigmoid(case: Case) -> Roles:
    """Take 1 − y² for a sigmoid."""
    _is(case, "sigmoid")
    return case.through_core(case.dy * (1 - case.trace.y**2))


@mistake(
    about(
        "sigmoid-for-tanh",
        "The slope is a sigmoid's, y(1 − y), but the activation is tanh.",
        "tanh′(z) = 1 − y²",
        "dy * (1 - y**2).",
        SLOPE,
        17,
    )
)
def sigmoid_for_tanh(case: Case) -> Roles:
    """Take y(1 − y) for tanh."""
    _is(case, "tanh")
    return case.through_core(case.dy * case.trace.y * (1 - case.trace.y))


@mistake(
    about(
        "relu-of-error",
        "ReLU is applied to the error: negative errors are cut off, whatever the input was.",
        "dx = dy where x > 0, else 0: the sign of x on the way forward decides, not that of dy",
        "np.where(x > 0, dy, 0).",
        RELU,
        16,
    )
)
def relu_of_error(case: Case) -> Roles:
    """Take max(dy, 0)."""
    _is(case, "ReLU")
    return case.through_core(np.maximum(case.dy, 0))


@mistake(
    about(
        "relu-mask-and-error",
        "Negative errors are cut off as well: the mask holds x > 0 and dy > 0.",
        "dx = dy where x > 0, else 0: a negative error goes through an open ReLU unchanged",
        "np.where(x > 0, dy, 0).",
        RELU,
        16,
    )
)
def relu_both(case: Case) -> Roles:
    """Take max(dy, 0) where x > 0."""
    _is(case, "ReLU")
    return case.through_core(np.maximum(case.dz, 0))


@mistake(
    about(
        "relu-mask-inverted",
        "The mask is the wrong way round: the error goes through where x < 0.",
        "dx = dy where x > 0, else 0",
        "np.where(x > 0, dy, 0).",
        RELU,
    )
)
def relu_inverted(case: Case) -> Roles:
    """Let the error through where x ≤ 0."""
    _is(case, "ReLU")
    return case.through_core(np.where(case.trace.z > 0, 0, case.dy))


@mistake(
    about(
        "relu-returns-input",
        "dX is max(x, 0), the forward once more: the error is not in it.",
        "dx = dy where x > 0, else 0",
        "np.where(x > 0, dy, 0).",
        RELU,
        26,
    )
)
def relu_forward_again(case: Case) -> Roles:
    """Return the forward's output."""
    _is(case, "ReLU")
    return case.through_core(case.trace.y)


@mistake(
    about(
        "leaky-slope-forgotten",
        "Where x < 0 dX is 0: this is ReLU's backward, but the forward leaks.",
        "dx = dy where x > 0, else α · dy",
        "np.where(x > 0, dy, alpha * dy).",
        RELU,
    )
)
def leak_forgotten(case: Case) -> Roles:
    """Cut off below 0."""
    _is(case, "leaky ReLU", "ELU", "selu")
    return case.through_core(np.where(case.trace.z > 0, case.dy, 0))


@mistake(
    about(
        "leaky-slope-by-error",
        "The slope is chosen by the sign of the error dy, where the sign of the input x must "
        "decide.",
        "dx = dy where x > 0, else α · dy: x is the input of the forward",
        "np.where(x > 0, dy, alpha * dy), with the x that forward stored.",
        RELU,
        17,
    )
)
def leak_by_error(case: Case) -> Roles:
    """Leak where dy < 0."""
    _is(case, "leaky ReLU")
    return case.through_core(np.where(case.dy > 0, case.dy, case.slope(case.dy) * case.dy))


@mistake(
    about(
        "slope-at-error",
        "The slope is taken at the wrong place: f′(dy), at the error, and not f′(z).",
        RIGHT,
        "Give f′ the z that forward stored.",
        SLOPE,
        17,
    )
)
def at_error(case: Case) -> Roles:
    """Take f′ at dy."""
    _acts(case)
    _not_softmax(case)
    if activation_name(case.trace.model.activation) in ("ReLU", "leaky ReLU"):
        raise ValueError("this mistake has names of its own there")
    return case.through_core(case.dy * case.slope(case.dy))


@mistake(
    about(
        "leaky-slope-without-error",
        "Where x < 0 dX is the slope α alone: dy is not multiplied in there.",
        "dx = dy where x > 0, else α · dy",
        "np.where(x > 0, dy, alpha * dy).",
        RELU,
        16,
    )
)
def leak_without_error(case: Case) -> Roles:
    """Return α below 0."""
    _is(case, "leaky ReLU")
    z = case.trace.z
    return case.through_core(np.where(z > 0, case.dy, case.slope(z)))


def _other_leak(slope: float) -> Mistake:
    """Leak by another slope than the forward."""

    def wrong(case: Case) -> Roles:
        _is(case, "leaky ReLU")
        own = float(case.slope(np.array([[-1.0]])).item())
        if abs(own - slope) < 1e-9 or slope == 0:
            raise ValueError("the same slope")
        return case.through_core(np.where(case.trace.z > 0, case.dy, slope * case.dy))

    said = about(
        "leaky-other-slope",
        f"Where x < 0 dX is {slope:g} · dy, but the forward's slope α there is another one.",
        "dx = dy where x > 0, else α · dy, with the α of the forward",
        "np.where(x > 0, dy, alpha * dy), with one alpha for both ways.",
        RELU,
    )
    return Mistake(said, (), wrong)


@mistake(
    about(
        "shortcut-forgotten",
        "dX lacks the shortcut's part: forward adds x to its result, so dy itself must be added "
        "to dX.",
        "y = x + f(x), so dx = dy + dy · f′(x)",
        "Return dy + what you return now.",
        f"{JAVA}#the-one-rule",
    )
)
def shortcut_forgotten(case: Case) -> Roles:
    """Leave dy out."""
    if not isinstance(case.trace.model.activation, Shortcut):
        raise ValueError("no shortcut")
    return case.through_core(case.dz - case.dy)


@mistake(
    about(
        "only-shortcut",
        "dX is dy alone, the shortcut's part: that of f(x) is missing.",
        "y = x + f(x), so dx = dy + dy · f′(x)",
        "Add dy · f′(x).",
        f"{JAVA}#the-one-rule",
        18,
    )
)
def only_shortcut(case: Case) -> Roles:
    """Leave f′ out."""
    if not isinstance(case.trace.model.activation, Shortcut):
        raise ValueError("no shortcut")
    return case.through_core(case.dy)


@mistake(
    about(
        "swish-without-product-rule",
        "dX is dy · σ(x): the second part of the product's derivative is missing.",
        "y = x · σ(x), so y′ = σ(x) + x · σ(x)(1 − σ(x))",
        "dy * (s + x * s * (1 - s)) with s = σ(x).",
        SLOPE,
        17,
    )
)
def swish_first_part(case: Case) -> Roles:
    """Leave x·σ′ out."""
    _is(case, "swish")
    return case.through_core(case.dy / (1 + np.exp(-case.trace.z)))


def _relu(x: Array, y: Array) -> Array:
    return np.where(x > 0, 1.0, 0.0)


SLOPES: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (
    ("1 − y², tanh's at its output", lambda x, y: 1 - y**2),
    ("1 − tanh²(x), tanh's", lambda x, y: 1 - np.tanh(x) ** 2),
    ("y(1 − y), a sigmoid's at its output", lambda x, y: y * (1 - y)),
    ("σ(x)(1 − σ(x)), a sigmoid's", lambda x, y: logistic(x) * (1 - logistic(x))),
    ("σ(x), a sigmoid itself", lambda x, y: logistic(x)),
    ("1 where x > 0 and else 0, ReLU's", _relu),
    ("1 where x > 0 and else y", lambda x, y: np.where(x > 0, 1, y)),
    ("y, which is the function itself", lambda x, y: y),
    ("x", lambda x, y: x),
    ("2x, a square's", lambda x, y: 2 * x),
    ("e^x", lambda x, y: np.exp(x)),
    ("cos x", lambda x, y: np.cos(x)),
)
"""What people multiply by, in words and from input and output."""


def other_slope(words: str) -> Diagnosis:
    """Say that the error is multiplied by something else than the slope."""
    return about(
        "slope-of-another",
        f"The error is multiplied by {words}; that is not the slope of what forward computes.",
        RIGHT + ", and f′(z) ≈ (f(z + h) − f(z − h)) / 2h",
        "Differentiate the function of the forward, by the chain rule from its outside to its "
        "inside, and hold it against that quotient.",
        SLOPE,
        17,
    )


def _of_another(words: str, slope: Callable[[Array, Array], Array]) -> Mistake:
    """Multiply by another function's slope."""

    def wrong(case: Case) -> Roles:
        _acts(case)
        _not_softmax(case)
        return case.through_core(case.dy * slope(case.trace.z, case.trace.y))

    return Mistake(other_slope(words), (), wrong)


def bound_forgotten(where: str) -> Diagnosis:
    """Say that errors pass where the output is held fast."""
    return about(
        "bound-forgotten",
        f"Where y is held at its {where} the error goes through, as if it were not held.",
        "f is flat there: f′(z) = 0 where y does not move with z",
        "Multiply dy by 0 there: dy * (low < z) * (z < high), with the bounds of the forward.",
        SLOPE,
        17,
    )


def _dropped(case: Case) -> FixedDropout:
    if not isinstance(case.trace.model.activation, FixedDropout):
        raise ValueError("no dropout")
    return case.trace.model.activation


DROPOUT = (
    "y_i = m_i · x_i / (1 − p), so dx_i = m_i · dy_i / (1 − p), with the same mask m",
    "Multiply dy by what forward multiplied x by: the stored mask and its scale.",
    f"{JAVA}#the-one-rule",
)


@mistake(
    about(
        "dropout-mask-forgotten",
        "The errors of dropped units go through: dropout's mask is missing in backward.",
        *DROPOUT,
    )
)
def mask_forgotten(case: Case) -> Roles:
    """Hand dy on."""
    _dropped(case)
    return case.through_core(case.dy)


@mistake(
    about(
        "dropout-scale-forgotten",
        "The mask is right, but the scale 1/(1 − p), by which forward multiplies what it keeps, "
        "is missing in backward.",
        *DROPOUT,
    )
)
def scale_forgotten(case: Case) -> Roles:
    """Leave the scale out."""
    return case.through_core(np.where(_dropped(case).kept, case.dy, 0))


@mistake(
    about(
        "dropout-scale-twice",
        "The mask is right, but the scale 1/(1 − p) is multiplied in twice.",
        *DROPOUT,
    )
)
def scale_twice(case: Case) -> Roles:
    """Scale twice."""
    return case.through_core(case.dz * _dropped(case).scale)


@mistake(
    about(
        "dropout-mask-inverted",
        "The errors go through where forward dropped, and not where it kept: the mask is the "
        "wrong way round.",
        *DROPOUT,
    )
)
def mask_inverted(case: Case) -> Roles:
    """Keep what was dropped."""
    return case.through_core(np.where(_dropped(case).kept, 0, case.dy * _dropped(case).scale))


@mistake(
    about(
        "softmax-diagonal",
        "Only the diagonal of softmax's Jacobian is used, y(1 − y): that every output depends on "
        "every score is left out.",
        "dz_i = y_i · (dy_i − Σ_j dy_j · y_j)",
        "y * (dy - (dy * y).sum(axis=1, keepdims=True)); or softmax and cross-entropy together: "
        "p − t.",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def softmax_diagonal(case: Case) -> Roles:
    """Take y(1 − y)."""
    _is(case, "softmax")
    return case.through_core(case.dy * case.trace.y * (1 - case.trace.y))


@mistake(
    about(
        "softmax-summed-over-batch",
        "The sum in softmax's backward runs over all images together, and not over each one's own "
        "scores.",
        "dz_ni = y_ni · (dy_ni − Σ_j dy_nj · y_nj)",
        "(dy * y).sum(axis=1, keepdims=True): over the scores, image by image.",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def softmax_whole(case: Case) -> Roles:
    """Sum over the whole array."""
    _is(case, "softmax")
    y = case.trace.y
    return case.through_core(y * (case.dy - (case.dy * y).sum()))


@mistake(
    about(
        "log-softmax-no-sum",
        "dX is dy − p: the sum of the errors, by which p must be multiplied, is missing; it is 1 "
        "only where dy picks one class out.",
        "y = z − ln Σ e^z, so dz_i = dy_i − p_i · Σ_j dy_j",
        "dy - np.exp(y) * dy.sum(axis=1, keepdims=True).",
        f"{JAVA}#6-all-of-it-together",
        20,
    )
)
def log_softmax_no_sum(case: Case) -> Roles:
    """Subtract p alone."""
    _is(case, "log-softmax")
    return case.through_core(case.dy - np.exp(case.trace.y))


@mistake(
    about(
        "unit-length-constant",
        "dX is dy divided by the length: it treats the length as a constant, but that depends on "
        "x too.",
        "y = x / r with r = ‖x‖, so dx = (dy − y · Σ_j dy_j y_j) / r",
        "(dy - y * (dy * y).sum(axis=1, keepdims=True)) / r.",
        f"{JAVA}#the-one-rule",
        24,
    )
)
def unit_length_constant(case: Case) -> Roles:
    """Divide by the length."""
    _is(case, "normalisation to length 1")
    length = np.sqrt((case.trace.z**2).sum(axis=1, keepdims=True))
    return case.through_core(case.dy / length)


MISTAKES: tuple[Mistake, ...] = (
    *(log_softmax_no_sum, unit_length_constant),
    *(relu_of_error, relu_both, relu_inverted, relu_forward_again),
    *(leak_forgotten, leak_by_error, leak_without_error, softmax_diagonal, softmax_whole),
    *(_other_leak(slope) for slope in (0.01, 0.001, 0.05, 0.1, 0.2, 0.3)),
    *(shortcut_forgotten, only_shortcut, swish_first_part),
    *(mask_forgotten, scale_forgotten, scale_twice, mask_inverted),
    *(scaled_tanh_no_inner, scaled_tanh_no_outer, scaled_tanh_plain, scaled_tanh_of_output),
    *(sigmoid_of_input, tanh_of_input, tanh_not_squared, tanh_for_sigmoid, sigmoid_for_tanh),
    *(forgotten, dropped, at_output, at_error, twice),
    *(_of_another(words, slope) for words, slope in SLOPES),
)
