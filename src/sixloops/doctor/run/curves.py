"""Small curves made of letters."""

from __future__ import annotations

import numpy as np

from sixloops.layers.base import Array

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float] | Array, high: float, width: int = 48) -> str:
    """Return a curve of block characters, from 0 to ``high``; × where a value is not finite.

    Examples:
        >>> sparkline([0, 1, 2, float("nan")], high=2, width=4)
        '▁▅█×'
    """
    numbers = np.asarray(values, dtype=np.float64)
    pieces = np.array_split(numbers, min(width, max(len(numbers), 1)))
    return "".join(_bar(float(piece.mean()), high) for piece in pieces if len(piece))


def _bar(value: float, high: float) -> str:
    if not np.isfinite(value):
        return "×"
    share = min(max(value / high if high else 0.0, 0.0), 1.0)
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]
