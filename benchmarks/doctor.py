"""What the benchmarks of the doctor share: shares with intervals, their table, the record."""

from __future__ import annotations

import json
import math

from benchmarks.records import ROOT, Row, new_record
from sixloops.files import write_text

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
    lines = [f"| figure | share | 95 % interval | {what} |", "| --- | --- | --- | --- |"]
    for name, (hits, count) in found.items():
        low, high = wilson(hits, count)
        part = f"{hits / count:.3f}" if count else "–"
        lines.append(f"| {name} | {part} | {low:.3f}–{high:.3f} | {hits} of {count} |")
    return "\n".join(lines)


def keep(name: str, rows: list[Row]) -> None:
    """Record what was measured, with what must be known about it."""
    record = new_record(rows)
    write_text(RESULTS / f"{name}.json", json.dumps(record, indent=1) + "\n")
