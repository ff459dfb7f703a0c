"""Finding and setting the arrays that an object keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sixloops.doctor.layer.vocabulary import exact_gradient_words, plain
from sixloops.layers.base import Array

DEPTH = 3


def arrays_of(holder: Any, pieces: bool = False) -> dict[str, Array]:
    """Return every array of floats that an object keeps, by its dotted path.

    Looks into attributes, dictionaries, lists and small objects, a few levels deep.

    Args:
        holder: the object.
        pieces: whether a list of kernels is many arrays, or one with an axis more.

    Examples:
        >>> class Layer:
        ...     def __init__(self):
        ...         self.params = {"W": np.ones((2, 2))}
        >>> list(arrays_of(Layer()))
        ['params.W']
    """
    return dict(_walk(holder, "", DEPTH, set(), pieces))


def _walk(
    node: Any, path: str, depth: int, seen: set[int], pieces: bool
) -> Iterator[tuple[str, Array]]:
    if id(node) in seen or depth < 0:
        return
    seen.add(id(node))
    for name, value in _parts(node):
        where = f"{path}.{name}" if path else str(name)
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f" and value.size:
                yield where, value
        elif _is_learned(node, name, value) or are_numbers(value):
            yield where, np.asarray(value)
        elif not pieces and _are_alike(value):
            yield where, np.stack(value)
        elif isinstance(value, dict | list | tuple) or _is_plain_object(value):
            yield from _walk(value, where, depth - 1, seen, pieces)


def _is_learned(node: Any, name: Any, value: Any) -> bool:
    """Say whether a number of an object is learned, or a gradient; a setting has no gradient."""
    if isinstance(value, np.floating) or not isinstance(value, float):
        return isinstance(value, np.floating)
    names = {plain(other) for other in _names(node)} if _is_plain_object(node) else set()
    gradient_of = (exact_gradient_words(other) for other in names)
    is_gradient = any(plain(str(name)) in words for words in gradient_of)
    return is_gradient or bool(exact_gradient_words(str(name)) & names)


def _names(node: Any) -> Iterator[str]:
    """Return the names of an object's attributes, also of those that only its methods set."""
    yield from getattr(node, "__dict__", ())
    for kind in type(node).__mro__:
        for function in vars(kind).values():
            yield from getattr(getattr(function, "__code__", None), "co_names", ())


def are_numbers(value: Any) -> bool:
    """Say whether a list is an array of floats, written as lists of one length in lists.

    Examples:
        >>> are_numbers([[0.5, 1.0], [2.0, 0.0]]), are_numbers([[0.5], [1.0, 2.0]])
        (True, False)
        >>> are_numbers([3, 3])
        False
    """
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], list):
        length = len(value[0])
        return all(are_numbers(row) and len(row) == length for row in value) and _is_even(value)
    return all(isinstance(number, float) for number in value)


def _is_even(rows: list[Any]) -> bool:
    """Say whether lists of one length have rows of one length in them, too."""
    try:
        return np.asarray(rows).dtype.kind == "f"
    except ValueError:
        return False


def _are_alike(value: Any) -> bool:
    """Say whether a list is one array in pieces: kernels of one shape, as some people keep them."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    first = value[0]
    return all(
        isinstance(part, np.ndarray)
        and part.dtype.kind == "f"
        and part.shape == first.shape
        and part.size > max(part.shape, default=1)
        for part in value
    )


def _parts(node: Any) -> list[tuple[Any, Any]]:
    if isinstance(node, Mapping):
        return [(key, value) for key, value in node.items() if isinstance(key, str | int)]
    if isinstance(node, list | tuple):
        return list(enumerate(node[:32]))
    kept = getattr(node, "__dict__", {})
    slots = [name for kind in type(node).__mro__ for name in _slots(kind)]
    return [*kept.items(), *((s, getattr(node, s)) for s in slots if hasattr(node, s))]


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _is_plain_object(value: Any) -> bool:
    module = type(value).__module__
    return hasattr(value, "__dict__") and not (
        isinstance(value, type) or callable(value) or module in ("builtins", "numpy", "typing")
    )


def get_array(holder: Any, path: str) -> Any:
    """Return what stands at a path, or None."""
    node = holder
    for name in path.split("."):
        node = _step(node, name)
        if node is None:
            return None
    return node


def _step(node: Any, name: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(name, node.get(int(name)) if name.isdigit() else None)
    if isinstance(node, list | tuple):
        return node[int(name)] if int(name) < len(node) else None
    return getattr(node, name, None)


def set_array(holder: Any, path: str, value: Array) -> None:
    """Put an array at a path, in place where the old one takes it, so that aliases see it."""
    old = get_array(holder, path)
    if isinstance(old, list):
        old[:] = value.tolist() if are_numbers(old) else [part.copy() for part in value]
        return
    if isinstance(old, float | np.floating):
        _replace(holder, path, float(value) if type(old) is float else np.asarray(value)[()])
        return
    alike = isinstance(old, np.ndarray) and (old.dtype, old.shape) == (value.dtype, value.shape)
    if alike and old.flags.writeable:
        old[...] = value
        return
    for other, array in arrays_of(holder).items():
        if array is old:
            _replace(holder, other, value)


def _replace(holder: Any, path: str, value: Any) -> None:
    parent_path, _, name = path.rpartition(".")
    parent = get_array(holder, parent_path) if parent_path else holder
    if isinstance(parent, dict):
        parent[name if name in parent else int(name)] = value
    elif isinstance(parent, list):
        parent[int(name)] = value
    elif not isinstance(parent, tuple):
        object.__setattr__(parent, name, value)
