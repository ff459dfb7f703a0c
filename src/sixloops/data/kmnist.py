"""Kuzushiji-MNIST: 70,000 characters of cursive Japanese, in MNIST's form.

T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto and D. Ha 2018, "Deep
Learning for Classical Japanese Literature". Licence CC BY-SA 4.0.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sixloops.data.dataset import Dataset
from sixloops.data.idx_sets import missing_idx_files, read_idx_set
from sixloops.data.origins import Origin, find
from sixloops.errors import FileError

CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
IMAGES_A_CLASS = (6_000, 1_000)
ORIGIN = Origin(
    name="kmnist",
    title="Kuzushiji-MNIST",
    url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    sha256={
        "train-images-idx3-ubyte.gz": (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
        ),
        "train-labels-idx1-ubyte.gz": (
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
        ),
    },
)


def load_kmnist(
    folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[Dataset, Dataset]:
    """Load Kuzushiji-MNIST: bytes, 0 for the background.

    What is fetched must have the known checksums. They are those of the wrapped files,
    so that files found in a folder, which may be wrapped in another way, are known by
    their form alone: how many images of which size, and equally many of each class.

    Args:
        folder: where to find the four IDX files; None for the cache.
        download: whether to fetch them if they are not there, 21 MB.

    Returns:
        60,000 training and 10,000 test images of shape (1, 28, 28).

    Raises:
        FileError: a file is missing, damaged, or not of Kuzushiji-MNIST's form.
    """
    place = find(ORIGIN, missing_idx_files, folder, download)
    training, test = read_idx_set(place, ORIGIN.title, CLASSES)
    for half, expected in zip((training, test), IMAGES_A_CLASS, strict=True):
        _check_balance(half, expected, place)
    return training, test


def _check_balance(half: Dataset, expected: int, place: Path) -> None:
    counts = np.bincount(half.labels, minlength=len(CLASSES))
    if (counts != expected).any():
        raise FileError(
            f"{place} does not hold {half.name}: it must have {expected:,} images of each class. "
            f"Got {counts.tolist()}. Replace its files by sound copies."
        )
