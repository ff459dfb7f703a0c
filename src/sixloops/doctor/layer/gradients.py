"""Reading gradients from whatever a stranger's backward returns, stores or changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sixloops.doctor.layer.arrays import arrays_of
from sixloops.doctor.layer.vocabulary import exact_gradient_words, gradient_words, plain
from sixloops.layers.base import Array, Shape


@dataclass
class Gradients:
    """What a backward claimed.

    Args:
        arrays: by the parameters' names, and ``"x"``; what is missing is not there.
        sources: from where each was read, in words.
        moved: parameters that backward changed by itself, as −change / rate.
        returned: whether anything was returned.
    """

    arrays: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    moved: dict[str, Array] = field(default_factory=dict)
    returned: bool = False

    def add(self, name: str, value: Any, source: str) -> None:
        """Keep a gradient, unless there is one already."""
        if name not in self.arrays and value is not None:
            self.arrays[name] = value
            self.sources[name] = source


def read_gradients(
    returned: Any,
    holder: Any,
    shapes: Mapping[str, Shape],
    before: Mapping[str, Array],
    moved: Mapping[str, Array],
    known: Mapping[str, str],
) -> Gradients:
    """Collect the gradients after a backward call.

    Args:
        returned: what it returned.
        holder: the object whose method it was; None for functions.
        shapes: of ``"x"`` and of the parameters, in the order of forward's arguments.
        before: copies of the object's arrays before the call.
        moved: parameters that the call changed, as −change / rate.
        known: where an earlier call had its gradients; a second, equal one changes nothing there.
    """
    found = Gradients(returned=returned is not None, moved=dict(moved))
    _from_returned(found, returned, shapes)
    after = {} if holder is None else arrays_of(holder)
    for name in shapes:
        if name not in found.arrays:
            _from_attributes(found, name, shapes, before, after)
        if known.get(name) in after:
            found.add(name, after[known[name]], known[name])
    for name, value in moved.items():
        found.add(name, value, "the change of the parameter")
    return found


def _from_returned(found: Gradients, returned: Any, shapes: Mapping[str, Shape]) -> None:
    if isinstance(returned, Mapping):
        _from_mapping(found, returned, shapes)
    elif isinstance(returned, tuple | list) and not _is_numbers(returned):
        _from_sequence(found, list(returned), shapes)
    elif returned is not None:
        found.add("x", returned, "returned")


def _is_numbers(returned: Sequence[Any]) -> bool:
    """Say whether a list is an array written as lists."""
    return isinstance(returned, list) and bool(returned) and isinstance(returned[0], list | float)


def _shape(value: Any) -> Shape | None:
    """Return a value's shape, or None where it has none."""
    try:
        return tuple(np.asarray(value).shape)
    except ValueError:
        return None


def _from_mapping(
    found: Gradients, returned: Mapping[Any, Any], shapes: Mapping[str, Shape]
) -> None:
    for name in shapes:
        wanted = gradient_words(name) | {plain(name)}
        for key, value in returned.items():
            word = plain(str(key))
            if word in wanted or (name == "x" and word in {"daprev", "dinput", "dprev"}):
                found.add(name, value, f"returned under '{key}'")


def _from_sequence(found: Gradients, returned: list[Any], shapes: Mapping[str, Shape]) -> None:
    """Give each returned array to what has its shape; what is left over, in order."""
    left: list[tuple[int, Any]] = []
    for number, value in enumerate(returned):
        if isinstance(value, Mapping):
            _from_mapping(found, value, {n: s for n, s in shapes.items() if n != "x"})
            continue
        if isinstance(value, tuple | list) and not _is_numbers(value):
            _from_sequence(found, list(value), {n: s for n, s in shapes.items() if n != "x"})
            continue
        fits = [n for n, s in shapes.items() if n not in found.arrays and _shape(value) == s]
        if fits and value is not None:
            found.add(fits[0], value, f"returned, number {number + 1}")
        else:
            left.append((number, value))
    missing = [name for name in shapes if name not in found.arrays]
    for (number, value), name in zip(left, missing, strict=False):
        found.add(name, value, f"returned, number {number + 1}")


def _from_attributes(
    found: Gradients,
    name: str,
    shapes: Mapping[str, Shape],
    before: Mapping[str, Array],
    after: Mapping[str, Array],
) -> None:
    """Look for a stored gradient: by its exact name, by a usual name, by what has changed."""
    root = name.rpartition(".")[2]
    own = {path: plain(path.rpartition(".")[2]) for path in after if path not in shapes}
    for wanted in (exact_gradient_words(root), gradient_words(root)):
        for path, word in own.items():
            if word in wanted and path not in found.sources.values():
                found.add(name, after[path], path)
    relative = _beside(name, after) or _in_gradient_store(root, after)
    if relative is not None:
        found.add(name, after[relative], relative)
    if name in found.arrays or name == "x":
        return
    changed = [
        path
        for path, array in after.items()
        if path not in shapes
        and array.shape == shapes[name]
        and not (path in before and np.array_equal(before[path], array))
        and path not in found.sources.values()
    ]
    # Of several that fit, g["w"] belongs to p["w"].
    namesakes = [path for path in changed if path.rpartition(".")[2] == root]
    chosen = namesakes if len(changed) > 1 else changed
    if len(chosen) == 1 and name not in found.moved:
        found.add(name, after[chosen[0]], chosen[0])


def _beside(name: str, after: Mapping[str, Array]) -> str | None:
    """Find ``W.grad`` beside ``W.data``."""
    parent = name.rpartition(".")[0]
    paths = [f"{parent}.{leaf}" for leaf in ("grad", "gradient", "g", "d")] if parent else []
    return next((path for path in paths if path in after), None)


def _in_gradient_store(root: str, after: Mapping[str, Array]) -> str | None:
    """Find ``grads.W`` for ``params.W``, or ``grads.0`` for ``params.0``."""
    for path in after:
        store, _, leaf = path.rpartition(".")
        if leaf == root and "grad" in store.lower():
            return path
    return None
