r"""Proving the gradients of somebody's own loop, all layers at once.

The loop is run at a rate of 0, on a batch of some images and on copies of one: then its parameters
stay as they are, every batch has the same mean loss E(w), and what it hands over as gradients,
whatever momentum they have, must be a multiple c of ∂E/∂w. The function that it returns tells E
for other parameters, for these are changed in the loop's own arrays: along a direction d of ones
with random signs

    Σ ∂E/∂w · d ≈ (E(w + ε·d) − E(w − ε·d)) / 2ε

Any wrong number of an array shows in such a slope. c is the one that most arrays agree on, and a
penalty, which adds λ·w to a gradient, is not held against it, unless it makes all weights grow.
Much of what is sound changes gradients, too, and nothing is said where that may be so: where they
differ from step to step, as by dropout; where one array has a factor of its own, as by clipping,
unless that is the batch's size or −1; where the largest is a round number, as numbers are that were
cut off; where they are 0, or at right angles to their parameters; and where an image's outputs are
not its own, as behind a normalisation by the batch's mean. Where no matrix is right, they may be
Adam's steps: that is told as what may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from sixloops.data import Dataset
from sixloops.doctor.run.arrays import ONE_DIRECTION, angle, as_array, named_arrays
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.fingerprints import recount
from sixloops.doctor.run.judged import falls_short
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.monitor import Monitor
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

DIRECTIONS = 6
STEPS = {8: 1e-5, 4: 2e-3}
"""ε by the bytes of a number, as a part of a parameter's size."""
FAR = 0.02
"""By such a part of its size a slope is wrong, if it was measured far better."""
LEAST = 1e-6
"""A smaller slope is rounding."""
RIGHT_ANGLE, LITTLE = 1e-4, 1e-3
"""Cosines below that are of a right angle; of a slope such a part is as good as 0."""
FEWEST_WEIGHTS = 20
"""Numbers of an array that are not right, or all moved alike, by chance."""
COPIES = 3
"""Batches of copies of an image, unless one batch has all images."""
DIFFERENT = 8
"""Images of a batch, of which each counts."""

Loss: TypeAlias = Callable[[], float]


class Handed(Monitor):
    """Keeps what the last step handed over; the arrays are the loop's own."""

    def __init__(self, classes: int | None) -> None:
        super().__init__(classes)
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.told: tuple[float, Any, Any] = (np.nan, None, None)
        self.inputs: Array | None = None
        self._first: dict[str, Array] = {}

    def due(self, step: int | None = None) -> bool:
        """Say yes: each step's arrays are wanted."""
        return True

    def observe(self, loss: float, **given: Any) -> None:
        """Keep what a step has."""
        if not given.get("training", True):
            return
        self.evidence.steps.append(self.step + 1)
        self.evidence.losses.append(float(loss))
        self.told = float(loss), as_array(given.get("outputs")), as_array(given.get("labels"))
        self.inputs = as_array(given.get("inputs"))
        self.parameters = named_arrays(given.get("parameters"), "parameter")[0]
        found = named_arrays(given.get("gradients"), "parameter")[0]
        self.gradients = {name: gradient.astype(np.float64) for name, gradient in found.items()}
        self._first = self._first or self.gradients

    @property
    def steady(self) -> bool:
        """Whether the gradients are those of the first step, but for a factor."""
        if self._first.keys() != self.gradients.keys() or len(self.evidence.steps) < 2:
            return False
        pairs = ((self._first[name], gradient) for name, gradient in self.gradients.items())
        return all(_alike(a, b) for a, b in pairs)


def _alike(one: Array, other: Array) -> bool:
    """Say whether two arrays point in one direction, or both in none."""
    return angle(one, other) < ONE_DIRECTION or not (one.any() or other.any())


