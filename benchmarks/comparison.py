"""What the comparisons share: who is compared, and what each does."""

from __future__ import annotations

from typing import Any

import typer

from benchmarks.networks import Case
from benchmarks.peers import able
from benchmarks.turns import Work, work_of


def check_peers(peers: list[str], write: bool) -> None:
    """Raise if a comparison is to be recorded in which nobody is compared with.

    Raises:
        typer.BadParameter: PyTorch, which the figures to be reached are about, is missing.
    """
    if write and "pytorch" not in peers:
        raise typer.BadParameter("To record a comparison, install the peer: pip install torch.")


def works_of(peers: list[str], function: str, case: Case, **arguments: Any) -> dict[str, Work]:
    """Return what each peer that can build the case's network does.

    Args:
        peers: their names.
        function: of the peers' files.
        case: the network.
        arguments: of the function, in JSON's types.
    """
    return {peer: work_of(peer, function, case=case, **arguments) for peer in able(peers, case)}
