"""What an augmentation is: a random change of images that leaves their labels true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops.checks import fail
from sixloops.descriptions import Description
from sixloops.errors import ConfigurationError
from sixloops.layers.base import Array


@dataclass(frozen=True)
class Augmentation(Description):
    """Base of all augmentations; one of your own derives from it.

    Examples:
        >>> @dataclass(frozen=True)
        ... class Negative(Augmentation):
        ...     def apply(self, images, random):
        ...         chosen = random.random(len(images)) < 0.5
        ...         return np.where(chosen[:, None, None, None], 255 - images, images)
        >>> Negative().apply(np.full((4, 1, 1, 1), 200, np.uint8), np.random.default_rng(0)).ravel()
        array([200,  55,  55,  55], dtype=uint8)
    """

    def apply(self, images: Array, random: np.random.Generator) -> Array:
        """Change a batch of images, each on its own.

        Args:
            images: (batch, channels, height, width), of any real type; left as they are.
            random: the generator that all chance comes from.

        Returns:
            New images of the same shape and type.
        """
        raise NotImplementedError(f"{type(self).__name__} must define apply(images, random).")


def augmented(augmentation: Augmentation, images: Array, random: np.random.Generator) -> Array:
    """Apply an augmentation, which may be the user's own; what it returns is checked.

    Raises:
        ConfigurationError: it is of another shape than the images.
    """
    made = augmentation.apply(images, random)
    if not isinstance(made, np.ndarray) or made.shape != images.shape:
        got = f"shape {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
        raise ConfigurationError(
            f"The apply of {type(augmentation).__name__} must return images of the shape that it "
            f"was given, {images.shape}. Got {got}."
        )
    return made


def value_of(owner: Augmentation, images: Array, fill: float) -> Array:
    """Return a value in the images' type.

    Args:
        owner: whose field ``fill`` it is, for the error.
        images: of any type.
        fill: the value.

    Raises:
        ConfigurationError: the images' type has no such value.
    """
    value = np.asarray(fill)
    # Out of range, the cast gives some other value: that is what is looked for.
    with np.errstate(invalid="ignore", over="ignore"):
        cast = value.astype(images.dtype)
    if images.dtype.kind == "f":
        if not np.isfinite(cast):
            raise fail(owner, "fill", f"be a value of the images' type, {images.dtype}")
    else:
        value = cast
        if value != fill:
            raise fail(owner, "fill", f"be a value of the images' type, {images.dtype}")
    return value


def framed(owner: Augmentation, images: Array, pixels: tuple[int, int], fill: float) -> Array:
    """Put a frame of the value ``fill`` around images.

    Args:
        owner: whose field ``fill`` it is, for the error.
        images: (batch, channels, height, width).
        pixels: the frame's width above and below, and on the left and right.
        fill: its value.

    Returns:
        (batch, channels, height + 2 · pixels[0], width + 2 · pixels[1]), of the same type.

    Raises:
        ConfigurationError: the images' type has no such value.
    """
    value = value_of(owner, images, fill)
    (down, across), (n, c, h, w) = pixels, images.shape
    out = np.full((n, c, h + 2 * down, w + 2 * across), value, dtype=images.dtype)
    out[:, :, down : down + h, across : across + w] = images
    return out


def cut(images: Array, extent: tuple[int, int], tops: Array, lefts: Array) -> Array:
    r"""Cut a piece out of each image.

    Args:
        images: (batch, channels, height, width).
        extent: the pieces' (height, width).
        tops: the first row of each piece, (batch,).
        lefts: the first column of each piece, (batch,).

    Returns:
        A copy, (batch, channels, \*extent).
    """
    pieces = np.lib.stride_tricks.sliding_window_view(images, extent, axis=(2, 3))
    cut_out: Array = pieces[np.arange(len(images)), :, tops, lefts]
    return cut_out
