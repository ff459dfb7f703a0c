"""Things made before they are asked for, in other threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

WAITING = 2
"""How many things each thread has made, or is making, before they are asked for."""


def made_ahead(
    make: Callable[[Given], Made], given: Iterable[Given], threads: int
) -> Generator[Made]:
    """Yield ``make(each)`` for each thing given, in order; made by some threads, a little ahead.

    Args:
        make: called from several threads at once, so that it must not change anything.
        given: what it is called with; gone through in the thread that goes through what is made.
        threads: how many.

    Returns:
        A generator. An error of ``make`` is raised in its place; close the generator to
        have no more made.

    Examples:
        >>> list(made_ahead(lambda n: n * n, range(5), threads=2))
        [0, 1, 4, 9, 16]
    """
    left = iter(given)
    with ThreadPoolExecutor(threads, "sixloops_ahead") as pool:
        waiting = deque(pool.submit(make, each) for each in islice(left, WAITING * threads))
        try:
            while waiting:
                made = waiting.popleft().result()
                waiting.extend(pool.submit(make, each) for each in islice(left, 1))
                yield made
        finally:
            pool.shutdown(cancel_futures=True)


def chained(lists: Generator[Iterable[Made]]) -> Generator[Made]:
    """Yield what is in each of some lists; closed, it closes where they come from."""
    with closing(lists):
        for each in lists:
            yield from each
