"""Nearest neighbours: what can be told from images without any network.

Looking up the label of the nearest training image is a classifier of its own (Cover &
Hart 1967, "Nearest neighbor pattern classification"). It says whether labels belong to
images at all, whether held-out images look like training images, and roughly what a
network should reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sixloops.layers.base import Array

ENOUGH_IMAGES = 100
"""With fewer images nothing is said of their classes' numbers."""


def _rows(images: Array) -> Array:
    flat = np.asarray(images, dtype=np.float32).reshape(len(images), -1)
    return np.asarray(flat * np.float32(1 / max(float(np.abs(flat).max()), 1e-12)))


def _distances(asked: Array, known: Array) -> Array:
    squares = (known**2).sum(axis=1)
    return np.asarray(squares - 2 * (asked @ known.T))


def agreement(images: Array, labels: Array) -> float:
    """Return how often an image and its nearest other image have the same label."""
    rows = _rows(images)
    distances = _distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return float((labels[distances.argmin(axis=1)] == labels).mean())


def agreement_across(images: Array, labels: Array, held: Array, held_labels: Array) -> float:
    """Return how often held-out images find their label at the nearest training image.

    Args:
        images: of the training.
        labels: theirs.
        held: images that were held out.
        held_labels: theirs.
    """
    return float((labels[_nearest(images, held)] == held_labels).mean())


def _nearest(images: Array, held: Array) -> Array:
    """Return which training image is nearest to each held-out one."""
    known = np.asarray(images, dtype=np.float32).reshape(len(images), -1)
    asked = np.asarray(held, dtype=np.float32).reshape(len(held), -1)
    return np.asarray(_distances(asked, known).argmin(axis=1))


Way = Callable[[Array, Array], Array]

WAYS: dict[str, Way] = {
    "scaled to the training's range": lambda x, like: _as_like(x, like),
    "inverted": lambda x, like: x.max() - x,
    "transposed": lambda x, like: x.swapaxes(-1, -2),
    "mirrored": lambda x, like: x[..., ::-1],
    "turned upside down": lambda x, like: x[..., ::-1, :],
    "turned by 180°": lambda x, like: x[..., ::-1, ::-1],
}
"""How images may have been prepared otherwise, and how it is undone; by name."""


def _as_like(x: Array, like: Array) -> Array:
    x, like = x.astype(np.float32), like.astype(np.float32)
    spread = float(x.std()) or 1.0
    return np.asarray((x - x.mean()) * (float(like.std()) / spread) + like.mean())


def best_way(
    images: Array, labels: Array, held: Array, held_labels: Array
) -> tuple[str, float] | None:
    """Return the way that brings held-out images nearest to the training's; None for as is."""
    best = agreement_across(images, labels, held, held_labels) + 0.15
    found = None
    for name, way in WAYS.items():
        if name != "inverted" and held.ndim < 3:
            continue
        changed = way(held, images)
        if changed.shape != held.shape:
            continue
        reached = agreement_across(images, labels, changed, held_labels)
        if reached > best:
            best, found = reached + 0.02, (name, reached)
    return found


def other_numbers(images: Array, labels: Array, held: Array, held_labels: Array) -> Numbers | None:
    """Return which number held-out labels give to each class of the training.

    None where classes are not numbered otherwise.
    """
    return renumbering(labels[_nearest(images, held)], held_labels)


@dataclass(frozen=True)
class Numbers:
    """Two numberings of the same classes.

    Args:
        names: the labels' numbers by those that are told; of those that differ.
        agreement: how often the two agree once that is taken into account.
    """

    names: dict[int, int]
    agreement: float


def renumbering(told: Array, labels: Array) -> Numbers | None:
    """Return which number labels give to each class that is told; None for the same.

    Args:
        told: a class for each image, as somebody tells it.
        labels: a class for each image.

    Examples:
        >>> labels = np.arange(200) % 3
        >>> renumbering((labels + 1) % 3, labels)
        Numbers(names={0: 2, 1: 0, 2: 1}, agreement=1.0)
        >>> renumbering(labels, labels) is None
        True
    """
    if len(labels) < max(ENOUGH_IMAGES, 10 * len(np.unique(labels))):
        return None  # which number is the most frequent one would be chance
    counts = np.zeros((int(told.max()) + 1, int(labels.max()) + 1))
    np.add.at(counts, (told, labels), 1)
    seen = np.flatnonzero(counts.sum(axis=1))
    names = counts[seen].argmax(axis=1)
    reached, plain = float(counts[seen, names].sum() / len(labels)), float((told == labels).mean())
    if len(set(names)) < len(names) or len(names) < 2 or reached < plain + 0.15:
        return None
    pairs = zip(seen.tolist(), names.tolist(), strict=True)
    return Numbers({told: label for told, label in pairs if told != label}, reached)


def best_shift(images: Array, labels: Array) -> tuple[int, float]:
    """Return which number, added modulo 256, makes near images agree most, and how much."""
    whole = np.asarray(images).astype(np.uint8)
    tried = {s: agreement(whole + np.uint8(s), labels) for s in range(0, 256, 16)}
    best = max(tried, key=lambda s: tried[s])
    return best, tried[best]


def are_bytes(images: Array) -> bool:
    """Say whether all values are whole numbers from 0 to 255."""
    x = np.asarray(images)
    if x.dtype == np.uint8:
        return True
    inside = x.size > 0 and x.min() >= 0 and 1 < x.max() <= 255
    return bool(inside and (x == np.round(x)).all())
