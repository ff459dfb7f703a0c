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
from sixloops.data.augmentation.warp import Warp
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Affine(Warp):
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

    def origins(
        self, down: Array, across: Array, extent: tuple[int, int], random: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return where places come from by a transformation drawn for each image."""
        n = len(down)
        angle = np.radians(random.uniform(-self.rotation, self.rotation, n))
        scale = random.uniform(*self.scale, n)
        slant = np.radians(random.uniform(-self.shear, self.shear, n))
        factor = self.squeeze ** random.uniform(-1, 1, n)
        return inverse(down, across, extent, (angle, scale, slant, factor))


def inverse(
    down: Array, across: Array, extent: tuple[int, int], drawn: tuple[Array, Array, Array, Array]
) -> tuple[Array, Array]:
    """Return where places of the new pictures come from in the old ones.

    Args:
        down: the places' rows, (batch, height, width).
        across: the places' columns, of the same shape.
        extent: the pictures' (height, width).
        drawn: θ in radians, above 0 clockwise, as rows count downwards; s; φ in radians; and q,
            above 1 for narrower and taller; each (batch,).

    Returns:
        Rows and columns, both (batch, height, width).
    """
    middle_down, middle_across = ((size - 1) / 2 for size in extent)
    v, u = down - middle_down, across - middle_across
    angle, scale, slant, factor = (value.reshape(-1, 1, 1) for value in drawn)
    turned_u = np.cos(angle) * u + np.sin(angle) * v
    turned_v = np.cos(angle) * v - np.sin(angle) * u
    down = turned_v / (scale * factor) + middle_down
    across = (turned_u - np.tan(slant) * turned_v) * (factor / scale) + middle_across
    return down, across
