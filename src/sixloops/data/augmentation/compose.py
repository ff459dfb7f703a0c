"""Several augmentations, one after the other.

Neighbours that only move pixels (:class:`Warp`) and fill with the same value look at the image
once, together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import cast

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation
from sixloops.data.augmentation.warp import Warp, warped
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Compose(Augmentation):
    """Apply augmentations in order.

    Args:
        steps: the augmentations.

    Examples:
        >>> from sixloops.data.augmentation import Affine, Shift
        >>> Compose([Affine(rotation=10), Shift(2)]).steps[1]
        Shift(pixels=(2, 2), fill=0.0)
    """

    steps: tuple[Augmentation, ...]

    def __post_init__(self) -> None:
        steps = self.steps
        listed = isinstance(steps, tuple | list) and len(steps) > 0
        if not listed or not all(isinstance(step, Augmentation) for step in steps):
            raise checks.fail(self, "steps", "be a sequence of augmentations")
        object.__setattr__(self, "steps", tuple(steps))

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Augment a batch."""
        for fill, steps in groupby(self.steps, _fill):
            if fill is None:
                for step in steps:
                    images = step.apply(images, random)
            else:
                images = warped(cast(list[Warp], list(steps)), images, random)
        return images


def _fill(step: Augmentation) -> float | None:
    """Return what a warp fills with, and None of another augmentation."""
    return step.fill if isinstance(step, Warp) else None
