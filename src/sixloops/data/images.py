"""What the images of a data set may be: an array, or a source that makes them when asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.checks import differing_shapes
from sixloops.errors import DataError
from sixloops.layers.base import Array, Shape

_CHECKED_AT_ONCE = 1024


class ImageSource(ABC):
    """Images that are read or computed only when a batch asks for them.

    Derive from it for images that no array holds: rows of a database, files that are
    decoded on demand. A memory-mapped array needs no source; it is an array.

    Examples:
        >>> class Ramp(ImageSource):
        ...     shape = (1000, 1, 2, 2)
        ...     dtype = np.dtype(np.float32)
        ...     def rows(self, indices):
        ...         brightness = indices.reshape(-1, 1, 1, 1) / 1000
        ...         return np.broadcast_to(brightness, (len(indices), 1, 2, 2)).astype(self.dtype)
        >>> from sixloops.data import Dataset
        >>> Dataset(Ramp(), np.zeros(1000, int)).take([250])[0]
        array([[[[0.25, 0.25],
                 [0.25, 0.25]]]], dtype=float32)
    """

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """All images' shape, (images, channels, height, width)."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The pixels' type."""

    @abstractmethod
    def rows(self, indices: Array) -> Array:
        """Return the images at ``indices``, whole numbers (n,), as a new array of n images.

        It is called from one thread, that which goes through the batches.
        """


def image_rows(images: Array | ImageSource, indices: Array) -> Array:
    """Return a copy of the images at ``indices``, (n, channels, height, width).

    Raises:
        DataError: a source of the user's own gives others.
    """
    if not isinstance(images, ImageSource):
        return np.asarray(images[indices])
    rows, expected = images.rows(indices), (len(indices), *images.shape[1:])
    if not isinstance(rows, np.ndarray) or rows.shape != expected:
        got = f"shape {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise DataError(
            f"The rows of {type(images).__name__} must be an array of shape {expected}, an image "
            f"for each index. Got {got}."
        )
    return rows


def checked_images(images: npt.ArrayLike | ImageSource) -> Array | ImageSource:
    """Put images into form, without copying an array.

    Args:
        images: (images, channels, height, width), or (images, height, width) for images
            of one channel; any real type.

    Returns:
        The same with four axes; an array is a view of the one given.

    Raises:
        DataError: another shape or type, no images, or a pixel that is not finite.
            Memory-mapped images are not searched for such pixels, as that would read
            them all.
    """
    given = images if isinstance(images, ImageSource) else as_array(images, "images")
    if given.dtype.kind not in "biuf":
        raise DataError(
            f"The images of a data set must be real numbers. Got the type {given.dtype}. "
            "Convert them: images.astype(numpy.float32)."
        )
    if len(given.shape) not in (3, 4) or 0 in given.shape:
        raise DataError(
            "The images of a data set must be (images, channels, height, width) or (images, "
            f"height, width), with at least one of each. Got shape {given.shape}."
        )
    if isinstance(given, ImageSource):
        if len(given.shape) == 3:
            raise DataError(
                "The images of a source must be (images, channels, height, width). Got shape "
                f"{given.shape}. Give them an axis of one channel."
            )
        return given
    if given.dtype.kind == "f" and not is_mapped(given):
        _check_finite(given)
    return given if given.ndim == 4 else given[:, np.newaxis]


def as_array(values: npt.ArrayLike, name: str) -> Array:
    """Return ``values``, called ``name`` to the user, as an array; an array is not copied.

    Raises:
        DataError: a list whose parts differ in shape, or an array with a mask.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(
            f"The {name} must be an array without a mask. Got a masked array, whose hidden values "
            f"would count. Fill them: {name}.filled(0)."
        )
    if isinstance(values, np.ndarray):
        return values
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"The {name} must all have one shape. {differing_shapes(values)} Bring them to one."
        ) from error


def is_mapped(array: Array) -> bool:
    """Say whether an array lies in a file, also if it is a view of one that does."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _check_finite(images: Array) -> None:
    # In pieces, so that the mask of finite pixels stays small beside the images.
    for start in range(0, len(images), _CHECKED_AT_ONCE):
        finite = np.isfinite(images[start : start + _CHECKED_AT_ONCE])
        if not finite.all():
            bad = start + int(np.argmin(finite.reshape(len(finite), -1).all(axis=1)))
            raise DataError(
                "The images of a data set must be finite numbers. Image "
                f"{bad} has a pixel that is NaN or infinite. Leave it out or mend it."
            )