@dataclass(frozen=True)
class Slopes:
    """A parameter's slopes along some directions.

    Args:
        claimed: by the gradient.
        measured: as the loss goes.
        doubts: how well they are known: of those at a kink or of coarse numbers little is.
        decay: Σ w·d along each, what a penalty adds to.
        size: of a slope, as a rule: the gradient's norm.
        cosine: between the gradient and the parameter.
        matrix: whether it is one of some size, of which little is right by chance.
    """

    claimed: Array
    measured: Array
    doubts: Array
    decay: Array
    size: float
    cosine: float
    matrix: bool

    @property
    def ratio(self) -> float | None:
        """Return c where claimed = c · measured, but for a penalty; None where there is none."""
        if not self._known().all():
            return None
        ratio, _, rest = self._fitted()
        little = np.abs(ratio * self.measured).max() < FAR * self.size  # all of it is penalty
        return ratio if np.abs(rest).max() < FAR * self.size and not little else None

    @property
    def penalty(self) -> float:
        """Return λ where claimed = c · (measured + λ · decay); 0 where it is not clearly seen."""
        ratio, penalty, rest = self._fitted()
        part = np.abs(penalty * self.decay).max()
        clear = part > 10 * max(np.abs(rest).max(), abs(ratio) * self.doubts.max())
        return penalty / ratio if clear and self.ratio is not None else 0.0

    def _fitted(self) -> tuple[float, float, Array]:
        """Return what claimed is made of, by least squares: c, c · λ, and what neither explains."""
        both = np.stack([self.measured, self.decay], axis=1)
        ratio, penalty = map(float, np.linalg.lstsq(both, self.claimed, rcond=None)[0])
        return ratio, penalty, self.claimed - ratio * self.measured - penalty * self.decay

    def wrong(self, ratio: float, batch: int) -> bool:
        """Say whether the gradient is no ``ratio`` times the slope, for no reason that is sound."""
        if self.ratio is not None:
            told = (self.ratio / ratio / factor for factor in (batch, 1 / batch, -1))
            return batch > 1 and any(abs(each - 1) < FAR for each in told)
        if abs(self.cosine) < RIGHT_ANGLE or self.size < LITTLE * float(abs(self.measured).max()):
            return False
        off = self.claimed - ratio * self.measured
        penalty = max(float(off @ self.decay) / max(float(self.decay @ self.decay), 1e-300), 0.0)
        size = max(self.size, float(np.abs(ratio * self.measured).max()))
        limit = np.maximum(FAR * size, 20 * abs(ratio) * self.doubts)
        far = [np.abs(rest) > limit for rest in (off, off - penalty * self.decay)]
        return min(int((self._known() & each).sum()) for each in far) > DIRECTIONS // 2

    def far_off(self, ratio: float) -> bool:
        """Say whether no penalty makes the difference, which is small beside a gradient."""
        off = np.linalg.norm(self.claimed - ratio * self.measured)
        return bool(off > np.linalg.norm(self.claimed) / 2)

    @property
    def measurable(self) -> bool:
        """Whether all slopes are well known, and large enough to tell."""
        return bool(self._known().all()) and self.size > LEAST

    def _known(self) -> Array:
        return np.asarray(20 * self.doubts < max(self.size, float(np.abs(self.measured).max())))


def check_gradients(loop: Loop, e: Evidence) -> Diagnosis | None:
    """Hold a loop's gradients against the slopes of its loss; note what is proved.

    Args:
        loop: as it was run; it is run three times more, on some images, on one of noise and on
            its first.
        e: what was seen of it; gets a note.
    """
    proof = _Proof(max(e.batch, 1))
    for rows, images in _trials(loop, proof.batch):
        found = _slopes(loop, rows, images)
        if found is None:
            break
        if said := proof.take(found, several=len(images) > 1):
            return said
    if proof.factors:
        words = ", ".join(f"{name}: {factor:.3g}" for name, factor in proof.factors.items())
        e.notes.append(
            "Beside the others, gradients are so many times the slopes of your loss, which a "
            f"forgotten factor does, or clipping: {words}."
        )
    # What agrees for copies alone is not proved.
    e.proved = len(proof.proved - proof.undecided.keys())
    e.penalised = proof.penalised
    return None if proof.agreed else _none_agrees(proof.strangers, e)


