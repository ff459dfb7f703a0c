r"""Rotation, scale, shear and squeezing about the image's centre.

In coordinates (u across, v down) from the centre, the picture is squeezed, sheared, rotated
and scaled:

    (u′, v′) = s · R(θ) · S(φ) · Q(q) · (u, v)

    R = ⎡cos θ  −sin θ⎤        S = ⎡1  tan φ⎤        Q = ⎡1/q  0⎤
        ⎣sin θ   cos θ⎦            ⎣0    1  ⎦            ⎣ 0   q⎦

with θ, s, φ and q drawn for each image. A pixel of the new picture is looked up where it
came from, so what is computed is the inverse, Q(1/q) · S(−φ) · R(−θ) / s; no pixel is left
empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation
from sixloops.data.augmentation.resample import resample
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Affine(Augmentation):
    """Rotate, scale, shear and squeeze each image about its centre.

    Args:
        rotation: how far at most, in degrees, clockwise or not.
        scale: the least and the largest factor; above 1 enlarges.
        shear: how slanted at most, in degrees, below 90, to either side.
        squeeze: the largest factor q, at least 1, by which an image becomes narrower and
            taller, or wider and lower; its logarithm is drawn evenly, so that both are
            equally likely.
        fill: the value of what comes in from outside.

    Examples:
        >>> image = np.arange(9.0).reshape(1, 1, 3, 3)
        >>> turned = Affine(rotation=15).apply(image, np.random.default_rng(0))
        >>> turned.shape
        (1, 1, 3, 3)
    """

    rotation: float = 10.0
    scale: tuple[float, float] = (0.9, 1.1)
    shear: float = 0.0
    squeeze: float = 1.0
    fill: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "rotation", minimum=0.0, maximum=180.0)
        checks.number(self, "shear", minimum=0.0, below=90.0)
        checks.number(self, "squeeze", minimum=1.0)
        checks.number(self, "fill")
        checks.interval(self, "scale")

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Transform a batch."""
        n = len(images)
        angle = np.radians(random.uniform(-self.rotation, self.rotation, n))
        scale = random.uniform(*self.scale, n)
        slant = np.radians(random.uniform(-self.shear, self.shear, n))
        factor = self.squeeze ** random.uniform(-1, 1, n)
        down, across = origins(images.shape[2:], angle, scale, slant, factor)
        return resample(self, images, down, across, self.fill)


def origins(
    extent: tuple[int, ...], angle: Array, scale: Array, slant: Array, factor: Array
) -> tuple[Array, Array]:
    """Return where each pixel of the new pictures comes from in the old ones.

    Args:
        extent: (height, width).
        angle: θ in radians, (batch,); above 0 turns clockwise, as rows count downwards.
        scale: s, (batch,).
        slant: φ in radians, (batch,).
        factor: q, (batch,); above 1 makes the pictures narrower and taller.

    Returns:
        Rows and columns, both (batch, height, width).
    """
    h, w = extent
    v = np.arange(h).reshape(1, h, 1) - (h - 1) / 2
    u = np.arange(w).reshape(1, 1, w) - (w - 1) / 2
    values = angle, scale, slant, factor
    angle, scale, slant, factor = (value.reshape(-1, 1, 1) for value in values)
    turned_u = np.cos(angle) * u + np.sin(angle) * v
    turned_v = np.cos(angle) * v - np.sin(angle) * u
    down = turned_v / (scale * factor) + (h - 1) / 2
    across = (turned_u - np.tan(slant) * turned_v) * (factor / scale) + (w - 1) / 2
    return down, across
