"""Where the files of a data set lie, or come from.

Nothing is fetched unless it is asked for. What is fetched must have the known SHA-256,
or it is thrown away again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pooch  # type: ignore[import-untyped]  # it has no stubs

from sixloops.errors import FileError
from sixloops.files import as_path

CACHE_VARIABLE = "SIXLOOPS_DATA"
_SECONDS_OF_SILENCE = 60


@dataclass(frozen=True)
class Origin:
    """Where a data set comes from.

    Args:
        name: of its folder in the cache.
        title: what people call it.
        url: the address of its files, up to and with the last slash.
        sha256: of each file at that address, by file name.
        system_folders: where an operating system's package puts it.
        package: what to install to have it there; may be empty.
    """

    name: str
    title: str
    url: str
    sha256: Mapping[str, str]
    system_folders: tuple[Path, ...] = ()
    package: str = ""


Missing = Callable[[Path], list[str]]


def cache_folder(name: str) -> Path:
    """Return where the files of the data set ``name`` are kept once they are fetched.

    It lies in the folder that the environment variable ``SIXLOOPS_DATA`` names, or else
    in the user's cache.
    """
    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("sixloops")) / name


def find(
    origin: Origin, missing: Missing, folder: str | os.PathLike[str] | None, download: bool
) -> Path:
    """Return a place with all files of a data set.

    Args:
        origin: of the data set.
        missing: returns the names of the files that a place lacks.
        folder: the only place to look in; None for the system's folders, then the cache.
        download: whether to fetch the files if they are not there: into ``folder`` if
            one is given, else into the cache.

    Raises:
        FileError: there is no such place, or the files cannot be fetched.
    """
    if folder is None:
        places = [*origin.system_folders, cache_folder(origin.name)]
    else:
        places = [as_path(folder)]
    for place in places:
        if not missing(place):
            return place
    if not download:
        raise _not_found(origin, places, missing)
    for name in origin.sha256:
        if not (places[-1] / name).exists():
            fetch(origin, name, places[-1])
    return places[-1]


def _not_found(origin: Origin, places: list[Path], missing: Missing) -> FileError:
    looked = "; ".join(f"{place} ({_wrong(place, missing)})" for place in places)
    meant = "".join(folder_inside(place, missing) for place in places)
    package = f"install the package {origin.package}, " if origin.package else ""
    return FileError(
        f"{origin.title} was not found. Looked in: {looked}.{meant} To mend it, {package}name the "
        f"folder that holds its files, or have them fetched from {origin.url} (download=True)."
    )


def _wrong(place: Path, missing: Missing) -> str:
    if not place.exists():
        return "missing"
    return f"lacks {', '.join(missing(place))}" if place.is_dir() else "no folder"


def folder_inside(place: Path, missing: Missing) -> str:
    """Return a sentence, after a blank, that names the folder in ``place`` with all files."""
    try:
        inside = [each for each in sorted(place.iterdir()) if each.is_dir() and not missing(each)]
    except OSError:  # it is no folder, or may not be read
        return ""
    return f" Is folder={str(inside[0])!r} meant?" if inside else ""


def fetch(origin: Origin, name: str, folder: Path) -> None:
    """Fetch one file into ``folder``.

    Raises:
        FileError: it cannot be fetched, or has another checksum. No file is left then.
    """
    url = origin.url + name
    downloader = pooch.HTTPDownloader(timeout=_SECONDS_OF_SILENCE)
    try:
        pooch.retrieve(url, f"sha256:{origin.sha256[name]}", name, folder, downloader=downloader)
    except (ValueError, OSError) as error:
        raise FileError(
            f"{url} could not be fetched into {folder}, and nothing of it was kept. "
            f"{_reason(error)} Try again, or fetch {origin.title} yourself and name its folder."
        ) from error


def _reason(error: Exception) -> str:
    """Word in one sentence why a download failed."""
    # What requests raises before there is an answer is five lines about its own inside.
    if hasattr(error, "request") and getattr(error, "response", None) is None:
        return f"The server did not answer ({type(error).__name__})."
    return f"{str(error).rstrip('.')}."
