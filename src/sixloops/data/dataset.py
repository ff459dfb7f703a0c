"""A data set: images and labels, kept as they are until a batch is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from sixloops.checks import whole_number
from sixloops.data.images import ImageSource, as_array, checked_images, image_rows
from sixloops.data.labels import checked_classes, checked_labels
from sixloops.data.splitting import divide, divide_by_class, held_out_count
from sixloops.errors import ConfigurationError, DataError, wrong
from sixloops.layers.base import Array, Shape
from sixloops.randomness import Streams


class Dataset:
    r"""Images and their labels.

    Images stay as they are given: bytes stay bytes, and a memory-mapped array stays in
    its file. Subsets and splits hold indices, no copies. So a data set may be larger
    than memory; only :meth:`take` reads, and only what it is asked for.

    Args:
        images: (images, channels, height, width), or (images, height, width) for one
            channel; any real type. Or an :class:`ImageSource`.
        labels: class numbers from 0, (images,); or real targets of a regression,
            (images, \*target shape).
        classes: the classes' names, or how many there are; None for as many as the
            labels show.
        name: what it is called.

    Raises:
        DataError: images or labels that cannot be trained on.

    Examples:
        >>> data = Dataset(np.zeros((6, 28, 28), np.uint8), [0, 1, 2, 0, 1, 2])
        >>> data
        Dataset(6 images of shape (1, 28, 28), uint8, 3 classes)
        >>> training, validation = data.split(2)
        >>> len(training), len(validation)
        (4, 2)
    """

    def __init__(
        self,
        images: npt.ArrayLike | ImageSource,
        labels: npt.ArrayLike,
        classes: Sequence[str] | int | None = None,
        name: str = "",
    ) -> None:
        self._images = checked_images(images)
        self._labels = checked_labels(labels, self._images.shape[0])
        self._classes, self._class_count = checked_classes(classes, self._labels)
        self._name = name
        # Which rows of the arrays belong to this set; None for all of them.
        self._rows: Array | None = None

    def __len__(self) -> int:
        return len(self._labels) if self._rows is None else len(self._rows)

    def __repr__(self) -> str:
        name = f"{self._name!r}, " if self._name else ""
        kind = "targets" if self._class_count is None else f"{self._class_count} classes"
        shape, dtype = self.image_shape, self._images.dtype
        return f"Dataset({name}{len(self)} images of shape {shape}, {dtype}, {kind})"

    @property
    def images(self) -> Array:
        """All images, (images, channels, height, width).

        The array itself for a whole data set; for a subset a copy that is made anew each
        time, so that :meth:`take` is the better way to a few of them.
        """
        if self._rows is None and isinstance(self._images, np.ndarray):
            return self._images
        return self.take(np.arange(len(self)))[0]

    @property
    def labels(self) -> Array:
        r"""All labels, int64 (images,), or targets, (images, \*target shape)."""
        return self._labels if self._rows is None else np.asarray(self._labels[self._rows])

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes' names, if they are known."""
        return self._classes

    @property
    def name(self) -> str:
        """What the data set is called; may be empty."""
        return self._name

    @property
    def image_shape(self) -> Shape:
        """One image's shape, (channels, height, width)."""
        return tuple(self._images.shape[1:])

    @property
    def class_count(self) -> int:
        """How many classes there are; a subset has as many as the whole.

        Raises:
            DataError: the labels are real targets.
        """
        if self._class_count is None:
            raise DataError(
                "A data set must have whole numbers as labels to have classes. This one has "
                f"real targets of shape {self._labels.shape[1:]}."
            )
        return self._class_count

    def take(self, indices: npt.ArrayLike) -> tuple[Array, Array]:
        """Read some images and their labels.

        Args:
            indices: whole numbers (n,), each from 0 to ``len(self)`` − 1.

        Returns:
            The n images, (n, channels, height, width), in their own type, and their n
            labels, in the order of ``indices``; both copies.

        Raises:
            DataError: indices of another form or outside the data set.
        """
        rows = self._rows_at(indices)
        return image_rows(self._images, rows), np.asarray(self._labels[rows])

    def subset(self, indices: npt.ArrayLike) -> Dataset:
        """Return the data set of the images at ``indices``, without reading them.

        Raises:
            DataError: as :meth:`take`, or no indices.
        """
        rows = self._rows_at(indices)
        if len(rows) == 0:
            raise DataError("A subset must have at least one image. Got no indices.")
        part = copy(self)
        part._rows = rows
        return part

    def _rows_at(self, indices: npt.ArrayLike) -> Array:
        given = as_array(indices, "indices")
        if not given.size:
            given = given.astype(np.intp)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise DataError(
                "The indices of images must be whole numbers (n,). Got "
                f"{given.dtype} of shape {given.shape}. For a mask, use numpy.flatnonzero(mask)."
            )
        if given.size and (given.min() < 0 or given.max() >= len(self)):
            raise DataError(
                f"The indices of images must be from 0 to {len(self) - 1}. "
                f"Got some from {given.min()} to {given.max()}."
            )
        places = given.astype(np.intp)
        return places if self._rows is None else self._rows[places]

    def first(self, count: int) -> Dataset:
        """Return the first ``count`` images."""
        return self.subset(np.arange(self._checked_count(count)))

    def last(self, count: int) -> Dataset:
        """Return the last ``count`` images."""
        return self.subset(np.arange(len(self) - self._checked_count(count), len(self)))

    def random_subset(self, count: int, generator: np.random.Generator) -> Dataset:
        """Return ``count`` different images, drawn by ``generator``."""
        count = self._checked_count(count)
        return self.subset(generator.choice(len(self), count, replace=False))

    def _checked_count(self, count: int) -> int:
        owner = f"a subset of {len(self)} images"
        return whole_number("count", owner, count, maximum=len(self))

    def split(
        self, held_out: int | float, seed: int = 0, stratify: bool = False
    ) -> tuple[Dataset, Dataset]:
        """Divide the data set at random.

        Args:
            held_out: how many images the second part gets, or its share as a float
                between 0 and 1.
            seed: of the shuffling; the same seed divides in the same way.
            stratify: whether every class has the same share of both parts, up to rounding.

        Returns:
            The images that are kept, and those held out (for validation, say).

        Raises:
            ConfigurationError: one part would be empty; or ``stratify`` is no True or False.
            DataError: ``stratify`` for real targets.
        """
        if not isinstance(stratify, bool):
            raise ConfigurationError(
                wrong("stratify", "Dataset.split", "be True or False", stratify)
            )
        count = held_out_count(held_out, len(self))
        random = Streams(whole_number("seed", "Dataset.split", seed, 0)).generator("split")
        if stratify:
            kept, out = divide_by_class(self.labels, self.class_count, count, random)
        else:
            kept, out = divide(len(self), count, random)
        return self.subset(kept), self.subset(out)
