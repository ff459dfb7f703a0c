"""Random crops: each image is given a border, and a piece of its old size is cut out.

The border may be dark, which is the recipe of He, Zhang, Ren & Sun 2016, "Deep Residual
Learning for Image Recognition", section 4.2; or go on with the image, which leaves no
edge where there was none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation, cut
from sixloops.layers.base import Array

_BORDERS: dict[str, Any] = {"zero": "constant", "edge": "edge", "reflect": "reflect"}


@dataclass(frozen=True)
class RandomCrop(Augmentation):
    """Cut a piece of the old size out of each image with a border.

    Args:
        padding: the border's width; a number, or (height, width).
        border: ``"zero"``; ``"edge"``, the outermost pixels repeated; or ``"reflect"``,
            the image mirrored in them.

    Examples:
        >>> image = np.array([[[[1, 2, 3]]]])
        >>> RandomCrop((0, 1), border="edge").apply(image, np.random.default_rng(0))
        array([[[[2, 3, 3]]]])
    """

    padding: int | tuple[int, int] = 4
    border: str = "zero"

    def __post_init__(self) -> None:
        checks.pair(self, "padding", minimum=0)
        checks.choice(self, "border", tuple(_BORDERS))

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Crop a batch."""
        down, across = self.padding  # type: ignore[misc]  # __post_init__ left a pair
        tops = random.integers(0, 2 * down, size=len(images), endpoint=True)
        lefts = random.integers(0, 2 * across, size=len(images), endpoint=True)
        sides = ((0, 0), (0, 0), (down, down), (across, across))
        bordered = np.pad(images, sides, mode=_BORDERS[self.border])
        return cut(bordered, images.shape[2:], tops, lefts)
