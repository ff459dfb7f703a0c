"""An epoch shows each image once, in an order and with noise that follow from the seed alone."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixloops.data import Augmentation, Dataset, ImageSource, batches, steps_per_epoch
from sixloops.data.augmentation import Shift
from sixloops.data.augmentation.base import augmented
from sixloops.data.images import image_rows
from sixloops.errors import ConfigurationError, DataError
from sixloops.randomness import Streams

STREAMS = Streams(3)


def numbered(count: int, dtype: Any = np.uint8) -> Dataset:
    ones = np.ones((1, 1, 4, 5))
    return Dataset((np.arange(count).reshape(-1, 1, 1, 1) * ones).astype(dtype), np.arange(count))


def epoch_of(data: Dataset, size: int, epoch: int = 0, **options: Any) -> list[Any]:
    return list(batches(data, size, streams=STREAMS, epoch=epoch, **options))


def same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(
        a.tobytes() == c.tobytes() and b.tobytes() == d.tobytes()
        for (a, b), (c, d) in zip(one, other, strict=True)
    )


@given(st.integers(1, 30), st.integers(1, 35), st.booleans(), st.integers(0, 3))
def test_each_image_comes_once_an_epoch(count: int, size: int, shuffle: bool, epoch: int) -> None:
    seen = epoch_of(numbered(count), size, epoch, shuffle=shuffle)
    assert len(seen) == steps_per_epoch(count, size)
    assert [len(labels) for _, labels in seen[:-1]] == [size] * (len(seen) - 1)
    labels = np.concatenate([labels for _, labels in seen])
    assert sorted(labels) == list(range(count))
    for images, labels in seen:
        assert (images == labels.reshape(-1, 1, 1, 1)).all()


@given(st.integers(1, 30), st.integers(1, 12), st.booleans(), st.data())
def test_start_skips_exactly_and_leaves_the_bits_of_the_rest(
    count: int, size: int, shuffle: bool, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, steps_per_epoch(count, size)))
    options: dict[str, Any] = {"shuffle": shuffle, "augmentation": Shift(2)}
    whole = epoch_of(numbered(count), size, 1, **options)
    assert same(epoch_of(numbered(count), size, 1, start=start, **options), whole[start:])


def test_threads_that_augment_leave_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread's turn is one batch. The package has the function under the module's name.
    monkeypatch.setattr(sys.modules["sixloops.data.batches"], "AT_ONCE", 1)
    epochs = [epoch_of(numbered(50), 3, 1, augmentation=Shift(2), threads=n) for n in (1, 2, 5)]
    assert same(epochs[0], epochs[1])
    assert same(epochs[0], epochs[2])


def test_a_source_is_asked_by_one_thread_alone() -> None:
    asked = set()

    class Source(ImageSource):
        shape = (50, 1, 4, 5)
        dtype = np.dtype(np.uint8)

        def rows(self, indices: Any) -> Any:
            asked.add(threading.get_ident())
            return np.zeros((len(indices), 1, 4, 5), np.uint8)

    epoch_of(Dataset(Source(), np.zeros(50, int)), 3, 1, augmentation=Shift(2), threads=4)
    assert asked == {threading.get_ident()}


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"epoch": -1}, "'epoch' of an epoch must be a whole number of at least 0"),
        ({"threads": 0}, "'threads' of an epoch must be a whole number of at least 1"),
        ({"threads": 1.5}, "'threads' of an epoch must be a whole number of at least 1"),
    ],
)
def test_other_options_that_make_no_sense(option: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        batches(numbered(9), 3, **{"streams": STREAMS, "epoch": 0, **option})


def test_the_order_is_the_streams_permutation() -> None:
    expected = STREAMS.generator("shuffle", 4).permutation(11)
    labels = np.concatenate([labels for _, labels in epoch_of(numbered(11), 3, 4)])
    assert list(labels) == list(expected)


def test_epochs_differ_and_an_unshuffled_one_is_in_order() -> None:
    data = numbered(20)
    assert not same(epoch_of(data, 4, 0), epoch_of(data, 4, 1))
    plain = epoch_of(data, 4, 1, shuffle=False)
    assert list(np.concatenate([labels for _, labels in plain])) == list(range(20))


def test_each_batch_is_augmented_by_its_own_stream_in_the_images_type() -> None:
    data = numbered(8)
    step = 1
    images, labels = data.take(STREAMS.generator("shuffle", 2).permutation(8)[3:6])
    expected = Shift(2).apply(images, STREAMS.generator("augment", 2, step))
    got, got_labels = epoch_of(data, 3, 2, augmentation=Shift(2))[step]
    assert (got == expected).all()
    assert list(got_labels) == list(labels)


@pytest.mark.parametrize("stored", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("wanted", [np.float32, np.float64])
def test_images_come_in_the_wanted_type_and_never_share_the_data_sets_memory(
    stored: Any, wanted: Any
) -> None:
    data = numbered(6, stored)
    for images, _ in epoch_of(data, 4, shuffle=False, dtype=wanted):
        assert images.dtype == wanted
        assert images.shape[1:] == (1, 4, 5)
        assert not np.shares_memory(images, data.images)


def test_read_only_images_are_no_hindrance() -> None:
    data = numbered(6)
    data.images.setflags(write=False)
    assert len(epoch_of(data, 4, augmentation=Shift(1))) == 2


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_a_batch_size_that_makes_no_sense(size: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'batch_size' of an epoch must be"):
        batches(numbered(6), size, streams=STREAMS, epoch=0)


@pytest.mark.parametrize("start", [-1, 3, 0.5])
def test_a_start_outside_the_epoch(start: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'start' of an epoch of 2 batches must be"):
        batches(numbered(6), 4, streams=STREAMS, epoch=0, start=start)


def test_an_augmentation_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"must be an Augmentation or None. Got 'shift'"):
        batches(numbered(6), 4, streams=STREAMS, epoch=0, augmentation="shift")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Cropped(Augmentation):
    def apply(self, images, random):
        return images[:, :, 1:]


@dataclass(frozen=True)
class Forgotten(Augmentation):
    def apply(self, images, random):
        images + 1


@pytest.mark.parametrize(
    ("made", "got"), [(Cropped(), "shape (2, 1, 2, 3)"), (Forgotten(), "None")]
)
def test_an_augmentation_of_ones_own_that_changes_the_shape_is_named(made, got):
    words = f"The apply of {type(made).__name__} must return images of the shape that it was given"
    with pytest.raises(ConfigurationError, match=re.escape(words) + ".*" + re.escape(got)):
        augmented(made, np.zeros((2, 1, 3, 3)), np.random.default_rng(0))


class Stubborn(ImageSource):
    shape, dtype = (10, 1, 2, 2), np.dtype(np.float32)

    def __init__(self, given):
        self.given = given

    def rows(self, indices):
        return self.given


@pytest.mark.parametrize(
    ("given", "got"),
    [(None, "NoneType"), (np.zeros((2, 2, 2), np.float32), re.escape("shape (2, 2, 2)"))],
)
def test_a_source_of_ones_own_that_gives_no_images_is_named(given, got):
    data = Dataset(Stubborn(given), np.zeros(10, int))
    with pytest.raises(DataError, match=f"The rows of Stubborn must be an array of .*{got}"):
        data.take([0, 1])
    assert image_rows(Stubborn(np.ones((1, 1, 2, 2))), np.array([3])).sum() == 4
