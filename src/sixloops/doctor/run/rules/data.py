"""Rules of the data."""

from __future__ import annotations

import math

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import ENOUGH_STEPS, falls_short
from sixloops.doctor.run.rules.base import percent
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

ENOUGH = 200
"""So many images, at least, must have been compared with each other."""


def inputs_not_scaled(e: Evidence) -> Diagnosis | None:
    """Recognise that the first layer that learns gets numbers as large as bytes."""
    seen = e.inputs
    if seen is None or seen.factor >= 1:
        return None
    rescue = _rescue(e, "Divided by 255")
    return Diagnosis(
        id="inputs-not-scaled",
        sentence=f"The first layer that learns gets values from {seen.low:g} to {seen.high:g}, "
        f"with a spread of {seen.spread:.3g}.{rescue}",
        mathematics="z = Σ w·x is as much too large as x is, and so is ∂E/∂w = Σ δ·x: the first "
        "layer saturates or its steps explode.",
        fix="Divide the pixels by 255, as the first thing that the network does.",
        number=36,
        certainty=_certainty_of_scale(e, rescue, falls_short(e, 0.02), 0.85),
    )


def inputs_scaled_twice(e: Evidence) -> Diagnosis | None:
    """Recognise that the first layer that learns gets pixels divided by 255 twice."""
    seen = e.inputs
    if seen is None or seen.factor <= 1:
        return None
    rescue = _rescue(e, "Multiplied by 255")
    return Diagnosis(
        id="inputs-scaled-twice",
        sentence=f"The first layer that learns gets values from {seen.low:.2g} to {seen.high:.2g} "
        f"only, as if they had been divided by 255 twice.{rescue}",
        mathematics="z = Σ w·x + b: where x is tiny, all images give nearly the same z, the bias "
        "outweighs them, and ∂E/∂w = Σ δ·x is as tiny as x.",
        fix="Divide the pixels by 255 once: in the data, or as the first thing that the network "
        "does.",
        number=36,
        # More certain than what follows from it: units that are dead, steps that are small.
        certainty=_certainty_of_scale(e, rescue, falls_short(e, 0.1), 0.93),
    )


def _rescue(e: Evidence, change: str) -> str:
    """Say what inputs from 0 to 1 have reached, if that is more than without; else nothing."""
    scaled = e.experiments.get("scaled", 0.0)
    if "scaled" not in e.experiments or scaled <= e.experiments.get("base", 0.0) + 0.03:
        return ""
    factor = e.probes.get("scaled rate", 1.0)
    rate = "" if factor == 1 else f" and at {factor:g} times the rate"
    return f" {change}{rate}, the same seed reaches {percent(scaled)}."


def _certainty_of_scale(e: Evidence, rescue: str, short: bool, certainty: float) -> float:
    """Return how certain it is; ``certainty`` where a run falls short and no other was tried."""
    if rescue:
        return 0.97
    return certainty if short and "scaled" not in e.experiments else 0.3


def shuffled_apart(e: Evidence) -> Diagnosis | None:
    """Recognise that the nearest neighbours' labels agree no more than by chance."""
    agreement, chance = e.probes.get("neighbours"), e.chance
    images = e.probes.get("looked up", 0.0)
    if agreement is None or chance is None or images < ENOUGH:
        return None
    by_chance = float((e.shares**2).sum())
    if agreement > by_chance + 3 * math.sqrt(by_chance * (1 - by_chance) / images) + 0.02:
        return None
    # Where a network tells new images well, labels belong to them, whatever neighbours say.
    held, told = e.validation, e.accuracy
    known = told if held is None else held
    if known is not None and known > chance + (0.5 if held is None else 0.15) * (1 - chance):
        return None
    return Diagnosis(
        id="shuffled-apart",
        sentence=f"An image and its nearest neighbour have the same label in {percent(agreement)} "
        f"of the cases; by chance it would be {percent(by_chance)}.",
        mathematics="If the labels belong to the images, alike images have like labels. A network "
        "can learn other labels by heart, but nothing that holds for new images.",
        fix="Shuffle images and labels by one and the same permutation, and count both from the "
        "same first row.",
        number=38,
        certainty=0.92 if held is not None else 0.7,
    )


