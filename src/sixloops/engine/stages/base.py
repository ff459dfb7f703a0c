"""What a stage is.

A stage does the work of one layer or of several that belong together. What it needs while
it works, it keeps in a *memory*, of which every worker has its own; the stage itself is
shared by all of them and changes only in :meth:`Stage.prepare`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sixloops.layers import Context
from sixloops.layers.base import Array, Gradients, Parameters


class Stage:
    """Base of all stages.

    A batch goes through a stage in this order: ``prepare`` once; for each worker ``begin``,
    then ``forward`` and ``backward`` for one chunk of images after the other, and ``end``;
    and once all workers are done, ``finish``.
    """

    name: str
    """What it is, for people: the layers' paths and kinds, and the method."""

    learns: bool = False
    """Whether it has parameters."""

    writes: tuple[str, ...] = ()
    """The parameters whose gradients :meth:`finish` writes."""

    draws: bool = False
    """Whether it may draw random numbers."""

    def prepare(self, parameters: Parameters) -> None:
        """Put this step's parameters into the stage's own order."""

    def memory(self, images: int) -> Any:
        """Return what one worker needs for chunks of up to ``images``."""
        return None

    def begin(self, memory: Any, first: int) -> None:
        """Forget the gradients of the last batch; the share starts at image ``first``."""

    def forward(self, memory: Any, x: Array, context: Context) -> Array:
        """Return the output for a chunk; it stays valid until the next call."""
        raise NotImplementedError

    def backward(self, memory: Any, dy: Array, needs_dx: bool) -> Array:
        """Add the chunk's gradients, and return dx; anything where it is not needed."""
        raise NotImplementedError

    def end(self, memory: Any) -> Gradients:
        """Return the sum of the chunks' gradients, by the network's names."""
        return {}

    def finish(self, gradients: Gradients, images: int) -> list[Callable[[], None]]:
        """Return work, for any threads, that writes gradients of the whole batch.

        Args:
            gradients: the plan's, by the network's names; those that are written here are
                missing from what :meth:`end` returns.
            images: the batch's size.
        """
        return []
