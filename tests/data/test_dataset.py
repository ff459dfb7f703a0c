"""A data set keeps what it is given, reads only what it is asked for, and says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixloops.data import Dataset, ImageSource
from sixloops.errors import ConfigurationError, DataError


def numbered(count: int, **options: Any) -> Dataset:
    """Return images whose pixels are their number, with the number modulo 3 as label."""
    images = np.arange(count).reshape(-1, 1, 1, 1) * np.ones((1, 2, 3, 4), np.int64)
    return Dataset(images, np.arange(count) % 3, **options)


def numbers(data: Dataset) -> list[int]:
    return list(data.images[:, 0, 0, 0])


def test_images_are_kept_as_they_are_without_a_copy() -> None:
    images = np.zeros((5, 3, 4, 6), np.uint8)
    assert Dataset(images, np.zeros(5, int)).images is images


def test_images_without_a_channel_axis_are_given_one_as_a_view() -> None:
    images = np.zeros((5, 4, 6), np.float16)
    data = Dataset(images, np.zeros(5, int))
    assert data.images.shape == (5, 1, 4, 6)
    assert data.image_shape == (1, 4, 6)
    assert np.shares_memory(data.images, images)


def test_a_memory_mapped_array_stays_one(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "images", np.float32, "w+", shape=(6, 2, 2))
    data = Dataset(mapped, np.zeros(6, int))
    assert isinstance(data.images, np.memmap)
    assert type(data.take([1, 2])[0]) is np.ndarray


def test_a_memory_mapped_array_is_not_searched_for_nan(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "images", np.float32, "w+", shape=(6, 2, 2))
    mapped[3] = np.nan
    Dataset(mapped, np.zeros(6, int))
    Dataset(np.asarray(mapped)[1:], np.zeros(5, int))
    targets = np.memmap(tmp_path / "targets", np.float32, "w+", shape=(6, 2))
    targets[2] = np.nan
    assert Dataset(mapped, targets).labels is targets


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, np.int64])
def test_class_labels_become_int64(dtype: type[np.integer[Any]]) -> None:
    data = Dataset(np.zeros((3, 2, 2)), np.array([0, 2, 1], dtype))
    assert data.labels.dtype == np.int64
    assert list(data.labels) == [0, 2, 1]


def test_real_targets_stay_as_they_are() -> None:
    targets = np.ones((3, 4), np.float32)
    data = Dataset(np.zeros((3, 2, 2)), targets)
    assert data.labels is targets
    assert data.take([1])[1].shape == (1, 4)
    assert "targets" in repr(data)
    with pytest.raises(DataError, match=r"must have whole numbers as labels to have classes"):
        _ = data.class_count


def test_classes_are_counted_from_names_a_number_or_the_labels() -> None:
    assert numbered(7).class_count == 3
    assert numbered(7, classes=5).class_count == 5
    assert numbered(7, classes=5).classes is None
    named = numbered(7, classes=["a", "b", "c", "d"], name="letters")
    assert (named.class_count, named.classes, named.name) == (4, ("a", "b", "c", "d"), "letters")


def test_a_subset_has_as_many_classes_as_the_whole() -> None:
    part = numbered(7).subset([0, 3])
    assert list(part.labels) == [0, 0]
    assert part.class_count == 3


def test_take_gives_rows_in_the_order_asked_for_as_copies() -> None:
    data = numbered(6)
    images, labels = data.take([4, 0, 4])
    assert list(images[:, 1, 2, 3]) == [4, 0, 4]
    assert list(labels) == [1, 0, 1]
    images[:] = 9
    labels[:] = 9
    assert numbers(data) == [0, 1, 2, 3, 4, 5]


@given(st.data())
def test_nested_subsets_are_the_subset_of_the_composed_indices(data: st.DataObject) -> None:
    whole = numbered(9)
    one = data.draw(st.lists(st.integers(0, 8), min_size=1, max_size=12))
    two = data.draw(st.lists(st.integers(0, len(one) - 1), min_size=1, max_size=12))
    part = whole.subset(one).subset(two)
    assert numbers(part) == [one[i] for i in two]
    assert list(part.labels) == [one[i] % 3 for i in two]
    assert len(part) == len(two)


def test_first_last_and_random_subsets() -> None:
    data = numbered(8)
    assert numbers(data.first(3)) == [0, 1, 2]
    assert numbers(data.last(2)) == [6, 7]
    drawn = data.random_subset(5, np.random.default_rng(1))
    assert len(set(numbers(drawn))) == 5
    assert numbers(drawn) == numbers(data.random_subset(5, np.random.default_rng(1)))
    assert numbers(drawn) != numbers(data.random_subset(5, np.random.default_rng(2)))


@pytest.mark.parametrize("count", [0, -1, 9, 1.5, True])
def test_a_count_that_makes_no_sense(count: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'count' of a subset of 8 images must be"):
        numbered(8).first(count)
    with pytest.raises(ConfigurationError, match="count"):
        numbered(8).random_subset(count, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([8], "must be from 0 to 7. Got some from 8 to 8"),
        ([0, -1], "must be from 0 to 7"),
        ([0.5], "whole numbers"),
        (np.ones(8, bool), "For a mask"),
        ([[0, 1]], "of shape \\(1, 2\\)"),
        (3, "of shape \\(\\)"),
    ],
)
def test_indices_that_make_no_sense(indices: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        numbered(8).take(indices)
    with pytest.raises(DataError, match=words):
        numbered(8).subset(indices)


def test_labels_with_a_mask_are_refused() -> None:
    labels = np.ma.masked_equal(np.arange(3), 1)
    with pytest.raises(DataError, match=r"labels .* without a mask\. .* labels\.filled\(0\)"):
        Dataset(np.zeros((3, 2, 2)), labels)


def test_an_empty_subset_is_refused() -> None:
    with pytest.raises(DataError, match="at least one image"):
        numbered(8).subset(np.array([], int))
    with pytest.raises(DataError, match="at least one image"):
        numbered(8).subset([])


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((0, 2, 2)), "at least one of each. Got shape \\(0, 2, 2\\)"),
        (np.zeros((3, 1, 0, 2)), "at least one of each"),
        (np.zeros((3, 4)), "Got shape \\(3, 4\\)"),
        (np.zeros((3, 1, 2, 2, 2)), "Got shape"),
        (np.zeros((3, 2, 2), complex), "real numbers. Got the type complex128"),
        (np.full((3, 2, 2), "a"), "real numbers"),
        (
            [np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((3, 3))],
            r"must all have one shape\. Number 0 has shape \(2, 2\), number 2 has \(3, 3\)\. Bring",
        ),
        ([[[0], [0, 1]], [[0], [0, 1]]], r"one shape\. Within one of them the shapes differ"),
        (np.ma.masked_equal(np.zeros((3, 2, 2)), 1), r"without a mask\. .* images\.filled\(0\)"),
    ],
)
def test_images_that_cannot_be_trained_on(images: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset(images, np.zeros(3, int))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1500, 2999])
def test_a_pixel_that_is_not_finite_is_found(bad: float, place: int) -> None:
    images = np.zeros((3000, 2, 2), np.float32)
    images[place, 1, 0] = bad
    with pytest.raises(DataError, match=f"Image {place} has a pixel that is NaN or infinite"):
        Dataset(images, np.zeros(3000, int))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1], "Got 2 labels for 3 images"),
        (1, "Got int64 of shape \\(\\)"),
        ([0, -1, 2], "at least 0. Got -1 for image 1"),
        ([True, False, True], "Got bool of shape \\(3,\\)"),
        ([[0, 1], [1, 0], [1, 0]], "argmax"),
        (
            [[0], [1], [1]],
            r"int64 of shape \(3, 1\)\. Use labels\[:, 0\] for labels, targets\.astype\(float\)",
        ),
        (["7", "b", "c"], r"Number the words: .*numpy\.unique\(labels, return_inverse=True\)\.$"),
        (np.array(["a", "b", "c"], object), "Number the words"),
        ([0.0, np.nan, 1.0], "That of image 1 is NaN"),
        ([[0.0], [0.0], [np.inf]], "That of image 2 is NaN or infinite"),
        ([[0], [1, 2], [3]], r"labels must .* one shape\. .* \(1,\), number 1 has \(2,\)"),
    ],
)
def test_labels_that_cannot_be_trained_on(labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset(np.zeros((3, 2, 2)), labels)


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([0, 3, 1], ["a", "b", "c"], "from 0 to 2. Got 3 for image 1"),
        ([0, 3, 1], 3, "with 3 classes must be from 0 to 2"),
        ([0, 1, 1], "abc", "must be their names"),
        ([0, 1, 1], [1, 2], "must be their names"),
        ([0, 1, 1], [], "must be their names"),
        ([0, 1, 1], 0, "how many there are. Got 0"),
        ([0.0, 1.0, 1.0], 2, "Got float64. Use labels.astype\\(int\\)"),
    ],
)
def test_classes_that_do_not_fit(labels: Any, classes: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset(np.zeros((3, 2, 2)), labels, classes)


class Counting(ImageSource):
    """Images made on demand, that note which were asked for."""

    shape = (5, 1, 2, 2)
    dtype = np.dtype(np.uint8)

    def __init__(self) -> None:
        self.asked: list[int] = []

    def rows(self, indices: Any) -> Any:
        self.asked += list(indices)
        return np.broadcast_to(indices.reshape(-1, 1, 1, 1), (len(indices), 1, 2, 2)).astype("u1")


def test_a_source_is_asked_only_for_what_is_taken() -> None:
    source = Counting()
    data = Dataset(source, np.arange(5)).subset([4, 2, 0]).last(2)
    assert source.asked == []
    assert list(data.take([1])[0].ravel()) == [0] * 4
    assert source.asked == [0]
    assert numbers(data) == [2, 0]


def test_a_source_of_the_wrong_shape_is_refused() -> None:
    source = Counting()
    source.shape = (5, 2)  # type: ignore[assignment]
    with pytest.raises(DataError, match="Got shape"):
        Dataset(source, np.arange(5))


def test_a_source_needs_an_axis_of_channels() -> None:
    class Flat(ImageSource):
        shape = (4, 3, 3)
        dtype = np.dtype(np.uint8)

        def rows(self, indices: Any) -> Any:
            return np.zeros((len(indices), 3, 3), np.uint8)

    with pytest.raises(DataError, match=r"of a source must be \(images, channels"):
        Dataset(Flat(), np.zeros(4, int))


def test_labels_that_no_int64_holds() -> None:
    with pytest.raises(DataError, match=r"must be under 2\*\*63"):
        Dataset(np.zeros((2, 1, 2, 2)), np.array([0, 2**64 - 1], np.uint64))


def test_a_number_of_classes_may_be_numpys() -> None:
    data = Dataset(np.zeros((2, 1, 2, 2)), np.array([0, 3]), classes=np.int64(5))  # type: ignore[arg-type]
    assert data.class_count == 5


def test_indices_in_rows_of_different_lengths() -> None:
    with pytest.raises(DataError, match="The indices must all have one shape"):
        numbered(5).take([[1], [1, 2]])  # type: ignore[list-item]
