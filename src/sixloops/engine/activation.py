"""Activations in place: the common ones without a new array, all others by their own layer.

Each takes z, writes y over it, and returns a function that writes dz = dy · f′ into a given
array. Where f′ is a function of y alone, y is all that has to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sixloops.layers import (
    ELU,
    SELU,
    Identity,
    Layer,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Softplus,
    Tanh,
)
from sixloops.layers.base import Array

Back = Callable[[Array, Array], None]

RISING = (Identity, ReLU, LeakyReLU, Sigmoid, Tanh, ScaledTanh, ELU, SELU, Softplus)
"""Activations that never fall: the maximum of f is f of the maximum."""


def activate(activations: Sequence[Layer], z: Array) -> Back:
    """Apply activations in place, one after the other.

    Args:
        activations: the layers.
        z: what they are applied to; holds the output afterwards.

    Returns:
        ``back(dy, out)``, which writes ∂E/∂z into ``out``; ``dy`` is left alone.
    """
    # Only the last one's output stays in z; those before it keep a copy of their own.
    backs = [_own(layer, z) for layer in activations[:-1]]
    backs += [_IN_PLACE.get(type(layer), _own)(layer, z) for layer in activations[-1:]]

    def back(dy: Array, out: Array) -> None:
        if not backs:
            np.copyto(out, dy)
        for one in reversed(backs):
            one(dy, out)
            dy = out

    return back


def _identity(layer: Layer, z: Array) -> Back:
    return lambda dy, out: np.copyto(out, dy)


def _relu(layer: Layer, z: Array) -> Back:
    np.maximum(z, 0, out=z)
    return lambda dy, out: _product(dy, z > 0, out)


def _tanh(layer: Layer, z: Array) -> Back:
    np.tanh(z, out=z)
    return lambda dy, out: _product(dy, 1 - z * z, out)


def _scaled_tanh(layer: ScaledTanh, z: Array) -> Back:
    amplitude, slope = layer.amplitude, layer.slope
    z *= slope
    np.tanh(z, out=z)
    z *= amplitude
    # With y = a·tanh(s·z): f′ = s·a·(1 − (y/a)²) = s·(a − y²/a).
    return lambda dy, out: _product(dy, slope * (amplitude - z * z / amplitude), out)


def _sigmoid(layer: Layer, z: Array) -> Back:
    # exp(−z) may be infinite: 1/(1 + ∞) is the 0 that it should be.
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)
    return lambda dy, out: _product(dy, z * (1 - z), out)


def _product(dy: Array, slope: Array, out: Array) -> None:
    np.multiply(dy, slope, out=out)


def _own(layer: Layer, z: Array) -> Back:
    """Run the layer's own definition."""
    y, backward = layer.forward(z.copy())
    np.copyto(z, y)
    return lambda dy, out: np.copyto(out, backward(dy)[0])


_IN_PLACE: dict[type[Layer], Callable[..., Back]] = {
    Identity: _identity,
    ReLU: _relu,
    Tanh: _tanh,
    ScaledTanh: _scaled_tanh,
    Sigmoid: _sigmoid,
}
