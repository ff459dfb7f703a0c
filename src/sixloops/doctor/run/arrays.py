"""Arrays of whoever wrote the loop: NumPy's, another framework's, lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sixloops.layers.base import Array

LOOKED_AT = 1 << 16
"""Of a large array so many numbers are looked at, evenly spread."""
ONE_DIRECTION = 1e-3
"""The angle, in radians, up to which two arrays have one direction."""


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


def words_for(given: Any) -> str:
    """Return what was given in the place of an array of numbers, in words.

    Examples:
        >>> words_for("no numbers"), words_for(np.zeros((0, 10))), words_for(np.array(["a", "b"]))
        ('str', 'an empty array', 'an array of <U1')
    """
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    if shape is None or dtype is None:
        return type(given).__name__
    return "an empty array" if 0 in shape else f"an array of {dtype}"


def named_arrays(given: Any, word: str) -> tuple[dict[str, Array], list[str]]:
    """Return arrays by name, from dictionaries and lists, also of each other, and iterators.

    Args:
        given: arrays by name, arrays one after the other, or pairs of names and arrays; None
            stands for nothing.
        word: what they are called where they have no names, such as ``"layer"``.

    Returns:
        The arrays, and the names of what is none.

    Examples:
        >>> named_arrays({"first": {"w": [1.0]}, "second": [[2.0], "ReLU"]}, "parameter")
        ({'first.w': array([1.]), 'second.0': array([2.])}, ['second.1'])
        >>> list(named_arrays(iter([[1.0], [2.0]]), "parameter")[0])
        ['parameter 0', 'parameter 1']
    """
    arrays: dict[str, Array] = {}
    left_out = []
    for name, value in _named(given, word):
        array = as_array(value)
        if array is not None:
            arrays[name] = array
        else:
            left_out.append(name)
    return arrays, left_out


def _named(given: Any, word: str) -> Iterator[tuple[str, Any]]:
    """Return what is given one by one, each with its name."""
    if isinstance(given, Mapping):
        pairs = [(str(name), value) for name, value in given.items()]
    elif isinstance(given, list | tuple | Iterator):
        pairs = [_pair(value, f"{word} {number}".strip()) for number, value in enumerate(given)]
    else:
        pairs = [(word, given)]
    for name, value in pairs:
        if value is None:
            continue
        if isinstance(value, Mapping | list | tuple) and as_array(value) is None:
            yield from ((f"{name}.{inner}", one) for inner, one in _named(value, ""))
        else:
            yield name, value


def _pair(value: Any, name: str) -> tuple[str, Any]:
    """Return a pair of a name and a value as it is, and anything else with the name."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return value
    return name, value


def some(array: Array, most: int = LOOKED_AT) -> Array:
    """Return a flat, evenly spread part of an array, about so many numbers, as float64."""
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // most)].astype(np.float64)


def norm(array: Array) -> float:
    """Return the Euclidean norm of an array."""
    return float(np.linalg.norm(array.reshape(-1)))


def angle(one: Array, other: Array) -> float:
    """Return the angle between two arrays, in radians; π where there is none.

    Examples:
        >>> round(angle(np.array([1.0, 0.0]), np.array([0.0, 2.0])), 6)
        1.570796
    """
    sizes = norm(one), norm(other)
    if one.shape != other.shape or not 0 < min(sizes) <= max(sizes) < np.inf:
        return float(np.pi)
    # Of unit vectors half the distance is the sine of half the angle: exact where it is small.
    return 2 * float(np.arcsin(min(norm(one / sizes[0] - other / sizes[1]) / 2, 1.0)))