@dataclass
class _Proof:
    """What the trials have shown.

    Args:
        batch: images a step.
        proved: the parameters whose gradients are the loss's slopes.
        factors: by what the others' slopes were multiplied.
        undecided: slopes for images that differ, if no matrix's gradient is a multiple of them.
        strangers: the same, for any images.
        agreed: whether in any trial a matrix's gradient is a multiple of its slopes.
        penalised: whether gradients hold a penalty's.
    """

    batch: int
    proved: set[str] = field(default_factory=set)
    factors: dict[str, float] = field(default_factory=dict)
    undecided: dict[str, Slopes] = field(default_factory=dict)
    strangers: dict[str, Slopes] = field(default_factory=dict)
    agreed: bool = False
    penalised: bool = False

    def take(self, found: dict[str, Slopes], several: bool) -> Diagnosis | None:
        """Keep what one trial shows; return what is wrong.

        Args:
            found: slopes by parameter.
            several: whether they are of images that differ.
        """
        ratios = [s.ratio for s in found.values() if s.ratio is not None and s.matrix]
        if not ratios:
            self.undecided = found if several else self.undecided
            self.strangers = found or self.strangers
            return None
        self.agreed = True
        ratio = max(ratios, key=lambda c: (c > 0, _agreeing(c, ratios), -abs(c - 1)))
        said = self._wrong(found, ratio)
        known = {name: s.ratio / ratio for name, s in found.items() if s.ratio is not None}
        self.proved |= {name for name, factor in known.items() if abs(factor - 1) < FAR}
        self.factors |= {name: f for name, f in known.items() if name not in self.proved}
        return said

    def _wrong(self, found: dict[str, Slopes], ratio: float) -> Diagnosis | None:
        """Return what is wrong where c, which all gradients should have, is known."""
        wrong = [name for name, slopes in found.items() if slopes.wrong(ratio, self.batch)]
        if wrong:
            return _said(wrong, found, ratio, self.batch)
        matrices = [s for s in self.undecided.values() if s.matrix]
        if matrices and all(s.wrong(ratio, self.batch) and s.far_off(ratio) for s in matrices):
            return _of_copies_alone(self.undecided)
        if ratio < 0:
            return _uphill(ratio)
        penalties = [s.penalty for s in found.values() if s.matrix]
        self.penalised |= any(penalties)
        return growing(float(np.mean(penalties)), "Gradients have") if grows(penalties) else None


def _none_agrees(found: dict[str, Slopes], e: Evidence) -> Diagnosis | None:
    """Say that no matrix's gradient is a slope, which Adam's steps are not either."""
    names = [name for name, slopes in found.items() if slopes.matrix and slopes.measurable]
    if not names:
        return None
    said = Diagnosis(
        id="backward-wrong",
        sentence=f"No gradient that is handed over is a multiple of the loss's slope: not "
        f"{' nor '.join(names)}.",
        mathematics="Σ g·d = c·(E(w + εd) − E(w − εd)) / 2ε for every direction d.",
        fix="If they are the loss's gradients, begin at the outputs, whose error all others are "
        "made of: p − t for softmax and cross-entropy. If they are an optimiser's steps, as "
        "Adam's, hand over the gradients themselves.",
        page="docs/doctor.md#3-let-it-try",
        certainty=0.55,
    )
    if falls_short(e):
        return said
    e.notes.append(f"{said.sentence} {said.fix}")
    return None


def _agreeing(ratio: float, ratios: Sequence[float]) -> int:
    return sum(abs(each - ratio) < FAR * abs(ratio) for each in ratios)


def _said(wrong: Sequence[str], found: dict[str, Slopes], ratio: float, batch: int) -> Diagnosis:
    first = found[wrong[0]]
    right = [name for name, s in found.items() if name not in wrong and s.ratio is not None]
    where = f" Right: {', '.join(right)}." if right else ""
    worst = int(np.argmax(np.abs(first.claimed - ratio * first.measured)))
    words = (
        f"along a random direction that of {wrong[0]} says {first.claimed[worst] / ratio:.3g}, and "
        f"the loss goes by {first.measured[worst]:.3g}"
    )
    if first.ratio is not None:
        words = f"that of {wrong[0]} is {_factor_words(first.ratio / ratio, batch)}"
    return Diagnosis(
        id="backward-wrong",
        sentence=f"Gradients that are not the slope of the loss: {', '.join(wrong)}; {words}."
        f"{where}",
        mathematics="Σ g·d = (E(w + εd) − E(w − εd)) / 2ε for every direction d.",
        fix="Look at the backward of the layers up to the first parameter whose gradient is right: "
        "'sixloops doctor layer FILE.py:NAME' names the mistake. If gradients are changed on "
        "purpose, or are of more than the loss that is told, hand over what belongs together.",
        page="docs/doctor.md#3-let-it-try",
        certainty=0.9,
    )


