r"""The residual block.

    y = F(x) + S(x)

with a body F and a shortcut S, the identity unless given (He, Zhang, Ren & Sun
2016, "Deep Residual Learning for Image Recognition", eq. 1 and 2). Both ways see
the same x, so both carry an error back to it, and the two are added:

    ∂E/∂x = F′ᵀ dy + S′ᵀ dy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.errors import ShapeError
from sixloops.layers.activated import activated, check_activation
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
    forward_part,
    initial_part_parameters,
    initial_part_state,
    part_output_shape,
)
from sixloops.layers.sequential import Sequential


@dataclass(frozen=True)
class Residual(Layer):
    """The sum of a body and a shortcut around it.

    Args:
        body: a list of layers.
        shortcut: a list of layers, such as a 1×1 convolution where the body changes
            the shape; empty for the identity.
        activation: a name or a layer, applied to the sum; None for the identity.

    Parameters are under ``body.`` and ``shortcut.``.

    Examples:
        >>> from sixloops.layers import Conv2D
        >>> block = Residual([Conv2D(8, 3, padding="same"), Conv2D(4, 3, padding="same")])
        >>> block.output_shape((4, 9, 7))
        (4, 9, 7)
    """

    body: Sequence[Layer] | Sequential
    shortcut: Sequence[Layer] | Sequential = ()
    activation: Any = None

    def __post_init__(self) -> None:
        for name in ("body", "shortcut"):
            given = getattr(self, name)
            if not isinstance(given, Sequential):
                object.__setattr__(self, name, Sequential(given))
        check_activation(self)

    def _parts(self) -> tuple[tuple[str, Sequential], tuple[str, Sequential]]:
        return ("body", self.body), ("shortcut", self.shortcut)  # type: ignore[return-value]

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of both ways.

        Raises:
            ShapeError: the two ways come to different shapes.
        """
        body, shortcut = (
            part_output_shape(part, name, input_shape) for name, part in self._parts()
        )
        if body != shortcut:
            raise ShapeError(
                f"The body and the shortcut of Residual must come to the same shape. Got {body} "
                f"from the body and {shortcut} from the shortcut for an input of {input_shape}. "
                f"A shortcut such as [Conv2D({body[0]}, 1, stride=…)] mends it."
            )
        return body

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return the parameters of both ways."""
        parameters: dict[str, Array] = {}
        for name, part in self._parts():
            parameters |= initial_part_parameters(part, name, input_shape, random, dtype)
        return parameters

    def initial_state(self, input_shape: Shape, dtype: npt.DTypeLike) -> dict[str, Array]:
        """Return the states of both ways."""
        state: dict[str, Array] = {}
        for name, part in self._parts():
            state |= initial_part_state(part, name, input_shape, dtype)
        return state

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Add the two ways."""
        (body_name, body), (shortcut_name, shortcut) = self._parts()
        body_y, backward_body = forward_part(body, body_name, x, parameters, context)
        shortcut_y, backward_shortcut = forward_part(
            shortcut, shortcut_name, x, parameters, context
        )
        y = body_y + shortcut_y

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx_body, body_gradients = backward_body(dy)
            dx_shortcut, shortcut_gradients = backward_shortcut(dy)
            return dx_body + dx_shortcut, body_gradients | shortcut_gradients

        return y, backward

    def couples_batch(self) -> bool:
        """Say whether either way couples the batch."""
        return any(part.couples_batch() for _, part in self._parts())

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return the sum of both ways."""
        return sum(part.multiply_adds(input_shape) for _, part in self._parts())

    def parameter_count(self, input_shape: Shape) -> int:
        """Return the sum of both ways."""
        return sum(part.parameter_count(input_shape) for _, part in self._parts())

    def stored_count(self, input_shape: Shape) -> int:
        """Return the sum of both ways."""
        return sum(part.stored_count(input_shape) for _, part in self._parts())
