"""Rules of the beginning: initial weights, and units that never come to life."""

from __future__ import annotations

import math

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import falls_short
from sixloops.doctor.run.rules.base import percent
from sixloops.doctor.run.signals import LayerSignals
from sixloops.doctor.verdict import Diagnosis

GAIN = 4.0
"""Weights' spread · √fan-in from which they are called large; He's is 1.4."""
LIKE_CONSTANT = 0.1
"""Spread / mean under which numbers are meant to be one."""
FIRST_STEPS = 8
"""A look up to this step shows how a layer began."""
HUGE = 40.0
"""The same, from which they are a fault whatever the run came to."""


def equal_weights(e: Evidence) -> Diagnosis | None:
    """Recognise weights that begin all equal: 34 where they are 0, 35 else."""
    hidden = list(e.starts.items())[:-1]
    equal = [(name, start.value) for name, start in hidden if start.spread == 0]
    if not equal:
        return None
    name, value = equal[0]
    zero = value == 0
    return Diagnosis(
        id="weights-zero" if zero else "weights-constant",
        sentence=f"All weights of {name} began at {value:g}: their spread was 0.",
        mathematics="Units with equal weights get equal outputs and equal gradients, so they stay "
        "equal for ever: a layer of n units works as one. Weights of 0 pass no error back at all.",
        fix="Draw the weights at random, with the variance 2/fan-in before ReLU, 1/fan-in else. "
        + ("Look for a division of whole numbers: 2 // n is 0 for n > 2." if zero else ""),
        number=34 if zero else 35,
        certainty=0.98,
    )


def not_centred(e: Evidence) -> Diagnosis | None:
    """Recognise weights that begin around another number than 0, as random() draws them."""
    known = [(name, s.mean, s.spread) for name, s in e.starts.items() if s.mean is not None]
    # Gains begin at 1, and weights that are all equal have another name.
    off = [each for each in known if abs(each[1]) > each[2] > LIKE_CONSTANT * abs(each[1])]
    if not off:
        return None
    name, mean, spread = off[0]
    return Diagnosis(
        id="weights-not-centred",
        sentence=f"The weights of {name} began around {mean:.2g}, with a spread of {spread:.2g}: "
        "nearly all on one side of 0.",
        mathematics="z = Σ w·x with weights of one sign grows with the number of inputs, and is "
        "nearly the same for all units.",
        fix="Draw around 0: the normal distribution, or 2·random() − 1; times √(2/fan-in) before "
        "ReLU, √(1/fan-in) else, for a normal one.",
        number=44,
        certainty=0.93 if falls_short(e) else 0.4,
    )


def identical_units(e: Evidence) -> Diagnosis | None:
    """Recognise units of a hidden layer that say the same on every image."""
    hidden = list(e.last_layers().items())[:-1]
    twins = [(name, seen) for name, seen in hidden if seen.identical > 0.9 and seen.images > 3]
    if not twins or not falls_short(e):
        return None
    name, seen = twins[0]
    early = e.first_layers()[name].identical > 0.9
    return Diagnosis(
        id="weights-constant",
        sentence=f"{percent(seen.identical)} of the units of {name} give the same output as "
        f"another one, on all of {seen.images} images.",
        mathematics="Equal weights get equal gradients: Δw = −η ∂E/∂w is the same for all of them.",
        fix="Draw the initial weights at random.",
        number=35,
        certainty=0.85 if early and len(e.layers[name]) > 1 else 0.5,
    )


def large_weights(e: Evidence) -> Diagnosis | None:
    """Recognise weights too large for their fan-in: 33 in convolutions alone, else 44."""
    large = {n: s.gain for n, s in e.starts.items() if s.gain is not None and s.gain > GAIN}
    if not large:
        return None
    areas = {name: e.starts[name].area for name in large}
    forgotten = [n for n in large if areas[n] > 1 and 0.3 < large[n] / math.sqrt(areas[n]) < 2.5]
    dense_too = any(areas[n] == 1 for n in large)
    if forgotten and not dense_too:
        name = forgotten[0]
        return Diagnosis(
            id="weights-ignore-area",
            sentence=f"The weights of {name} began with a spread {large[name] / 1.41:.1f} times "
            f"He's. Without the kernel's area of {areas[name]:.0f} in fan-in it comes to "
            f"{large[name] / math.sqrt(areas[name]):.2g}/√channels.",
            mathematics="A convolution's unit sums channels·kh·kw products; its variance grows "
            "with all of them: fan_in = channels·kh·kw.",
            fix="Divide by √(channels·kh·kw) and not by √channels.",
            page="docs/answers/post-316354.md",
            number=33,
            certainty=0.9 if falls_short(e, 0.0) else 0.55,
        )
    return _too_large(e, large)