def partly_apart(e: Evidence) -> Diagnosis | None:
    """Recognise training labels that fit each other much less than they fit held-out images."""
    within, across = e.probes.get("neighbours"), e.probes.get("neighbours across")
    chance = e.chance
    if within is None or across is None or chance is None or not across > 2 * chance:
        return None
    right = max(within - chance, 0.0) / (across - chance)
    if right > 0.6:
        return None
    return Diagnosis(
        id="shuffled-apart",
        sentence=f"Held-out images find their label at the nearest training image in "
        f"{percent(across)} of the cases, training images among themselves in {percent(within)}: "
        f"about {percent(1 - right)} of the training labels are wrong.",
        mathematics="If a share p of the labels is right, held-out images agree with them in about "
        "p, two training images in about p².",
        fix="Look where images and labels part: shuffled, filtered or read in another order.",
        number=38,
        certainty=0.8,
    )


def sorted_by_class(e: Evidence) -> Diagnosis | None:
    """Recognise labels that are the same as the one before far more often than by chance."""
    if not e.labels or np.count_nonzero(e.counts) < 2:
        return None
    order = np.concatenate(e.labels)
    if len(order) < 200:
        return None
    expected = float((e.shares**2).sum())
    same, whose = _alike(order, e.batch)
    if same < expected + 0.35 * (1 - expected):
        return None
    return Diagnosis(
        id="sorted-by-class",
        sentence=f"{whose} have the same label in {percent(same)} of the cases; in a random order "
        f"it would be {percent(expected)}.",
        mathematics="Each step goes down the gradient of its own batch. Batches of one class pull "
        "the network to that class, one after the other.",
        fix="Shuffle the images, with their labels, before each epoch.",
        number=39,
        certainty=0.95 if same > 0.5 else 0.7,
    )


def same_batch(e: Evidence) -> Diagnosis | None:
    """Recognise a loop that takes the same images at every step, and tells no others as well."""
    told, learnt = e.probes.get("training part"), e.accuracy
    if told is None or learnt is None or told > learnt - 0.2 or len(e.labels) < ENOUGH_STEPS:
        return None
    first = e.labels[0]
    if e.given is None or 2 * len(first) > e.given or not _by_chance(first):
        return None
    if not all(np.array_equal(first, each) for each in e.labels):
        return None
    return Diagnosis(
        id="same-batch",
        sentence=f"The first {len(e.labels)} steps had the same {len(first)} labels, in the same "
        f"order. They are told at {percent(learnt)}, other training images at {percent(told)}.",
        mathematics="Step t takes the images from (t·N) mod n on: its index must grow.",
        fix="Look at how a batch is cut out of the images: images[i : i + N], with an i that goes "
        "from 0 to n in steps of N.",
        certainty=0.96,
    )


def _by_chance(labels: Array) -> bool:
    """Say whether labels come in no order, as those of a batch with all classes may."""
    classes = len(np.unique(labels))
    in_turns = np.array_equal(labels[classes:], labels[:-classes])
    return len(labels) > 7 and classes > 1 and bool((np.diff(labels) < 0).any()) and not in_turns


