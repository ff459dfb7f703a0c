"""A folder of images as a data set: one sub-folder a class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from sixloops import checks
from sixloops.data.dataset import Dataset
from sixloops.data.image_files import image_array, open_image
from sixloops.errors import DataError, FileError
from sixloops.files import as_path

_HIDDEN = ("Thumbs.db", "desktop.ini", "__MACOSX")
"""What Windows and macOS leave in folders, where it is hidden."""


def load_image_folder(
    path: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
) -> Dataset:
    """Read a folder of images, one sub-folder a class.

    Classes are numbered by the sub-folders' names in sorted order; the images of a class
    come in the order of their names. Hidden files are passed over, and so are files
    that lie beside the sub-folders.

    Args:
        path: the folder.
        size: (height, width), or one number for a square, to which every image is
            stretched; None if all have one size already.
        channels: 1 for gray, 3 for red, green and blue; None for what the first image has.

    Returns:
        The images as bytes, (images, channels, height, width), with the classes' names.

    Raises:
        FileError: the folder or a file cannot be read, or there is no image.
        DataError: an image has another size than the first, or colours where the first
            has none, and nothing was said about it.
        ConfigurationError: a size or number of channels that makes no sense.
    """
    options = _Options(size, channels)
    root = as_path(path)
    classes = _class_folders(root)
    files = [(file, label) for label, folder in enumerate(classes) for file in _files(folder)]
    first = open_image(files[0][0])
    shape = _shape(options, first)
    images = np.empty((len(files), *shape), dtype=np.uint8)
    for number, (file, _) in enumerate(files):
        image = open_image(file)
        _check_fit(file, image, files[0][0], first, options)
        images[number] = image_array(image, *shape)
    labels = np.array([label for _, label in files])
    return Dataset(images, labels, [_readable(folder.name) for folder in classes], root.name)


def _readable(name: str) -> str:
    """Return a file's name with question marks for bytes that are no UTF-8."""
    return name.encode(errors="replace").decode()


@dataclass(frozen=True)
class _Options:
    """What the user says about all images."""

    called: ClassVar[str] = "load_image_folder"

    size: int | tuple[int, int] | None
    channels: int | None

    def __post_init__(self) -> None:
        if self.size is not None:
            checks.pair(self, "size")
        if self.channels not in (None, 1, 3):
            raise checks.fail(self, "channels", "be 1, 3 or None")


def _shape(options: _Options, first: Image.Image) -> tuple[int, int, int]:
    """Return the (channels, height, width) of all images."""
    channels = options.channels or len(first.getbands())
    if isinstance(options.size, tuple):
        return channels, *options.size
    return channels, first.height, first.width


def _class_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise FileError(f"{root} is missing or no folder. Check the name.")
    folders = sorted(child for child in _visible(root) if child.is_dir())
    if not folders:
        raise FileError(
            f"{root} must have one sub-folder a class, with its images in it. It has none."
        )
    return folders


def _files(folder: Path) -> list[Path]:
    files = sorted(_visible(folder))
    if not files:
        raise FileError(f"{folder} has no image. Delete it, or put the images of its class in it.")
    if all(file.is_dir() for file in files):
        sets = sorted(child.name for child in _visible(folder.parent) if child.is_dir())
        raise FileError(
            f"{folder} must hold the images of one class. It holds folders. If the folders of "
            f"{folder.parent} are data sets ({', '.join(sets)}), load each: "
            f"load_image_folder({str(folder)!r})."
        )
    return files


def _visible(folder: Path) -> list[Path]:
    try:
        children = [*folder.iterdir()]
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {error.strerror}.") from error
    return [each for each in children if not each.name.startswith(".") and each.name not in _HIDDEN]


def _check_fit(
    file: Path, image: Image.Image, first_file: Path, first: Image.Image, options: _Options
) -> None:
    if options.size is None and image.size != first.size:
        raise DataError(
            f"{file} is {image.height} × {image.width} pixels (height × width), but {first_file} "
            f"is {first.height} × {first.width}. Name the size that all shall have: "
            f"size=({first.height}, {first.width}), say."
        )
    if options.channels is None and len(image.getbands()) > len(first.getbands()):
        raise DataError(
            f"{file} is in colour, but {first_file} is gray. Say what all shall be: channels=1 "
            "for gray, channels=3 for colour."
        )
