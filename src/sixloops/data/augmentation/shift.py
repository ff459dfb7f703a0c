"""Shifts by whole pixels.

    y[n,c,i,j] = x[n,c,i−a,j−b]        a, b drawn for each image from −pixels … pixels

What comes in from outside the image has the value ``fill``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation, cut, framed
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Shift(Augmentation):
    """Move each image by some pixels, down or up and to the right or left.

    Args:
        pixels: how far at most; a number, or (height, width).
        fill: the value of what comes in from outside.

    Examples:
        >>> image = np.array([[[[1, 2, 3]]]])
        >>> Shift((0, 1)).apply(image, np.random.default_rng(0))
        array([[[[2, 3, 0]]]])
    """

    pixels: int | tuple[int, int] = 2
    fill: float = 0.0

    def __post_init__(self) -> None:
        checks.pair(self, "pixels", minimum=0)
        checks.number(self, "fill")

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Shift a batch."""
        down, across = self.pixels  # type: ignore[misc]  # __post_init__ left a pair
        tops = random.integers(0, 2 * down, size=len(images), endpoint=True)
        lefts = random.integers(0, 2 * across, size=len(images), endpoint=True)
        frame = framed(self, images, (down, across), self.fill)
        return cut(frame, images.shape[2:], tops, lefts)
