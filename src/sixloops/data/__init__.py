"""Data: images and labels, where they come from, and how they become batches."""

from __future__ import annotations

import os
from typing import Protocol

from sixloops.data.augmentation import (
    AUGMENTATIONS,
    Affine,
    Augmentation,
    Compose,
    ElasticDistortion,
    Flip,
    RandomCrop,
    RandomErasing,
    Shift,
    Warp,
    expand_by_shifts,
)
from sixloops.data.batches import batches, steps_per_epoch
from sixloops.data.cifar10 import load_cifar10
from sixloops.data.dataset import Dataset
from sixloops.data.fashion_mnist import load_fashion_mnist
from sixloops.data.folder import load_image_folder
from sixloops.data.idx import read_idx, write_idx
from sixloops.data.image_files import read_image
from sixloops.data.images import ImageSource
from sixloops.data.kmnist import load_kmnist
from sixloops.data.mnist import load_mnist
from sixloops.data.photo import prepare_photo, read_photo


class Loader(Protocol):
    """Loads a data set: its training and its test images."""

    def __call__(
        self, folder: str | os.PathLike[str] | None = None, download: bool = False
    ) -> tuple[Dataset, Dataset]:
        """Look in ``folder``, or in the usual places; fetch what is not there if asked to."""


DATASETS: dict[str, Loader] = {
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "kmnist": load_kmnist,
    "cifar10": load_cifar10,
}

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "Affine",
    "Augmentation",
    "Compose",
    "Dataset",
    "ElasticDistortion",
    "Flip",
    "ImageSource",
    "Loader",
    "RandomCrop",
    "RandomErasing",
    "Shift",
    "Warp",
    "batches",
    "expand_by_shifts",
    "load_cifar10",
    "load_fashion_mnist",
    "load_image_folder",
    "load_kmnist",
    "load_mnist",
    "prepare_photo",
    "read_idx",
    "read_image",
    "read_photo",
    "steps_per_epoch",
    "write_idx",
]
