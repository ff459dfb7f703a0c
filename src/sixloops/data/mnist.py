"""MNIST: 70,000 handwritten digits. The package carries them.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner 1998, "Gradient-Based Learning Applied to
Document Recognition", section III.A. Licence and attribution stand beside the files, in
``mnist/README.md``.
"""

from __future__ import annotations

import os
from importlib.resources import files

from sixloops.data.dataset import Dataset
from sixloops.data.idx_sets import read_idx_set
from sixloops.files import as_path

CLASSES = tuple("0123456789")
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(
    folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[Dataset, Dataset]:
    """Load MNIST: bytes, 0 for the background and 255 for ink.

    Args:
        folder: where to find the four IDX files; None for those that the package carries.
        download: of no effect: MNIST never needs fetching. Here as the other loaders have it.

    Returns:
        60,000 training and 10,000 test images of shape (1, 28, 28).

    Raises:
        FileError: a file is missing, damaged, or not MNIST's.

    Examples:
        >>> training, test = load_mnist()
        >>> test
        Dataset('MNIST test', 10000 images of shape (1, 28, 28), uint8, 10 classes)
    """
    carried = files("sixloops.data") / "mnist"
    return read_idx_set(carried if folder is None else as_path(folder), "MNIST", CLASSES, SHA256)
