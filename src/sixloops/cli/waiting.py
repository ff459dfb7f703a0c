"""A sign of life on the terminal, while something is at work that prints nothing itself."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sixloops.doctor.layer.watch import STANDARD_ERROR

CLEARED = "\r\x1b[2K\x1b[?25h"
"""Clears a terminal's line and shows its cursor, which is hidden meanwhile."""


@contextlib.contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show what is being done and for how long, and remove it in the end.

    It goes to the standard error output, and only to a terminal. Calls that change where this
    process prints do not see it, and what they print is not touched.
    """
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    console = Console(file=sys.stderr, highlight=False)
    progress = Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with progress:
        progress.add_task(words, total=None)
        yield


def last_words(words: str) -> None:
    """Write to the standard error output as the process ends at once, and show its cursor again."""
    terminal = os.isatty(STANDARD_ERROR)
    with contextlib.suppress(OSError):
        os.write(STANDARD_ERROR, f"{CLEARED if terminal else ''}{words}".encode())
