"""How a window slides over a map: the geometry of convolution and pooling.

Along one axis, a window of k taps that lie d apart covers d·(k−1)+1 pixels. With
p₀ pixels of padding before the map, p₁ behind it, and stride s, an axis of n
pixels has

    o = ⌊(n + p₀ + p₁ − d·(k−1) − 1) / s⌋ + 1

positions (Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep
learning", relationship 15; relationship 6 without dilation). Tap i of the window
at position j looks at pixel s·j + d·i − p₀.

``gather`` shows, for every position, what the window sees (a view; only padding copies
the map). It is linear, and ``scatter`` is its transpose: a pixel that several windows saw
gets the sum of what they carry back. Convolution and pooling differ only in what they do
in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sixloops import checks
from sixloops.errors import ShapeError
from sixloops.layers.base import Array, Layer, Shape

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = str | int | Pair | tuple[Pair, Pair]


@dataclass(frozen=True)
class Window:
    """A window that slides over maps of one size.

    Args:
        kernel: taps (height, width).
        stride: step (height, width) between positions.
        dilation: distance (height, width) between taps.
        padding: ((top, bottom), (left, right)) pixels around the map.
        extent: the map's (height, width).
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[Pair, Pair]
    extent: Pair

    @property
    def span(self) -> Pair:
        """Pixels (height, width) that the window covers, gaps included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @property
    def positions(self) -> Pair:
        """How many positions (height, width) the window takes."""
        (h, w), (sh, sw), (span_h, span_w) = self.extent, self.stride, self.span
        (top, bottom), (left, right) = self.padding
        return (h + top + bottom - span_h) // sh + 1, (w + left + right - span_w) // sw + 1

    def gather(self, x: Array, fill: float = 0.0) -> Array:
        """Show what every window sees.

        Args:
            x: maps, (batch, channels, height, width).
            fill: the padding's value.

        Returns:
            A read-only view, (batch, channels, kernel height, kernel width, positions
            down, positions across).
        """
        (sh, sw), (dh, dw) = self.stride, self.dilation
        padded = x
        if self.padding != ((0, 0), (0, 0)):
            padded = np.pad(x, ((0, 0), (0, 0), *self.padding), constant_values=fill)
        seen = np.lib.stride_tricks.sliding_window_view(padded, self.span, axis=(2, 3))
        return seen[:, :, ::sh, ::sw, ::dh, ::dw].transpose(0, 1, 4, 5, 2, 3)

    def scatter(self, patches: Array) -> Array:
        """Add up, for every pixel, what the windows that saw it carry back.

        Args:
            patches: as :meth:`gather` returns them.

        Returns:
            Maps, (batch, channels, height, width), the padding cut off.
        """
        (h, w), (sh, sw), (dh, dw) = self.extent, self.stride, self.dilation
        (top, bottom), (left, right) = self.padding
        down, across = self.positions
        padded = np.zeros(
            (*patches.shape[:2], h + top + bottom, w + left + right), dtype=patches.dtype
        )
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                rows = slice(dh * i, dh * i + sh * (down - 1) + 1, sh)
                columns = slice(dw * j, dw * j + sw * (across - 1) + 1, sw)
                padded[:, :, rows, columns] += patches[:, :, i, j]
        return padded[:, :, top : top + h, left : left + w]


def window_over(
    layer: Layer,
    input_shape: Shape,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair = (1, 1),
) -> Window:
    """Lay a layer's window over maps of ``input_shape``.

    Args:
        layer: whose window it is, for the error.
        input_shape: (channels, height, width).
        kernel: taps (height, width).
        stride: step (height, width).
        padding: in the form that :func:`check_padding` leaves it in.
        dilation: distance (height, width) between taps.

    Returns:
        The window, with the padding in pixels.

    Raises:
        ShapeError: the window is larger than the padded map.
    """
    extent = (input_shape[1], input_shape[2])
    sides = tuple(
        _pixels(padding, axis, extent[axis], kernel[axis], stride[axis], dilation[axis])
        for axis in (0, 1)
    )
    window = Window(kernel, stride, dilation, (sides[0], sides[1]), extent)
    if min(window.positions) < 1 or min(extent) < 1:
        padded = tuple(n + sum(side) for n, side in zip(extent, sides, strict=True))
        raise ShapeError(
            f"The window of {type(layer).__name__} covers {window.span} pixels (height, width), "
            f"but its input is only {padded} with padding. Got maps of shape {input_shape}. "
            "Take a smaller kernel or dilation, padding='same', or fewer pooling layers before it."
        )
    return window


def _pixels(padding: Padding, axis: int, n: int, k: int, s: int, d: int) -> Pair:
    """Return the padding before and behind one axis."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        # As many positions as there would be strides, ⌈n/s⌉; an odd pixel goes behind.
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        return total // 2, total - total // 2
    sides: tuple[Pair, Pair] = padding  # type: ignore[assignment]  # check_padding left this form
    return sides[axis]


def check_padding(owner: Layer) -> None:
    """Put the field ``padding`` into form: a word, or ((top, bottom), (left, right)).

    It may be ``"valid"``, ``"same"``, one number for all sides, a pair (height,
    width), or ((top, bottom), (left, right)).
    """
    given = getattr(owner, "padding")  # noqa: B009  (the base class has no such field)
    if isinstance(given, str) and given in ("valid", "same"):
        return
    sides = sides_in_pixels(given)
    if sides is None:
        raise checks.fail(owner, "padding", f"be 'valid', 'same', {SIDES}")
    object.__setattr__(owner, "padding", sides)


SIDES = "a whole number of at least 0, a pair (height, width), or ((top, bottom), (left, right))"


def sides_in_pixels(given: Any) -> tuple[Pair, Pair] | None:
    """Return ``given`` as ((top, bottom), (left, right)), or None if it is not :data:`SIDES`."""
    axes = [given, given] if checks.is_whole(given) else checks.items(given)
    sides = [[axis, axis] if checks.is_whole(axis) else checks.items(axis) for axis in axes]
    flat = [v for side in sides for v in side]
    if [len(side) for side in sides] != [2, 2]:
        return None
    if not all(checks.is_whole(v) and v >= 0 for v in flat):
        return None
    top, bottom, left, right = (int(v) for v in flat)
    return (top, bottom), (left, right)
