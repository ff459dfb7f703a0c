r"""Layers one after the other.

    y = fₘ(… f₂(f₁(x)))

By the chain rule the error passes back through them in the opposite order:
∂E/∂x = f₁′ᵀ … fₘ′ᵀ dy (Rumelhart, Hinton & Williams 1986, "Learning
representations by back-propagating errors").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sixloops.errors import ConfigurationError
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
    Shape,
    check_methods,
    forward_part,
    initial_part_parameters,
    initial_part_state,
    part_output_shape,
)


@dataclass(frozen=True)
class Sequential(Layer):
    """A chain of layers, itself a layer.

    Args:
        layers: the layers, the input's first.

    Parameters are the layers' own under the layer's number: ``0.weight``.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> Sequential([Flatten(), Dense(10)]).output_shape((1, 28, 28))
        (10,)
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_layers(self.layers, "Sequential"))

    def steps(self, input_shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield every layer's name, the layer, and the shape that goes into it."""
        shape = input_shape
        for number, layer in enumerate(self.layers):
            yield str(number), layer, shape
            shape = part_output_shape(layer, str(number), shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the last layer's output shape."""
        shape = input_shape
        for number, layer in enumerate(self.layers):
            shape = part_output_shape(layer, str(number), shape)
        return shape

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return all layers' parameters, drawn in the layers' order."""
        parameters: dict[str, Array] = {}
        for name, layer, shape in self.steps(input_shape):
            parameters |= initial_part_parameters(layer, name, shape, random, dtype)
        return parameters

    def initial_state(self, input_shape: Shape, dtype: npt.DTypeLike) -> dict[str, Array]:
        """Return all layers' states."""
        state: dict[str, Array] = {}
        for name, layer, shape in self.steps(input_shape):
            state |= initial_part_state(layer, name, shape, dtype)
        return state

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Apply the layers in order."""
        backwards = []
        y = x
        for number, layer in enumerate(self.layers):
            y, back = forward_part(layer, str(number), y, parameters, context)
            backwards.append(back)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            gradients: Gradients = {}
            for back in reversed(backwards):
                dy, more = back(dy)
                gradients |= more
            return dy, gradients

        return y, backward

    def couples_batch(self) -> bool:
        """Say whether any of the layers couples the batch."""
        return any(layer.couples_batch() for layer in self.layers)

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return the layers' sum."""
        return sum(layer.multiply_adds(shape) for _, layer, shape in self.steps(input_shape))

    def parameter_count(self, input_shape: Shape) -> int:
        """Return the layers' sum."""
        return sum(layer.parameter_count(shape) for _, layer, shape in self.steps(input_shape))

    def stored_count(self, input_shape: Shape) -> int:
        """Return the layers' sum."""
        return sum(layer.stored_count(shape) for _, layer, shape in self.steps(input_shape))


def as_layers(given: object, owner: str) -> tuple[Layer, ...]:
    """Return ``given`` as a tuple of layers.

    Raises:
        ConfigurationError: it is no sequence, something in it is no layer, or a layer has a
            method that takes other arguments than it must.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigurationError(f"The layers of {owner} must be a list of layers. Got {given!r}.")
    for number, layer in enumerate(given):
        if isinstance(layer, Layer):
            check_methods(layer, number)
            continue
        mend = "Layers are written with brackets, such as ReLU()."
        if not isinstance(layer, type):
            mend = "A layer of your own derives from sixloops.layers.Layer."
        raise ConfigurationError(
            f"Layer {number} of {owner} must be a layer. Got {layer!r}. {mend}"
        )
    return tuple(given)
