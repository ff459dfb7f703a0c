"""The networks that are measured: those of the forum posts, a wide, a residual, a dense one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

Words: TypeAlias = tuple[tuple[Any, ...], ...]

POSTS = "ABC"
"""The forum posts' networks, over which means are taken."""


@dataclass(frozen=True)
class Case:
    """A network, described so that every library can build it.

    Args:
        about: what it is.
        input_shape: (channels, height, width).
        layers: words and numbers, by layer: ``("conv", filters, kernel, padding)``;
            ``("pool",)`` for 2×2 max pooling; ``("dense", units)``; ``("flatten",)``;
            ``("global mean",)``; an activation's name; ``("normed conv", filters, stride)``,
            a 3×3 convolution without a bias, padded by 1, and batch normalisation;
            ``("block", filters, stride)``, a residual block: such a convolution, ReLU, another
            of stride 1, plus the shortcut (where the shape changes, a 1×1 convolution without
            a bias, and batch normalisation), ReLU.
        batches: the batch sizes that are measured.
    """

    about: str
    input_shape: tuple[int, int, int]
    layers: Words
    batches: tuple[int, ...] = (10, 64, 256)

    def kinds(self) -> set[str]:
        """Return the words of all layers."""
        return {layer[0] for layer in self.layers}

    def with_shapes(self) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
        """Yield every layer's words with the shape that goes into it."""
        shape: tuple[int, ...] = tuple(self.input_shape)
        for layer in self.layers:
            yield layer, shape
            shape = output_shape(layer, shape)


def output_shape(layer: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return what shape comes out of a layer that ``shape`` goes into."""
    match layer:
        case ("conv", filters, kernel, padding):
            return (filters, *(side + 2 * padding - kernel + 1 for side in shape[1:]))
        case ("normed conv" | "block", filters, stride):
            return (filters, *((side - 1) // stride + 1 for side in shape[1:]))
        case ("pool",):
            return (shape[0], *(side // 2 for side in shape[1:]))
        case ("flatten",):
            return (prod(shape),)
        case ("global mean",):
            return shape[:1]
        case ("dense", units):
            return (units,)
        case _:
            return shape


def _wide(filters: int) -> Words:
    return ("conv", filters, 3, 1), ("relu",), ("conv", filters, 3, 1), ("relu",), ("pool",)


def _stage(filters: int, stride: int) -> Words:
    return ("block", filters, stride), ("block", filters, 1)


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
    "R": Case(
        "residual, batch normalisation: 3 stages of two blocks with 16, 32, 64 maps, global mean",
        (3, 32, 32),
        (
            *(("normed conv", 16, 1), ("relu",)),
            *(*_stage(16, 1), *_stage(32, 2), *_stage(64, 2)),
            *(("global mean",), ("dense", 10)),
        ),
        batches=(32, 128),
    ),
    "N": Case(
        "no convolution: dense 100 sigmoid, dense 10; for the short form alone",
        (1, 28, 28),
        (("flatten",), ("dense", 100), ("sigmoid",), ("dense", 10)),
    ),
}

ALL = "".join(CASES)
