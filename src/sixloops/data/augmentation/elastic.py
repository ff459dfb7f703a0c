r"""Elastic distortion, as if the image were drawn on rubber.

Every pixel is looked up a little off its place,

    y[n,c,i,j] = x[n,c] at (i + α·Δ₁[n,i,j], j + α·Δ₂[n,i,j])        Δ = G(σ) ∗ U(−1, 1)

where the displacements are uniform noise smoothed by a Gaussian of standard deviation σ,
so that neighbours move together (Simard, Steinkraus & Platt 2003, "Best Practices for
Convolutional Neural Networks Applied to Visual Document Analysis", section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from sixloops import checks
from sixloops.data.augmentation.resample import resample
from sixloops.data.augmentation.warp import Warp
from sixloops.layers.base import Array


@dataclass(frozen=True)
class ElasticDistortion(Warp):
    """Distort each image by a smooth random field.

    Args:
        alpha: α, the factor on the smoothed noise, in pixels; at σ = 4 the displacements have
            a standard deviation of about α/25 along each axis, less at the edges.
        sigma: σ, how smoothly, in pixels. The paper's best for MNIST are α = 34, σ = 4.
        fill: the value of what comes in from outside.

    Examples:
        >>> image = np.arange(784.0).reshape(1, 1, 28, 28)
        >>> (ElasticDistortion(alpha=0).apply(image, np.random.default_rng(0)) == image).all()
        np.True_
    """

    alpha: float = 34.0
    sigma: float = 4.0
    fill: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "alpha", minimum=0.0)
        checks.number(self, "sigma", above=0.0)
        checks.number(self, "fill")

    def origins(
        self, down: Array, across: Array, extent: tuple[int, int], random: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return where places come from by a field drawn for each image."""
        noise = random.uniform(-1.0, 1.0, (2, len(down), *extent))
        smooth = scipy.ndimage.gaussian_filter(noise, self.sigma, mode="constant", axes=(2, 3))
        # Between the pixels, and where an earlier warp looks outside, the field is interpolated.
        field = resample(self, self.alpha * smooth.swapaxes(0, 1), down, across, 0.0)
        return down + field[:, 0], across + field[:, 1]
