"""Schedules: how the rate changes while training goes on.

A schedule gives the factor that multiplies the optimiser's rate in the next step.
It is a pure function of the :class:`Clock` and remembers nothing, so that a run
that goes on from a checkpoint has the rates it would have had without the stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sixloops import checks
from sixloops.descriptions import Description


@dataclass(frozen=True)
class Clock:
    """Where a training run is.

    Args:
        step: steps done, over all epochs.
        total_steps: steps of the whole run.
        epoch: epochs done.
        epochs: epochs of the whole run.
        losses: the monitored loss after each finished epoch.
    """

    step: int
    total_steps: int
    epoch: int
    epochs: int
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Schedule(Description):
    """Base of all schedules."""

    def factor(self, clock: Clock) -> float:
        """Return the factor on the optimiser's rate in the step that follows.

        It must depend on ``clock`` and the hyper-parameters alone.

        Args:
            clock: where the run is.

        Returns:
            A number of at least 0; 1 leaves the rate as it is.
        """
        raise NotImplementedError(f"{type(self).__name__} must define factor(clock).")


def _cosine(begin: float, end: float, share: float) -> float:
    """Go from ``begin`` to ``end`` on half a cosine wave; ``share`` is from 0 to 1."""
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


def _share(part: float, whole: float) -> float:
    """Return part / whole, at most 1; 0 of nothing."""
    return min(part / whole, 1.0) if whole > 0 else 0.0


@dataclass(frozen=True)
class Constant(Schedule):
    """The rate stays as it is.

    Examples:
        >>> Constant().factor(Clock(step=5, total_steps=10, epoch=1, epochs=2))
        1.0
    """

    def factor(self, clock: Clock) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Step(Schedule):
    """The rate is multiplied by ``decay`` every so many epochs: decay^⌊epoch / every⌋.

    Args:
        every: epochs from one change to the next, at least 1.
        decay: above 0, at most 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Step(every=10, decay=0.5).factor(Clock(step=0, total_steps=9, epoch=25, epochs=30))
        0.25
    """

    every: int = 10
    decay: float = 0.1

    def __post_init__(self) -> None:
        checks.whole(self, "every")
        checks.number(self, "decay", above=0, maximum=1)

    def factor(self, clock: Clock) -> float:
        """Return decay^⌊epoch / every⌋."""
        return self.decay ** (clock.epoch // self.every)


LENET_RATES = ((2, 0.4), (5, 0.2), (8, 0.1), (12, 0.02))
"""LeNet-5's rates for an optimiser with rate 0.0005 (LeCun, Bottou, Bengio & Haffner 1998,
section III.B): so for two passes, then 0.0002 for three, 0.0001 for three, 0.00005 for
four, and 0.00001 from there on."""


@dataclass(frozen=True)
class Piecewise(Schedule):
    """Factors from a table: each holds from its epoch on, and 1 before the first.

    Args:
        milestones: pairs (epochs done, factor), the epochs rising; LeNet-5's unless given.

    Raises:
        ConfigurationError: no such table.

    Examples:
        >>> lenet = Piecewise(LENET_RATES)
        >>> [lenet.factor(Clock(step=0, total_steps=1, epoch=e, epochs=20)) for e in (0, 4, 19)]
        [1.0, 0.4, 0.02]
    """

    milestones: Sequence[tuple[int, float]] = LENET_RATES

    def __post_init__(self) -> None:
        given: Any = self.milestones
        rows = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
        if not rows or not all(_is_milestone(row) for row in rows):
            expected = "be pairs (epoch, factor): whole numbers and numbers, all at least 0"
            raise checks.fail(self, "milestones", expected)
        table = tuple((int(epoch), float(factor)) for epoch, factor in rows)
        if any(before[0] >= after[0] for before, after in pairwise(table)):
            raise checks.fail(self, "milestones", "have epochs that rise")
        object.__setattr__(self, "milestones", table)

    def factor(self, clock: Clock) -> float:
        """Return the factor of the last milestone passed."""
        passed = [factor for epoch, factor in self.milestones if epoch <= clock.epoch]
        return passed[-1] if passed else 1.0


def _is_milestone(row: Any) -> bool:
    if not isinstance(row, tuple | list) or len(row) != 2:
        return False
    epoch, factor = row
    return checks.is_whole(epoch) and epoch >= 0 and checks.is_number(factor) and factor >= 0


@dataclass(frozen=True)
class Exponential(Schedule):
    """The rate is multiplied by ``decay`` after every epoch: decay^epoch.

    Args:
        decay: above 0, at most 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Exponential(0.5).factor(Clock(step=0, total_steps=9, epoch=3, epochs=9))
        0.125
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        checks.number(self, "decay", above=0, maximum=1)

    def factor(self, clock: Clock) -> float:
        """Return decay^epoch."""
        return self.decay**clock.epoch


