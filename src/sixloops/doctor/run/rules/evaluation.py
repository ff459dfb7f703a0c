"""Rules of what is measured beside the training."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import told_worse
from sixloops.doctor.run.rules.base import percent
from sixloops.doctor.verdict import Diagnosis

FAR = 10.0
"""So many times as far, or as little, no values of one kind spread."""
SMALL_EVALUATION = 250
"""Images of an evaluation under which its chance error is worth a word."""


def prepared_otherwise(e: Evidence) -> Diagnosis | None:
    """Recognise that held-out images differ from the training's in how they were prepared."""
    if not _are_strangers(e) or e.numbers is not None:
        return None
    across, within = e.probes["neighbours across"], e.probes["neighbours"]
    restored = ""
    if e.prepared is not None:
        how, reached = e.prepared
        restored = f" It comes back to {percent(reached)} if the held-out images are {how}."
    return Diagnosis(
        id="prepared-otherwise",
        sentence=f"{_both_told(e)} Looked up among training images, held-out ones find their label "
        f"in {percent(across)}, training ones in {percent(within)}.{restored}",
        mathematics="A network knows only images made as those that it learnt from.",
        fix="Prepare training, test and new images by one and the same function.",
        number=37,
        certainty=0.93 if e.prepared else 0.75,
    )


def scaled_otherwise(e: Evidence) -> Diagnosis | None:
    """Recognise held-out images whose values spread ten times as far as the training's.

    A network of ReLUs alone may tell them as well: then it is the loss that is wrong.
    """
    known, held = e.probes.get("training spread", 0.0), e.probes.get("held-out spread", 0.0)
    if not known or not held or 1 / FAR < held / known < FAR or not told_worse(e):
        return None
    largest = [f"{e.probes[f'{name} largest']:.3g}" for name in ("training", "held-out")]
    return Diagnosis(
        id="prepared-otherwise",
        sentence=f"The values of held-out images spread {held / known:.3g} times as far as those "
        f"of training images; the largest is {largest[1]}, and {largest[0]} in training.",
        mathematics="A network knows only images made as those that it learnt from. Their loss is "
        "wrong even where ReLU(c·x) = c·ReLU(x) leaves the answers as they are.",
        fix="Prepare training, test and new images by one and the same function.",
        number=37,
        certainty=0.92,
    )


def numbered_otherwise(e: Evidence) -> Diagnosis | None:
    """Recognise held-out labels that name the training's classes by other numbers."""
    if not _are_strangers(e) or e.numbers is None:
        return None
    names = list(e.numbers.names.items())
    told = ", ".join(f"{known} is {held}" for known, held in names[:4])
    more = ", …" if len(names) > 4 else ""
    return Diagnosis(
        id="labels-numbered-otherwise",
        sentence=f"{_both_told(e)} Their classes are numbered otherwise: the training's {told} "
        f"there{more}. Numbered alike, {percent(e.numbers.agreement)} of them find their label "
        "at the nearest training image.",
        mathematics="Labels are names: of K classes there are K! numberings, and a network learns "
        "the one that it is trained with.",
        fix="Number the classes of all sets by one and the same list, counted from 0.",
        number=38,
        certainty=0.94,
    )


def answers_numbered_otherwise(e: Evidence) -> Diagnosis | None:
    """Recognise answers that name the classes of the labels by other numbers."""
    told = e.probes.get("training part", 0.0)
    if e.answered is None or e.answered.agreement < max(0.5, told + 0.3):
        return None
    names = sorted((label, answer) for answer, label in e.answered.names.items())
    pairs = ", ".join(f"{label} as {answer}" for label, answer in names[:4])
    more = ", …" if len(names) > 4 else ""
    return Diagnosis(
        id="labels-numbered-otherwise",
        sentence=f"Training images are told at {percent(told)}, but each class by one other "
        f"number: {pairs}{more}. Numbered alike, {percent(e.answered.agreement)} are right.",
        mathematics="Labels are names: a network learns the numbering of its targets, "
        "whatever the labels' is.",
        fix="Number targets, answers and labels by one and the same list, counted from 0: print "
        "some labels beside their one-hot rows, and beside what argmax makes of these.",
        number=38,
        certainty=0.95,
    )


