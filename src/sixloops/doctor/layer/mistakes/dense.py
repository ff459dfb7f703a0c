"""Wrong backwards of dense layers."""

from __future__ import annotations

from sixloops.doctor.layer.mistakes.base import JAVA, Case, Mistake, about, mistake
from sixloops.doctor.layer.models import Roles

KIND = "dense"


@mistake(
    about(
        "weights-updated-first",
        "dX is that of the weights after the update: W was changed before dX was computed "
        "(the error vanishes at learning rate 0).",
        "dx_i = Σ_o dz_o · W_oi, with the W that the forward used",
        "Compute dX first, and update last.",
        f"{JAVA}#5-the-update",
        19,
    ),
    KIND,
)
def updated_first(case: Case) -> Roles:
    """Use W − rate·dW in dX."""
    return {"x": case.dz @ (case.trace.given["weight"] - case.rate * case.truth["weight"])}


@mistake(
    about(
        "dense-dy-for-dz",
        "dX uses dy where dz belongs: the activation's slope is in dW but not in dX.",
        "dx = Wᵀ · dz with dz = dy · f′(z)",
        "Multiply by f′(z) first, and use that dz for dW, db and dX.",
        f"{JAVA}#the-one-rule",
        18,
    ),
    KIND,
    "convolution",
)
def dy_for_dz(case: Case) -> Roles:
    """Hand dy through the core for dX alone."""
    return {"x": case.through_core(case.dy)["x"]}


@mistake(
    about(
        "dense-slope-only-in-dx",
        "dW and db use dy where dz belongs: the activation's slope is in dX but not in them.",
        "dW = dz · xᵀ and db = dz with dz = dy · f′(z)",
        "Multiply by f′(z) first, and use that dz for dW, db and dX.",
        f"{JAVA}#the-one-rule",
        18,
    ),
    KIND,
    "convolution",
)
def slope_only_in_dx(case: Case) -> Roles:
    """Hand dy through the core for the parameters alone."""
    return {name: a for name, a in case.through_core(case.dy).items() if name != "x"}


@mistake(
    about(
        "dense-bias-not-through-slope",
        "db is the sum of dy and not of dz: the activation's slope is missing in db alone.",
        "db = Σ_n dz with dz = dy · f′(z)",
        "Sum dz, the error behind the slope.",
        f"{JAVA}#the-one-rule",
        18,
    ),
    KIND,
    "convolution",
)
def bias_without_slope(case: Case) -> Roles:
    """Hand dy through the core for db alone."""
    return {"bias": case.through_core(case.dy)["bias"]}


@mistake(
    about(
        "dense-not-transposed",
        "dX is made with W where it needs W transposed; only because W is square do the shapes "
        "fit.",
        "y_o = Σ_i W_oi x_i, so dx_i = Σ_o W_oi · dz_o: the sum now runs over the other index",
        "Transpose W in dX.",
        f"{JAVA}#the-one-rule",
    ),
    KIND,
)
def not_transposed(case: Case) -> Roles:
    """Use W the wrong way round."""
    return {"x": case.dz @ case.trace.given["weight"].T}


@mistake(
    about(
        "dense-dw-transposed",
        "dW is transposed: rows and columns are swapped; only because W is square do the shapes "
        "fit.",
        "dW_oi = Σ_n dz_no · x_ni",
        "Swap the two factors of the product, or transpose it.",
        f"{JAVA}#the-one-rule",
    ),
    KIND,
)
def dw_transposed(case: Case) -> Roles:
    """Transpose dW."""
    return {"weight": case.truth["weight"].T}


MISTAKES: tuple[Mistake, ...] = (
    *(updated_first, dy_for_dz, slope_only_in_dx, bias_without_slope),
    *(not_transposed, dw_transposed),
)