def _factor_words(factor: float, batch: int) -> str:
    """Return how many times a slope is, and whether the batch's size is why.

    Examples:
        >>> _factor_words(0.05, 20), _factor_words(20.0, 20), _factor_words(-1.0, 20)
        ('0.05 times the slope (1 / batch)', '20 times the slope (the batch)', '-1 times the slope')
    """
    whys = {1 / batch: " (1 / batch)", float(batch): " (the batch)"}
    why = next((word for size, word in whys.items() if abs(factor / size - 1) < FAR), "")
    return f"{factor:.4g} times the slope{why}"


def _of_copies_alone(found: Iterable[str]) -> Diagnosis:
    return Diagnosis(
        id="backward-wrong",
        sentence="Gradients that are the slope of the loss for copies of one image, and not for "
        f"images that differ: {', '.join(found)}.",
        mathematics="∂E/∂w = Σ_n ∂E_n/∂w / N: each image of a batch has its part.",
        fix="Look where the images' parts are added up: one may be written over the others, or "
        "an error may be multiplied with another image's input.",
        page="docs/doctor.md#3-let-it-try",
        certainty=0.9,
    )


def _uphill(ratio: float) -> Diagnosis:
    return Diagnosis(
        id="sign",
        sentence=f"All gradients are {ratio:.4g} times the slopes of the loss.",
        mathematics="E(w + Δw) ≈ E(w) + g·Δw: for softmax and cross-entropy ∂E/∂z = p − t.",
        fix="Turn the sign of the outputs' error.",
        number=23,
        certainty=0.9,
    )


def grows(penalties: Sequence[float]) -> bool:
    """Say whether all matrices, of which one alone proves nothing, have one penalty below 0.

    Examples:
        >>> grows([-0.01, -0.0101]), grows([-0.01, -0.02]), grows([0.01, 0.01]), grows([-0.01])
        (True, False, False, False)
    """
    return len(penalties) > 1 and (1 + FAR) * max(penalties) < min(penalties) < 0


def growing(penalty: float, what: str) -> Diagnosis:
    """Say that weights grow by themselves.

    Args:
        penalty: λ, below 0.
        what: has it.
    """
    return Diagnosis(
        id="weight-decay-sign",
        sentence=f"{what} {penalty:.3g} times the weights added to the slope of the loss: with no "
        "error at all the weights would grow.",
        mathematics="R = ½λΣw² has ∂R/∂w = +λw: a step −η·λ·w shrinks w.",
        fix="Turn the penalty's sign.",
        number=27,
        page="docs/doctor.md#3-let-it-try",
        certainty=0.9,
    )


def _trials(loop: Loop, batch: int) -> Iterator[tuple[Array, Array]]:
    """Yield what the loop is run on: of some images which, again and again, and these."""
    some = np.arange(min(DIFFERENT, batch, len(loop.data)))
    yield np.resize(some, batch), loop.data.take(some)[0]
    copies = np.zeros(batch if batch >= len(loop.data) else COPIES * batch, int)
    yield copies, _noise(loop.data)
    yield copies, loop.data.take([0])[0]


def _noise(data: Dataset) -> Array:
    """Return an image of noise, which has few ties, in the data's range and type."""
    some = data.take(np.arange(min(len(data), 50)))[0]
    random = np.random.default_rng(0)
    noise = random.uniform(float(some.min()), float(some.max()), (1, *some.shape[1:]))
    return noise.astype(some.dtype)


def _slopes(loop: Loop, rows: Array, images: Array) -> dict[str, Slopes] | None:
    """Return the slopes of all parameters that can be measured.

    Args:
        loop: as it was run.
        rows: which of the images it is given.
        images: with the labels of the loop's first ones.

    Returns:
        By name; None where an image's outputs are not those that it has by itself.
    """
    labels = loop.data.labels[: len(images)]
    handed = Handed(loop.data.class_count)
    with np.errstate(all="ignore"):
        predict = loop.train(images[rows], labels[rows], 0.0, loop.seed, handed)
        answers = as_array(predict(images.copy()))
        told, outputs, told_labels = handed.told
        # Dropout, or a batch's own statistics: another function than the one that is trained.
        if answers is None or outputs is None or outputs.shape[1:] != answers.shape[1:]:
            return None
        seen = np.abs(outputs[:, None] - answers).reshape(len(outputs), len(answers), -1)
        which = seen.max(axis=2).argmin(axis=1)
        if not close(answers[which], outputs).all():
            return None
        name = _loss_name(told, answers[which], labels[which])
        if told_labels is None or name is None or not handed.steady or not _differ(answers):
            return {}

        def loss() -> float:
            now = as_array(predict(images.copy()))
            return recount(now[which], labels[which])[name]  # type: ignore[index]

        fine = float(np.finfo(answers.dtype).eps) if answers.dtype.kind == "f" else 1.0
        grain = fine * max(1.0, float(np.abs(answers).max()))
        return {
            name: slopes
            for name, w in handed.parameters.items()
            if (gradient := handed.gradients.get(name)) is not None
            and (slopes := _slopes_of(w, gradient, loss, grain)) is not None
        }


