"""Charts of some curves side by side, as the recipes draw them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    percentages,
    plain_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = "-", "--", "-.", ":"
"""Curves may lie on each other; these show through."""

NO_LINE = ""
"""The style of points."""

COLORS = BLUE, ORANGE, GREEN, RED, "#6b46c1", "#0987a0", "#975a16", MUTED


MARKED_POINTS = 3
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
class Points:
    """Things that have no order: a dot at the mean of each, a bar from its least to its largest.

    Args:
        label: for the legend; points and curves of one label are named once.
        x: where.
        y: the values of each, one at least.
    """

    label: str
    x: Sequence[float]
    y: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Mark:
    """A level that somebody reported: a thin line across.

    Args:
        y: how much.
        label: written on it.
    """

    y: float
    label: str


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
        marks: levels to compare with.
        y_ticks: the values that are named at the axis; none to choose them here.
        x_names: what 1, 2, … on the x axis stand for; none for the numbers.
        points: what is drawn besides the lines.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    percent: bool = False
    y_range: tuple[float, float] | None = None
    logarithmic: bool = False
    marks: Sequence[Mark] = ()
    y_ticks: Sequence[float] = ()
    x_names: Sequence[str] = ()
    points: Sequence[Points] = ()


def plot_charts(charts: Sequence[Chart], title: str, subtitle: str = "") -> Figure:
    """Draw charts, two in a row.

    Args:
        charts: at least one.
        title: what the picture shows.
        subtitle: a smaller second line.
    """
    rows, columns = -(-len(charts) // 2), min(2, len(charts))
    row_height, legend = 3.9, 0.3 * len(set(_labels(charts)))
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


def _labels(charts: Sequence[Chart]) -> list[str]:
    """Return the labels of all that has a point."""
    drawn: list[Curve | Points] = []
    for chart in charts:
        drawn += (*chart.curves, *chart.points)
    return [each.label for each in drawn if len(each.x)]


def _looks(charts: Sequence[Chart]) -> dict[str, tuple[str, str]]:
    """Return a colour and a style of line for each label, the same in all charts.

    Points have no line, and :data:`NO_LINE` for a style.
    """
    labels = dict.fromkeys(_labels(charts))
    apart = {points.label for chart in charts for points in chart.points}
    return {
        label: (
            COLORS[number % len(COLORS)],
            NO_LINE if label in apart else STYLES[number % len(STYLES)],
        )
        for number, label in enumerate(labels)
    }


def _draw(axes: Axes, chart: Chart, looks: dict[str, tuple[str, str]]) -> None:
    from matplotlib.ticker import FixedLocator

    for curve in filter(lambda curve: len(curve.x), chart.curves):
        marker = "o" if len(curve.x) <= MARKED_POINTS else ""
        color, style = looks[curve.label]
        axes.plot(curve.x, curve.y, color=color, ls=style, lw=1.5, marker=marker, ms=4, alpha=0.85)
    for points in filter(lambda points: len(points.x), chart.points):
        color, _ = looks[points.label]
        means = [statistics.fmean(values) for values in points.y]
        axes.vlines(points.x, *_ranges(points), color=color, lw=1.5, alpha=0.5)
        axes.plot(points.x, means, color=color, ls=NO_LINE, marker="o", ms=5)
    dress(axes, chart.title, chart.x_label, chart.y_label)
    axes.locator_params(axis="x", nbins=8, integer=True)
    if chart.logarithmic:
        axes.set_yscale("log")
        plain_numbers(axes)
    if chart.y_ticks:
        axes.yaxis.set_major_locator(FixedLocator(chart.y_ticks))
    if chart.y_range is not None:
        axes.set_ylim(*chart.y_range)
    if chart.percent:
        percentages(axes)
    if chart.x_names:
        places = range(1, len(chart.x_names) + 1)
        axes.set_xticks(places, chart.x_names, rotation=30, ha="right", rotation_mode="anchor")
    for mark in chart.marks:
        _mark(axes, mark)


def _ranges(points: Points) -> tuple[list[float], list[float]]:
    """Return the least values, and the largest."""
    return [min(values) for values in points.y], [max(values) for values in points.y]


def _mark(axes: Axes, mark: Mark) -> None:
    axes.axhline(mark.y, color=MUTED, lw=0.8, ls=(0, (1, 2)))
    axes.annotate(
        mark.label,
        (1, mark.y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        color=MUTED,
        size=SMALL,
        parse_math=False,
    )


def _legend(figure: Figure, looks: dict[str, tuple[str, str]], height: float) -> None:
    """Name the lines and points below all charts, one below the other."""
    from matplotlib.lines import Line2D

    for number, (label, (color, style)) in enumerate(reversed(looks.items())):
        y = (0.2 + 0.3 * number) / height
        x = (MARGIN + 0.65) / WIDTH
        marker = "o" if style == NO_LINE else ""
        places = [x + 0.225 / WIDTH] if marker else [x, x + 0.45 / WIDTH]
        line = Line2D(places, [y] * len(places), color=color, ls=style, lw=1.5, marker=marker, ms=5)
        figure.add_artist(line)
        figure.text(
            *(x + 0.6 / WIDTH, y, label),
            color=MUTED,
            size=SMALL + 1,
            va="center",
            parse_math=False,
        )
