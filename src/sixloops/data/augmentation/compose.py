"""Several augmentations, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation
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
        for step in self.steps:
            images = step.apply(images, random)
        return images
