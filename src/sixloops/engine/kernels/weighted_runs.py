"""Sums of weighted runs: what both gradients of a convolution are made of.

There are many sums of one length, and for each a list of terms: a weight, and where in a source
the run of numbers lies that is multiplied with it. A sum stays in registers while its terms are
added; how many vectors it is must be known when the kernel is compiled, so there is one for each
number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sixloops.engine.kernels.compiling import inlined
from sixloops.engine.kernels.processor import REGISTERS
from sixloops.engine.kernels.vectors import (
    broadcasts,
    load,
    multiply_add,
    narrow_broadcasts,
    narrow_vectors,
    store,
    vectors,
)
from sixloops.layers.base import Array

LONGEST_SUM = 16 if REGISTERS >= 32 else 12
"""Vectors in a sum at most: some registers are for the terms."""

Lists = tuple[Array, Array, Array, int, int, int, int, int, int]
"""The terms of all sums: weights, places (times four), and how many each sum has; then for
weights and for places the first one's index, the step to the next sum's, and to the next term's."""

Where = tuple[int, Array, Array, int, int, int, Array, int, int, int]
"""How many sums; where each is, behind a base, in the target, with the step to its next vector and
the lanes of the last; and the source with a base, the places' scale, and the step to a run's next
vector."""


def _add_runs(count: int, load_vectors: Any, load_weight: Any) -> Callable[..., None]:
    """Return the kernel for sums of ``count`` vectors, which are loaded as told."""

    @inlined
    def add_runs(
        sums: int,
        offsets: Array,
        target: Array,
        base: int,
        step: int,
        last: int,
        source: Array,
        begin: int,
        scale: int,
        gap: int,
        weights: Array,
        places: Array,
        counts: Array,
        first_weight: int,
        next_weights: int,
        next_weight: int,
        first_place: int,
        next_places: int,
        next_place: int,
    ) -> None:
        for number in range(sums):
            terms = load(counts, number)
            if terms == 0:
                continue
            w, p = first_weight + number * next_weights, first_place + number * next_places
            place = base + load(offsets, number)
            total = load_vectors(target, place, step, count)
            for _ in range(terms):
                run = load_vectors(source, begin + scale * (load(places, p) >> 2), gap, count)
                total = multiply_add(total, load_weight(weights, w, 0, 1), run)
                w += next_weight
                p += next_place
            store(target, place, 0, step, total, count, last)

    return add_runs


_add_1, _add_2, _add_3, _add_4 = (_add_runs(n, vectors, broadcasts) for n in range(1, 5))
_add_5, _add_6, _add_7, _add_8 = (_add_runs(n, vectors, broadcasts) for n in range(5, 9))
_add_9, _add_10, _add_11, _add_12 = (_add_runs(n, vectors, broadcasts) for n in range(9, 13))
_add_13, _add_14, _add_15, _add_16 = (_add_runs(n, vectors, broadcasts) for n in range(13, 17))


@inlined
def add_weighted_runs(vectors_count: int, where: Where, lists: Lists) -> None:
    """Add to each of some sums its weighted runs.

    Args:
        vectors_count: how many vectors each sum is.
        where: what is added up, and where.
        lists: the terms.
    """
    if vectors_count == 1:
        _add_1(*where, *lists)
    elif vectors_count == 2:
        _add_2(*where, *lists)
    elif vectors_count == 3:
        _add_3(*where, *lists)
    elif vectors_count == 4:
        _add_4(*where, *lists)
    elif vectors_count == 5:
        _add_5(*where, *lists)
    elif vectors_count == 6:
        _add_6(*where, *lists)
    elif vectors_count == 7:
        _add_7(*where, *lists)
    elif vectors_count == 8:
        _add_8(*where, *lists)
    elif vectors_count == 9:
        _add_9(*where, *lists)
    elif vectors_count == 10:
        _add_10(*where, *lists)
    elif vectors_count == 11:
        _add_11(*where, *lists)
    elif vectors_count == 12:
        _add_12(*where, *lists)
    elif vectors_count == 13:
        _add_13(*where, *lists)
    elif vectors_count == 14:
        _add_14(*where, *lists)
    elif vectors_count == 15:
        _add_15(*where, *lists)
    else:
        _add_16(*where, *lists)


_add_3_narrow, _add_5_narrow, _add_7_narrow = (
    _add_runs(n, narrow_vectors, narrow_broadcasts) for n in (3, 5, 7)
)


@inlined
def add_narrow_runs(vectors_count: int, where: Where, lists: Lists) -> None:
    """Add to each of some sums its weighted runs, in three, five or seven narrow vectors.

    Args:
        vectors_count: how many vectors each sum is.
        where: what is added up, and where.
        lists: the terms.
    """
    if vectors_count == 3:
        _add_3_narrow(*where, *lists)
    elif vectors_count == 5:
        _add_5_narrow(*where, *lists)
    else:
        _add_7_narrow(*where, *lists)
