"""How a data set is divided in two."""

from __future__ import annotations

import numpy as np

from sixloops.checks import is_number, is_whole
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers.base import Array


def held_out_count(held_out: int | float, images: int) -> int:
    """Return how many of ``images`` a number or a share of them means.

    Args:
        held_out: how many, or a share between 0 and 1 as a float.
        images: how many there are.

    Returns:
        A number from 1 to ``images`` − 1.

    Raises:
        ConfigurationError: one part would be empty.
    """
    if images < 2:
        raise ConfigurationError(
            f"Images that are divided in two parts must be two at least. Got {images}. Add images."
        )
    if is_whole(held_out) and 0 < held_out < images:
        return int(held_out)
    if is_number(held_out) and not is_whole(held_out) and 0 < held_out < 1:
        return min(max(round(held_out * images), 1), images - 1)
    expected = f"be a whole number from 1 to {images - 1}, or a share between 0 and 1"
    raise ConfigurationError(wrong("held_out", f"a split of {images} images", expected, held_out))


def divide(images: int, held_out: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Shuffle the places of ``images`` images and divide them: those kept, those held out."""
    order = random.permutation(images)
    return order[: images - held_out], order[images - held_out :]


def divide_by_class(
    labels: Array, classes: int, held_out: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """As :func:`divide`, with every class's share in both parts as in the whole.

    Whole numbers of images seldom have exactly that share; what rounding down leaves
    over goes to the classes with the largest remainders (Hamilton's method).
    """
    sizes = np.bincount(labels, minlength=classes)
    quotas, remainders = np.divmod(held_out * sizes, len(labels))
    quotas[np.argsort(-remainders, kind="stable")[: held_out - quotas.sum()]] += 1
    order = random.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - starts[labels[by_class]]
    out = rank[order] < quotas[labels[order]]
    return order[~out], order[out]
