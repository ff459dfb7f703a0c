"""A network's arrays, which may be changed by hand, and the images that come to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.data import Dataset
from sixloops.data.images import as_array as plain_array
from sixloops.errors import ConfigurationError, DataError, NonFiniteError
from sixloops.layers.base import Array, Shape
from sixloops.parameters import other_form


def forms_of(arrays: Mapping[str, Any]) -> dict[str, tuple[np.dtype[Any], Shape]]:
    """Return each array's type and shape; what is none has a type that no network has."""
    no_array = np.empty(0, np.object_)
    given = {n: a if isinstance(a, np.ndarray) else no_array for n, a in arrays.items()}
    return {name: (array.dtype, array.shape) for name, array in given.items()}


def check_form(name: str, array: Any, dtype: np.dtype[Any], shape: Shape) -> None:
    """Raise unless a network's array is of ``dtype`` and ``shape``, whole and writeable."""
    got = other_form(array, dtype, shape)
    if got:
        raise ConfigurationError(
            f"{place_of(name)} must be an array of {dtype} of shape {shape}, as at the network's "
            f"creation, row by row in memory and writeable. Got {got}. Change values in the array "
            "that is there: array[...] = values."
        )


def place_of(name: str) -> str:
    """Return how a user writes one of a network's arrays."""
    kind, _, key = name.partition(".")
    return f"network.{kind}['{key}']"


def check_finite(where: str, array: Array) -> None:
    """Raise :class:`~sixloops.errors.NonFiniteError` unless all of an array is finite."""
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise NonFiniteError(
            f"{where} must be finite. Got {bad} of {array.size} values that are not. Build the "
            "network anew, or load it from a file."
        )


def as_array(images: npt.ArrayLike) -> Array:
    """Return images as one array.

    Raises:
        DataError: they are of several shapes, a masked array, or a whole dataset.
    """
    if isinstance(images, Dataset):
        raise DataError("The images must be an array. Got a Dataset. Give its images: data.images.")
    return plain_array(images, "images")


def mend_of_images(got: Shape, expected: Shape) -> str:
    """Return how images of one shape may become those that are expected."""
    if got == expected:
        return "For one image write image[np.newaxis]."
    if (1, *got) == expected:
        return "For one image without a channel axis write image[np.newaxis, np.newaxis]."
    if (1, *got[1:]) == expected:
        return "Images without a channel axis need one: images[:, np.newaxis]."
    if len(got) == 4 and len(expected) == 3 and (got[3], *got[1:3]) == expected:
        return "Channels come first: images.transpose(0, 3, 1, 2)."
    if len(got) == 4 and len(expected) == 3 and got[1:] == (expected[2], *expected[:2]):
        return f"Channels come first in a network's input_shape, too: {got[1:]}."
    return "Check the data set and the network's input_shape."