def _are_strangers(e: Evidence) -> bool:
    """Say whether held-out images are told worse, by network and neighbours, than training's."""
    across, within = e.probes.get("neighbours across"), e.probes.get("neighbours")
    training, held = e.probes.get("training part"), e.validation
    if across is None or within is None or training is None or held is None:
        return False
    return across <= within - 0.12 and held <= training - 0.1


def _both_told(e: Evidence) -> str:
    training, held = e.probes["training part"], e.validation or 0.0
    return f"Training images are told at {percent(training)}, held-out ones at {percent(held)}."


def test_path(e: Evidence) -> Diagnosis | None:
    """Recognise training images that score badly, too, on the way that test images take."""
    told, learnt = e.probes.get("training part"), e.accuracy
    if told is None or learnt is None or e.probes.get("has statistics") or told > learnt - 0.25:
        return None
    # A run that jumps from answer to answer may name any class at its last step.
    if learnt < (e.chance or 0.0) + 0.1:
        return None
    return Diagnosis(
        id="prepared-otherwise",
        sentence=f"While learning, training images are told at {percent(learnt)}; the same images, "
        f"asked about as test images are, at {percent(told)}.",
        mathematics="A network knows only images made as those that it learnt from, passed through "
        "the same function.",
        fix="Prepare training, test and new images by one and the same function.",
        number=37,
        certainty=0.9,
    )


def answers_by_chance(e: Evidence) -> Diagnosis | None:
    """Recognise outputs of the same images that differ when they are asked about twice."""
    apart = e.probes.get("answers by chance", 0.0)
    if not apart > 1e-2:
        return None
    return Diagnosis(
        id="random-evaluation",
        sentence="The same images, asked about twice, get outputs that differ by "
        f"{percent(apart)}.",
        mathematics="Dropout's mask belongs to learning. Asked about an image, every unit counts, "
        "times 1 − q, unless learning has divided by it.",
        fix="Switch dropout, and whatever else draws at random, off outside training.",
        certainty=0.92,
    )


def depends_on_its_batch(e: Evidence) -> Diagnosis | None:
    """Recognise outputs of an image that change with the others in its batch."""
    apart = e.probes.get("depends on its batch", 0.0)
    if not apart > 1e-2:
        return None
    return Diagnosis(
        id="images-mixed",
        sentence=f"An image's outputs, asked about alone, differ by {percent(apart)} from those in "
        "a batch.",
        mathematics="∂y_i/∂x_j = 0 for i ≠ j: images of a batch know nothing of each other.",
        fix="Look at reshape, transpose and sums: the batch must stay an axis of its own. Batch "
        "normalisation takes its running statistics outside training.",
        number=12,
        certainty=0.92,
    )


def stale_statistics(e: Evidence) -> Diagnosis | None:
    """Recognise images that are told far better with their batch's own statistics."""
    batch, running = e.probes.get("training mode"), e.probes.get("evaluation mode")
    if batch is None or running is None or not e.probes.get("has statistics"):
        return None
    lag, steps = e.probes.get("lag", 0.0), len(e.steps)
    if batch < running + (0.03 if lag > steps else 0.15):
        return None
    return Diagnosis(
        id="stale-statistics",
        sentence=f"The same images are told at {percent(batch)} with the batch's own statistics "
        f"and at {percent(running)} with the running ones.",
        mathematics="running ← m·running + (1 − m)·batch follows with a lag of 1/(1 − m) steps: "
        "after fewer steps it is still near its beginning.",
        fix="Lower the momentum m to 0.9, or train for more steps than a few times 1/(1 − m).",
        number=41,
        certainty=0.9,
    )


