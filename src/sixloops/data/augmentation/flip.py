"""Flips: some images are mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Flip(Augmentation):
    """Mirror images, each with some probability. Digits and letters do not bear it.

    Args:
        horizontal: whether left and right are swapped.
        vertical: whether top and bottom are swapped, independently of that.
        probability: that an image is mirrored, from 0 to 1.

    Examples:
        >>> image = np.array([[[[1, 2, 3]]]])
        >>> Flip(probability=1.0).apply(image, np.random.default_rng(0))
        array([[[[3, 2, 1]]]])
    """

    horizontal: bool = True
    vertical: bool = False
    probability: float = 0.5

    def __post_init__(self) -> None:
        checks.flag(self, "horizontal", "vertical")
        checks.number(self, "probability", minimum=0.0, maximum=1.0)

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Flip a batch."""
        flipped = images.copy()
        for axis, wanted in ((3, self.horizontal), (2, self.vertical)):
            if wanted:
                chosen = random.random(len(images)) < self.probability
                flipped[chosen] = np.flip(flipped[chosen], axis)
        return flipped
