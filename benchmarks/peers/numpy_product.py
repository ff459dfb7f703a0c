"""NumPy's matrix product: what the machine can do at most."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
from threadpoolctl import threadpool_limits


def product(side: int, threads: int, open_until: ExitStack) -> Callable[[], object]:
    """Return a function that multiplies two float32 matrices of ``side``×``side``."""
    open_until.enter_context(threadpool_limits(threads))
    random = np.random.default_rng(0)
    a, b = (random.random((side, side), dtype=np.float32) for _ in range(2))
    out = np.empty_like(a)
    return lambda: np.dot(a, b, out)
