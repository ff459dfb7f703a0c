"""Options that several measurements share."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.networks import CASES, Case

Cases = Annotated[str, typer.Option(help=f"Which of the networks {''.join(CASES)}.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of every library.")]
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each.")]
Short = Annotated[bool, typer.Option("--short", help="Only see that it works, in seconds.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Leave out the libraries that take long to compile.")
]
Write = Annotated[bool, typer.Option("--write", help="Record the results and the page.")]

SETTLE = 0.2
"""Seconds that a turn lasts about, if a single call does not last longer."""
BRIEFLY = 0.01
"""The same in the short form, whose times say nothing."""


def turns(rounds: int, short: bool) -> tuple[int, float]:
    """Return how many turns each has, and the seconds that a turn lasts about."""
    return (1, BRIEFLY) if short else (rounds, SETTLE)


def chosen(cases: str) -> dict[str, Case]:
    """Return the networks of some letters.

    Raises:
        typer.BadParameter: there is no network of that letter.
    """
    unknown = sorted(set(cases) - set(CASES))
    if unknown:
        raise typer.BadParameter(f"There is no network {unknown[0]!r}, only {''.join(CASES)}.")
    return {letter: CASES[letter] for letter in cases}
