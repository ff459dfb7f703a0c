"""No way through the data room reads a whole memory-mapped array."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sixloops.data import Dataset, batches, expand_by_shifts
from sixloops.data.augmentation import Compose, Flip, RandomCrop, Shift
from sixloops.randomness import Streams

COUNT, SIDE = 1 << 16, 1 << 10
MEMORY = 1 << 26


@pytest.fixture
def huge(tmp_path: Path) -> Dataset:
    """Return images of 64 GiB; their file has holes instead of zeros, and takes no room."""
    path = tmp_path / "images"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(COUNT * SIDE * SIDE)
    mapped = np.memmap(path, np.uint8, "r+", shape=(COUNT, SIDE, SIDE))
    mapped[-1, 0, 0] = 9
    return Dataset(mapped, np.arange(COUNT) % 10)


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def test_subsets_and_splits(huge: Dataset) -> None:
    random = np.random.default_rng(0)
    parts = [huge.first(COUNT - 1), huge.last(9), huge.random_subset(COUNT // 2, random)]
    parts += [*huge.split(0.1), *huge.split(1000, stratify=True)]
    for part in parts:
        assert part.take([0])[0].shape == (1, 1, SIDE, SIDE)
        assert part.class_count == 10
    assert huge.last(9).take([8])[0][0, 0, 0, 0] == 9


def test_batches_with_augmentation(huge: Dataset) -> None:
    augmentation = Compose([Shift(2), Flip(), RandomCrop(1)])
    for data in (huge, huge.split(0.5)[1]):
        loader = batches(data, 2, streams=Streams(), epoch=0, start=7, augmentation=augmentation)
        images, labels = next(loader)
        assert images.shape == (2, 1, SIDE, SIDE)
        assert labels.shape == (2,)


def test_expansion(huge: Dataset) -> None:
    expanded = expand_by_shifts(huge)
    assert len(expanded) == 5 * COUNT
    assert expanded.take([3 * COUNT - 1])[0][0, 0, 1, 0] == 9
