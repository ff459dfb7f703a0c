r"""Zero padding: a frame of zeros around each map.

With t rows above and l columns to the left, for maps of height H and width W,

    y[n,c,i,j] = x[n, c, i − t, j − l]  where that pixel exists,  0 in the frame

LeCun, Bottou, Bengio & Haffner 1998 ("Gradient-Based Learning Applied to Document
Recognition", section II.B) put the 28×28 digits into 32×32, so that strokes at the
edge come to the centre of a receptive field, too. The frame does not depend on x,
so its error goes nowhere:

    ∂E/∂x[n,c,i,j] = dy[n, c, i + t, j + l]
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
    Shape,
    require_rank,
)
from sixloops.layers.windows import SIDES, Pair, sides_in_pixels


@dataclass(frozen=True)
class ZeroPad2D(Layer):
    """Maps with zeros around them.

    Args:
        padding: pixels; a number for all sides, a pair (height, width) or ((top,
            bottom), (left, right)).

    Examples:
        >>> ZeroPad2D(2).output_shape((1, 28, 28))
        (1, 32, 32)
        >>> y, backward = ZeroPad2D(((0, 1), (2, 0))).forward(np.array([[[[7.0]]]]))
        >>> y
        array([[[[0., 0., 7.],
                 [0., 0., 0.]]]])
        >>> backward(y)[0]
        array([[[[7.]]]])
    """

    padding: int | Pair | tuple[Pair, Pair]

    def __post_init__(self) -> None:
        sides = sides_in_pixels(self.padding)
        if sides is None:
            raise checks.fail(self, "padding", f"be {SIDES}")
        object.__setattr__(self, "padding", sides)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels, height and width with the frame)."""
        require_rank(self, input_shape, 3)
        (top, bottom), (left, right) = self.padding  # type: ignore[misc]  # __post_init__'s form
        channels, height, width = input_shape
        return channels, top + height + bottom, left + width + right

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Copy the maps into the middle of zeros."""
        (top, _), (left, _) = self.padding  # type: ignore[misc]  # __post_init__'s form
        height, width = x.shape[2:]
        inner = np.s_[:, :, top : top + height, left : left + width]
        y = np.zeros((len(x), *self.output_shape(x.shape[1:])), dtype=x.dtype)
        y[inner] = x

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy[inner], {}

        return y, backward
