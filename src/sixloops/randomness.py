"""Random streams: all randomness of a run from one seed, and none of it global.

A stream has a name (``init``, ``shuffle``, ``dropout``, ``augment``, …) and is
addressed by counters such as the epoch and the step. The numbers that it gives
depend on seed, name and counters alone, never on what was drawn before. So a
run that goes on from a checkpoint draws what it would have drawn without the
interruption, and work can be spread over threads in any order.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from sixloops import checks


@dataclass(frozen=True)
class Streams:
    """The random streams of one seed.

    Args:
        seed: a whole number, at least 0.

    Examples:
        >>> streams = Streams(seed=7)
        >>> a = streams.generator("shuffle", 3).permutation(5)
        >>> b = Streams(seed=7).generator("shuffle", 3).permutation(5)
        >>> (a == b).all()
        np.True_
    """

    seed: int = 0

    def __post_init__(self) -> None:
        checks.whole(self, "seed", minimum=0)

    def generator(self, name: str, *counters: int) -> np.random.Generator:
        """Return a fresh generator for the stream ``name`` at ``counters``.

        Args:
            name: the stream's name.
            counters: whole numbers ≥ 0 that address a place in it, such as the step.

        Returns:
            A NumPy generator that depends on seed, name and counters alone.
        """
        address = (zlib.crc32(name.encode()), *counters)
        sequence = np.random.SeedSequence(int(self.seed), spawn_key=address)
        return np.random.Generator(np.random.PCG64(sequence))
