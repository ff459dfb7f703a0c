"""Arrays of whoever wrote the loop: NumPy's, another framework's, lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sixloops.layers.base import Array

MOST = 1 << 16
"""Of a large array so many numbers are looked at, evenly spread."""


def as_array(given: Any) -> Array | None:
    """Return anything array-like as a NumPy array of real numbers; None if it is none.

    Examples:
        >>> as_array([1, 2.5])
        array([1. , 2.5])
        >>> as_array("no numbers") is None
        True
    """
    for method in ("detach", "cpu"):
        given = getattr(given, method, lambda kept=given: kept)()
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "fiub" and array.size else None


def named_arrays(given: Any, word: str) -> dict[str, Array]:
    """Return arrays by name, from a dictionary or from a list.

    Args:
        given: arrays by name, a sequence of arrays, or None.
        word: what they are called where they have no names, such as ``"layer"``.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        pairs = [(str(name), value) for name, value in given.items()]
    elif isinstance(given, Sequence):
        pairs = [(f"{word} {number}", value) for number, value in enumerate(given)]
    else:
        pairs = [(word, given)]
    arrays = {name: as_array(value) for name, value in pairs}
    return {name: array for name, array in arrays.items() if array is not None}


def some(array: Array, most: int = MOST) -> Array:
    """Return a flat, evenly spread part of an array, about so many numbers, as float64."""
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // most)].astype(np.float64)


def norm(array: Array) -> float:
    """Return the Euclidean norm of an array."""
    return float(np.linalg.norm(array.reshape(-1)))
