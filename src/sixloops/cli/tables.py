"""Tables whose cells are never cut."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

WIDEST = 100_000
"""Columns of text: wider than any table."""


def print_whole(table: Table) -> None:
    """Print a table as wide as it is: a pipe has no width, and a narrow terminal breaks lines."""
    console = Console(highlight=False, soft_wrap=True)
    options = console.options.update(max_width=WIDEST)
    width = Measurement.get(console, options, table).maximum
    Console(highlight=False, width=max(width, console.width)).print(table)
