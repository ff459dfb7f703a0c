"""Rules of single steps, for loops that hand over parameters and gradients."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import falls_short
from sixloops.doctor.run.signals import ParameterSignals
from sixloops.doctor.verdict import Diagnosis

REBOUND = (
    "In Python 'w = w - rate * g' gives the name w to a new array, and the network keeps the old "
    "one: write 'w -= rate * g', or store it: parameters[name] = w - rate * g."
)


STANDS = 0.03
"""Half the batches of one set of images, shuffled, have another mean loss by less than that."""


def never_changed(e: Evidence) -> Diagnosis | None:
    """Recognise that a parameter stays as it is though it has a gradient."""
    still = [
        name
        for name, seen in e.parameters.items()
        if (known := _known(seen))
        and all(s.update == 0 for s in known)
        and len({s.norm for s in seen}) == 1  # not every step need have an update
    ]
    if not still or (len(still) == len(e.parameters) and not falls_short(e)):
        return None  # a loop that learns has handed over copies from its start
    if len(still) == len(e.parameters):
        return _nothing_changed(e)
    g = float(np.mean([s.gradient or 0 for s in _known(e.parameters[still[0]])]))
    biases = not any(seen.matrix for name in still for seen in e.parameters[name])
    return Diagnosis(
        id="bias-never-updated" if biases else "never-updated",
        sentence=f"{', '.join(still[:4])} never changed, though the gradient's norm is {g:.2g}.",
        mathematics="b ← b − η ∂E/∂b, as for every weight.",
        fix="Update all parameters that have a gradient. What is kept as it is on purpose must not "
        "be handed to the doctor.",
        number=15 if biases else None,
        certainty=0.95,
    )


def _nothing_changed(e: Evidence) -> Diagnosis:
    return Diagnosis(
        id="never-updated",
        sentence=f"None of the {len(e.parameters)} parameters that were handed over ever changed, "
        "though they have gradients.",
        mathematics="w ← w − η ∂E/∂w must reach the array that the next forward reads.",
        fix=REBOUND,
        certainty=0.96,
    )


def rate_without_effect(e: Evidence) -> Diagnosis | None:
    """Recognise a loop that goes the same way at any rate, and learns one batch never."""
    same = e.probes.get("rate apart", 1.0) <= 1e-12
    if not same or not e.probes.get("memorised moved", 1.0) < STANDS:
        return None
    return Diagnosis(
        id="never-updated",
        sentence="At every rate that was tried the same seed has the same losses, and one batch, "
        "again and again, keeps the loss that it had: the rate has no effect, and steps have next "
        "to none.",
        mathematics="w ← w − η ∂E/∂w must reach the array that the next forward reads.",
        fix=f"{REBOUND} Or all gradients are 0, or the rate is, or another stands in its place: "
        "print them.",
        certainty=0.9,
    )


def redrawn(e: Evidence) -> Diagnosis | None:
    """Recognise weights that are replaced by others while the network learns."""
    if not e.redrawn:
        return None
    first, last = next(iter(e.redrawn.values()))
    return Diagnosis(
        id="weights-redrawn",
        sentence=f"Between the steps {first} and {last} other weights came into the place of "
        f"{', '.join(list(e.redrawn)[:4])}: as large, but with nothing in common with them.",
        mathematics="w ← w − η·∂E/∂w goes on from the last w: all that was learnt is in it.",
        fix="Draw the weights once, before the loops over epochs and batches; and begin a new "
        "Monitor with each new network.",
        certainty=0.95,
    )


def uphill(e: Evidence) -> Diagnosis | None:
    """Recognise that steps go along the gradient instead of against it."""
    cosines = [s.cosine for seen in e.parameters.values() for s in seen if s.cosine is not None]
    if len(cosines) < 2 or np.median(cosines) > -0.5:
        return None
    return Diagnosis(
        id="sign",
        sentence="The steps go uphill: between Δw and −∂E/∂w the cosine is "
        f"{np.median(cosines):.2f}.",
        mathematics="E(w + Δw) ≈ E(w) + g·Δw falls only if g·Δw < 0: w ← w − η·g.",
        fix="Turn the sign of the update, or that of the gradient.",
        number=23,
        certainty=0.97,
    )


def gradient_zero(e: Evidence) -> Diagnosis | None:
    """Recognise gradients that are exactly 0 at every look, while others are not."""
    seen = {n: [s.gradient for s in g if s.gradient is not None] for n, g in e.parameters.items()}
    silent = [name for name, values in seen.items() if len(values) > 2 and max(values) == 0]
    if not silent or len(silent) == len(seen):
        return None
    # Where a whole layer is dead or saturated, that is why.
    idle = any(max(s.dead, s.saturated) > 0.999 for s in e.last_layers().values())
    many = f"s of {', '.join(silent[:4])} were" if len(silent) > 1 else f" of {silent[0]} was"
    return Diagnosis(
        id="gradient-zero",
        sentence=f"The gradient{many} exactly 0 at every look.",
        mathematics="An error that is multiplied by 0 on its way back never arrives.",
        fix="Look at the backward of the layers behind them; sixloops doctor layer names faults. "
        "What is kept as it is on purpose must not be handed to the doctor.",
        certainty=0.6 if idle else 0.89,
    )


def summed(e: Evidence) -> Diagnosis | None:
    """Recognise a mean loss whose gradient is that of the sum."""
    if len(e.summed) < 2 or not all(e.summed) or not falls_short(e):
        return None
    return Diagnosis(
        id="summed-gradient",
        sentence="The loss is the mean over the batch, but the gradient of the outputs' bias is "
        f"the sum of the outputs' error over it: {e.batch} times as large.",
        mathematics="E = (1/N)·Σ E_n has ∂E/∂z_n = (1/N)·∂E_n/∂z_n. A sum makes every step N times "
        "as long.",
        fix="Divide the outputs' error by the number of images in the batch, once.",
        number=22,
        certainty=0.96,
    )


def _known(series: list[ParameterSignals]) -> list[ParameterSignals]:
    """Return the looks at which a gradient was large enough to be felt."""
    return [
        s
        for s in series
        if s.update is not None and s.gradient and s.gradient > 1e-4 * max(s.norm, 1.0)
    ]


RULES = (never_changed, rate_without_effect, redrawn, uphill, gradient_zero, summed)
