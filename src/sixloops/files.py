"""Files are data: written whole or not at all, and never run.

Arrays go into safetensors files, whose header carries one JSON text of our own
under the key ``sixloops``. In it stands the CRC-32 of all else: a bit that tips over on a disk
or on a way would otherwise be a weight like any other.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from sixloops.errors import FileError

_KEY, _CHECKSUM = "sixloops", "checksum"
_PART = ".part"


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that at any moment it holds either all of the old or all of the new.

    The bytes go to a temporary file beside it, are flushed to the disk, and the
    temporary file then takes the name. Where the name is a link, the file that it leads to
    is written.

    Raises:
        FileError: the file cannot be written there, or what is there is no ordinary file.
    """
    target = _linked(as_path(path))
    try:
        _check_ordinary(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_PART}")
        try:
            # Opened by "x", it is nobody else's; and it has the usual rights.
            with temporary.open("xb") as handle:
                _keep_rights(target, temporary)
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            # It is closed by now, as Windows renames no open file.
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(target, error) from error


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left while they wrote ``path``."""
    target = _linked(as_path(path))
    for temporary in target.parent.glob(f".{glob.escape(target.name)}.{16 * '[0-9a-f]'}{_PART}"):
        with suppress(OSError):
            temporary.unlink()


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return a file's or folder's name as a path.

    Raises:
        FileError: it is no name.
    """
    try:
        return Path(path)
    except TypeError as error:
        raise FileError(
            f"The name of a file or folder must be a string or a Path. Got {path!r}."
        ) from error


def _linked(path: Path) -> Path:
    """Return the file that a link leads to; a path that is no link as it is."""
    # Path's own questions raise where they may not look.
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114


def _check_ordinary(target: Path) -> None:
    """Raise if there is something whose place no file may take: a folder, a device, a pipe."""
    if not os.path.lexists(target) or target.is_file():
        return
    if target.is_dir():
        raise FileError(f"{target} is a folder. Name a file in it.")
    raise FileError(
        f"{target} is no ordinary file, but a device, a pipe or the like, and is left as it is. "
        "Name another file."
    )


def _keep_rights(target: Path, temporary: Path) -> None:
    """Give a temporary file the rights of the file that it will replace, if there is one."""
    # A file system that has no rights, or a file of somebody else, must not prevent the writing.
    with suppress(OSError):
        shutil.copymode(target, temporary)


def _unwritable(
    path: str | os.PathLike[str], error: OSError, named: str | os.PathLike[str] | None = None
) -> FileError:
    """Return what is said of a file, or of what was ``named`` in its place."""
    if error.errno == errno.ENOSPC:
        return FileError(f"{named or path} cannot be written: the disk is full. Make room on it.")
    files = [parent for parent in Path(path).parents if os.path.isfile(parent)]  # noqa: PTH113
    why, mend = f"{error.strerror}", "Name a folder that you may write to."
    if files:
        why, mend = f"{files[0]} is a file and no folder", "Name a folder."
    return FileError(f"{named or path} cannot be written: {why}. {mend}")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text as :func:`write_bytes` does."""
    write_bytes(path, text.encode())


def append_text(path: str | os.PathLike[str], text: str) -> None:
    """Add a text to the end of a file.

    Raises:
        FileError: the file cannot be written.
    """
    try:
        with as_path(path).open("a", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Raise unless files can be written into a folder, which is made if need be.

    Raises:
        FileError: they cannot.
    """
    probe = as_path(folder) / ".probe"
    try:
        write_bytes(probe, b"")
    except FileError as error:
        if isinstance(error.__cause__, OSError):
            raise _unwritable(probe, error.__cause__, named=folder) from error.__cause__
        raise
    remove(probe)


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a file, if it is there.

    Raises:
        FileError: it cannot be removed.
    """
    target = as_path(path)
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(
            f"{target} cannot be removed: {error.strerror}. Close or remove it yourself."
        ) from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file.

    Raises:
        FileError: it is missing, a folder, or may not be read.
    """
    source = as_path(path)
    try:
        return source.read_bytes()
    except OSError as error:
        raise FileError(f"{source} cannot be read: {error.strerror}. Check the name.") from error


def write_tensors(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], about: dict[str, Any]
) -> None:
    """Write arrays and what is to be known about them into one safetensors file.

    Args:
        path: the file.
        arrays: by name.
        about: JSON's types; ``checksum`` is no key of it.
    """
    # The library writes memory as it lies, so every array must lie in the usual order.
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    told = about | {_CHECKSUM: _checksum(about, ordered)}
    # One entry alone: several the library puts in any order, and equal files shall be equal bytes.
    metadata = {_KEY: json.dumps(told, sort_keys=True, allow_nan=False)}
    write_bytes(path, safetensors.numpy.save(ordered, metadata=metadata))


def _checksum(about: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the CRC-32 of what is known about arrays, and of them, by their names, in hex."""
    checksum = zlib.crc32(json.dumps(about, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        # As in the file, whatever the processor's own order of bytes is.
        stored = array.astype(array.dtype.newbyteorder("<"), copy=False)
        checksum = zlib.crc32(stored.reshape(-1).view(np.uint8).data, checksum)
    return f"{checksum:08x}"


def read_tensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Returns:
        The arrays by name, and what is to be known about them.

    Raises:
        FileError: the file is missing, truncated, damaged, or not one of ours.
    """
    source = as_path(path)
    if os.path.isdir(source):  # noqa: PTH112  (Path's own questions raise where they may not look)
        raise FileError(f"{source} is a folder. Name a file in it, such as last.safetensors.")
    if not os.path.isfile(source):  # noqa: PTH113
        raise FileError(f"{source} is missing or no file. Check the name.")
    if not os.access(source, os.R_OK):
        raise FileError(f"{source} may not be read. Change its rights, or ask its owner.")
    try:
        with safetensors.safe_open(source, framework="numpy") as handle:
            text = (handle.metadata() or {}).get(_KEY)
            # Files of other programs may hold types of numbers that NumPy does not have.
            names = handle.keys() if text is not None else ()
            arrays = {name: handle.get_tensor(name) for name in names}
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise FileError(
            f"{source} is no whole safetensors file ({error}). It is truncated, damaged, or of "
            "another kind; sixloops reads the files that save() and training write."
        ) from error
    if text is None:
        raise FileError(
            f"{source} is a safetensors file, but not one that sixloops wrote: its header has no "
            f"'{_KEY}' entry."
        )
    try:
        about = json.loads(text)
    # Brackets in brackets without end are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise FileError(f"{source} is damaged: its '{_KEY}' entry is no JSON ({error}).") from error
    if not isinstance(about, dict):
        raise FileError(f"{source} is damaged: its '{_KEY}' entry is no JSON object.")
    # A file that another program has made of one of ours may have none.
    checksum = about.pop(_CHECKSUM, None)
    if checksum is not None and checksum != _checksum(about, arrays):
        raise FileError(
            f"{source} is damaged: what it holds is not what was written into it. Take another "
            "copy of it."
        )
    return arrays, about
