"""CIFAR-10: 60,000 colour photographs of ten kinds of things.

A. Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Read here in
its binary version: six files of 10,000 records, each of one byte for the class and 3 × 32
× 32 bytes for the pixels, red, green and blue one after the other. (The version for
Python is made of pickles, which could run any code.)
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np

from sixloops.data.dataset import Dataset
from sixloops.data.origins import Origin, find
from sixloops.errors import FileError
from sixloops.files import read_bytes
from sixloops.layers.base import Array

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
ORIGIN = Origin(
    name="cifar10",
    title="CIFAR-10 (binary version)",
    url="https://www.cs.toronto.edu/~kriz/",
    sha256={ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
)
_IMAGE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
BYTES = 10_000 * _RECORD
"""In each file."""


def load_cifar10(
    folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[Dataset, Dataset]:
    """Load CIFAR-10: bytes, channels in the order red, green, blue.

    Args:
        folder: where to find ``cifar-10-binary.tar.gz``, or the six ``.bin`` files that
            are in it; None for the cache.
        download: whether to fetch the archive if it is not there, 170 MB.

    Returns:
        50,000 training and 10,000 test images of shape (3, 32, 32).

    Raises:
        FileError: a file is missing, damaged, or not CIFAR-10's.
    """
    place = find(ORIGIN, _missing, folder, download)
    parts = {name: _records(content) for name, content in _contents(place)}
    *training, test = (parts[name] for name in SHA256)
    labels, images = (np.concatenate(column) for column in zip(*training, strict=True))
    return (
        Dataset(images, labels, CLASSES, "CIFAR-10 training"),
        Dataset(test[1], test[0], CLASSES, "CIFAR-10 test"),
    )


def _missing(folder: Path) -> list[str]:
    if (folder / ARCHIVE).is_file():
        return []
    inside = _unpacked(folder)
    lacking = [name for name in SHA256 if not (inside / name).is_file()]
    return [ARCHIVE] if len(lacking) == len(SHA256) else lacking


def _unpacked(folder: Path) -> Path:
    return folder / FOLDER if (folder / FOLDER).is_dir() else folder


def _contents(place: Path) -> Iterator[tuple[str, bytes]]:
    """Give the six files' names and checked contents, from the folder or the archive."""
    archive = place / ARCHIVE
    if not archive.is_file():
        inside = _unpacked(place)
        for name in SHA256:
            yield name, _checked(name, read_bytes(inside / name), f"{inside / name}")
        return
    found = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name, member in _members(tar):
                found.append(name)
                # Of a wrong one, as much as tells that it is wrong.
                content = cast(IO[bytes], tar.extractfile(member)).read(BYTES + 1)
                yield name, _checked(name, content, f"{archive}, {member.name}")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FileError(
            f"{archive} is no whole tar.gz archive ({error}). It is truncated or damaged: "
            "replace it by a sound copy."
        ) from error
    for name in SHA256:
        if name not in found:
            raise FileError(f"{archive} lacks {FOLDER}/{name}. Replace it by a sound copy.")


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Give the six files' names, and where they are in the archive."""
    for member in tar:
        name = member.name.removeprefix(f"{FOLDER}/")
        if name in SHA256 and member.isfile():
            yield name, member


def _checked(name: str, content: bytes, where: str) -> bytes:
    got = hashlib.sha256(content).hexdigest()
    if got != SHA256[name]:
        raise FileError(
            f"{where} must have SHA-256 {SHA256[name]}. Got {got} for {len(content):,} bytes. "
            "It is another file or damaged: replace it by a sound copy."
        )
    return content


def _records(content: bytes) -> tuple[Array, Array]:
    """Return labels (records,) and images (records, 3, 32, 32)."""
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    return records[:, 0], records[:, 1:].reshape(-1, *_IMAGE)
