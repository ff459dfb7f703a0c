"""CIFAR-10's binary version, from the archive or from the files in it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from sixloops.data import Dataset, cifar10, load_cifar10
from sixloops.data.cifar10 import ARCHIVE, FOLDER, SHA256
from sixloops.errors import FileError

NAMES = list(SHA256)


def record(label: int, red: int, green: int, blue: int) -> bytes:
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def contents() -> dict[str, bytes]:
    """Return six files of two records: file k has labels k and 9, and pixels that tell them."""
    return {name: record(k, k, 10, 20) + record(9, k, 30, 40) for k, name in enumerate(NAMES)}


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def inside(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{FOLDER}/readme.html": b"hello"} | {
        f"{FOLDER}/{name}": content for name, content in reversed(files.items())
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents().items()}
    monkeypatch.setattr(cifar10, "SHA256", sums)
    monkeypatch.setenv("SIXLOOPS_DATA", str(tmp_path / "cache"))


def check(halves: tuple[Dataset, Dataset]) -> None:
    training, test = halves
    assert training.images.shape == (10, 3, 32, 32)
    assert test.images.shape == (2, 3, 32, 32)
    assert training.images.dtype == np.uint8
    assert list(training.labels) == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert list(test.labels) == [5, 9]
    assert training.images[3, :, 5, 7].tolist() == [1, 30, 40]
    assert test.images[0, :, 31, 31].tolist() == [5, 10, 20]
    assert training.classes is not None
    assert training.classes[9] == "truck"


def test_from_the_archive(tmp_path: Path) -> None:
    write_archive(tmp_path / ARCHIVE, inside(contents()))
    check(load_cifar10(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == [ARCHIVE]


def test_from_the_files_and_from_the_folder_that_the_archive_makes(tmp_path: Path) -> None:
    write_folder(tmp_path / "here", contents())
    check(load_cifar10(tmp_path / "here"))
    write_folder(tmp_path / "there" / FOLDER, contents())
    check(load_cifar10(tmp_path / "there"))


def test_from_the_cache(tmp_path: Path) -> None:
    write_archive(tmp_path / "cache" / "cifar10" / ARCHIVE, inside(contents()))
    check(load_cifar10())


def test_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"was not found. Looked in: \S+/cache/cifar10 \(missing\)"):
        load_cifar10()
    write_folder(tmp_path, {"data_batch_1.bin": b""})
    with pytest.raises(FileError, match=r"lacks data_batch_2.bin, .* test_batch.bin\)"):
        load_cifar10(tmp_path)


def test_a_file_with_another_content_is_refused(tmp_path: Path) -> None:
    damaged = contents() | {"test_batch.bin": record(1, 2, 3, 4)}
    words = rf"test_batch\.bin must have SHA-256 {'[0-9a-f]' * 64}\. Got .* for 3,073 bytes"
    write_folder(tmp_path / "files", damaged)
    with pytest.raises(FileError, match=words):
        load_cifar10(tmp_path / "files")
    write_archive(tmp_path / "archive" / ARCHIVE, inside(damaged))
    with pytest.raises(FileError, match=words):
        load_cifar10(tmp_path / "archive")


def test_an_archive_that_lacks_a_file(tmp_path: Path) -> None:
    files = inside(contents())
    del files[f"{FOLDER}/data_batch_3.bin"]
    write_archive(tmp_path / ARCHIVE, files)
    with pytest.raises(FileError, match=r"lacks cifar-10-batches-bin/data_batch_3\.bin"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_archive(tmp_path: Path, share: float) -> None:
    write_archive(tmp_path / ARCHIVE, inside(contents()))
    content = (tmp_path / ARCHIVE).read_bytes()
    (tmp_path / ARCHIVE).write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=r"is no whole tar\.gz archive|lacks"):
        load_cifar10(tmp_path)


def test_a_file_in_an_archive_is_read_no_further_than_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / ARCHIVE, inside(contents()))
    monkeypatch.setattr("sixloops.data.cifar10.BYTES", 600)
    with pytest.raises(FileError, match="for 601 bytes"):
        load_cifar10(tmp_path)