def metric_wrong(e: Evidence) -> Diagnosis | None:
    """Recognise that the accuracy that the loop reports is not the one that a recount gives."""
    pairs = [
        (seen.reported_accuracy, seen.accuracy, seen.images)
        for seen in e.outputs
        if seen.reported_accuracy is not None and seen.accuracy is not None
    ]
    off = [pair for pair in pairs if abs(pair[0] - pair[1]) > 1.01 / max(pair[2], 1) + 0.01]
    if len(off) < 2 or len(off) < 0.7 * len(pairs):
        return _recounted(e)
    told, found, images = max(off, key=lambda pair: abs(pair[0] - pair[1]))
    words = f"({images} images; {len(off)} of {len(pairs)} counts differ)"
    return _miscounted(told, found, words, 0.95)


def _recounted(e: Evidence) -> Diagnosis | None:
    """Compare the second half's accuracies with their recount, as a loop may report a mean."""
    told, found = np.asarray(e.hits), np.asarray(e.recounts)
    if len(told) != len(found) or len(told) < 20 or np.isnan(found).any():
        return None
    half = len(told) // 2
    late, counted = float(told[half:].mean()), float(found[half:].mean())
    if abs(late - counted) < 0.25:
        return None
    return _miscounted(late, counted, "(the mean of the second half of the steps)", 0.9)


def _miscounted(told: float, found: float, words: str, certainty: float) -> Diagnosis:
    return Diagnosis(
        id="metric-wrong",
        sentence=f"The loop reports an accuracy of {told:.3f}; counted image by image it is "
        f"{found:.3f} {words}.",
        mathematics="Outputs are (batch, classes): the answer of an image is the argmax over its "
        "row, axis 1.",
        fix="accuracy = (outputs.argmax(axis=1) == labels).mean(), with labels of shape (batch,).",
        number=46,
        certainty=certainty,
    )


def evaluated_on_few(e: Evidence) -> Diagnosis | None:
    """Recognise an accuracy that swings no more than chance alone makes it."""
    few = [
        (x.images, x.accuracy)
        for x in e.evaluations
        if x.accuracy is not None and x.images and x.images < SMALL_EVALUATION
    ]
    some = few[len(few) // 3 :]
    if len(some) < 4:
        return None
    accuracies = [float(accuracy) for _, accuracy in some]
    images = min(images for images, _ in some)
    middle = sum(accuracies) / len(accuracies)
    error = math.sqrt(max(middle * (1 - middle), 0.25 / images) / images)
    swing = max(accuracies) - min(accuracies)
    # Two accuracies that chance alone tells apart differ by √2 errors: a run that gets better step
    # by step differs by less, one that goes up and down by more.
    steps = math.sqrt(sum((b - a) ** 2 for a, b in pairwise(accuracies)) / (len(accuracies) - 1))
    if swing < 0.08 or not 0.5 < steps / (math.sqrt(2) * error) < 2.2:
        return None
    return Diagnosis(
        id="evaluated-on-few",
        sentence=f"The accuracy swings by {percent(swing)} between evaluations on {images} images; "
        f"chance alone makes it swing by ±{percent(1.96 * error)} around {percent(middle)}.",
        mathematics="n images tell an accuracy p with a standard error of √(p(1−p)/n): ±2 % takes "
        "n ≈ 1,000 at p = 0.9.",
        fix="Evaluate on 1,000 images or more, and always on the same ones.",
        page="docs/answers/post-276213.md",
        number=50,
        certainty=0.9,
    )


RULES = (
    prepared_otherwise,
    scaled_otherwise,
    numbered_otherwise,
    answers_numbered_otherwise,
    test_path,
    answers_by_chance,
    depends_on_its_batch,
    stale_statistics,
    metric_wrong,
    evaluated_on_few,
)
