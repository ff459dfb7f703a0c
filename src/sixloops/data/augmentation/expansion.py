"""A training set made five times as large by shifts of one pixel.

M. Nielsen 2015, "Neural Networks and Deep Learning", chapter 6 (his ``expand_mnist.py``):
to each image come the same moved up, down, left and right by one pixel. The line that
falls empty is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sixloops.data.augmentation.base import cut
from sixloops.data.dataset import Dataset
from sixloops.data.images import ImageSource
from sixloops.layers.base import Array, Shape

# Where the image is cut out of its frame of one pixel: to move it up, cut lower down.
_TOPS = np.array([1, 2, 0, 1, 1])
_LEFTS = np.array([1, 1, 1, 2, 0])
_COPIES = len(_TOPS)


def expand_by_shifts(dataset: Dataset) -> Dataset:
    """Return a data set with every image five times: as it is, up, down, left, right.

    The images come in that order of moves: first all as they are, then all moved up, and
    so on. They are shifted when a batch asks for them; no copy is made beforehand.

    Args:
        dataset: n images.

    Returns:
        5n images with their labels.

    Examples:
        >>> data = Dataset(np.array([[[1, 2], [3, 4]]]), [0])
        >>> for image in expand_by_shifts(data).images:
        ...     print(image.tolist())
        [[[1, 2], [3, 4]]]
        [[[3, 4], [0, 0]]]
        [[[0, 0], [1, 2]]]
        [[[2, 0], [4, 0]]]
        [[[0, 1], [0, 3]]]
    """
    labels = np.concatenate([dataset.labels] * _COPIES)
    real = labels.dtype.kind == "f"
    classes = None if real else dataset.classes or dataset.class_count
    return Dataset(_Shifted(dataset), labels, classes, f"{dataset.name} expanded".strip())


class _Shifted(ImageSource):
    """The images of a data set, moved when they are asked for."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._dtype = dataset.take([0])[0].dtype

    @property
    def shape(self) -> Shape:
        return (_COPIES * len(self._dataset), *self._dataset.image_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def rows(self, indices: Array) -> Array:
        moves, places = np.divmod(indices, len(self._dataset))
        images, _ = self._dataset.take(places)
        framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
        return cut(framed, images.shape[2:], _TOPS[moves], _LEFTS[moves])
