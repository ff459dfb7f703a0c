"""Orders of axes: from the user's to (image, channel, row, column), and back."""

from __future__ import annotations

import numpy as np

from sixloops.layers.base import Array, Shape


def reorder(array: Array, have: str, want: str) -> Array:
    """Bring the axes ``have`` into the order ``want``; an axis that is not there gets length 1.

    An axis named ``.`` must have length 1, and is dropped. The order ``*`` makes one vector.
    Axes that the user's array has merged are written with their lengths, ``3,3,2,-1|HWCF``.

    Examples:
        >>> reorder(np.zeros((8, 6, 3)), "HWC", "NCHW").shape
        (1, 3, 8, 6)
    """
    if have == "*":
        return array.reshape(1, -1)
    lengths, _, have = have.rpartition("|")
    if lengths:
        array = array.reshape([int(length) for length in lengths.split(",")])
    kept = "".join(letter for letter in have if letter != ".")
    squeezed = array.reshape(
        [n for n, letter in zip(array.shape, have, strict=True) if letter != "."]
    )
    order = [kept.index(letter) for letter in want if letter in kept]
    moved = squeezed.transpose(order)
    shape = iter(moved.shape)
    return moved.reshape([next(shape) if letter in kept else 1 for letter in want])


def restore(array: Array, have: str, want: str, shape: Shape) -> Array:
    """Undo :func:`reorder`: from the full order ``have`` to ``want``, of ``shape``."""
    if want == "*":
        return array.reshape(shape)
    want = want.rpartition("|")[2]
    kept = "".join(letter for letter in want if letter != ".")
    dropped = tuple(i for i, letter in enumerate(have) if letter not in kept)
    left = "".join(letter for letter in have if letter in kept)
    moved = np.squeeze(array, axis=dropped).transpose([left.index(letter) for letter in kept])
    return moved.reshape(shape)
