"""Nearest neighbours: what can be told from images without any network.

Looking up the label of the nearest training image is a classifier of its own (Cover &
Hart 1967, "Nearest neighbor pattern classification"). It says whether labels belong to
images at all, whether held-out images look like training images, and roughly what a
network should reach.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.layers.base import Array


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


def agreement_across(
    images: Array, labels: Array, held: Array, held_labels: Array, *, scaled: bool = False
) -> float:
    """Return how often held-out images find their label at the nearest training image.

    Args:
        images: of the training.
        labels: theirs.
        held: images that were held out.
        held_labels: theirs.
        scaled: whether both are brought to a largest value of 1 first.
    """
    if scaled:
        known, asked = _rows(images), _rows(held)
    else:
        known = np.asarray(images, dtype=np.float32).reshape(len(images), -1)
        asked = np.asarray(held, dtype=np.float32).reshape(len(held), -1)
    return float((labels[_distances(asked, known).argmin(axis=1)] == held_labels).mean())


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