def close(one: Array, other: Array) -> Array:
    """Say which outputs are the same but for rounding."""
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


def _differ(answers: Array) -> bool:
    """Say whether each image can be told by its outputs."""
    pairs = combinations(answers, 2)
    return not any(close(one, other).all() for one, other in pairs)


def _loss_name(told: float, answers: Array, labels: Array) -> str | None:
    """Return which of the usual losses the loop told; None if it cannot be asked."""
    found = recount(answers, labels).items()
    means = told, told / len(labels)  # it may be told as the sum over the batch
    return next((n for n, value in found if np.isclose(value, means, rtol=1e-3).any()), None)


def _slopes_of(w: Array, gradient: Array, loss: Loss, grain: float) -> Slopes | None:
    """Measure along random directions; None where the array is not the one that counts."""
    size = float(np.linalg.norm(gradient))
    if w.shape != gradient.shape or w.dtype.kind != "f" or not w.flags.writeable:
        return None
    if not np.isfinite(size) or _clipped(gradient):
        return None
    random, kept = np.random.default_rng(0), w.copy()
    length = STEPS.get(w.itemsize, 1e-2) * max(float(np.sqrt(np.mean(np.square(kept)))), 1e-2)
    grain = max(grain, float(np.finfo(w.dtype).eps)) / (2 * length)
    pruned = (kept == 0) & (gradient == 0)
    rows = []
    for _ in range(DIRECTIONS):
        d = random.choice([-1.0, 1.0], w.shape).astype(w.dtype)
        if w.size < FEWEST_WEIGHTS:  # the signs may all be alike, which no softmax sees in biases
            d *= random.uniform(0.5, 1.5, w.shape).astype(w.dtype)
        d[pruned & ~pruned.all()] = 0
        slope, doubt = _along(w, kept, d, length, loss)
        rows.append((float((gradient * d).sum()), slope, doubt + grain, float((kept * d).sum())))
    claimed, measured, doubts, decay = np.array(rows).T
    # Where no unit is open there is nothing to see, and neither where the array is a copy.
    if abs(measured).max() < LEAST:
        return None
    product = size * float(np.linalg.norm(kept))
    cosine = float((kept * gradient).sum()) / product if product > LEAST else float(size > LEAST)
    matrix = w.ndim > 1 and w.size >= FEWEST_WEIGHTS
    return Slopes(claimed, measured, doubts, decay, size, cosine, matrix)


def _clipped(gradient: Array) -> bool:
    """Say whether the largest numbers were cut off, which shows by a round number."""
    largest = float(np.abs(gradient).max())
    return largest > 0 and abs(float(f"{largest:.2g}") / largest - 1) < 1e-6


def _along(w: Array, kept: Array, d: Array, length: float, loss: Loss) -> tuple[float, float]:
    """Return the slope of the loss along a direction, and how doubtful it is."""

    def at(steps: float) -> float:
        w[...] = kept + steps * length * d
        try:
            return loss()
        finally:
            w[...] = kept

    def slope_and_bend(steps: float) -> tuple[float, float]:
        up, down = at(steps), at(-steps)
        return (up - down) / (2 * steps * length), abs(up - 2 * here + down) / (steps * length)

    here = at(0)
    (whole, bend), (half, half_bend) = slope_and_bend(1.0), slope_and_bend(0.5)
    # Of a smooth loss the bend is half as large at half the distance, at a kink it stays.
    return half, abs(whole - half) + max(2 * half_bend - bend, 0.0)
