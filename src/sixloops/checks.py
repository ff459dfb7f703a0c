"""Checks of hyper-parameters, worded in one way for all of them.

Each check takes the description that owns the value and the value's name,
puts the value into its normal form and returns nothing; what cannot be put
into form raises :class:`~sixloops.errors.ConfigurationError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any

import numpy as np

from sixloops.errors import ConfigurationError, wrong


def differing_shapes(parts: Any) -> str:
    """Word which of some arrays, given as a list, is the first of another shape than the first.

    Examples:
        >>> differing_shapes([np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(4)])
        'Number 0 has shape (2, 3), number 2 has (4,).'
    """
    try:
        shapes = [np.shape(part) for part in parts]
    except ValueError:
        return "Within one of them the shapes differ already."
    number = next(number for number, shape in enumerate(shapes) if shape != shapes[0])
    return f"Number 0 has shape {shapes[0]}, number {number} has {shapes[number]}."


def _replace(owner: object, name: str, value: object) -> None:
    """Set a field of a frozen description; only its ``__post_init__`` may."""
    object.__setattr__(owner, name, value)


def fail(owner: object, name: str, expected: str, mend: str = "") -> ConfigurationError:
    """Build the error for the field ``name`` of ``owner``."""
    return ConfigurationError(wrong(name, _called(owner), expected, getattr(owner, name), mend))


def _called(owner: object) -> str:
    """Return what the user writes: the owner's class, unless its ``called`` says something else."""
    return getattr(owner, "called", type(owner).__name__)


def is_whole(value: object) -> bool:
    """Say whether ``value`` is a whole number (a bool is none)."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Say whether ``value`` is a finite real number (a bool is none)."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any float
        return False


def items(value: Any) -> list[Any]:
    """Return what is in a list or the like; nothing for anything else, words too."""
    if isinstance(value, str):
        return []
    try:
        return list(value)
    except TypeError:
        return []


def whole_number(
    name: str, owner: str, value: Any, minimum: int = 1, maximum: int | None = None
) -> int:
    """Return an argument that must be a whole number in a range, as an int.

    Args:
        name: the argument's.
        owner: the function or the like that takes it.
        value: what was given.
        minimum: the least that it may be.
        maximum: the most that it may be; None for any number.

    Raises:
        ConfigurationError: it is another.

    Examples:
        >>> whole_number("batch_size", "fit", np.int64(64))
        64
    """
    if not is_whole(value) or value < minimum or (maximum is not None and value > maximum):
        ends = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ConfigurationError(wrong(name, owner, f"be a whole number {ends}", value))
    return int(value)


def whole(owner: object, *names: str, minimum: int = 1) -> None:
    """Check fields that must be whole numbers of at least ``minimum``."""
    for name in names:
        _replace(owner, name, whole_number(name, _called(owner), getattr(owner, name), minimum))


def number(
    owner: object,
    *names: str,
    above: float = -math.inf,
    minimum: float = -math.inf,
    below: float = math.inf,
    maximum: float = math.inf,
) -> None:
    """Check fields that must be finite numbers in a range.

    ``above`` and ``below`` are open ends, ``minimum`` and ``maximum`` closed ones.
    """
    for name in names:
        value = getattr(owner, name)
        inside = is_number(value) and above < value < below and minimum <= value <= maximum
        if not inside:
            raise fail(owner, name, "be " + _range_words(above, minimum, below, maximum))
        _replace(owner, name, float(value))


def _range_words(above: float, minimum: float, below: float, maximum: float) -> str:
    ends = [
        f"above {above:g}" if above > -math.inf else "",
        f"at least {minimum:g}" if minimum > -math.inf else "",
        f"below {below:g}" if below < math.inf else "",
        f"at most {maximum:g}" if maximum < math.inf else "",
    ]
    named = " and ".join(end for end in ends if end)
    link = "of " if named.startswith("at ") else ""
    return f"a number {link}{named}" if named else "a finite number"


def pair(owner: object, *names: str, minimum: int = 1) -> None:
    """Check fields that are a whole number or a pair (height, width) of them."""
    for name in names:
        value = getattr(owner, name)
        both = (value, value) if is_whole(value) else value
        good = (
            isinstance(both, Sequence)
            and len(both) == 2
            and all(is_whole(v) and v >= minimum for v in both)
        )
        if not good:
            expected = f"be a whole number of at least {minimum}, or a pair (height, width) of them"
            raise fail(owner, name, expected)
        _replace(owner, name, (int(both[0]), int(both[1])))


def interval(owner: object, *names: str) -> None:
    """Check fields that are a pair (least, largest) of positive numbers."""
    for name in names:
        value = getattr(owner, name)
        good = (
            isinstance(value, Sequence)
            and len(value) == 2
            and all(is_number(v) for v in value)
            and 0 < value[0] <= value[1]
        )
        if not good:
            raise fail(owner, name, "be a pair (least, largest) of positive numbers")
        _replace(owner, name, (float(value[0]), float(value[1])))


def flag(owner: object, *names: str) -> None:
    """Check fields that must be True or False."""
    for name in names:
        if not isinstance(getattr(owner, name), bool):
            raise fail(owner, name, "be True or False")


def choice(owner: object, name: str, choices: Sequence[str]) -> None:
    """Check a field that must be one of a few words."""
    if getattr(owner, name) not in choices:
        words = ", ".join(repr(c) for c in choices)
        raise fail(owner, name, f"be one of {words}")


def instance(owner: object, name: str, kind: type | UnionType, words: str, mend: str = "") -> None:
    """Check a field that must be an instance of ``kind``, called ``words`` to the user."""
    if not isinstance(getattr(owner, name), kind):
        raise fail(owner, name, f"be {words}", mend)


def numbers(
    owner: object, name: str, accept: Callable[[Any], bool] = is_number, words: str = "a number"
) -> None:
    """Check a field that is one number or a sequence of them (one a channel).

    A sequence becomes a tuple of floats, a single number a float.
    """
    value = getattr(owner, name)
    if accept(value):
        _replace(owner, name, float(value))
        return
    values = items(value)
    if not values or not all(accept(v) for v in values):
        raise fail(owner, name, f"be {words}, or a sequence with one a channel")
    _replace(owner, name, tuple(float(v) for v in values))
