"""Random erasing: a rectangle of some images is covered.

Z. Zhong, L. Zheng, G. Kang, S. Li and Y. Yang 2017, "Random Erasing Data Augmentation",
algorithm 1: a rectangle of random area and shape, at a random place within the image. Unlike
there, the rectangle has one value, the logarithm of its ratio is uniform, and one that does
not fit is cut to the image's size and not drawn again. What is hidden in one epoch is seen in
another, so that a network cannot hang on one feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation, value_of
from sixloops.layers.base import Array


@dataclass(frozen=True)
class RandomErasing(Augmentation):
    """Cover a rectangle of some images with one value.

    A rectangle of area s and ratio r is √(s·r) high and √(s/r) wide, cut at the image's
    size. The logarithm of r is uniform, so that upright and lying ones are equally frequent.

    Args:
        probability: that an image has one, from 0 to 1.
        area: its least and largest share of the image.
        ratio: its least and largest height divided by its width.
        fill: the value that it has; the images' own type must have it.

    Examples:
        >>> image = np.ones((1, 1, 4, 4), np.uint8)
        >>> erasing = RandomErasing(probability=1.0, area=(0.25, 0.25), ratio=(1.0, 1.0))
        >>> erasing.apply(image, np.random.default_rng(0)).sum()
        np.uint64(12)
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    ratio: tuple[float, float] = (0.3, 1 / 0.3)
    fill: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "probability", minimum=0.0, maximum=1.0)
        checks.number(self, "fill")
        checks.interval(self, "area", "ratio")
        if self.area[1] > 1:
            raise checks.fail(self, "area", "be shares of the image, at most 1")

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Cover a rectangle in some images of a batch."""
        count, _, height, width = images.shape
        chosen = random.random((count, 1, 1)) < self.probability
        area = random.uniform(*self.area, count) * height * width
        ratio = np.exp(random.uniform(np.log(self.ratio[0]), np.log(self.ratio[1]), count))
        down = _span(np.sqrt(area * ratio), height, random)
        across = _span(np.sqrt(area / ratio), width, random)
        covered = chosen & down[:, :, None] & across[:, None, :]
        erased = images.copy()
        np.moveaxis(erased, 1, 3)[covered] = value_of(self, images, self.fill)
        return erased


def _span(lengths: Array, extent: int, random: np.random.Generator) -> Array:
    """Return which rows, or columns, of each image lie in a span at a random place.

    Args:
        lengths: of the spans, (images,); at least 1 is taken, and at most ``extent``.
        extent: rows, or columns, of an image.
        random: draws where the spans begin.

    Returns:
        Booleans, (images, extent).
    """
    whole = np.clip(np.rint(lengths).astype(int), 1, extent)
    begin = random.integers(0, extent - whole + 1)
    places = np.arange(extent)
    inside: Array = (begin[:, None] <= places) & (places < (begin + whole)[:, None])
    return inside
