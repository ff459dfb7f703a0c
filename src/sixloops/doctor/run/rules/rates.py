"""Rules of the learning rate."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import beats, falls_short, fell, long_enough, recovered, rose
from sixloops.doctor.run.rules.base import percent, times
from sixloops.doctor.verdict import Diagnosis

FADED = 1e-3
"""To such a part of their first size steps do not fall in a run that still has to learn."""
HIGH = (
    "A step of gradient descent goes down only while the rate is below 2 / (largest curvature). "
    "Beyond it each step overshoots by more than the one before."
)
LOW = "Δw = −η·g: to move a weight by its own size takes about ‖w‖ / ‖Δw‖ steps."


USUAL = 2.5e-3
SMALL = 7e-4
"""‖Δw‖ / ‖w‖ of a step, about 1e-3 as a rule: above the first a rate is not called too low,
above the second only if ten times as much helps a lot."""


def broken(e: Evidence) -> Diagnosis | None:
    """Recognise that a value became NaN or infinite."""
    if not e.broken:
        return None
    if not e.steps or not np.isfinite(e.losses[0]):
        return _from_the_start(e)
    if recovered(e):
        return _loss_alone(e)
    rescued = e.experiments.get("tenth")
    sure = 0.9 if rescued is not None and beats(e, rescued) else 0.7
    if e.experiments and sure < 0.9:
        sure = 0.4
    return _high(f"The run broke: {e.broken}.", sure, rate_factor(e, 0.1))


def too_high(e: Evidence) -> Diagnosis | None:
    """Recognise an explosion, or that a tenth of the rate rescues the same seed."""
    if e.broken:
        return None
    tenth = e.experiments.get("tenth")
    if tenth is not None:
        if not beats(e, tenth):
            return None
        factor = rate_factor(e, 0.1)
        words = f"With {factor:g} times the rate the same seed reaches {percent(tenth)}, not "
        sure = 0.9 if beats(e, tenth, 0.2) else 0.75
        return _high(f"{words}{percent(_own(e))}.", sure, factor)
    ratio = update_ratio(e)
    last, constant = e.last_loss, e.constant_loss
    above = last is not None and constant is not None and last > 1.3 * constant
    if last is not None and rose(e) and falls_short(e):
        return _high(f"The loss rose from {e.first_loss:.3g} to {last:.3g}.", 0.65)
    if long_enough(e) and above and falls_short(e):
        words = f"The loss stands at {last:.3g}, where a guess has {constant:.3g}."
        return _high(words, 0.65)
    if ratio is not None and ratio > 0.1 and falls_short(e):
        return _high(f"One step changes the weights by {percent(ratio)} of their size.", 0.6)
    return None


def _from_the_start(e: Evidence) -> Diagnosis:
    return Diagnosis(
        id="not-finite",
        sentence=f"Before the first step was done: {e.broken}.",
        mathematics="No step had been taken, so that no rate is at fault.",
        fix="Look at what is named there: at its input, at the sizes of weights, at divisions and "
        "at logarithms.",
        certainty=0.8,
    )


def _loss_alone(e: Evidence) -> Diagnosis:
    return Diagnosis(
        id="loss-not-finite",
        sentence=f"{e.broken[0].upper()}{e.broken[1:]}, but others after it are finite, and the "
        "network has learnt: the loss itself went wrong, and the weights took no harm.",
        mathematics="In floating point log 0 is −∞, 0·log 0 is NaN, and so is the mean of no "
        "images. Of logits the cross-entropy is log Σ exp(z) − z_t, which is always finite.",
        fix="Take the loss of logits, with the largest subtracted first; and see that no batch is "
        "empty.",
        number=32,
        certainty=0.9,
    )


def rises(e: Evidence) -> Diagnosis | None:
    """Recognise that the loss rises whatever the rate: the gradient points the wrong way."""
    tenth, more, first = e.experiments.get("tenth"), e.experiments.get("memorised"), e.first_loss
    chance = e.chance
    if tenth is None or more is None or chance is None or first is None:
        return None
    if not np.isfinite(e.losses[0]) or recovered(e):  # it broke before any step, or not for good
        return None
    last = e.losses[-1]
    grew = bool(e.broken) or last > 1.5 * e.losses[0]
    if not grew or tenth > chance + 0.1 or more > chance + 0.1:
        return None
    return Diagnosis(
        id="sign",
        sentence=f"The loss rises, from {e.losses[0]:.3g} to {last:.3g}, and lower rates do not "
        f"help: one batch alone, again and again, is told at {percent(more)}.",
        mathematics="E(w + Δw) ≈ E(w) + g·Δw falls only if g·Δw < 0: w ← w − η·g, and for softmax "
        "and cross-entropy g = p − t.",
        fix="Turn the sign of the gradient, or of the update.",
        number=23,
        certainty=0.75,
    )


def too_low(e: Evidence) -> Diagnosis | None:
    """Recognise that a higher rate speeds up the same seed, or that the steps are tiny."""
    more, ratio = e.experiments.get("tenfold"), update_ratio(e)
    if more is not None:
        clear = 0.2 if ratio is not None and ratio > SMALL else 0.1
        if not beats(e, more, clear):
            return None
        if ratio is not None and ratio > USUAL:
            return None
        factor = rate_factor(e, 10.0)
        reached = f"reaches {percent(more)}, not {percent(_own(e))} ({_tiny(ratio)})."
        sentence = f"With {times(factor)} the rate the same seed {reached}"
        return _low(sentence, 0.85 if beats(e, more, 0.15) else 0.7, factor)
    small = ratio is not None and 0 < ratio < 1e-4 and not is_good(e)
    if small and long_enough(e) and fell(e) < 0.5 and falls_short(e):
        return _low(f"{_tiny(ratio)[:1].upper()}{_tiny(ratio)[1:]}.", 0.65)
    return None


def fades(e: Evidence) -> Diagnosis | None:
    """Recognise steps that become ever smaller beside their gradients, as the rate falls."""
    looks = _step_factors(e) or [(n, rate, rate) for n, rate in enumerate(e.rates, start=1)]
    late = [look for look in looks if 2 * look[0] > looks[-1][0]]
    if len(looks) < 3 or not falls_short(e):
        return None
    first, begin, length = looks[0]
    last, end, _ = late[0]
    # Adam's steps stay as they are where gradients grow; a schedule's end says nothing.
    if not all(f < FADED * begin and 0 < s < FADED * length for _, f, s in late):
        return None
    return Diagnosis(
        id="rate-fades",
        sentence=f"At step {last} a gradient moves the weights {end / begin:.1e} times as far as "
        f"at step {first}: the rate has fallen so fast that nothing is learnt any more.",
        mathematics="A rate of η·qᵗ goes no further than η/(1 − q) in all: 10·η for q = 0.9, "
        "however many steps there are.",
        fix="Let the rate fall from epoch to epoch, and not from step to step; or by a schedule "
        "that knows how many steps there are.",
        number=49,
        certainty=0.92,
    )


def _step_factors(e: Evidence) -> list[tuple[int, float, float]]:
    """Return each look's step, ‖Δw‖ / ‖g‖ and ‖Δw‖, the medians over the weights."""
    found: dict[int, list[tuple[float, float]]] = {}
    for seen in (s for series in e.parameters.values() for s in series):
        if seen.matrix and seen.gradient and seen.update is not None:
            found.setdefault(seen.step, []).append((seen.update / seen.gradient, seen.update))
    medians = {step: np.median(pairs, axis=0).tolist() for step, pairs in found.items()}
    return [(step, factor, size) for step, (factor, size) in sorted(medians.items())]


