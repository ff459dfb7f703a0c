"""The carried MNIST is the real one, and a copy that is not is refused."""

from __future__ import annotations

import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from sixloops.data import DATASETS, Dataset, load_mnist, read_idx, write_idx
from sixloops.data.mnist import SHA256
from sixloops.errors import FileError

CARRIED = Path(str(files("sixloops.data"))) / "mnist"


@pytest.fixture(scope="module")
def mnist() -> tuple[Dataset, Dataset]:
    return load_mnist()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder that holds the carried files under their names."""
    for name in SHA256:
        (tmp_path / f"{name}.gz").symlink_to(CARRIED / f"{name}.gz")
    return tmp_path


def replace(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.gz").unlink()
    (folder / f"{name}.gz").write_bytes(content)


def test_sizes_types_and_names(mnist: tuple[Dataset, Dataset]) -> None:
    for half, count in zip(mnist, (60_000, 10_000), strict=True):
        assert half.images.shape == (count, 1, 28, 28)
        assert half.images.dtype == np.uint8
        assert half.class_count == 10
    assert [half.name for half in mnist] == ["MNIST training", "MNIST test"]


def test_known_facts(mnist: tuple[Dataset, Dataset]) -> None:
    """LeCun's and Nielsen's digits: the first labels, the classes' sizes, the mean pixel."""
    training, test = mnist
    assert list(training.labels[:10]) == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert list(test.labels[:5]) == [7, 2, 1, 0, 4]
    assert list(np.bincount(test.labels)) == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
    assert training.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_the_readme_has_the_same_checksums() -> None:
    text = (CARRIED / "README.md").read_text()
    assert all(name in text and value in text for name, value in SHA256.items())


def test_the_uniform_loader_reads_a_folder_wrapped_or_not(copy: Path) -> None:
    name = "t10k-labels-idx1-ubyte"
    (copy / name).write_bytes(gzip.decompress((CARRIED / f"{name}.gz").read_bytes()))
    (copy / f"{name}.gz").unlink()
    _, test = DATASETS["mnist"](folder=copy, download=True)
    assert len(test) == 10_000


def test_another_content_is_refused_with_both_checksums(copy: Path) -> None:
    name = "t10k-labels-idx1-ubyte"
    labels = read_idx(copy / f"{name}.gz")
    labels[7] += 1
    replace(copy, name, b"")
    write_idx(copy / f"{name}.gz", labels)
    words = f"{name}.gz must hold the file {name} with SHA-256 {SHA256[name]} .*Got [0-9a-f]{{64}}"
    with pytest.raises(FileError, match=words):
        load_mnist(copy)


def test_a_truncated_file_is_refused(copy: Path) -> None:
    name = "t10k-images-idx3-ubyte"
    replace(copy, name, (CARRIED / f"{name}.gz").read_bytes()[:100_000])
    with pytest.raises(FileError, match=f"{name}.gz is no whole gzip file"):
        load_mnist(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "train-labels-idx1-ubyte.gz").unlink()
    (copy / "t10k-images-idx3-ubyte.gz").unlink()
    words = r"It lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte\."
    with pytest.raises(FileError, match=words):
        load_mnist(copy)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        with pytest.raises(
            FileError, match=r"It is missing or no folder\. Check the folder's name"
        ):
            load_mnist(tmp_path / name)


def test_the_folder_inside_that_is_meant_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "mnist").symlink_to(CARRIED)
    with pytest.raises(FileError, match=r"ubyte\. Is folder='\S+/mnist' meant\?$"):
        load_mnist(tmp_path)
