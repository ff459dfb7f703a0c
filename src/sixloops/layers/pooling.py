"""What pooling layers share: the form of their window, and its largest magnitude."""

from __future__ import annotations

from typing import Any

import numpy as np

from sixloops import checks
from sixloops.errors import ShapeError
from sixloops.layers.base import Array, Shape, require_rank
from sixloops.layers.windows import Window, check_padding, window_over


def check_pooling(layer: Any) -> None:
    """Put ``kernel``, ``stride`` and ``padding`` of a pooling layer into form."""
    checks.pair(layer, "kernel")
    if layer.stride is None:
        object.__setattr__(layer, "stride", layer.kernel)
    checks.pair(layer, "stride")
    check_padding(layer)
    if isinstance(layer.padding, tuple):
        _check_padding_smaller(layer)


def _check_padding_smaller(layer: Any) -> None:
    """Raise where a window may lie wholly in the padding: it has no maximum and no mean."""
    for side, k in zip(layer.padding, layer.kernel, strict=True):
        if max(side) >= k:
            raise checks.fail(
                layer, "padding", f"be smaller than the kernel {layer.kernel} on every side"
            )


def pooling_window(layer: Any, input_shape: Shape) -> Window:
    """Lay the layer's window over maps of ``input_shape``.

    Raises:
        ShapeError: the input is no stack of maps, or smaller than the window.
    """
    require_rank(layer, input_shape, 3)
    if input_shape[0] < 1:
        raise ShapeError(f"The input of {type(layer).__name__} has no channel: {input_shape}.")
    return window_over(layer, input_shape, layer.kernel, layer.stride, layer.padding)


def largest_magnitude(patches: Array) -> Array:
    """Return the largest magnitude that each window sees, or 1 where it sees only zeros.

    A norm of values divided by it neither overflows nor underflows, and times it is
    the norm of the values themselves: ‖P‖ = m · ‖P/m‖.

    Args:
        patches: as :meth:`Window.gather` returns them.

    Returns:
        (batch, channels, 1, 1, positions down, positions across).
    """
    magnitude: Array = np.abs(patches).max(axis=(2, 3), keepdims=True)
    magnitude[magnitude == 0] = 1
    return magnitude
