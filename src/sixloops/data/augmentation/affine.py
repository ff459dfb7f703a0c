r"""Rotation, scale and shear about the image's centre.

In coordinates (u across, v down) from the centre, the picture is sheared, rotated and
scaled:

    (u′, v′) = s · R(θ) · S(φ) · (u, v)        R = ⎡cos θ  −sin θ⎤   S = ⎡1  tan φ⎤
                                                   ⎣sin θ   cos θ⎦       ⎣0    1  ⎦

with θ, s and φ drawn for each image. A pixel of the new picture is looked up where it
came from, so what is computed is the inverse, S(−φ) · R(−θ) / s; no pixel is left empty.
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
    """Rotate, scale and shear each image about its centre.

    Args:
        rotation: how far at most, in degrees, clockwise or not.
        scale: the least and the largest factor; above 1 enlarges.
        shear: how slanted at most, in degrees, below 90, to either side.
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
    fill: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "rotation", minimum=0.0, maximum=180.0)
        checks.number(self, "shear", minimum=0.0, below=90.0)
        checks.number(self, "fill")
        checks.numbers(self, "scale", lambda v: checks.is_number(v) and v > 0, "a positive number")
        if not isinstance(self.scale, tuple) or len(self.scale) != 2 or _falls(self.scale):
            raise checks.fail(self, "scale", "be a pair (least, largest) of positive numbers")

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Transform a batch."""
        n = len(images)
        angle = np.radians(random.uniform(-self.rotation, self.rotation, n))
        scale = random.uniform(*self.scale, n)
        slant = np.radians(random.uniform(-self.shear, self.shear, n))
        down, across = origins(images.shape[2:], angle, scale, slant)
        return resample(self, images, down, across, self.fill)


def _falls(pair: tuple[float, ...]) -> bool:
    return pair[0] > pair[-1]


def origins(
    extent: tuple[int, ...], angle: Array, scale: Array, slant: Array
) -> tuple[Array, Array]:
    """Return where each pixel of the new pictures comes from in the old ones.

    Args:
        extent: (height, width).
        angle: θ in radians, (batch,); above 0 turns clockwise, as rows count downwards.
        scale: s, (batch,).
        slant: φ in radians, (batch,).

    Returns:
        Rows and columns, both (batch, height, width).
    """
    h, w = extent
    v = np.arange(h).reshape(1, h, 1) - (h - 1) / 2
    u = np.arange(w).reshape(1, 1, w) - (w - 1) / 2
    angle, scale, slant = (value.reshape(-1, 1, 1) for value in (angle, scale, slant))
    turned_u = np.cos(angle) * u + np.sin(angle) * v
    turned_v = np.cos(angle) * v - np.sin(angle) * u
    down = turned_v / scale + (h - 1) / 2
    across = (turned_u - np.tan(slant) * turned_v) / scale + (w - 1) / 2
    return down, across
