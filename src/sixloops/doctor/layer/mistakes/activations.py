"""Wrong slopes of activations, alone or behind a convolution, a pooling or a dense layer."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    JAVA,
    RELU,
    RIGHT,
    SLOPE,
    Case,
    Mistake,
    about,
    mistake,
    require_activation,
    require_diagonal,
    require_slope,
)
from sixloops.doctor.layer.models import Roles, activation_name
from sixloops.doctor.layer.variants import FixedDropout, Shortcut
from sixloops.layers import ScaledTanh


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
    require_slope(case)
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
    require_slope(case)
    require_diagonal(case)
    return case.through_core(case.slope(case.trace.z))


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
    require_slope(case)
    require_diagonal(case)
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
    require_slope(case)
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
    require_activation(case, "sigmoid")
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
    require_activation(case, "tanh")
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
    require_activation(case, "tanh")
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
    require_activation(case, "sigmoid")
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
    require_activation(case, "tanh")
    return case.through_core(case.dy * case.trace.y * (1 - case.trace.y))


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
    require_slope(case)
    require_diagonal(case)
    if activation_name(case.trace.model.activation) in ("ReLU", "leaky ReLU"):
        raise ValueError("this mistake has names of its own there")
    return case.through_core(case.dy * case.slope(case.dy))


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
    require_activation(case, "swish")
    return case.through_core(case.dy / (1 + np.exp(-case.trace.z)))


MISTAKES: tuple[Mistake, ...] = (
    *(shortcut_forgotten, only_shortcut, swish_first_part),
    *(scaled_tanh_no_inner, scaled_tanh_no_outer, scaled_tanh_plain, scaled_tanh_of_output),
    *(sigmoid_of_input, tanh_of_input, tanh_not_squared, tanh_for_sigmoid, sigmoid_for_tanh),
    *(forgotten, dropped, at_output, at_error, twice),
)
