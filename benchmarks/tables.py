"""Markdown tables of what was measured, and figures beside what must and should be reached."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.records import Record, Row


@dataclass(frozen=True)
class Goal:
    """A figure that is to be reached.

    Args:
        what: which.
        required: what it must be.
        aim: what it should be.
        reached: what it is; None where it was not reached at all.
        unit: written behind the figures.
    """

    what: str
    required: float
    aim: float
    reached: float | None
    unit: str = ""

    def words(self) -> str:
        """Return how far it is reached."""
        # Where the aim lies below what is required, less is better.
        sign = 1 if self.aim > self.required else -1
        if self.reached is None or sign * self.reached < sign * self.required:
            return "not yet"
        return "aim reached" if sign * self.reached >= sign * self.aim else "reached"

    def cells(self) -> tuple[str, ...]:
        """Return this as a row of a table."""
        reached = "–" if self.reached is None else f"{number(self.reached)}{self.unit}"
        required, aim = (f"{value:g}{self.unit}" for value in (self.required, self.aim))
        return self.what, required, aim, reached, self.words()


def number(value: float) -> str:
    """Return a figure with three digits that count, and all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def spread_cell(times: Sequence[float]) -> str:
    """Return median and, in brackets, lower and upper quartile."""
    low, middle, high = map(number, times)
    return f"{middle} ({low}–{high})"


def lines_of(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table."""
    heading = list(head)
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines)


def names(record: Record) -> dict[str, str]:
    """Return the peers' names without their versions."""
    return {peer: about.rpartition(" ")[0] for peer, about in record["peers"].items()}


def about(record: Record, unit: str) -> str:
    """Return the line above a table: the command, the machine, the libraries, the unit."""
    machine = record["machine"]
    *first, last = record["peers"].values()
    peers = f"{', '.join(first)} and {last}" if first else last
    threads = f"{record['threads']} thread{'s' if record['threads'] > 1 else ''} each"
    return (
        f"`{record['command']}` on {machine['processor']}, {machine['cores']} cores, with "
        f"{threads}: {peers}. {unit}, median (lower to upper quartile).\n"
    )


def compared(record: Record, labels: dict[str, str], measured: str) -> str:
    """Return a table with a column a peer, and how many times our time PyTorch takes.

    Args:
        record: its rows have the peers' spreads under ``measured``.
        labels: the keys of the rows that come first, with the columns' headings.
        measured: the key of the spreads.
    """
    peers = names(record)
    ratios = ["PyTorch / sixloops"] if "pytorch" in peers else []
    rows = [
        [
            *(str(row[key]) for key in labels),
            *(spread_cell(row[measured][p]) if p in row[measured] else "–" for p in peers),
            *(_ratio_cell(row, measured) for _ in ratios),
        ]
        for row in record["rows"]
    ]
    return lines_of([*labels.values(), *peers.values(), *ratios], rows)


def _ratio_cell(row: Row, measured: str) -> str:
    return f"{ratio(row, measured):.2f}" if "pytorch" in row[measured] else "–"


def ratio(row: Row, measured: str) -> float:
    """Return PyTorch's median divided by ours."""
    theirs, ours = row[measured]["pytorch"][1], row[measured]["ours"][1]
    return float(theirs / ours)


def compared_rows(record: Record, measured: str) -> list[Row]:
    """Return the rows in which both we and PyTorch stand."""
    return [row for row in record["rows"] if {"ours", "pytorch"} <= row[measured].keys()]


def geometric_mean(values: Sequence[float]) -> float:
    """Return the number whose logarithm is the mean of the values' logarithms."""
    return math.prod(values) ** (1 / len(values))
