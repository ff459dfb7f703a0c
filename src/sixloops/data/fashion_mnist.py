"""Fashion-MNIST: 70,000 pictures of clothes, in MNIST's form.

H. Xiao, K. Rasul and R. Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms". MIT licence.
"""

from __future__ import annotations

import os
from pathlib import Path

from sixloops.data.dataset import Dataset
from sixloops.data.idx_sets import missing_idx_files, read_idx_set
from sixloops.data.origins import Origin, find

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
# Of the files without their gzip wrapping, as Debian wraps them anew.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
ORIGIN = Origin(
    name="fashion_mnist",
    title="Fashion-MNIST",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    sha256={
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
    system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
    package="dataset-fashion-mnist (Debian, Ubuntu)",
)


def load_fashion_mnist(
    folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[Dataset, Dataset]:
    """Load Fashion-MNIST: bytes, 0 for the background.

    Args:
        folder: where to find the four IDX files; None for the folder of Debian's package
            ``dataset-fashion-mnist``, then the cache.
        download: whether to fetch them if they are not there, 30 MB.

    Returns:
        60,000 training and 10,000 test images of shape (1, 28, 28).

    Raises:
        FileError: a file is missing, damaged, or not Fashion-MNIST's.
    """
    place = find(ORIGIN, missing_idx_files, folder, download)
    return read_idx_set(place, ORIGIN.title, CLASSES, SHA256)
