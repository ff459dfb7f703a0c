"""Moving the channels: maps have them first outside the engine, last where that is faster."""

from __future__ import annotations

from typing import Any

from sixloops.engine.stages.base import Stage
from sixloops.layers import Context
from sixloops.layers.base import Array

FIRST_TO_LAST = (0, 2, 3, 1)
LAST_TO_FIRST = (0, 3, 1, 2)


class AxesStage(Stage):
    """Looks at maps with their axes in another order; nothing is copied.

    Args:
        to_last: whether the channels go from first to last, or back.
    """

    def __init__(self, to_last: bool) -> None:
        self.name = "channels last" if to_last else "channels first"
        self._there = FIRST_TO_LAST if to_last else LAST_TO_FIRST
        self._back = LAST_TO_FIRST if to_last else FIRST_TO_LAST

    def forward(self, memory: Any, x: Array, context: Context) -> Array:
        """Turn the axes."""
        return x.transpose(self._there)

    def backward(self, memory: Any, dy: Array, needs_dx: bool) -> Array:
        """Turn them back."""
        return dy.transpose(self._back)