def _too_large(e: Evidence, large: dict[str, float]) -> Diagnosis | None:
    squashed = {n: s for n, s in e.first_layers().items() if s.saturated > 0.4}
    name, gain = max(large.items(), key=lambda pair: pair[1])
    if not falls_short(e, 0.02) and not squashed and gain < HUGE:
        return None
    where = [f"{percent(s.saturated)} of {n}" for n, s in squashed.items()]
    flat = f" Saturated from the first step: {', '.join(where)}." if where else ""
    return Diagnosis(
        id="saturated",
        sentence=f"The weights of {name} began {gain / 1.41:.1f} times as large as He's.{flat}",
        mathematics="z = Σ w·x has the spread σ·√fan_in·|x|. Where |z| is large, σ′ and tanh′ "
        "are nearly 0, and the error that is multiplied by them is lost.",
        fix="Draw with the variance 1/fan-in (LeCun, Glorot) or 2/fan-in (He, before ReLU), then "
        "look for the rate anew.",
        page="docs/answers/post-316354.md#8-why-weights-from-n0-1-saturate",
        number=44,
        certainty=0.9 if falls_short(e, 0.02) else 0.5,
    )


def saturated(e: Evidence) -> Diagnosis | None:
    """Recognise a sigmoid or tanh that is saturated from the start, with small weights."""
    first = {n: s for n, s in list(e.first_layers().items()) if s.saturated > 0.6}
    if not first or not falls_short(e):
        return None
    name, seen = next(iter(first.items()))
    early = seen.step <= FIRST_STEPS
    return Diagnosis(
        id="saturated",
        sentence=f"{percent(seen.saturated)} of the outputs of {name} were saturated at step "
        f"{seen.step}.",
        mathematics="Where |z| is large, σ′(z) and tanh′(z) are nearly 0: no error comes through.",
        fix="Scale the inputs to about 0..1 and draw weights with the variance 1/fan-in.",
        number=44,
        certainty=0.75 if early else 0.5,
    )


def dead_units(e: Evidence) -> Diagnosis | None:
    """Recognise ReLU units that are 0 on every image."""
    hidden = list(e.last_layers().items())[:-1]
    dead = [
        (n, s)
        for n, s in hidden
        if s.rectified and s.dead > 0.6 and s.images >= 16 and not _squashes(e.layers[n])
    ]
    if not dead:
        return None
    name, seen = max(dead, key=lambda pair: pair[1].dead)
    if seen.dead < 0.999 and not falls_short(e):
        return None
    first = e.first_layers()[name]
    when, fix = _since_when(first, seen)
    return Diagnosis(
        id="dead-relu",
        sentence=f"{percent(seen.dead)} of the units of {name} are 0 on every one of "
        f"{seen.images} images ({when}).",
        mathematics="ReLU′(z) = 0 for z < 0: a unit below 0 on every image gets no gradient, and "
        "seldom comes back.",
        fix=fix,
        number=43,
        certainty=0.9 if first.step <= FIRST_STEPS and first.dead > 0.3 else 0.7,
    )


def _since_when(first: LayerSignals, last: LayerSignals) -> tuple[str, str]:
    """Say since when units are dead, as far as anybody looked, and what helps."""
    begin = "Begin with biases of 0 and He's weights"
    if first.step > FIRST_STEPS:
        return f"at step {last.step}", f"{begin}, and lower the rate, whose steps may kill units."
    if first.dead > 0.5:
        return "already at the first step", f"{begin}."
    lower = f"{begin}, and lower the rate, whose steps killed them."
    return f"{percent(first.dead)} at the first step", lower


def _squashes(series: list[LayerSignals]) -> bool:
    """Say whether a layer ends with a sigmoid, which far out rounds to exactly 0 and 1."""
    return all(s.low >= 0 and s.high <= 1 for s in series) and any(
        s.high == 1 or s.zeros == 0 for s in series
    )


RULES = (equal_weights, not_centred, identical_units, large_weights, saturated, dead_units)
