"""What several commands take, turned into what the library takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sixloops.data import DATASETS, Dataset, load_image_folder
from sixloops.errors import ConfigurationError, DataError, FileError, SixloopsError, did_you_mean
from sixloops.network import Network
from sixloops.report.run_folder import MODEL
from sixloops.training.checkpoint import BEST, LAST

Kind = TypeVar("Kind")

INTERRUPT_CODE = 130
"""The exit code after Ctrl-C, as shells have it."""


def spelled(choices: Iterable[str]) -> str:
    """Return names as the command line spells them, with dashes."""
    return ", ".join(choice.replace("_", "-") for choice in choices)


DataOption = Annotated[
    str,
    typer.Option(
        help=f"{spelled(DATASETS)}, or a folder of images with one sub-folder per class "
        "(or 'train' and 'test' with such sub-folders)."
    ),
]
DataFolderOption = Annotated[
    Path | None, typer.Option(help="Folder with the files of a known data set.")
]
ImageSizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="HEIGHT,WIDTH",
        help="Stretch the images of a folder to this size, such as 64,64.",
    ),
]
ChannelsOption = Annotated[
    int | None,
    typer.Option(help="Make the images of a folder gray (1) or coloured (3)."),
]
DownloadOption = Annotated[
    bool, typer.Option("--download", help="Download the data set if it is not on this machine.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Threads; default: all cores. The result is the same for any number."),
]

_OPTIONS = {
    "batch_size": "batch",
    "begin_from": "from",
    "clip_norm": "clip-norm",
    "strength": "l2",
}
_PYTHON = {
    r"The '(\w+)' of \w+ must": lambda found: f"--{_OPTIONS.get(found[1], found[1])} must",
    r"name the folder that holds its files": lambda _: "name its folder with --data-folder",
    r"have them fetched from (\S+) \(download=True\)": lambda found: (
        f"have them fetched from {found[1]} with --download"
    ),
    r"and name its folder\.": lambda _: "and name its folder with --data-folder.",
    r"Is folder='(.*)' meant": lambda found: f"Is --data-folder {shlex.quote(found[1])} meant",
    r"channels=(\d)": lambda found: f"--channels {found[1]}",
    r"load each: load_image_folder\(.*\)\.": lambda _: "name one of them.",
    r"size=\((\d+), (\d+)\)": lambda found: f"--image-size {found[1]},{found[2]}",
}


@contextmanager
def option_names() -> Iterator[None]:
    """Let errors within name options as they stand on the command line, not as in Python."""
    try:
        yield
    except SixloopsError as error:
        message = str(error)
        for python, option in _PYTHON.items():
            message = re.sub(python, option, message)
        raise type(error)(message) from error


def size_of(text: str | None) -> tuple[int, int] | None:
    """Read ``--image-size``: height and width, or one number for both."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigurationError(
            f"--image-size must be height and width in pixels, such as 64,48. Got {text!r}."
        )
    return int(parts[0]), int(parts[-1])


def folder_of(out: str | None) -> Path | None:
    """Read ``--out``: a folder, or None for the usual one."""
    if out is None:
        return None
    if not out.strip():
        raise ConfigurationError(
            "--out must name a folder. Got nothing. Leave it out for the usual one."
        )
    return Path(out)


def chosen(what: str, name: str, choices: Mapping[str, Kind]) -> Kind:
    """Return the entry called ``name``; dashes may stand for underscores.

    Raises:
        ConfigurationError: there is none.
    """
    key = name.replace("-", "_")
    if key not in choices:
        raise ConfigurationError(
            f"The {what} must be one of {spelled(choices)}. Got {name!r}."
            f"{did_you_mean(name, spelled(choices).split(', '))}"
        )
    return choices[key]


def load_data(
    name: str,
    folder: Path | None = None,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    *,
    download: bool = False,
) -> tuple[Dataset, Dataset]:
    """Load a data set's training and test parts.

    A folder of images without a test part is always divided in the same way, whatever
    the run's seed, so that no command tests on what another trained on.

    Args:
        name: one of the known ones (a folder of that name is written ``./mnist``), or
            the path of a folder of images with a sub-folder a class, or with ``train``
            and ``test`` in it.
        folder: where the files of a known data set are.
        size: (height, width) to which images of a folder are stretched.
        channels: 1 to make images of a folder gray, 3 for colours; None to leave them.
        download: whether it may be downloaded.
    """
    if is_image_folder(name):
        with option_names():
            return _load_images(Path(name), size, channels)
    if name.replace("-", "_") not in DATASETS:
        raise ConfigurationError(
            f"The data must be one of {spelled(DATASETS)}, or a folder of images with one "
            f"sub-folder per class. Got {name!r}, which is no folder."
            f"{did_you_mean(name, spelled(DATASETS).split(', '))}"
        )
    for option, value in (("--image-size", size), ("--channels", channels)):
        if value is not None:
            raise ConfigurationError(
                f"{option} is for a folder of images. Those of {name} are all alike. Leave it out."
            )
    with option_names():
        return chosen("data", name, DATASETS)(folder=folder, download=download)


def is_image_folder(name: str) -> bool:
    """Say whether ``name`` means a folder of images; the known data sets' names come first."""
    return bool(name.strip()) and name.replace("-", "_") not in DATASETS and Path(name).is_dir()


def _load_images(
    path: Path, size: tuple[int, int] | None, channels: int | None
) -> tuple[Dataset, Dataset]:
    parts = path / "train", path / "test"
    if not all(part.is_dir() for part in parts):
        return load_image_folder(path, size, channels).split(0.2, stratify=True)
    train, test = (load_image_folder(part, size, channels) for part in parts)
    if test.image_shape != train.image_shape:
        raise DataError(
            f"The images in {parts[1]} must be as those in {parts[0]}, (channels, height, width) = "
            f"{train.image_shape}. Got {test.image_shape}. Say what all shall be, with "
            "--image-size and --channels."
        )
    # Classes are numbered by their sub-folders, so that a missing one would shift all others.
    if test.classes != train.classes:
        raise DataError(
            f"{parts[1]} must have the same sub-folders as {parts[0]}, one a class: "
            f"{', '.join(train.classes or ())}. Got {', '.join(test.classes or ())}."
        )
    return train, test


def load_network(model: Path) -> Network:
    """Load a network from a file, or the finished, best or last one of a run folder.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    if not model.is_dir():
        return Network.load(model)
    present = [name for name in (MODEL, BEST, LAST) if (model / name).is_file()]
    if not present:
        raise FileError(f"{model} must hold a model, such as {MODEL}. It is no run folder.")
    return Network.load(model / present[0])


def check_classes(model: Path, network: Network, data: str, images: Dataset) -> None:
    """Raise if the same number means different classes to the network and in the data."""
    ours, theirs = network.classes, images.classes
    if ours and theirs and ours != theirs:
        raise DataError(
            f"The classes of {data} must be those of {model}: {', '.join(ours)}. Got "
            f"{', '.join(theirs)}. If only the names differ, sixloops.evaluate in Python compares "
            "the numbers alone."
        )
