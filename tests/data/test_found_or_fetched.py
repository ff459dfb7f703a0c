"""Data sets are found where they lie, and fetched only if asked; what is wrong is not kept.

Nothing here goes to the network: a server on this machine gives out small files in the
form of Fashion-MNIST and Kuzushiji-MNIST.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sixloops.data import (
    DATASETS,
    Dataset,
    fashion_mnist,
    kmnist,
    load_fashion_mnist,
    load_kmnist,
    write_idx,
)
from sixloops.data.idx import idx_sha256
from sixloops.data.idx_sets import TEST, TRAINING
from sixloops.data.origins import cache_folder
from sixloops.errors import FileError

PER_CLASS = (3, 2)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Say nothing."""


def write_set(folder: Path) -> dict[str, str]:
    """Write a small set of MNIST's form; return the SHA-256 of the unwrapped files."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    sums = {}
    for names, per_class in zip((TRAINING, TEST), PER_CLASS, strict=True):
        labels = np.repeat(np.arange(10), per_class).astype(np.uint8)
        images = random.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        for name, array in zip(names, (images, labels), strict=True):
            write_idx(folder / f"{name}.gz", array)
            sums[name] = idx_sha256(array)
    return sums


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Return the folder that the server gives out."""
    return tmp_path / "served"


