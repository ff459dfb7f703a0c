"""One look for all pictures, made with explicit arguments.

Matplotlib's global settings are not changed, and but for the font not relied on: the
pictures look the same, and leave everything as it was, inside any program. They are
drawn without a screen, on figures that pyplot never hears of. Importing Matplotlib
takes long, so functions that need it import it: whoever draws nothing never waits for it.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sixloops.files import write_bytes
from sixloops.layers.base import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Look: TypeAlias = dict[str, Any]
"""Keyword arguments that say how something is drawn."""

PAPER = "#ffffff"
INK = "#1c2430"
MUTED = "#66707f"
FAINT = "#dfe3e8"
BLUE = "#2b6cb0"
ORANGE = "#dd6b20"
GREEN = "#2f855a"
RED = "#c53030"

WIDTH = 12.0
"""Width of every picture in inches; with DPI, 1,200 pixels."""
MARGIN = 0.25
HEADER = 0.8
"""Height in inches that title and subtitle take."""
DPI = 100
TEXT = 11.0
SMALL = 9.0
TITLE = 14.0

FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Noto Sans", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji"),
    *("Nirmala UI", "Leelawadee UI", "Segoe UI", "Segoe UI Symbol", "Segoe UI Emoji"),
)
"""Fonts that systems have for other scripts than Latin, Greek and Cyrillic."""


def new_figure(height: float, title: str, subtitle: str = "") -> Figure:
    """Return an empty figure with its title; it keeps its parts from overlapping.

    Args:
        height: in inches.
        title: what the picture shows.
        subtitle: a smaller second line.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAPER)
    figure.set_layout_engine("none")
    place: Look = {"x": MARGIN / WIDTH, "ha": "left", "va": "top", "parse_math": False}
    figure.text(y=1 - 0.18 / height, s=title, size=TITLE, weight="bold", color=INK, **place)
    if subtitle:
        figure.text(y=1 - 0.47 / height, s=subtitle, size=TEXT, color=MUTED, **place)
    return figure


def inches(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place of the figure that is given in inches."""
    whole_width, whole_height = figure.get_size_inches()
    axes = figure.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )
    axes.set_facecolor(PAPER)
    return axes


def gallery(
    count: int, columns: int, title: str, subtitle: str, *, side: float, pitch: float, above: float
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a grid of squares for small pictures.

    Args:
        count: how many squares.
        columns: squares in a row.
        title: what the figure shows.
        subtitle: a smaller second line.
        side: of a square, in inches.
        pitch: from one square to the next in a row, in inches.
        above: room for a label above each square, in inches.

    Returns:
        The figure, and the squares' axes row by row.
    """
    row_height = side + above + 0.12
    height = HEADER + -(-count // columns) * row_height + 0.15
    figure = new_figure(height, title, subtitle)
    squares = []
    for number in range(count):
        row, column = divmod(number, columns)
        left = MARGIN + column * pitch + (pitch - side) / 2
        bottom = height - HEADER - row * row_height - above - side
        squares.append(inches(figure, left, bottom, side, side))
    return figure, squares


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give axes of curves their title, labels, ticks and grid."""
    axes.set_title(title, loc="left", size=TEXT, weight="bold", color=INK, pad=8)
    axes.set_xlabel(x_label, size=TEXT, color=MUTED)
    axes.set_ylabel(y_label, size=TEXT, color=MUTED)
    axes.tick_params(which="both", labelsize=SMALL + 1, labelcolor=INK, color=FAINT)
    axes.grid(visible=True, which="major", color=FAINT, linewidth=0.8, linestyle="-", alpha=1)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(FAINT)


def plain_numbers(axes: Axes) -> None:
    """Write the numbers of a logarithmic y axis as they are, and none between them."""
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter("")


def percentages(axes: Axes) -> None:
    """Write the shares of the y axis in percent."""
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")


def bare(axes: Axes) -> None:
    """Leave nothing of the axes but a thin frame, for an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(FAINT)
        spine.set_linewidth(0.8)


def label(axes: Axes, text: str, **options: Any) -> None:
    """Put a small text above axes, as it is: a ``$`` in a class's name is no formula."""
    chosen: Look = {"size": SMALL, "color": INK, "pad": 3, **options}
    axes.set_title(text, parse_math=False, **chosen)


def show(axes: Axes, picture: Array, **options: Any) -> None:
    """Draw an array's values as squares."""
    axes.imshow(picture, interpolation="nearest", origin="upper", aspect="equal", **options)
    bare(axes)


def show_image(axes: Axes, image: Array) -> None:
    """Draw an image of a data set.

    Args:
        axes: where.
        image: (channels, height, width); with 3 channels in colours, with other numbers
            of channels their mean in grey.
    """
    values = np.asarray(image, dtype=np.float64)
    low, high = values.min(), values.max()
    values = (values - low) / (high - low) if high > low else np.zeros_like(values)
    if len(values) == 3:
        show(axes, values.transpose(1, 2, 0))
    else:
        show(axes, values.mean(axis=0), cmap="gray", vmin=0, vmax=1)


def value_scale(figure: Figure, low: float, high: float, cmap: str) -> None:
    """Show, in the upper right corner, which values the colours stand for."""
    height = figure.get_size_inches()[1]
    axes = inches(figure, WIDTH - MARGIN - 2.55, height - 0.36, 2.4, 0.14)
    axes.imshow(
        np.linspace(0, 1, 256)[np.newaxis], cmap=cmap, aspect="auto", extent=(low, high, 0, 1)
    )
    axes.set_yticks([])
    middle = 0.0 if low < 0 < high else (low + high) / 2
    axes.set_xticks([low, middle, high], labels=[f"{value:.3g}" for value in (low, middle, high)])
    axes.tick_params(labelsize=SMALL, labelcolor=INK, length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def png(figure: Figure, source: str = "") -> bytes:
    """Return a figure as the bytes of a PNG file.

    Args:
        figure: what to draw.
        source: what it was drawn from; kept in the file as PNG's text ``Source``.
    """
    content, about = io.BytesIO(), {"Source": source} if source else {}
    _add_fonts(figure)
    with warnings.catch_warnings():
        # Where no font has a class's letters, boxes stand for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(
            content, format="png", dpi=DPI, facecolor=PAPER, bbox_inches=None, metadata=about
        )
    return content.getvalue()


def _add_fonts(figure: Figure) -> None:
    """Have this machine's fonts draw what the usual one has not: names of classes in any script."""
    from matplotlib.font_manager import get_font_names
    from matplotlib.text import Text

    installed = set(get_font_names())
    fonts = [name for name in FONTS if name in installed]
    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isascii():
            text.set_fontfamily(list(dict.fromkeys([*text.get_fontfamily(), *fonts])))


def save_figure(figure: Figure, path: str | os.PathLike[str], source: str = "") -> None:
    """Write a figure as a PNG file, whole or not at all.

    Args:
        figure: what to draw.
        path: of the file.
        source: as for :func:`png`.

    Raises:
        FileError: the file cannot be written there.
    """
    write_bytes(path, png(figure, source))
