"""Giving a wrong gradient its name: comparing it with what known mistakes would give.

A mistake gets the blame only if it explains the arrays to rounding in every examined
case, and in at least two in which it matters. What explains them just as well is named
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sixloops.doctor.layer.mistakes import (
    FACTORS,
    MISTAKES,
    Case,
    Factor,
    Mistake,
    activations,
    general,
    other_slopes,
)
from sixloops.doctor.layer.mistakes.base import POST_316354
from sixloops.doctor.layer.mistakes.factors import MEAN_PAGE
from sixloops.doctor.layer.models import Roles
from sixloops.doctor.layer.recognise import REARRANGEMENT
from sixloops.doctor.layer.where import constant_ratio
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

SMALLEST = 1e-6
"""A smaller slope is none."""
KNOWN = 0.5
"""The share of numbers that must be known where the others have no slope."""
WORDS = {"x": "dX", "weight": "dW", "bias": "db", "gamma": "dγ", "beta": "dβ"}


@dataclass(frozen=True)
class Evidence:
    """One case, and what the user's backward claimed in it.

    Args:
        case: with the truth.
        claimed: the user's gradients by role, in the inner order; only those of right shape.
        tolerance: relative.
    """

    case: Case
    claimed: Roles
    tolerance: float

    def same(self, left: Array, right: Array) -> bool:
        """Say whether two arrays agree to rounding."""
        if left.shape != right.shape:
            return False
        scale = max(float(np.abs(right).max(initial=0.0)), 1e-12)
        return bool(np.abs(left - right).max(initial=0.0) <= 4 * self.tolerance * scale)

    def wrong(self) -> set[str]:
        """Return the roles whose gradients are wrong."""
        truth = self.case.truth
        return {r for r, a in self.claimed.items() if not self.same(a, truth[r])}


def name_mistakes(evidence: Sequence[Evidence]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Return the mistakes that explain what is wrong, and what could be said as well."""
    wrong = set().union(*(each.wrong() for each in evidence))
    left, named, others = set(wrong), [], []
    for roles in _groups(wrong):
        if not roles <= left:
            continue
        found = _unique(_explain(evidence, roles))
        if found:
            named.append(found[0])
            others += found[1:]
            left -= roles
    return named, others


def _groups(wrong: set[str]) -> Iterable[set[str]]:
    """Yield groups of roles to be explained by one mistake: all, the parameters, each alone."""
    learnt = wrong - {"x"}
    yield wrong
    if len(learnt) > 1 and learnt != wrong:
        yield learnt
    yield from ({role} for role in sorted(wrong, key=list(WORDS).index))


def _unique(found: list[Diagnosis]) -> list[Diagnosis]:
    kept: dict[str, Diagnosis] = {}
    for diagnosis in found:
        kept.setdefault(diagnosis.id, diagnosis)
    return list(kept.values())


def _explain(evidence: Sequence[Evidence], roles: set[str]) -> list[Diagnosis]:
    found = [m.diagnosis for m in MISTAKES if _matches(m, evidence, roles)]
    if found:
        return found
    for factor in FACTORS:
        ratio = _factor(factor, evidence, roles)
        if ratio is not None:
            return [_filled(factor.diagnosis, roles, ratio)]
    combined = _combined(evidence, roles)
    return combined or _constant(evidence, roles) or _reordered(evidence, roles)


def _matches(mistake: Mistake, evidence: Sequence[Evidence], roles: set[str]) -> bool:
    """Say whether a mistake gives all the wrong arrays, and leaves the right ones right."""
    seen = 0
    for each in evidence:
        predicted = _predicted(mistake, each.case)
        if predicted is None:
            if each.wrong() & roles:
                return False
            continue
        if not (set(predicted) >= roles & set(each.claimed)):
            return False
        for role, array in each.claimed.items():
            expected = predicted.get(role, each.case.truth[role])
            if role in roles and not each.same(array, expected):
                return False
            if role not in roles and role in predicted and not each.same(array, expected):
                return False
        seen += bool(each.wrong() & roles)
    return seen >= min(2, len(evidence))