@pytest.fixture
def url(served: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the folder on this machine, and send no request through a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(Quiet, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def small_sets(tmp_path: Path, served: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both loaders believe in the small set, served on this machine."""
    sums = write_set(served)
    wrapped = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in served.iterdir()}
    monkeypatch.setenv("SIXLOOPS_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "SHA256", sums)
    monkeypatch.setattr(kmnist, "IMAGES_A_CLASS", PER_CLASS)
    for module in (fashion_mnist, kmnist):
        origin = replace(module.ORIGIN, url=url, sha256=wrapped)
        monkeypatch.setattr(module, "ORIGIN", origin)
    debian = replace(fashion_mnist.ORIGIN, system_folders=(tmp_path / "debian",))
    monkeypatch.setattr(fashion_mnist, "ORIGIN", debian)


def check(halves: tuple[Dataset, Dataset], title: str) -> None:
    assert [len(half) for half in halves] == [30, 20]
    assert [half.name for half in halves] == [f"{title} training", f"{title} test"]
    assert all(half.image_shape == (1, 28, 28) and half.class_count == 10 for half in halves)


def only_whole_files(folder: Path, served: Path, without: str) -> bool:
    """Say whether a folder holds nothing but whole copies, and not the file ``without``."""
    names = {file.name for file in folder.iterdir()}
    return without not in names and all(
        (folder / name).read_bytes() == (served / name).read_bytes() for name in names
    )


@pytest.mark.usefixtures("small_sets")
def test_the_given_folder_is_the_only_one(tmp_path: Path) -> None:
    write_set(tmp_path / "mine")
    check(load_fashion_mnist(tmp_path / "mine"), "Fashion-MNIST")
    check(load_kmnist(str(tmp_path / "mine")), "Kuzushiji-MNIST")
    write_set(tmp_path / "debian")
    with pytest.raises(FileError, match=r"Looked in: \S+/yours \(missing\)\. To mend it"):
        load_fashion_mnist(tmp_path / "yours")
    with pytest.raises(
        FileError, match=r"\(lacks .*\)\. Is folder='\S+/debian' meant\? To mend it"
    ):
        load_fashion_mnist(tmp_path)


@pytest.mark.usefixtures("small_sets")
def test_the_systems_folder_is_found(tmp_path: Path) -> None:
    write_set(tmp_path / "debian")
    check(load_fashion_mnist(), "Fashion-MNIST")


@pytest.mark.usefixtures("small_sets")
def test_nothing_is_fetched_unasked_and_the_error_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "train-images-idx3-ubyte.gz").touch()
    with pytest.raises(FileError) as caught:
        load_fashion_mnist()
    words = str(caught.value)
    assert "Fashion-MNIST was not found" in words
    assert f"{tmp_path}/debian (lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte" in words
    assert f"{tmp_path}/cache/fashion_mnist (missing)" in words
    assert "install the package dataset-fashion-mnist" in words
    assert "download=True" in words
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("small_sets")
def test_what_is_fetched_is_kept_in_the_cache(tmp_path: Path, served: Path) -> None:
    check(load_kmnist(download=True), "Kuzushiji-MNIST")
    for file in served.iterdir():
        file.unlink()
    check(load_kmnist(), "Kuzushiji-MNIST")
    check(load_kmnist(download=True), "Kuzushiji-MNIST")
    assert len(list((tmp_path / "cache" / "kmnist").iterdir())) == 4


@pytest.mark.usefixtures("small_sets")
def test_what_is_fetched_goes_into_the_given_folder(tmp_path: Path) -> None:
    check(load_fashion_mnist(tmp_path / "mine", download=True), "Fashion-MNIST")
    assert len(list((tmp_path / "mine").iterdir())) == 4
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("small_sets")
@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_a_wrong_checksum_leaves_no_file(name: str, tmp_path: Path, served: Path) -> None:
    file = served / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-1])
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    words = f"train-images-idx3-ubyte.gz could not be fetched into .* but got {expected}"
    with pytest.raises(FileError, match=words):
        DATASETS[name](download=True)
    assert only_whole_files(tmp_path / "cache" / name, served, without=file.name)


@pytest.mark.usefixtures("small_sets")
def test_a_file_that_the_server_has_not(tmp_path: Path, served: Path) -> None:
    file = served / "train-images-idx3-ubyte.gz"
    file.unlink()
    with pytest.raises(FileError, match=r"could not be fetched .*404"):
        load_kmnist(download=True)
    assert only_whole_files(tmp_path / "cache" / "kmnist", served, without=file.name)


@pytest.mark.usefixtures("small_sets")
def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = replace(kmnist.ORIGIN, url="http://127.0.0.1:9/")
    monkeypatch.setattr(kmnist, "ORIGIN", nobody)
    with pytest.raises(FileError, match=r"http://127\.0\.0\.1:9/\S+ could not be fetched into"):
        load_kmnist(tmp_path / "mine", download=True)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.usefixtures("small_sets")
def test_fetching_replaces_no_file_that_is_there(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "t10k-labels-idx1-ubyte.gz"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(FileError, match=r"t10k-labels-idx1-ubyte\.gz is no IDX file"):
        load_kmnist(tmp_path / "mine", download=True)
    assert mine.read_bytes() == b"mine"


@pytest.mark.usefixtures("small_sets")
def test_a_found_file_with_another_content_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "mine")
    write_idx(tmp_path / "mine" / "t10k-labels-idx1-ubyte.gz", np.zeros(20, np.uint8))
    with pytest.raises(FileError, match=r"t10k-labels-idx1-ubyte\.gz must hold .* SHA-256"):
        load_fashion_mnist(tmp_path / "mine")
    with pytest.raises(FileError, match=r"2 images of each class\. Got \[20, 0"):
        load_kmnist(tmp_path / "mine")


@pytest.mark.usefixtures("small_sets")
@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("t10k-images-idx3-ubyte", np.zeros((20, 28, 27), np.uint8), "images of 28 × 28 pixels"),
        ("t10k-images-idx3-ubyte", np.zeros((19, 28, 28), np.uint8), "does not hold Kuzushiji"),
        ("t10k-labels-idx1-ubyte", np.full(20, 10, np.uint8), "Got 10 for image 0"),
    ],
)
def test_a_set_of_another_form_is_refused(
    tmp_path: Path, name: str, array: np.ndarray, words: str
) -> None:
    write_set(tmp_path / "mine")
    write_idx(tmp_path / "mine" / f"{name}.gz", array)
    with pytest.raises(FileError, match=words):
        load_kmnist(tmp_path / "mine")


def test_the_cache_is_the_users_unless_a_variable_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIXLOOPS_DATA", str(tmp_path))
    assert cache_folder("kmnist") == tmp_path / "kmnist"
    monkeypatch.delenv("SIXLOOPS_DATA")
    assert cache_folder("kmnist").parent.name == "sixloops"
