"""Proofs about a layer that the user wrote, at its place in a network."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from sixloops.doctor.layer import check_layer
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers import LAYERS, Layer
from sixloops.layers.base import Array, Context, Shape

BATCH = 3
MOST_NUMBERS = 200_000
"""So many numbers, at most, go into a layer at once."""


def parent_of(layer: Layer) -> Layer | None:
    """Return sixloops' own layer, with the same settings, from which a layer derives."""
    for kind in type(layer).__mro__[1:]:
        if kind in LAYERS.values():
            made: Layer = kind(**{each.name: getattr(layer, each.name) for each in fields(kind)})
            return made
    return None


def prove_layer(name: str, layer: Layer, shape: Shape) -> Diagnosis | None:
    """Return what is wrong with a layer at its place in a network; None if nothing is.

    Args:
        name: as people call it.
        layer: the layer.
        shape: of its input, without the batch.
    """
    random = np.random.default_rng(3)
    parameters = layer.initial_parameters(shape, random, np.float64)
    x = random.normal(size=(BATCH, *shape))
    said = _keeps_parameters(name, layer, parameters, x)
    said = said or _keeps_its_mean(name, layer, parameters, shape)
    return said or _by_itself(name, layer, shape)


def _by_itself(name: str, layer: Layer, shape: Shape) -> Diagnosis | None:
    """Have the doctor of layers look at it."""
    verdict = check_layer(layer, input_shape=(BATCH, *shape))
    if verdict.healthy:
        return None
    if verdict.diagnoses:
        first = verdict.diagnoses[0]
        return replace(first, sentence=f"In {name}: {first.sentence}")
    words = "; ".join(f"{found.what}: {found.words}" for found in verdict.findings)
    return Diagnosis(
        "backward-wrong",
        f"In {name}: {words}.",
        "Given dy, backward returns ∂E/∂x and ∂E/∂p of E = Σ dy·y.",
        "Compare it with measured slopes, image by image.",
        certainty=0.99,
    )


def _context(layer: Layer, shape: Shape, training: bool = True, seed: int = 7) -> Context:
    state = layer.initial_state(shape, np.float64)
    return Context(training, np.random.default_rng(seed), state)


def _keeps_parameters(name: str, layer: Layer, p: dict[str, Array], x: Array) -> Diagnosis | None:
    """See whether backward leaves the parameters as they are."""
    kept = {n: a.copy() for n, a in p.items()}
    y, backward = layer.forward(x.copy(), kept, _context(layer, x.shape[1:]))
    backward(np.ones_like(y))
    changed = [n for n in p if not np.array_equal(kept[n], p[n])]
    if not changed:
        return None
    return Diagnosis(
        "updated-in-backward",
        f"The backward of {name} changes its {', '.join(changed)}.",
        "∂E/∂x = Wᵀ·δ is taken at the weights with which the forward was computed.",
        "Return the gradients; update all layers after the last backward.",
        number=19,
    )


def _keeps_its_mean(name: str, layer: Layer, p: dict[str, Array], shape: Shape) -> Diagnosis | None:
    """Compare the mean output between training and evaluation, where chance has a say."""
    if layer.couples_batch():
        return None
    count = max(2, min(200, MOST_NUMBERS // max(int(np.prod(shape)), 1)))
    ones = np.ones((count, *shape))
    drawn = [layer.forward(ones, p, _context(layer, shape, seed=seed))[0] for seed in (7, 8)]
    if np.array_equal(drawn[0], drawn[1]):
        return None
    calm, _ = layer.forward(ones, p, _context(layer, shape, training=False))
    if not calm.mean():
        return None
    more = [layer.forward(ones, p, _context(layer, shape, seed=seed))[0] for seed in range(9, 37)]
    ratios = np.array([each.mean() / calm.mean() for each in (*drawn, *more)])
    ratio, error = float(ratios.mean()), float(ratios.std() / np.sqrt(len(ratios)))
    # Few draws, such as one an image, lie apart by chance.
    if not np.isfinite(ratio) or abs(ratio - 1) < max(0.05, 4 * error):
        return None
    return Diagnosis(
        "dropout-scale",
        f"The mean output of {name} is {ratio:.2f} times as large in training as in evaluation.",
        "Each value is kept with the probability 1 − q, so that the mean is 1 − q times x.",
        "Divide by 1 − q in training, or multiply by 1 − q in evaluation.",
        number=48,
    )
