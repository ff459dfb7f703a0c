"""Chained convolution-pooling passes: the two places where the error goes astray on its way back.

One image at a time; inputs are (channels, height, width), kernels (kernels, channels, height,
width), as in the question.

    sixloops doctor layer chained_passes.py:MeanPooling
    sixloops doctor layer chained_passes.py:MeanPooling --argument mended=True
    sixloops doctor layer chained_passes.py:Convolution
    sixloops doctor layer chained_passes.py:Convolution --argument mended=True
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class MeanPooling:
    """p = β · (a1 + a2 + a3 + a4), with β = 1/4; but on the way back β = 1."""

    def __init__(self, mended=False):
        self.beta_back = 1 / 4 if mended else 1

    def forward(self, x):
        """Return the mean of each 2×2 window of (channels, height, width)."""
        channels, height, width = x.shape
        return x.reshape(channels, height // 2, 2, width // 2, 2).sum(axis=(2, 4)) / 4

    def backward(self, error):
        """Return the error of the pass's activations."""
        return self.beta_back * error.repeat(2, axis=1).repeat(2, axis=2)


def correlate(x, kernels):
    """Sum w[k,c,u,v] · x[c,r+u,s+v] over c, u, v."""
    return np.einsum(
        "crsuv,kcuv->krs", sliding_window_view(x, kernels.shape[2:], axis=(1, 2)), kernels
    )


class Convolution:
    """Kernels of 3×3 and a bias each; the error goes back with kernels that were not turned."""

    def __init__(self, channels=2, kernels=3, mended=False):
        random = np.random.default_rng(0)
        self.kernels = random.normal(size=(kernels, channels, 3, 3)) / 4
        self.bias = np.zeros(kernels)
        self.mended = mended

    def forward(self, x):
        """Return (kernels, height - 2, width - 2)."""
        self.x = x
        return correlate(x, self.kernels) + self.bias[:, np.newaxis, np.newaxis]

    def backward(self, error):
        """Return the error of the pass before; keep the gradients."""
        seen = sliding_window_view(self.x, error.shape[1:], axis=(1, 2))
        self.d_kernels = np.einsum("cuvrs,krs->kcuv", seen, error)
        self.d_bias = error.sum(axis=(1, 2))
        padded = np.pad(error, ((0, 0), (2, 2), (2, 2)))
        turned = self.kernels[:, :, ::-1, ::-1] if self.mended else self.kernels
        return correlate(padded, turned.swapaxes(0, 1))
