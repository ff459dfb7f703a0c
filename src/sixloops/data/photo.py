"""A photograph of ink on paper as an image like those of MNIST.

MNIST's digits "were size normalized to fit in a 20x20 pixel box while preserving their
aspect ratio", and "centered in a 28x28 image by computing the center of mass of the pixels,
and translating the image so as to position this point at the center" (LeCun, Bottou, Bengio
& Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section III.A).
A photograph has paper and shadows besides, and is not cut to its digit; those go first.
"""

from __future__ import annotations

import os

import numpy as np
import scipy
from PIL import Image

from sixloops.checks import whole_number
from sixloops.data.image_files import check_image_shape, open_image
from sixloops.errors import DataError
from sixloops.layers.base import Array, Shape

BOX = 20 / 28
"""The share of height and width into which the ink is fitted."""

LARGEST_SIDE = 512
"""Photographs are first reduced to this many pixels; a pen's stroke is still some wide."""

LEAST_INK = 0.15
"""Ink must take at least this share of the paper's light; less is grain and shadow."""

_PAPER_SIDE = 64
_SPECK = 0.05


def read_photo(path: str | os.PathLike[str], shape: Shape, *, invert: bool = False) -> Array:
    """Read a photograph or scan of one character, in dark ink on light paper.

    The paper is taken off, the ink cut out and centred as MNIST's digits are; see
    :func:`prepare_photo`.

    Args:
        path: an image file of any format that Pillow reads.
        shape: what the network takes, (channels, height, width), with 1 or 3 channels;
            three are equal.
        invert: whether to swap dark and bright first, for chalk on a board.

    Returns:
        Bytes, uint8, of shape ``shape``: 0 for the paper, up to 255 for ink.

    Raises:
        FileError: the file is missing, damaged, or no image.
        DataError: there is no ink in it.
        ConfigurationError: a shape that no image can have.
    """
    channels, height, width = check_image_shape(shape)
    image = open_image(path).convert("L")
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    gray = np.asarray(image, dtype=np.uint8)
    try:
        prepared = prepare_photo(255 - gray if invert else gray, height, width)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return np.repeat(prepared[np.newaxis], channels, axis=0)


def prepare_photo(gray: Array, height: int = 28, width: int = 28) -> Array:
    """Turn a gray photograph of dark ink on light paper into an image like MNIST's.

    The paper's light is estimated around each place and divided by, so that shadows go; what
    Otsu's threshold (1979) tells from paper is ink, without specks and without what hangs on
    the photograph's edge, such as the table. The ink is fitted into 20/28 of height and
    width without distortion, and its centre of mass put in the middle.

    Args:
        gray: (rows, columns), 0 for black to 255 for white.
        height: of the image that is made, in pixels.
        width: of the image that is made, in pixels.

    Returns:
        Bytes, uint8, (height, width): 0 for the paper, 255 for the darkest ink.

    Raises:
        DataError: there is no ink in it, or it is no gray photograph.
        ConfigurationError: an image cannot have such a height or width.
    """
    height = whole_number("height", "prepare_photo", height)
    width = whole_number("width", "prepare_photo", width)
    gray = np.asarray(gray)
    if gray.ndim != 2 or not gray.size or gray.dtype.kind not in "uif":
        raise DataError(
            "A gray photograph must be numbers, (rows, columns), at least one of each. Got "
            f"{gray.dtype} of shape {gray.shape}."
        )
    if not 0 <= gray.min() <= gray.max() <= 255:  # NaN is not, either
        raise DataError(
            "A gray photograph's pixels must be from 0 for black to 255 for white. Got some from "
            f"{gray.min()} to {gray.max()}."
        )
    ink = _without_paper(gray.astype(np.float64))
    level = _threshold(ink)
    mask = _character(ink > level)
    # Beside the strokes lie their soft edges, which hold the ink that one pixel has in part.
    near = scipy.ndimage.binary_dilation(mask, iterations=2)
    ink = np.where(near & (ink > level / 2), ink, 0)
    rows, columns = scipy.ndimage.find_objects(near.astype(np.int8))[0]
    return _centred(_fitted(ink[rows, columns], height, width), height, width)


def is_light(image: Array) -> bool:
    """Say whether an image, (channels, height, width), has a border brighter than its middle."""
    border = np.concatenate(
        [image[:, 0], image[:, -1], image[:, 1:-1, 0], image[:, 1:-1, -1]], axis=1
    )
    return bool(border.mean() > image[:, 1:-1, 1:-1].mean())


def _without_paper(gray: Array) -> Array:
    """Return which share of the paper's light is missing at each pixel, 0 to 1."""
    small = Image.fromarray(gray.astype(np.uint8))
    small.thumbnail((_PAPER_SIDE, _PAPER_SIDE))
    light = np.asarray(small, dtype=np.float64)
    # Most pixels around any place are paper, also where strokes are broad.
    around = max(3, max(light.shape) // 2)
    light = scipy.ndimage.percentile_filter(light, 75, size=around, mode="nearest")
    light = scipy.ndimage.gaussian_filter(light, around / 6, mode="nearest")
    paper = Image.fromarray(light.astype(np.float32)).resize(
        gray.shape[::-1], Image.Resampling.BILINEAR
    )
    lightness = np.asarray(paper, dtype=np.float64)
    return np.clip((lightness - gray) / np.maximum(lightness, 1), 0, 1)


def _threshold(ink: Array) -> float:
    """Return the level that parts ink from paper best (Otsu 1979)."""
    if ink.max() < LEAST_INK:
        raise DataError(
            "The photograph must show dark ink on light paper. Its darkest place is only "
            f"{ink.max():.0%} darker than what is around it. Take one with more light, or, for "
            "light ink on a dark ground, invert it."
        )
    counts, edges = np.histogram(ink, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    parted = (below > 0) & (above > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    best = int(np.argmax(np.where(parted, between, -1)))
    # Where a thin line is all ink there is, Otsu's level would part grain from grain.
    return max(float(edges[best + 1]), float(ink.max()) / 3)


def _character(mask: Array) -> Array:
    """Keep the parts that belong to the character."""
    parts, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    edge = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    inside = sizes.copy()
    inside[edge] = 0
    kept = inside if inside.any() else sizes
    return np.asarray((kept >= _SPECK * kept.max())[parts] & (parts > 0))


def _fitted(ink: Array, height: int, width: int) -> Array:
    """Fit ink into the box in the middle, without distortion; its darkest becomes 255."""
    rows, columns = ink.shape
    scale = min(BOX * height / rows, BOX * width / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    image = Image.fromarray(ink.astype(np.float32))
    filter_ = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    values = np.asarray(image.resize(size, filter_))
    # A thin pen's strokes are less than a pixel now, and pale. MNIST's are white.
    bright = np.quantile(values[values > 0], 0.9)
    return np.asarray(np.clip(255 * values / bright, 0, 255))


def _centred(ink: Array, height: int, width: int) -> Array:
    """Lay ink on black, its centre of mass in the middle as far as it stays inside."""
    page = np.zeros((height, width), dtype=np.uint8)
    mass = scipy.ndimage.center_of_mass(ink)
    # MNIST's digits have their centres of mass at row and column 14 of 0 to 27.
    corner = [
        min(max(round(whole / 2 - centre), 0), whole - part)
        for whole, part, centre in zip(page.shape, ink.shape, mass, strict=True)
    ]
    page[corner[0] : corner[0] + ink.shape[0], corner[1] : corner[1] + ink.shape[1]] = ink.round()
    return page
