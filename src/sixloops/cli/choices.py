"""What several commands take, turned into what the library takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sixloops.data import DATASETS, Dataset, load_image_folder
from sixloops.errors import ConfigurationError, DataError, FileError
from sixloops.network import Network
from sixloops.report.run_folder import MODEL
from sixloops.training.checkpoint import BEST, LAST

Kind = TypeVar("Kind")


def spelled(choices: Iterable[str]) -> str:
    """Return names as the command line spells them, with dashes."""
    return ", ".join(choice.replace("_", "-") for choice in choices)


DataOption = Annotated[
    str,
    typer.Option(
        help=f"{spelled(DATASETS)}, or a folder of images with one sub-folder a class "
        "(or 'train' and 'test' with such sub-folders)."
    ),
]
DataFolderOption = Annotated[
    Path | None, typer.Option(help="Where the files of a known data set are.")
]
DownloadOption = Annotated[
    bool, typer.Option("--download", help="Download the data set if it is nowhere on this machine.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Threads; all that there are unless said. The bits do not depend on it."
    ),
]


def chosen(what: str, name: str, choices: Mapping[str, Kind]) -> Kind:
    """Return the entry called ``name``; dashes may stand for underscores.

    Raises:
        ConfigurationError: there is none.
    """
    key = name.replace("-", "_")
    if key not in choices:
        raise ConfigurationError(f"The {what} must be one of {spelled(choices)}. Got {name!r}.")
    return choices[key]


def load_data(name: str, folder: Path | None, *, download: bool = False) -> tuple[Dataset, Dataset]:
    """Load a data set's training and test parts.

    A folder of images without a test part is always divided in the same way, whatever
    the run's seed, so that no command tests on what another trained on.

    Args:
        name: one of the known ones (a folder of that name is written ``./mnist``), or
            the path of a folder of images with a sub-folder a class, or with ``train``
            and ``test`` in it.
        folder: where the files of a known data set are.
        download: whether it may be downloaded.
    """
    if is_image_folder(name):
        return _load_images(Path(name))
    if name.replace("-", "_") not in DATASETS:
        raise ConfigurationError(
            f"The data must be one of {spelled(DATASETS)}, or a folder of images with one "
            f"sub-folder a class. Got {name!r}, which is no folder."
        )
    return chosen("data", name, DATASETS)(folder=folder, download=download)


def is_image_folder(name: str) -> bool:
    """Say whether ``name`` means a folder of images; the known data sets' names come first."""
    return name.replace("-", "_") not in DATASETS and Path(name).is_dir()


def _load_images(path: Path) -> tuple[Dataset, Dataset]:
    parts = path / "train", path / "test"
    if not all(part.is_dir() for part in parts):
        return load_image_folder(path).split(0.2, stratify=True)
    train = load_image_folder(parts[0])
    channels, height, width = train.image_shape
    test = load_image_folder(parts[1], size=(height, width), channels=channels)
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
