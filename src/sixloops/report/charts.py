"""Charts of some curves side by side, as the recipes draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from sixloops.report.style import (
    BLUE,
    GREEN,
    HEADER,
    MARGIN,
    MUTED,
    ORANGE,
    RED,
    SMALL,
    WIDTH,
    dress,
    inches,
    new_figure,
)

STYLES = "-", "--", "-.", ":"
"""Curves may lie on each other; these show through."""

COLORS = BLUE, ORANGE, GREEN, RED, "#6b46c1", "#0987a0", "#975a16", MUTED


FEW = 3
"""A curve of no more points than these shows them."""


@dataclass(frozen=True)
class Curve:
    """One line.

    Args:
        label: for the legend; curves of one label are drawn alike, and named once.
        x: where.
        y: how much.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Chart:
    """One pair of axes.

    Args:
        title: above it.
        x_label: what runs along.
        y_label: what runs up.
        curves: the lines.
        percent: whether values are shares of 1.
        y_range: the lowest and highest value shown; None to show all.
        logarithmic: whether values run up in powers.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    percent: bool = False
    y_range: tuple[float, float] | None = None
    logarithmic: bool = False


def plot_charts(charts: Sequence[Chart], title: str, subtitle: str = "") -> Figure:
    """Draw charts, two in a row.

    Args:
        charts: at least one.
        title: what the picture shows.
        subtitle: a smaller second line.
    """
    rows, columns = -(-len(charts) // 2), min(2, len(charts))
    row_height, legend = 3.9, 0.3 * len({curve.label for chart in charts for curve in chart.curves})
    height = HEADER + rows * row_height + legend + 0.15
    figure = new_figure(height, title, subtitle)
    width = (WIDTH - 2 * MARGIN) / columns
    for number, chart in enumerate(charts):
        row, column = divmod(number, 2)
        bottom = height - HEADER - (row + 1) * row_height + 0.65
        axes = inches(figure, MARGIN + column * width + 0.65, bottom, width - 1.0, row_height - 1.1)
        _draw(axes, chart, _looks(charts))
    _legend(figure, _looks(charts), height)
    return figure


def _looks(charts: Sequence[Chart]) -> dict[str, tuple[str, str]]:
    """Return a colour and a style of line for each label, the same in all charts."""
    labels = dict.fromkeys(curve.label for chart in charts for curve in chart.curves)
    return {
        label: (COLORS[number % len(COLORS)], STYLES[number % len(STYLES)])
        for number, label in enumerate(labels)
    }


def _draw(axes: Axes, chart: Chart, looks: dict[str, tuple[str, str]]) -> None:
    for curve in chart.curves:
        marker = "o" if len(curve.x) <= FEW else ""
        color, style = looks[curve.label]
        axes.plot(curve.x, curve.y, color=color, ls=style, lw=1.5, marker=marker, ms=4, alpha=0.85)
    dress(axes, chart.title, chart.x_label, chart.y_label)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if chart.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if chart.y_range is not None:
        axes.set_ylim(*chart.y_range)
    if chart.percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))


def _legend(figure: Figure, looks: dict[str, tuple[str, str]], height: float) -> None:
    """Name the lines below all charts, one below the other."""
    for number, (label, (color, style)) in enumerate(reversed(looks.items())):
        y = (0.2 + 0.3 * number) / height
        x = (MARGIN + 0.65) / WIDTH
        line = Line2D([x, x + 0.45 / WIDTH], [y, y], color=color, ls=style, lw=1.5)
        figure.add_artist(line)
        figure.text(
            *(x + 0.6 / WIDTH, y, label),
            color=MUTED,
            size=SMALL + 1,
            va="center",
            parse_math=False,
        )
