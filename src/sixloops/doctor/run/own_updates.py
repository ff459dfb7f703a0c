r"""Seeing how somebody's own loop updates: too early, or with a decay that makes weights grow.

The error that a layer hands on is ∂E/∂x = Wᵀ·δ with the W of the forward pass. Where W is updated
first, the layers before it get gradients of another network. At a rate of 0 this cannot be seen:
nothing is changed then. But the gradients of the very first step belong to the first weights and
the first images, and no rate has had a part in them: so the loop is run for a step at a rate of 0
and at one that changes the weights visibly, and what it hands over must be the same.

Much else may make the difference, and nothing is said then: where two runs at a rate of 0 differ,
as by chance; where the weights' change is not along the gradients that were handed over (and the
weights themselves, as by a penalty), as with several steps before the first that is told, and with
Adam; and where all gradients differ, as with an update for each image of a batch.

The same step shows what else is done to the weights: w − w′ = η·(g + λ·w) for some λ, which a decay
has, and which is below 0 where its sign is wrong.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.data import Dataset
from sixloops.doctor.run.arrays import ONE_DIRECTION, angle, named_arrays, norm
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.monitor import Monitor
from sixloops.doctor.run.own_gradients import FEWEST_WEIGHTS, growing, grows
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

VISIBLE = 0.3
"""By such a part of their size the weights are changed."""
APART = 0.02
"""The angle, in radians, beyond which arrays have two directions."""
LEAST = 1e-4
"""A smaller part of a change may be rounding."""


@dataclass(frozen=True)
class FirstStep:
    """What a loop told after its first step, of its matrices alone.

    Args:
        weights: by name; copies.
        gradients: by the same names.
    """

    weights: dict[str, Array]
    gradients: dict[str, Array]


class _First(Monitor):
    """Keeps what the first step handed over."""

    def __init__(self, classes: int | None) -> None:
        super().__init__(classes)
        self.found = FirstStep({}, {})
        self._told = False

    def due(self, step: int | None = None) -> bool:
        """Say yes: the first step's arrays are wanted, whichever it is."""
        return True

    def observe(self, loss: float, **given: Any) -> None:
        """Keep what the first step of training has."""
        if self._told or not given.get("training", True):
            return
        self._told = True
        weights, gradients = (
            named_arrays(given.get(each), "parameter")[0] for each in ("parameters", "gradients")
        )
        names = [
            name
            for name, w in weights.items()
            if w.ndim > 1 and w.size >= FEWEST_WEIGHTS and name in gradients
        ]
        kept = (
            {name: each[name].astype(np.float64) for name in names} for each in (weights, gradients)
        )
        self.found = FirstStep(*kept)


def check_updates(loop: Loop, e: Evidence) -> Diagnosis | None:
    """See whether the first step's gradients depend on the rate, and what becomes of them.

    Args:
        loop: as it was run; it is run three times more, on one batch.
        e: what was seen of it, also of its gradients' slopes.
    """
    few = loop.data.subset(np.arange(min(max(e.batch, 1), len(loop.data))))
    still, again = (_first_step(loop, few, 0.0) for _ in range(2))
    sizes = {name: norm(g) for name, g in still.gradients.items() if norm(g) > 0}
    lengths = {name: norm(still.weights[name]) for name in sizes if norm(still.weights[name]) > 0}
    if not lengths or any(_angle(still, again, name) > ONE_DIRECTION for name in sizes):
        return None
    rate = VISIBLE / max(sizes[name] / length for name, length in lengths.items())
    moved = _first_step(loop, few, rate)
    changes = [change for name in sizes if (change := _change(still, moved, name)) is not None]
    if len(changes) < len(sizes):
        return None
    early = [name for name in sizes if _angle(still, moved, name) > APART]
    right = [name for name in sizes if _angle(still, moved, name) < ONE_DIRECTION]
    if early and right:
        return _too_early(early, right)
    # What is handed over must be the loss's slope alone, or a penalty may be in it and not applied.
    return _growing(changes) if e.proved >= len(changes) and not e.penalised else None


def _first_step(loop: Loop, few: Dataset, rate: float) -> FirstStep:
    """Return what the loop tells of its first step, which is nothing where it refuses the rate."""
    monitor = _First(loop.data.class_count)
    # At a high rate later steps may overflow, and raise; what was told of the first one counts.
    with np.errstate(all="ignore"), suppress(Exception):
        loop.train(few.images.copy(), few.labels.copy(), rate, loop.seed, monitor)
    return monitor.found


@dataclass(frozen=True)
class Change:
    """What became of a matrix: w − w′ = rate · (g + decay · w).

    Args:
        rate: what the gradient was multiplied with.
        decay: a penalty's λ that is not in the gradient which was handed over.
        part: of the change, by its size, that is the decay's.
        rest: of the change, by its size, that is neither.
    """

    rate: float
    decay: float
    part: float
    rest: float


def _change(still: FirstStep, moved: FirstStep, name: str) -> Change | None:
    """Return how a matrix was changed; None if not by the gradient and a decay alone."""
    w, told = moved.weights.get(name), moved.gradients.get(name)
    before = still.weights[name]
    if w is None or told is None or not w.shape == told.shape == before.shape:
        return None
    change, ways = (before - w).reshape(-1), np.stack([told, before]).reshape(2, -1).T
    if not np.isfinite(change).all() or not np.isfinite(ways).all() or not change.any():
        return None
    rate, decayed = np.linalg.lstsq(ways, change, rcond=None)[0]
    rest = norm(change - ways @ (rate, decayed)) / norm(change)
    if rate == 0 or rest > APART:
        return None
    return Change(rate, decayed / rate, abs(decayed) * norm(before) / norm(change), rest)


def _angle(one: FirstStep, other: FirstStep, name: str) -> float:
    g = other.gradients.get(name)
    return np.pi if g is None else angle(one.gradients[name], g)


def _too_early(early: list[str], right: list[str]) -> Diagnosis:
    return Diagnosis(
        id="updated-in-backward",
        sentence="Gradients of the first step that depend on the learning rate, although no update "
        f"came before: {', '.join(early)}. Those of {', '.join(right)} do not.",
        mathematics="∂E/∂x = Wᵀ·δ is taken at the weights with which the forward was computed.",
        fix="Compute all gradients, and update the weights after the last of them.",
        number=19,
        page="docs/doctor.md#3-let-it-try",
        certainty=0.9,
    )


def _growing(changes: list[Change]) -> Diagnosis | None:
    """See whether a decay of one strength makes all weights grow."""
    seen = [c.decay if c.part > max(LEAST, 10 * c.rest) else 0.0 for c in changes]
    return growing(float(np.mean(seen)), "Updates have") if grows(seen) else None
