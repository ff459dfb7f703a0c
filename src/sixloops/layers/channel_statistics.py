r"""Mean and standard deviation of every channel of a set of images.

Let v be the channel's first value and d = x − v. Then, read in one pass,

    μ = v + mean(d)            σ² = mean(d²) − mean(d)²

(Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", on
shifted data). Without the shift, the difference of two large numbers would leave
little of a small σ². As v is one of the N values, |v − μ| is at most √N·σ, so the
relative error is about N roundings of float64: 10⁻⁸ for the pixels of MNIST. And a
channel of equal values has d = 0, so σ = 0 exactly.
"""

from __future__ import annotations

import numpy as np

from sixloops.errors import DataError
from sixloops.layers.base import Array

_VALUES_AT_A_TIME = 2**20


def channel_statistics(images: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of every channel, computed in float64.

    Args:
        images: (n, channels, height, width).

    Raises:
        DataError: no images, values that are not finite, or a channel in which all values
            are equal.

    Examples:
        >>> channel_statistics(np.array([[[[1, 3]], [[0, 8]]]], dtype=np.uint8))
        ((2.0, 4.0), (1.0, 4.0))
    """
    _check_images(images)
    first = images[0, :, 0, 0].astype(np.float64)
    total, squares = np.zeros_like(first), np.zeros_like(first)
    step = max(_VALUES_AT_A_TIME // images[0].size, 1)
    # What is not finite is reported below, in words, and not by NumPy's warnings.
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(images), step):
            d = images[start : start + step] - first[:, None, None]
            total += d.sum(axis=(0, 2, 3))
            squares += np.square(d).sum(axis=(0, 2, 3))
        count = images.size // images.shape[1]
        mean, variance = first + total / count, squares / count - (total / count) ** 2
    _check_statistics(variance)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def _check_images(images: Array) -> None:
    if images.ndim != 4 or not images.size:
        raise DataError(
            "The images to normalise must be a non-empty array (n, channels, height, width). "
            f"Got shape {images.shape}. Images without a channel axis need one: "
            "images[:, np.newaxis]."
        )
    if images.dtype.kind not in "buif":
        raise DataError(f"The images to normalise must be numbers. Got {images.dtype}.")


def _check_statistics(variance: Array) -> None:
    for channel, value in enumerate(variance):
        if not np.isfinite(value):
            raise DataError(
                f"Channel {channel} of the images must be finite numbers. Got NaN, infinity or "
                "numbers too large to square."
            )
        if value <= 0:
            raise DataError(
                f"Channel {channel} of the images has the same value everywhere, so that it "
                "cannot be divided by its standard deviation 0. Leave the channel out, or write "
                "Normalize(mean, std) with a std of your own."
            )
