"""What the proofs compute with: inputs of several kinds, parameters and states off their zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sixloops.layers import Layer
from sixloops.randomness import Streams

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Callable[[np.random.Generator, Shape], Array]


def normal(random: np.random.Generator, shape: Shape) -> Array:
    """Draw from the standard normal distribution: no ties, no zeros."""
    return random.normal(size=shape)


def tied(random: np.random.Generator, shape: Shape) -> Array:
    """Draw from −1, 0 and 1: most windows tie, and many inputs sit on a kink at 0."""
    return random.integers(-1, 2, size=shape).astype(np.float64)


def sparse(random: np.random.Generator, shape: Shape) -> Array:
    """Draw what stands behind a ReLU: five sixths zeros, so that whole windows are 0."""
    return np.maximum(random.normal(size=shape) - 1.0, 0.0)


def positive(random: np.random.Generator, shape: Shape) -> Array:
    """Draw between 0.5 and 1.5."""
    return random.uniform(0.5, 1.5, size=shape)


def wide(random: np.random.Generator, shape: Shape) -> Array:
    """Draw from a normal distribution wide enough to reach the flat ends of squashing functions."""
    return 4.0 * random.normal(size=shape)


def generator(name: str, seed: int = 0) -> np.random.Generator:
    """Return a generator of its own for ``name``."""
    return Streams(seed).generator(name)


def parameters_off_zero(layer: Layer, input_shape: Shape, seed: int = 0) -> dict[str, Array]:
    """Return float64 parameters with noise on them, so that no bias is 0 and no scale is 1."""
    random = generator("noise", seed)
    begun = layer.initial_parameters(input_shape, generator("init", seed), np.float64)
    return {name: p + 0.3 * random.normal(size=p.shape) for name, p in begun.items()}


def state_off_zero(layer: Layer, input_shape: Shape, seed: int = 0) -> dict[str, Array]:
    """Return a float64 state such as a running one: means off 0, variances off 1 and positive."""
    random = generator("state", seed)
    begun = layer.initial_state(input_shape, np.float64)
    return {name: s + random.uniform(0.1, 0.9, size=s.shape) for name, s in begun.items()}


def as_type(arrays: Mapping[str, Array], dtype: npt.DTypeLike) -> dict[str, Array]:
    """Return a dictionary of arrays in another float type."""
    return {name: array.astype(dtype) for name, array in arrays.items()}
