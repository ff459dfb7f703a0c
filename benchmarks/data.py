"""Made images: of their speed, nothing depends on what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def floats(count: int, shape: Sequence[int]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    r"""Return images of numbers from 0 to 1, float32 (count, \*shape), and ten classes' labels."""
    random = np.random.default_rng(0)
    images = random.random((count, *shape), dtype=np.float32)
    return images, random.integers(0, 10, count)


def bytes_like_mnist(count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return images of bytes, uint8 (count, 1, 28, 28), and ten classes' labels."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)
    return images, random.integers(0, 10, count)
