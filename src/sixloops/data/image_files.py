"""Image files as arrays: any format that Pillow reads, gray or in colour."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageOps

from sixloops.checks import is_whole, items
from sixloops.errors import ConfigurationError, FileError, wrong
from sixloops.layers.base import Array, Shape

_MODES = {1: "L", 3: "RGB"}


def read_image(path: str | os.PathLike[str], shape: Shape, *, invert: bool = False) -> Array:
    """Read one image as a network takes it.

    A photograph is turned upright if its file says how it was held. What is transparent
    becomes white. Of pixels with 16 bits the upper eight are kept: images of a camera that
    uses the lower twelve must be multiplied by 16 first. The whole image is stretched to
    the size that is wanted.

    Args:
        path: the file.
        shape: what the network takes, (channels, height, width), with 1 or 3 channels.
        invert: whether to swap dark and bright: networks trained on MNIST expect bright
            ink on a dark ground, most scans are the other way round. For photographs
            :func:`~sixloops.data.read_photo` does more.

    Returns:
        Bytes, uint8, of shape ``shape``; colours in the order red, green, blue.

    Raises:
        FileError: the file is missing, damaged, or no image.
        ConfigurationError: a shape that no image can have.
    """
    channels, height, width = check_image_shape(shape)
    pixels = image_array(open_image(path), channels, height, width)
    return 255 - pixels if invert else pixels


def check_image_shape(shape: Shape) -> tuple[int, int, int]:
    """Return a shape that images can have, (channels, height, width).

    Raises:
        ConfigurationError: it is another.
    """
    sizes = items(shape)
    if not (len(sizes) == 3 and all(is_whole(n) and n > 0 for n in sizes) and sizes[0] in _MODES):
        expected = "be (channels, height, width) with 1 or 3 channels"
        raise ConfigurationError(wrong("shape", "an image that is read", expected, shape))
    channels, height, width = sizes
    return channels, height, width


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Read an image file, upright and without transparency, in mode ``L`` or ``RGB``.

    Raises:
        FileError: the file is missing, damaged, or no image.
    """
    try:
        with Image.open(path) as image:
            return _plain(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise FileError(f"{path} is missing. Check the name.") from error
    # Pillow's many decoders raise whatever they stumble over in a damaged file.
    except Exception as error:
        raise FileError(
            f"{path} cannot be read as an image: {error}. Check that it is a whole image file."
        ) from error


def _plain(image: Image.Image) -> Image.Image:
    """Bring an image into one of the two modes."""
    if image.mode.startswith("I;16"):
        # Pillow would cut off what is above 255 instead of scaling.
        pixels = np.asarray(image)
        bright = (pixels >> 8).astype(np.uint8)
        bright[pixels == image.info.get("transparency", -1)] = 255
        return Image.fromarray(bright)
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have 32 bits (mode {image.mode}), not 8 or 16")
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        ink = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), ink)
    return image.convert("L" if gray else "RGB")


def image_array(image: Image.Image, channels: int, height: int, width: int) -> Array:
    """Return an image of :func:`open_image` as uint8, (channels, height, width)."""
    fitting = image.convert(_MODES[channels])
    if fitting.size != (width, height):
        # Pillow's filter grows with the reduction, so that fine lines do not vanish.
        fitting = fitting.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.array(fitting, dtype=np.uint8).reshape(height, width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