def vanishing(e: Evidence) -> Diagnosis | None:
    """Recognise that the first layers' gradients are far smaller than the last's."""
    sizes = _gradient_sizes(e)
    if len(sizes) < 2 or not falls_short(e):
        return None
    (first, small), (last, large) = sizes[0], sizes[-1]
    if large == 0 or small / large > 3e-3:
        return None
    size = f"{small / large:.1e} times" if small else "exactly 0, and not"
    return Diagnosis(
        id="vanishing-gradients",
        sentence=f"The gradient of {first} is {size} that of {last}, measured "
        "by the weights' sizes.",
        mathematics="The error is multiplied by σ′(z)·W in every layer on its way back; σ′ is 1/4 "
        "at most.",
        fix="ReLU for sigmoids, and He's weights; or batch normalisation.",
        page="docs/answers/post-276213.md",
        number=49,
        certainty=0.6 if small else 0.55,
    )


def is_good(e: Evidence) -> bool:
    """Say whether the run is good at what it does, whatever the size of its steps."""
    accuracy = e.accuracy
    return accuracy is not None and accuracy > 0.9


def update_ratio(e: Evidence) -> float | None:
    """Return the median of ‖Δw‖ / ‖w‖ over weights and steps."""
    found = [
        seen.ratio
        for series in e.parameters.values()
        for seen in series
        if seen.matrix and seen.ratio is not None
    ]
    return float(np.median(found)) if found else None


def _gradient_sizes(e: Evidence) -> list[tuple[str, float]]:
    sizes = []
    for name, series in e.parameters.items():
        known = [s.gradient / s.norm for s in series if s.gradient is not None and s.norm]
        if known and series[0].matrix:
            sizes.append((name, float(np.median(known))))
    return sizes


def _own(e: Evidence) -> float:
    """Return what the run itself reached, on the measure of the experiments."""
    return e.experiments.get("base", 0.0)


def rate_factor(e: Evidence, usual: float) -> float:
    """Return the factor of the rate that was best in its direction; the usual one if untried.

    Args:
        e: the evidence.
        usual: 10 for higher rates, 0.1 for lower ones.
    """
    return e.probes.get("tenfold factor" if usual > 1 else "tenth factor", usual)


def _tiny(ratio: float | None) -> str:
    return "steps of unknown size" if ratio is None else f"one step moves weights by {ratio:.1e}"


def _high(sentence: str, certainty: float, factor: float = 0.1) -> Diagnosis:
    by = "ten" if factor == 0.1 else f"{1 / factor:g}"
    fix = f"Divide the learning rate by {by}; or clip the gradient's norm to 1."
    return Diagnosis("rate-too-high", sentence, HIGH, fix, number=40, certainty=certainty)


def _low(sentence: str, certainty: float, factor: float = 10.0) -> Diagnosis:
    fix = "Multiply the learning rate by ten, until it becomes too high; then go back a little."
    if factor != 10:
        fix = f"Multiply the learning rate by {factor:g}; then look above and below for the best."
    return Diagnosis("rate-too-low", sentence, LOW, fix, number=49, certainty=certainty)


RULES = (broken, too_high, rises, too_low, fades, vanishing)
