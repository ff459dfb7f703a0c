r"""Rescaling: the same straight line for every value.

    y = a · x + o            ∂E/∂x = a · dy

With a = 1/255 the bytes of an image, 0 to 255, become numbers from 0 to 1; with
a = 2/255 and o = −1, from −1 to 1. Standing first in a network, it goes with the
network into its file, and prediction cannot forget what training did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
)


@dataclass(frozen=True)
class Rescale(Layer):
    """y = scale · x + offset, for inputs of any shape; whole numbers become float32.

    Args:
        scale: the factor.
        offset: what is added.

    Examples:
        >>> Rescale(scale=2, offset=-1).forward(np.array([[0.0, 0.25, 1.0]]))[0]
        array([[-1. , -0.5,  1. ]])
        >>> Rescale().forward(np.array([[0, 255]], dtype=np.uint8))[0]
        array([[0., 1.]], dtype=float32)
    """

    scale: float = 1 / 255
    offset: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "scale", "offset")

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Compute the line."""
        y = self.scale * as_floats(x) + self.offset

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return self.scale * dy, {}

        return y, backward


def as_floats(x: Array) -> Array:
    """Return floats as they are, and whole numbers as float32, so that they cannot wrap around."""
    return x if x.dtype.kind == "f" else x.astype(np.float32)
