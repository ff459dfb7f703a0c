"""Threads: shares of a batch side by side, and no pool inside a pool.

Shares run on our own threads, so the BLAS beneath NumPy gets one thread each:
with both pools at full width they fight, and many-threaded products may round
differently from one-threaded ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import scipy.linalg.blas  # noqa: F401  (the kernels' BLAS, which must be there to be limited)
from threadpoolctl import ThreadpoolController

from sixloops.errors import ConfigurationError, wrong

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_threads() -> int:
    """Return how many threads this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Some threads that share work, in a ``with`` block.

    Args:
        threads: how many; None for all that the process may use.

    Raises:
        ConfigurationError: a number of threads under 1.
    """

    def __init__(self, threads: int | None = None) -> None:
        count = available_threads() if threads is None else threads
        if not isinstance(count, int) or count < 1:
            raise ConfigurationError(
                wrong("threads", "a plan", "be a whole number of at least 1", threads)
            )
        self.threads = count
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        self._limit = ThreadpoolController().limit(limits=1, user_api="blas")
        if self.threads > 1:
            # The thread that asks works too.
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="sixloops")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._limit.restore_original_limits()

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return ``work`` of every item, in the items' order."""
        if self._pool is None:
            return [work(item) for item in items]
        waiting = {n: self._pool.submit(work, items[n]) for n in range(1, len(items))}
        # This thread does the first, and then, from the end on, what no other has begun.
        results = {0: work(items[0])} if items else {}
        for n in reversed(waiting):
            if waiting[n].cancel():
                results[n] = work(items[n])
        return [results[n] if n in results else waiting[n].result() for n in range(len(items))]
