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
from scipy import ndimage

from sixloops import checks
from sixloops.data.augmentation.base import Augmentation
from sixloops.data.augmentation.resample import resample
from sixloops.layers.base import Array


@dataclass(frozen=True)
class ElasticDistortion(Augmentation):
    """Distort each image by a smooth random field.

    Args:
        alpha: α, how strongly, in pixels before smoothing; at σ = 4 a pixel moves by
            about α/25.
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

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Distort a batch."""
        n, _, h, w = images.shape
        noise = random.uniform(-1.0, 1.0, (2, n, h, w))
        smooth = ndimage.gaussian_filter(noise, self.sigma, mode="constant", axes=(2, 3))
        down = np.arange(h).reshape(1, h, 1) + self.alpha * smooth[0]
        across = np.arange(w).reshape(1, 1, w) + self.alpha * smooth[1]
        return resample(self, images, down, across, self.fill)