def _predicted(mistake: Mistake, case: Case) -> Roles | None:
    if mistake.kinds and case.kind not in mistake.kinds:
        return None
    try:
        predicted = mistake.wrong(case)
    except Exception:  # a mistake that cannot be made here
        return None
    return {role: array for role, array in predicted.items() if role in case.truth}


def _factor(factor: Factor, evidence: Sequence[Evidence], roles: set[str]) -> float | None:
    """Return the factor's value in the first case, if it explains all cases."""
    if factor.roles and not roles <= set(factor.roles):
        return None
    values = []
    for each in evidence:
        if factor.kinds and each.case.kind not in factor.kinds:
            return None
        value = factor.value(each.case)
        if value is None:
            return None
        for role in roles & set(each.claimed):
            if not each.same(each.claimed[role], value * each.case.truth[role]):
                return None
        values.append(value)
    telling = [value for value in values if value != 1.0]
    return telling[0] if len(telling) >= min(2, len(evidence)) else None


def _filled(diagnosis: Diagnosis, roles: set[str], ratio: float) -> Diagnosis:
    ordered = [WORDS[role] for role in WORDS if role in roles]
    what = " and ".join(ordered)
    sentence = diagnosis.sentence.replace("{what}", what).replace("{ratio}", f"{ratio:.3f}")
    return replace(
        diagnosis, sentence=sentence.replace(" is ", " are ", 1) if len(ordered) > 1 else sentence
    )


def _combined(evidence: Sequence[Evidence], roles: set[str]) -> list[Diagnosis]:
    """Explain by a mistake times a factor."""
    for mistake in MISTAKES:
        for factor in FACTORS:
            if _matches_with(mistake, factor, evidence, roles):
                value = next(v for e in evidence if (v := factor.value(e.case)) is not None)
                return [mistake.diagnosis, _filled(factor.diagnosis, roles, value)]
    return []


def _matches_with(
    mistake: Mistake, factor: Factor, evidence: Sequence[Evidence], roles: set[str]
) -> bool:
    if factor.roles and not roles <= set(factor.roles):
        return False
    for each in evidence:
        if factor.kinds and each.case.kind not in factor.kinds:
            return False
        predicted, value = _predicted(mistake, each.case), factor.value(each.case)
        if predicted is None or value is None or not set(predicted) >= roles:
            return False
        for role in roles & set(each.claimed):
            if not np.any(predicted[role]):
                return False
            if not each.same(each.claimed[role], value * predicted[role]):
                return False
    return len(evidence) >= 2


CONSTANT = Diagnosis(
    "constant-factor",
    "{what} is {ratio} times the true gradient everywhere, on every shape.",
    "dx_i = Σ_o dy_o · ∂y_o/∂x_i, with no further factor",
    "Look for a number that is multiplied or divided by once too often or not at all.",
)


def _constant(evidence: Sequence[Evidence], roles: set[str]) -> list[Diagnosis]:
    """Explain by one number that is the same in all cases, whatever it comes from."""
    ratios = [
        constant_ratio(each.claimed[role], each.case.truth[role], each.tolerance)
        for each in evidence
        for role in roles & set(each.claimed)
    ]
    if not ratios or any(ratio is None for ratio in ratios):
        return []
    numbers = [ratio for ratio in ratios if ratio is not None]
    if max(numbers) - min(numbers) > 1e-6 * max(map(abs, numbers)) or len(evidence) < 2:
        return []
    return [_filled(CONSTANT, roles, numbers[0])]


REORDERED = Diagnosis(
    "numbers-in-another-order",
    "forward only moves numbers, and in dX they come back in another order than they went: "
    "backward does not undo the forward's moves of axes.",
    "y_j = x_i where x_i went to place j, so dx_i = dy_j",
    "Undo the forward's steps in reverse: where it transposes and then reshapes, reshape dy to the "
    "transposed shape first, then transpose it back (np.argsort of the axes undoes them).",
    f"{POST_316354}#6-how-to-investigate",
    11,
)


