"""What the labels of a data set may be: class numbers, or real targets of a regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sixloops.checks import is_whole
from sixloops.data.images import as_array, is_mapped
from sixloops.errors import DataError
from sixloops.layers.base import Array


def checked_labels(labels: npt.ArrayLike, images: int) -> Array:
    r"""Put labels into form.

    Args:
        labels: whole numbers from 0, (images,); or real targets, (images, \*target shape).
        images: how many images there are.

    Returns:
        Class labels as int64, (images,); real targets as they are.

    Raises:
        DataError: another type or shape, negative labels, targets that are not finite,
            or another number of them than of images.
    """
    given = as_array(labels, "labels")
    real = given.dtype.kind == "f"
    if given.dtype.kind not in "iuf" or given.ndim == 0 or (given.ndim > 1 and not real):
        raise DataError(
            "The labels of a data set must be whole numbers (images,), or real targets (images, "
            f"…). Got {given.dtype} of shape {given.shape}. {_mend(given)}"
        )
    if len(given) != images:
        raise DataError(
            f"The labels of a data set must be one an image. Got {len(given)} labels for {images} "
            "images. Check that both come from the same set."
        )
    return _finite(given) if real else _not_negative(given)


def _mend(labels: Array) -> str:
    """Return how labels of another type or shape become what they must be."""
    if labels.dtype.kind in "US" or (labels.size and isinstance(labels.flat[0], str)):
        return "Number the words: names, labels = numpy.unique(labels, return_inverse=True)."
    if labels.ndim == 2 and labels.shape[1] == 1:
        return "Use labels[:, 0] for labels, targets.astype(float) for targets."
    return (
        "Use labels.astype(int) for True and False, labels.argmax(axis=1) for one row a label, "
        "targets.astype(float) for targets."
    )


def _not_negative(labels: Array) -> Array:
    if labels.min() < 0:
        place = int(labels.argmin())
        raise DataError(
            f"The labels of a data set must be at least 0. Got {labels[place]} for image {place}. "
            "Number the classes from 0."
        )
    if labels.max() > np.iinfo(np.int64).max:
        raise DataError(
            f"The labels of a data set must be under 2**63. Got {labels.max()}. Number the classes "
            "from 0."
        )
    return labels.astype(np.int64)


def _finite(targets: Array) -> Array:
    if not is_mapped(targets) and not np.isfinite(targets).all():
        place = int(np.argwhere(~np.isfinite(targets))[0, 0])
        raise DataError(
            f"The targets of a data set must be finite numbers. That of image {place} is "
            "NaN or infinite. Leave it out or mend it."
        )
    return targets


def checked_classes(
    classes: Sequence[str] | int | None, labels: Array
) -> tuple[tuple[str, ...] | None, int | None]:
    """Put the classes into form, and count them.

    Args:
        classes: their names, how many there are, or None for as many as the labels show.
        labels: in the form of :func:`checked_labels`.

    Returns:
        The names if they are known; and the number of classes, None for real targets.

    Raises:
        DataError: classes for real targets, names that are no words or too few of them.
    """
    if labels.dtype.kind == "f":
        if classes is None:
            return None, None
        raise DataError(
            "A data set with classes must have whole numbers as labels. Got "
            f"{labels.dtype}. Use labels.astype(int), or leave the classes out."
        )
    needed = int(labels.max()) + 1
    if classes is None:
        return None, needed
    names, count = _names_and_count(classes)
    if needed > count:
        place = int(labels.argmax())
        raise DataError(
            f"The labels of a data set with {count} classes must be from 0 to {count - 1}. "
            f"Got {labels[place]} for image {place}. Number the classes from 0, or name them all."
        )
    return names, count


def _names_and_count(classes: Sequence[str] | int) -> tuple[tuple[str, ...] | None, int]:
    classes = classes.tolist() if isinstance(classes, np.ndarray) else classes
    if not isinstance(classes, Sequence) and is_whole(classes) and classes > 0:
        return None, int(classes)
    if isinstance(classes, Sequence) and not isinstance(classes, str):
        names = tuple(classes)
        if names and all(isinstance(name, str) for name in names):
            return names, len(names)
    raise DataError(
        f"The classes of a data set must be their names, or how many there are. Got {classes!r}."
    )
