"""The networks that are measured: those of the forum posts, and a wide one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A network, described so that every library can build it.

    Args:
        about: what it is.
        input_shape: (channels, height, width).
        layers: words and numbers: ``("conv", filters, kernel, padding)``, ``("pool",)`` for
            2×2 max pooling, ``("dense", units)``, ``("flatten",)``, or an activation's name.
        batches: the batch sizes that are measured.
    """

    about: str
    input_shape: tuple[int, int, int]
    layers: tuple[tuple[object, ...], ...]
    batches: tuple[int, ...] = (10, 64, 256)


def _wide(filters: int) -> tuple[tuple[object, ...], ...]:
    return ("conv", filters, 3, 1), ("relu",), ("conv", filters, 3, 1), ("relu",), ("pool",)


CASES = {
    "A": Case(
        "conv 20@5×5, max pool, sigmoid, dense 100 sigmoid, dense 10",
        (1, 28, 28),
        (
            *(("conv", 20, 5, 0), ("pool",), ("sigmoid",), ("flatten",)),
            *(("dense", 100), ("sigmoid",), ("dense", 10)),
        ),
    ),
    "B": Case(
        "conv 20@5×5, pool, ReLU, conv 40@5×5, pool, ReLU, dense 100 ReLU, dense 10",
        (1, 28, 28),
        (
            *(("conv", 20, 5, 0), ("pool",), ("relu",)),
            *(("conv", 40, 5, 0), ("pool",), ("relu",), ("flatten",)),
            *(("dense", 100), ("relu",), ("dense", 10)),
        ),
    ),
    "C": Case(
        "LeNet-5 of post 276213: tanh, max pooling",
        (1, 32, 32),
        (
            *(("conv", 6, 5, 0), ("tanh",), ("pool",)),
            *(("conv", 16, 5, 0), ("tanh",), ("pool",)),
            *(("conv", 120, 5, 0), ("tanh",), ("flatten",)),
            *(("dense", 84), ("tanh",), ("dense", 10)),
        ),
    ),
    "D": Case(
        "four 3×3 convolutions of 64, 64, 128, 128 with two pools, dense 256",
        (3, 32, 32),
        (
            *(*_wide(64), *_wide(128), ("flatten",)),
            *(("dense", 256), ("relu",), ("dense", 10)),
        ),
        batches=(32, 128),
    ),
}