def _reordered(evidence: Sequence[Evidence], roles: set[str]) -> list[Diagnosis]:
    """Explain, where forward only moves numbers, by numbers that are all there but elsewhere."""
    if roles != {"x"} or len(evidence) < 2:
        return []
    moves = (each.case.kind == REARRANGEMENT and _has_all_numbers(each) for each in evidence)
    return [REORDERED] if all(moves) else []


def _has_all_numbers(each: Evidence) -> bool:
    """Say whether dX has the right numbers, wherever they are."""
    if "x" not in each.claimed:
        return False
    ours, theirs = (np.sort(a, axis=None) for a in (each.claimed["x"], each.case.truth["x"]))
    return each.same(ours, theirs)


@dataclass(frozen=True)
class Numbers:
    """A wrong gradient of a layer that was not recognised, and what there is beside it.

    Args:
        claimed: what backward gave.
        truth: the measured slopes.
        x: the input.
        y: the output.
        dy: the cotangent.
        tolerance: relative.
        slopes: f′ of a function of each number by itself; None for other functions.
        slopes_at_output: the same at y.
    """

    claimed: Array
    truth: Array
    x: Array
    y: Array
    dy: Array
    tolerance: float
    slopes: Array | None = None
    slopes_at_output: Array | None = None

    def is_like(self, other: Array | None) -> bool:
        """Say whether the claimed gradient is another array, where that is known."""
        if other is None or self.claimed.shape != other.shape:
            return False
        known = ~np.isnan(other)
        if known.sum() < KNOWN * known.size:
            return False
        scale = float(np.abs(other[known]).max(initial=0.0)) or 1.0
        worst = np.abs(self.claimed - other)[known].max(initial=0.0)
        return bool(worst <= 4 * self.tolerance * scale)

    def times_slopes(self, times: int) -> Array | None:
        """Return dy · f′ to a power."""
        return None if self.slopes is None else self.dy * self.slopes**times

    def at_output(self) -> Array | None:
        """Return dy · f′(y)."""
        return None if self.slopes_at_output is None else self.dy * self.slopes_at_output

    def times(self, slope: Callable[[Array, Array], Array]) -> Array | None:
        """Return dy times a function of x and y."""
        if self.slopes is None:
            return None
        with np.errstate(all="ignore"):
            return self.dy * slope(self.x, self.y)

    def without_bounds(self, lower: bool, upper: bool) -> Array | None:
        """Return what dX is if the function were not flat beyond its bounds, where it is a line."""
        if self.slopes is None:
            return None
        known = ~np.isnan(self.slopes)
        rises = known & (np.abs(self.slopes) > SMALLEST)
        inside = self.slopes[rises]
        if not inside.size or np.ptp(inside) > 4 * self.tolerance * abs(inside[0]):
            return None
        flat = known & ~rises
        below, above = flat & (self.x < self.x[rises].min()), flat & (self.x > self.x[rises].max())
        if not (flat == below | above).all():
            return None
        return self.dy * np.where((below & lower) | (above & upper), inside[0], self.slopes)

    def is_moved(self) -> bool:
        """Say whether it has the right numbers in other places."""
        if np.isnan(self.truth).any():
            return False
        ours, theirs = np.sort(self.claimed, axis=None), np.sort(self.truth, axis=None)
        scale = float(np.abs(theirs).max())
        return bool(ours.size > 2 and np.abs(ours - theirs).max() <= 4 * self.tolerance * scale)


MOVED = Diagnosis(
    "numbers-moved",
    "{what} has the right numbers, but in other places: axes are swapped or reversed, or a reshape "
    "stands where a transpose belongs.",
    "each number of a gradient stands where the number stands by which it is the derivative",
    "Undo the forward's moves of axes in reverse order.",
    f"{POST_316354}#6-how-to-investigate",
    11,
)


def _without(lower: bool, upper: bool) -> Callable[[Numbers], bool]:
    return lambda n: n.is_like(n.without_bounds(lower, upper))


def _multiplied(slope: Callable[[Array, Array], Array]) -> Callable[[Numbers], bool]:
    return lambda n: n.is_like(n.times(slope))


