"""Images looked at in other places than their pixels: bilinear interpolation.

    y[n,c,i,j] = x[n,c] at (down[n,i,j], across[n,i,j])

Between four pixels the value is their mean, weighted by how near they are; outside the
image it is ``fill``.
"""

from __future__ import annotations

import numpy as np

# SciPy loads a part of it when it is first asked for: ``from scipy import …`` would not wait.
import scipy

from sixloops.data.augmentation.base import Augmentation, framed
from sixloops.layers.base import Array

# SciPy does not interpolate these types.
_COMPUTED_IN = {
    np.dtype(np.bool_): np.uint8,
    np.dtype(np.float16): np.float32,
    np.dtype(np.longdouble): np.float64,
}


def resample(owner: Augmentation, images: Array, down: Array, across: Array, fill: float) -> Array:
    """Look at each image in places of its own.

    Args:
        owner: whose field ``fill`` it is, for the error.
        images: (batch, channels, height, width).
        down: the places' rows, 0 for the first, (batch, height, width).
        across: the places' columns, 0 for the first, (batch, height, width).
        fill: the value outside.

    Returns:
        (batch, channels, height, width), of the same type; whole numbers are rounded.
    """
    n, c, h, w = images.shape
    # All images stand in one tall image, so that a single call does the batch. A frame
    # around each keeps the neighbours out: no place lies further off than on the frame.
    frame = framed(owner, images, (1, 1), fill)
    tall = frame.reshape(n * c * (h + 2), w + 2)
    first_rows = (np.arange(n * c) * (h + 2)).reshape(n, c, 1, 1)
    rows = first_rows + (np.clip(down, -1, h) + 1)[:, np.newaxis]
    columns = np.broadcast_to((np.clip(across, -1, w) + 1)[:, np.newaxis], rows.shape)
    computed_in = _COMPUTED_IN.get(images.dtype, images.dtype)
    seen = scipy.ndimage.map_coordinates(
        tall.astype(computed_in, copy=False), [rows, columns], order=1
    )
    return seen.astype(images.dtype, copy=False)