def _alike(order: Array, batch: int) -> tuple[float, str]:
    """Return how often two images have the same label, and which two.

    Within a batch the order does not matter, as its gradients are added up: any two of a batch
    are looked at. A batch of one or two is compared with what comes next.
    """
    size = min(batch, len(order))
    if size < 3:
        return float((order[1:] == order[:-1]).mean()), "An image and the next one"
    rows = order[: len(order) // size * size].reshape(-1, size)
    pairs = 0.0
    for label in np.unique(rows):
        count = np.count_nonzero(rows == label, axis=1)
        pairs += float((count * (count - 1)).mean())
    return pairs / (size * (size - 1)), "Two images of a batch"


def labels_outside(e: Evidence) -> Diagnosis | None:
    """Recognise labels that are no class of the network."""
    classes = e.classes or 0
    # Where the last class has labels too, −1 stands for images without one.
    ends_early = not e.counts[classes - 1 :].any()
    outside = e.outside + (e.minus_one if ends_early else 0)
    if not outside or not classes:
        return None
    return Diagnosis(
        id="labels-outside",
        sentence=f"{outside} labels are not from 0 to {classes - 1}.",
        mathematics="The classes of K outputs are counted from 0 to K − 1.",
        fix="Subtract 1 if they are counted from 1; or give the network one output a class.",
        certainty=0.95,
    )


def bytes_wrapped(e: Evidence) -> Diagnosis | None:
    """Recognise pixels whose neighbours agree once a constant is added modulo 256."""
    mended = e.probes.get("unwrapped neighbours")
    if mended is None or mended < e.probes.get("neighbours", 1.0) + 0.08:
        return None
    shift = e.probes["unwrapped by"]
    return Diagnosis(
        id="bytes-wrapped",
        sentence=f"With {shift:.0f} added to every pixel modulo 256, nearest neighbours have the "
        f"same label in {percent(mended)} of the cases, not {percent(e.probes['neighbours'])}.",
        mathematics="Unsigned bytes count modulo 256: 1 − 2 = 255, and black becomes white.",
        fix="Turn the bytes into floats first, then subtract: images.astype(np.float32) − mean.",
        number=47,
        certainty=0.93,
    )


def input_ignored(e: Evidence) -> Diagnosis | None:
    """Recognise a run that goes the same way, to the last bit or so, with images of zeros."""
    if not e.probes.get("zero apart", 1.0) <= 1e-9:  # NaN is no proof
        return None
    return Diagnosis(
        id="input-ignored",
        sentence="With zeros in the place of all images the same seed goes exactly the same way: "
        "the network never sees its images.",
        mathematics="If y does not depend on x, the best that it can learn is how frequent each "
        "class is.",
        fix=_where_images_stop(e),
        page="docs/doctor.md",
        certainty=0.94,
    )


def _where_images_stop(e: Evidence) -> str:
    """Say where to look for what keeps images from the outputs."""
    matrices = [seen for seen in e.parameters.values() if seen[0].matrix]
    dead = bool(matrices) and all(not s.gradient for seen in matrices for s in seen)
    first = (
        "No weight ever has a gradient, only biases do: what comes to them is 0. Print how many of "
        "the hidden units are above 0, as a bias far below 0 leaves none. "
        if dead
        else ""
    )
    return (
        f"{first}Follow one image from the file to the first layer, and print its largest value at "
        "each place: a buffer that is never filled, a division of whole numbers, a mask of zeros, "
        "a layer whose units are all 0."
    )


def images_alike(e: Evidence) -> Diagnosis | None:
    """Recognise images that are all one and the same."""
    images = e.probes.get("alike")
    if images is None:
        return None
    return Diagnosis(
        id="images-alike",
        sentence=f"All of {images:.0f} images that were looked at are one and the same.",
        mathematics="If x is the same for all, so is y, and the best that it can learn is how "
        "frequent each class is.",
        fix="Show some images: a file read again and again, a buffer that is used for all of them, "
        "a division of whole numbers.",
        page="docs/doctor.md",
        certainty=0.98,
    )


def labels_leak(e: Evidence) -> Diagnosis | None:
    """Recognise a network that tells the labels without images."""
    learnt, asked = e.experiments.get("zero", 0.0), e.probes.get("zero told", 0.0)
    chance = e.chance
    if chance is None or max(learnt, asked) < chance + 0.3 * (1 - chance):
        return None
    if sorted_by_class(e) is not None:  # then the last batch's label is a good guess
        return None
    how = "learns its training labels" if learnt >= asked else "tells labels"
    return Diagnosis(
        id="labels-leak",
        sentence=f"With zeros in the place of all images it still {how}, at "
        f"{percent(max(learnt, asked))}; by chance it would be {percent(chance)}.",
        mathematics="Images that are all alike tell nothing of their labels: what is told comes "
        "from somewhere else.",
        fix="Look at what the network is given besides images, and at what its predictions are "
        "made of: labels among the inputs, labels kept from training, the answer itself.",
        page="docs/doctor.md",
        certainty=0.94,
    )


RULES = (
    inputs_not_scaled,
    inputs_scaled_twice,
    images_alike,
    input_ignored,
    labels_leak,
    shuffled_apart,
    partly_apart,
    sorted_by_class,
    same_batch,
    labels_outside,
    bytes_wrapped,
)