BY_NUMBERS: tuple[tuple[Diagnosis, Callable[[Numbers], bool]], ...] = (
    (activations.dropped.diagnosis, lambda n: n.is_like(n.slopes)),
    (other_slopes.bound_forgotten("upper bound"), _without(lower=False, upper=True)),
    (other_slopes.bound_forgotten("lower bound"), _without(lower=True, upper=False)),
    (other_slopes.bound_forgotten("bounds"), _without(lower=True, upper=True)),
    (activations.at_output.diagnosis, lambda n: n.is_like(n.at_output())),
    (activations.twice.diagnosis, lambda n: n.is_like(n.times_slopes(2))),
    (activations.forgotten.diagnosis, lambda n: n.is_like(n.times_slopes(0))),
    *(
        (other_slopes.other_slope(words), _multiplied(slope))
        for words, slope in other_slopes.SLOPES
    ),
    (general.returns_input.diagnosis, lambda n: n.is_like(n.x)),
    (general.returns_output.diagnosis, lambda n: n.is_like(n.y)),
    (general.returns_dy.diagnosis, lambda n: n.is_like(n.dy)),
    (
        general.bias_of_all.diagnosis,
        lambda n: (
            n.truth.size > 1
            and not np.isnan(n.truth).any()
            and n.is_like(np.full_like(n.truth, n.truth.sum()))
        ),
    ),
    (MOVED, Numbers.is_moved),
)


def name_numbers(what: str, seen: Sequence[Numbers]) -> list[Diagnosis]:
    """Name what the numbers of a wrong gradient show, whatever forward computes."""
    for diagnosis, fits in BY_NUMBERS:
        if seen and all(fits(numbers) for numbers in seen):
            return [replace(diagnosis, sentence=diagnosis.sentence.replace("{what}", what))]
    return []


def name_ratios(
    ratios: Sequence[tuple[str, Size, float | None]],
) -> list[Diagnosis]:
    """Name mistakes of a layer that was not recognised, by constant ratios to the slopes.

    Args:
        ratios: of each wrong array in each case: what it is called, how large the input was,
            and the ratio to the true gradient; None where there is no such number.
    """
    named = []
    for what in dict.fromkeys(what for what, _, _ in ratios):
        own = [(size, ratio) for other, size, ratio in ratios if other == what]
        found = _ratio_name(own)
        if found is not None:
            said = found.sentence.replace("{what}", what).replace("{ratio}", f"{own[0][1]:.3f}")
            named.append(replace(found, sentence=said))
    return named


@dataclass(frozen=True)
class Size:
    """How large an input was.

    Args:
        batch: images.
        pixels: of a map; None where there are none.
    """

    batch: int
    pixels: int | None


NOT_SHARED_OUT = Diagnosis(
    "mean-not-divided",
    "{what} is {ratio} times the true gradient everywhere: that is the number of pixels. A mean "
    "over the map must divide its error by it.",
    "y = (1/HW) Σ x_pq, so dx_pq = dy / HW for each pixel",
    "Divide by H * W.",
    MEAN_PAGE,
    1,
)


def _ratio_name(ratios: list[tuple[Size, float | None]]) -> Diagnosis | None:
    if len(ratios) < 2 or any(ratio is None for _, ratio in ratios):
        return None
    by_name = {factor.diagnosis.id: factor.diagnosis for factor in FACTORS}
    tried: tuple[tuple[Diagnosis, Callable[[Size], float]], ...] = (
        (by_name["sign"], lambda size: -1.0),
        (by_name["factor-2"], lambda size: 2.0),
        (by_name["factor-half"], lambda size: 0.5),
        (by_name["multiplied-by-batch"], lambda size: size.batch),
        (by_name["divided-by-batch"], lambda size: 1 / size.batch),
        (NOT_SHARED_OUT, lambda size: size.pixels or np.nan),
    )
    for diagnosis, expected in tried:
        if all(abs((ratio or 0) / expected(size) - 1) < 1e-3 for size, ratio in ratios):
            return diagnosis
    numbers = [ratio for _, ratio in ratios if ratio]
    same = max(numbers) - min(numbers) < 1e-3 * abs(numbers[0])
    return CONSTANT if same else None
