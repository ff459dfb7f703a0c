"""Augmentations that look each pixel up in another place of the old picture.

Such changes can be chained before a pixel is looked at: where the last one looks is where the
one before it is asked for, and so on back to the image,

    y = T₂(T₁(x)):    y(p) = x(t₁(t₂(p)))

where T moves a picture's pixels and looks for pixel p at t(p), T(x)(p) = x(t(p)); so the image
is interpolated once, however many they are. Interpolating twice would blur it twice, and lose
what the first one moves out of the frame and the second one back in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sixloops.data.augmentation.base import Augmentation
from sixloops.data.augmentation.resample import resample
from sixloops.layers.base import Array


class Warp(Augmentation):
    """Base of augmentations that move pixels; one of your own defines :meth:`origins`.

    Attributes:
        fill: the value of what comes in from outside.

    Examples:
        >>> class Wave(Warp):
        ...     def origins(self, down, across, extent, random):
        ...         return down + np.sin(across), across
        >>> Wave().apply(np.zeros((2, 1, 5, 5)), np.random.default_rng(0)).shape
        (2, 1, 5, 5)
    """

    fill: float = 0.0

    def origins(
        self, down: Array, across: Array, extent: tuple[int, int], random: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return where places of the new pictures come from in the old ones.

        Args:
            down: the places' rows, 0 for the first, (batch, height, width).
            across: the places' columns, of the same shape.
            extent: the pictures' (height, width).
            random: the generator that all chance comes from.

        Returns:
            Rows and columns, of the same shape; outside the picture, too.
        """
        name = type(self).__name__
        raise NotImplementedError(f"{name} must define origins(down, across, extent, random).")

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Move the pixels of a batch."""
        return warped((self,), images, random)


def warped(steps: Sequence[Warp], images: Array, random: np.random.Generator) -> Array:
    """Apply warps one after the other, and interpolate once.

    Args:
        steps: the warps, all with the same ``fill``.
        images: (batch, channels, height, width).
        random: the generator that all chance comes from; the last warp draws first.

    Returns:
        New images of the same shape and type.
    """
    n, _, h, w = images.shape
    down, across = (np.broadcast_to(grid, (n, h, w)) for grid in np.mgrid[:h, :w].astype(float))
    for step in reversed(steps):
        down, across = step.origins(down, across, (h, w), random)
    return resample(steps[-1], images, down, across, steps[-1].fill)
