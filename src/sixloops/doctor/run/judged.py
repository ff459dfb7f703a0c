"""How well a run goes, before anyone asks why."""

from __future__ import annotations

import math

import numpy as np

from sixloops.doctor.run.evidence import Evidence

ENOUGH_STEPS, ENOUGH_IMAGES = 25, 600
"""Before so many a run says nothing."""
FEW_LOSSES = 10
"""So many losses must be finite after one that is not."""
MANY_STEPS = 100
"""Enough steps where nothing but the loss is known of them."""
ROSE = 0.3
"""By such a share of its beginning a loss rises that does so for a reason."""
STUCK = 0.97
"""Share of a constant predictor's loss above which nothing was learnt of the images."""


def long_enough(e: Evidence) -> bool:
    """Say whether there were enough steps and images to expect something."""
    if not e.batch:
        return len(e.steps) >= MANY_STEPS
    return len(e.steps) >= ENOUGH_STEPS and e.images >= ENOUGH_IMAGES


def fell(e: Evidence) -> float:
    """Return by which share of its beginning the loss fell; below 0 if it rose."""
    first, last = e.first_loss, e.last_loss
    if not first or last is None:
        return 0.0
    return (first - last) / abs(first)


def is_stuck(e: Evidence) -> bool:
    """Say whether it learnt next to nothing although it had the time to."""
    last, constant, accuracy, chance = e.last_loss, e.constant_loss, e.accuracy, e.chance
    accuracy = e.validation if accuracy is None else accuracy
    if accuracy is not None and chance is not None and accuracy > 1.5 * chance + 0.05:
        return False
    if constant is None and rose(e):
        return True
    if not long_enough(e):
        return False
    if last is None or constant is not None:
        return last is None or (constant is not None and last >= STUCK * constant)
    stands = any(abs(each.loss - last) < 0.015 * each.loss for each in e.prints)
    known = stands or e.guess is not None
    return fell(e) < (0.05 if known else 0.01) and (stands or len(e.steps) >= MANY_STEPS)


def rose(e: Evidence) -> bool:
    """Say whether the loss went up, and by more than it goes up and down anyway."""
    return len(e.steps) >= ENOUGH_STEPS and fell(e) < -ROSE


def learns(e: Evidence) -> bool:
    """Say whether something was seen that only a run has that learns.

    Right answers tell, where there are more of them than by chance; or else the loss, if it came
    to less than what a guess has.
    """
    accuracy, chance, last, constant = reached(e), guess(e), e.last_loss, e.constant_loss
    counted = False
    if accuracy is not None and chance is not None:
        images = e.validation_images or max(e.images // 5, 1)
        counted, spread = True, math.sqrt(chance * (1 - chance) / images)
        if accuracy > chance + 0.05 + 3 * spread:
            return True
    if last is None or len(e.steps) < ENOUGH_STEPS:
        return False
    if constant is not None:
        return last < 0.95 * constant
    return not counted and fell(e) > 0.1 and e.guess is None


def still_falling(e: Evidence) -> bool:
    """Say whether the loss was still going down at the end of the run."""
    before, last = e.part(0.5, 0.75), e.part(0.75, 1)
    return bool(len(before) and len(last) and last.mean() < 0.96 * before.mean())


def reached(e: Evidence) -> float | None:
    """Return the accuracy that it came to: on held-out images, or else on the training's."""
    return e.validation if e.validation is not None else e.accuracy


def guess(e: Evidence) -> float | None:
    """Return what naming the most frequent class comes to, where :func:`reached` is counted."""
    held = e.held_out_chance
    return held if held is not None and e.validation is not None else e.chance


def to_beat(e: Evidence) -> float:
    """Return what a changed run must beat: what the run itself reached, as experiments count.

    Naming the most frequent class is always to be had, so that to reach its share is no success.
    """
    return max(e.experiments.get("base", 0.0), guess(e) or 0.0)


def beats(e: Evidence, accuracy: float, by: float = 0.1) -> bool:
    """Say whether an accuracy is clearly more.

    Where a guess leaves little room, less will do: half of that room.
    """
    return accuracy > to_beat(e) + min(by, (1 - (guess(e) or 0.0)) / 2)


def recovered(e: Evidence) -> bool:
    """Say whether losses were not finite for a while, and the network has learnt all the same."""
    finite = np.isfinite(e.losses)
    if not e.broken or finite.all():
        return False
    after = finite[int(finite.argmin()) :]
    return int(np.count_nonzero(after)) >= FEW_LOSSES and learns(e)


def falls_short(e: Evidence, by: float = 0.05) -> bool:
    """Say whether it learnt less than it should have.

    Where it is known what looking up the nearest neighbour reaches, that is the yardstick;
    else twice the accuracy of a guess.
    """
    if (e.broken and not recovered(e)) or is_stuck(e):
        return True
    accuracy, neighbours, chance = reached(e), e.probes.get("neighbours"), guess(e)
    if accuracy is None:
        return False
    if neighbours is not None:
        return accuracy < neighbours - by
    return chance is not None and long_enough(e) and accuracy < min(2 * chance, 0.5 + chance / 2)


def told_worse(e: Evidence) -> bool:
    """Say whether held-out images are told worse than the training's, by accuracy or by loss."""
    training, held, loss = e.accuracy, e.validation, e.last_loss
    if training is not None and held is not None and held < training - 0.1:
        return True
    known = e.epochs[-1].get("validation_loss") if e.epochs else None
    return known is not None and loss is not None and known > 3 * loss
