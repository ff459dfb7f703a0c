"""A split loses nothing, doubles nothing, and depends on the seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixloops.data import Dataset
from sixloops.errors import ConfigurationError, DataError


def numbered(labels: list[int]) -> Dataset:
    return Dataset(np.arange(len(labels)).reshape(-1, 1, 1, 1), labels)


def numbers(data: Dataset) -> list[int]:
    return [int(number) for number in data.images.ravel()]


def shuffled(kept: Dataset, out: Dataset) -> bool:
    return numbers(kept) != sorted(numbers(kept)) and numbers(out) != sorted(numbers(out))


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=40),
    st.data(),
    st.integers(0, 3),
    st.booleans(),
)
def test_each_image_is_in_exactly_one_part(
    labels: list[int], data: st.DataObject, seed: int, stratify: bool
) -> None:
    count = data.draw(st.integers(1, len(labels) - 1))
    whole = numbered(labels)
    kept, out = whole.split(count, seed, stratify)
    assert len(out) == count
    assert sorted(numbers(kept) + numbers(out)) == list(range(len(labels)))
    assert list(out.labels) == [labels[i] for i in numbers(out)]
    again = whole.split(count, seed, stratify)
    assert (numbers(kept), numbers(out)) == (numbers(again[0]), numbers(again[1]))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.data())
def test_a_stratified_split_is_within_one_image_of_each_class_share(
    labels: list[int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(labels) - 1))
    _, out = numbered(labels).split(count, stratify=True)
    for label in set(labels):
        exact = labels.count(label) * count / len(labels)
        assert abs(int((out.labels == label).sum()) - exact) < 1


def test_parts_are_shuffled_and_the_seed_matters() -> None:
    whole = numbered([i % 3 for i in range(60)])
    assert shuffled(*whole.split(20))
    assert shuffled(*whole.split(20, stratify=True))
    assert numbers(whole.split(20, 0)[1]) != numbers(whole.split(20, 1)[1])


@pytest.mark.parametrize(
    ("share", "count"), [(0.25, 2), (0.01, 1), (0.99, 7), (1 / 3, 3), (np.float32(0.5), 4)]
)
def test_a_share(share: float, count: int) -> None:
    assert len(numbered([0] * 8).split(share)[1]) == count


def test_a_subset_is_split_like_a_whole() -> None:
    part = numbered([i % 2 for i in range(10)]).subset([9, 1, 4, 6])
    kept, out = part.split(0.5, stratify=True)
    assert sorted(numbers(kept) + numbers(out)) == [1, 4, 6, 9]
    assert sorted(out.labels) == [0, 1]


@pytest.mark.parametrize("held_out", [0, 8, -1, 0.0, 1.0, 1.5, float("nan"), True, "half", None])
def test_a_part_that_makes_no_sense(held_out: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'held_out' of a split of 8 images must be"):
        numbered([0] * 8).split(held_out)


def test_a_single_image_cannot_be_split() -> None:
    with pytest.raises(ConfigurationError, match=r"must be two at least\. Got 1\."):
        numbered([0]).split(0.5)


def test_real_targets_have_no_classes_to_stratify() -> None:
    with pytest.raises(DataError, match="must have whole numbers as labels"):
        Dataset(np.zeros((4, 2, 2)), np.zeros(4)).split(2, stratify=True)
