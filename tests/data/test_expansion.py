"""Nielsen's expansion: five times the data, by shifts of one pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sixloops.data import Dataset, expand_by_shifts


def rolled(images: Any, amount: int, axis: int, line: int) -> Any:
    """Shift as Nielsen describes it: roll, then blacken the line that came round."""
    out = np.roll(images, amount, axis)
    out[(slice(None), slice(None), line) if axis == 2 else (..., line)] = 0
    return out


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(4, 1, 5, 3), (3, 2, 1, 4)])
def test_the_five_copies(shape: tuple[int, ...], dtype: Any) -> None:
    images = np.random.default_rng(0).integers(1, 256, shape).astype(dtype)
    expanded = expand_by_shifts(Dataset(images, np.arange(len(images)), name="digits"))
    moves = [(-1, 2, -1), (1, 2, 0), (-1, 3, -1), (1, 3, 0)]
    expected = np.concatenate([images, *(rolled(images, *move) for move in moves)])
    assert (expanded.images == expected).all()
    assert expanded.images.dtype == dtype
    assert list(expanded.labels) == list(range(len(images))) * 5
    assert len(expanded) == 5 * len(images)
    assert expanded.name == "digits expanded"


def test_rows_are_made_when_asked_for_in_any_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)
    expanded = expand_by_shifts(Dataset(images, np.arange(6)))
    whole = expanded.images
    rows = np.random.default_rng(1).permutation(30)
    assert (expanded.take(rows)[0] == whole[rows]).all()
    assert (expanded.subset(rows[:7]).images == whole[rows[:7]]).all()
    assert (expand_by_shifts(expanded.subset(rows[:3])).images[:3] == whole[rows[:3]]).all()


def test_classes_and_targets_are_carried_over() -> None:
    images = np.zeros((4, 2, 2))
    named = expand_by_shifts(Dataset(images, [0, 1, 2, 0], ["a", "b", "c", "d"]))
    assert named.classes == ("a", "b", "c", "d")
    assert expand_by_shifts(Dataset(images, [0, 1, 2, 0]).first(2)).class_count == 3
    targets = np.random.default_rng(0).normal(size=(4, 3))
    assert (expand_by_shifts(Dataset(images, targets)).labels == np.tile(targets, (5, 1))).all()
