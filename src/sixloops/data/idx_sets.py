"""Data sets in MNIST's form: four IDX files of 28×28 bytes and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from pathlib import Path

from sixloops.data.dataset import Dataset
from sixloops.data.idx import idx_sha256, read_idx
from sixloops.data.origins import folder_inside
from sixloops.errors import DataError, FileError
from sixloops.layers.base import Array

TRAINING = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SIDE = 28


def missing_idx_files(folder: Traversable) -> list[str]:
    """Return which of the four files a folder lacks, wrapped by gzip or not."""
    return [name for name in TRAINING + TEST if not _present(folder, name).is_file()]


def _present(folder: Traversable, name: str) -> Traversable:
    plain, wrapped = folder / name, folder / f"{name}.gz"
    return plain if plain.is_file() else wrapped


def read_idx_set(
    folder: Traversable,
    title: str,
    classes: Sequence[str],
    sha256: Mapping[str, str] | None = None,
) -> tuple[Dataset, Dataset]:
    """Read the four files.

    Args:
        folder: where they are.
        title: what the data set is called.
        classes: the classes' names.
        sha256: of each file without its gzip wrapping, by name; None if not known.

    Returns:
        The training and the test images.

    Raises:
        FileError: a file is missing, damaged, or not what it should be.
    """
    if missing := missing_idx_files(folder):
        lacks = f"lacks {', '.join(missing)}" if folder.is_dir() else "is missing or no folder"
        meant = folder_inside(Path(str(folder)), missing_idx_files)
        raise FileError(
            f"{folder} must hold the four files of {title}, wrapped by gzip or not. It {lacks}."
            + (meant or " Check the folder's name, or put them there.")
        )
    training, test = (
        _read_half(folder, names, f"{title} {half}", classes, sha256)
        for names, half in ((TRAINING, "training"), (TEST, "test"))
    )
    return training, test


def _read_half(
    folder: Traversable,
    names: tuple[str, str],
    title: str,
    classes: Sequence[str],
    sha256: Mapping[str, str] | None,
) -> Dataset:
    images, labels = (_read_file(_present(folder, name), name, sha256) for name in names)
    if images.shape[1:] != (SIDE, SIDE):
        raise FileError(
            f"{_present(folder, names[0])} must hold images of {SIDE} × {SIDE} pixels. Got an "
            f"array of shape {images.shape}. Check that it is the right file."
        )
    try:
        return Dataset(images, labels, classes, title)
    except DataError as error:
        raise FileError(
            f"{folder} does not hold {title}: {error} Replace its files by sound copies."
        ) from error


def _read_file(file: Traversable, name: str, sha256: Mapping[str, str] | None) -> Array:
    with as_file(file) as path:
        array = read_idx(path)
    got = idx_sha256(array) if sha256 else ""
    if sha256 and got != sha256[name]:
        raise FileError(
            f"{file} must hold the file {name} with SHA-256 {sha256[name]} (without any gzip "
            f"wrapping). Got {got}. It is another file or damaged: replace it by a sound copy."
        )
    return array
