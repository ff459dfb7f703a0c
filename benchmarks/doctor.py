"""What the benchmarks of the doctor share: shares with intervals, and their table."""

from __future__ import annotations

import math

import typer

from benchmarks.records import ROOT, Row
from benchmarks.tables import lines_of

RESULTS = ROOT / "results" / "doctor"

Figures = dict[str, tuple[int, int]]
"""Hits and counts by what they are of."""


def share(rows: list[Row], name: str) -> tuple[int, int]:
    """Return in how many rows something is true, and of how many."""
    return sum(bool(row[name]) for row in rows), len(rows)


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927).

    Examples:
        >>> low, high = wilson(9, 10)
        >>> round(low, 3), round(high, 3)
        (0.596, 0.982)
    """
    if not count:
        return 0.0, 1.0
    p = hits / count
    middle = p + z * z / (2 * count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def table(found: Figures, what: str = "runs") -> str:
    """Return figures as a Markdown table, with Wilson's 95 % intervals."""
    rows = []
    for name, (hits, count) in found.items():
        low, high = wilson(hits, count)
        part = f"{hits / count:.3f}" if count else "–"
        rows.append((name, part, f"{low:.3f}–{high:.3f}", f"{hits} of {count}"))
    return lines_of(("figure", "share", "95 % interval", what), rows)


def check_whole(only: str, write: bool) -> None:
    """Raise where a part shall be recorded, which would look like the whole.

    Raises:
        typer.BadParameter: a part was asked for, and to be recorded.
    """
    if only and write:
        raise typer.BadParameter("A part is not recorded. Leave out --only, or --write.")
