"""Random numbers from the user's own generators: the same in each call, and put back after it.

Dropout that draws its mask from a generator of its own is healthy. For slopes, forward must be
a function; so every generator that it can reach begins each call at the same place.
"""

from __future__ import annotations

import contextlib
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

KINDS = (np.random.Generator, np.random.RandomState, random.Random)


def generators_of(holder: Any, function: Callable[..., Any] | None) -> list[Any]:
    """Return the generators that an object keeps, or that its function finds around itself.

    Args:
        holder: the object; None for plain functions.
        function: its forward.

    Examples:
        >>> class Noise:
        ...     def __init__(self):
        ...         self.random = np.random.default_rng()
        >>> len(generators_of(Noise(), None))
        1
    """
    seen = [*_kept(holder)]
    plain = inspect.unwrap(getattr(function, "__func__", function)) if function else None
    if inspect.isfunction(plain):
        around = inspect.getclosurevars(plain)
        seen += [*around.globals.values(), *around.nonlocals.values()]
    found = [each for each in seen if isinstance(each, KINDS)]
    return list({id(each): each for each in found}.values())


def spaces_of(function: Callable[..., Any] | None) -> list[dict[str, Any]]:
    """Return the names that a function finds in its module."""
    plain = inspect.unwrap(getattr(function, "__func__", function)) if function else None
    return [plain.__globals__] if inspect.isfunction(plain) else []


def _kept(holder: Any, depth: int = 2) -> Iterator[Any]:
    """Yield what an object keeps, and what that keeps."""
    for value in list(getattr(holder, "__dict__", {}).values()) if depth else ():
        yield value
        yield from _kept(value, depth - 1)


@contextlib.contextmanager
def rewound(
    generators: list[Any], place: int = 0, spaces: Sequence[dict[str, Any]] = ()
) -> Iterator[None]:
    """Let generators, and Python's own, begin at the same place, and put them back behind.

    Args:
        generators: those that are kept somewhere; a new one without a seed gets one.
        place: where they begin; another one gives other numbers.
        spaces: of names, where np.random.default_rng may stand under one of its own.

    Examples:
        >>> own = np.random.default_rng()
        >>> with rewound([own]):
        ...     once = own.normal()
        >>> with rewound([own]):
        ...     print(own.normal() == once)
        True
    """
    with contextlib.ExitStack() as behind:
        behind.callback(random.setstate, random.getstate())
        random.seed(place)
        own = np.random.default_rng
        for space in (vars(np.random), *spaces):
            for name in [name for name, value in space.items() if value is own]:
                behind.callback(space.__setitem__, name, own)
                space[name] = _seeded(own, place)
        for number, each in enumerate(generators, place):
            behind.callback(_rewind(each, number))
        yield


def _seeded(make: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return a maker of generators that takes a seed where it is given none."""

    def made(seed: Any = None) -> Any:
        return make(place if seed is None else seed)

    return made


def _rewind(each: Any, seed: int) -> Callable[[], None]:
    """Seed a generator, and return what puts it back."""
    if isinstance(each, np.random.Generator):
        bits = each.bit_generator
        before, bits.state = bits.state, type(bits)(seed).state
        return lambda: setattr(bits, "state", before)
    if isinstance(each, np.random.RandomState):
        kept = each.get_state()
        each.seed(seed)
        return lambda: each.set_state(kept)
    stood = each.getstate()
    each.seed(seed)
    return lambda: each.setstate(stood)