@dataclass(frozen=True)
class Cosine(Schedule):
    """The rate falls on half a cosine wave, step by step, after a linear warm-up.

        f(t) = (t + 1) / (w + 1)                              for t < w
        f(t) = final + (1 − final) · ½·(1 + cos(π·(t − w) / (T − w)))   from there on

    with t steps done of T, and w = warmup·T, rounded (Loshchilov & Hutter 2017, "SGDR:
    Stochastic Gradient Descent with Warm Restarts", eq. 5, one period; the warm-up as in
    Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2).

    Args:
        final: factor that the curve reaches at t = T, just after the last step; from 0 to 1.
        warmup: share of all steps in which the rate rises, from 0 to below 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Cosine().factor(Clock(step=50, total_steps=100, epoch=1, epochs=2))
        0.5
    """

    final: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "final", minimum=0, maximum=1)
        checks.number(self, "warmup", minimum=0, below=1)

    def factor(self, clock: Clock) -> float:
        """Return f(step)."""
        warm = round(self.warmup * clock.total_steps)
        if clock.step < warm:
            return (clock.step + 1) / (warm + 1)
        return _cosine(1.0, self.final, _share(clock.step - warm, clock.total_steps - warm))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """The rate rises to its peak and falls far below its start, on half cosine waves.

        f(t) = start + (1 − start) · ½·(1 − cos(π·t / p))                   for t < p
        f(t) = final + (1 − final) · ½·(1 + cos(π·(t − p) / (T − 1 − p)))   from there on

    with t steps done of T, and the peak at p = warmup·(T − 1).

    The optimiser's rate is the peak. It may be several times what a constant rate
    could be (Smith 2018, "A disciplined approach to neural network hyper-parameters:
    Part 1", section 4.1; there the flanks are straight).

    Args:
        warmup: share of the steps before the peak, from 0 to below 1.
        start: factor in the first step, where warmup is above 0; above 0, at most 1.
        final: factor in the last step, from 0 to 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> OneCycle(warmup=0.25).factor(Clock(step=25, total_steps=101, epoch=0, epochs=1))
        1.0
    """

    warmup: float = 0.3
    start: float = 1 / 25
    final: float = 1e-4

    def __post_init__(self) -> None:
        checks.number(self, "warmup", minimum=0, below=1)
        checks.number(self, "start", above=0, maximum=1)
        checks.number(self, "final", minimum=0, maximum=1)

    def factor(self, clock: Clock) -> float:
        """Return the factor on the rising or the falling flank."""
        last = clock.total_steps - 1
        peak = self.warmup * last
        if clock.step < peak:
            return _cosine(self.start, 1.0, clock.step / peak)
        return _cosine(1.0, self.final, _share(clock.step - peak, last - peak))


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """The rate is multiplied by ``decay`` whenever the loss has stopped falling.

    An epoch is good if its loss is below the best one so far by more than
    ``minimum_change``. After more than ``patience`` epochs in a row that are not good,
    the rate is reduced, and the count begins anew.

    Args:
        patience: epochs without improvement that are borne, at least 0.
        decay: above 0, below 1.
        minimum_change: the least improvement that counts, at least 0.
        minimum: factor below which it is not reduced, from 0 to 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> plateau = ReduceOnPlateau(patience=1)
        >>> losses = (2.0, 1.0, 1.0, 1.0)
        >>> plateau.factor(Clock(step=40, total_steps=90, epoch=4, epochs=9, losses=losses))
        0.1
    """

    patience: int = 5
    decay: float = 0.1
    minimum_change: float = 1e-4
    minimum: float = 0.0

    def __post_init__(self) -> None:
        checks.whole(self, "patience", minimum=0)
        checks.number(self, "decay", above=0, below=1)
        checks.number(self, "minimum_change", minimum=0)
        checks.number(self, "minimum", minimum=0, maximum=1)

    def factor(self, clock: Clock) -> float:
        """Go through the losses so far and count the plateaus."""
        best, waited, plateaus = math.inf, 0, 0
        for loss in clock.losses:
            if loss < best - self.minimum_change:
                best, waited = loss, 0
                continue
            waited += 1
            if waited > self.patience:
                plateaus, waited = plateaus + 1, 0
        return max(self.decay**plateaus, self.minimum)


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "piecewise": Piecewise,
    "exponential": Exponential,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "reduce_on_plateau": ReduceOnPlateau,
}
