"""Start-up: from starting Python to the end of the first training step, in a fresh process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

from benchmarks.comparison import check_peers
from benchmarks.networks import CASES
from benchmarks.options import Rounds, Short, Threads, Write
from benchmarks.page import finish
from benchmarks.peers import installed, with_versions
from benchmarks.records import Record, Row, new_record
from benchmarks.tables import Goal, about, compared
from benchmarks.turns import Worker, spread, work_of

MEASURED = "seconds"
WARM = "compiled before"
EMPTY = "with an empty cache, so that it compiles"


def measure(
    threads: Threads = 2, rounds: Rounds = 5, short: Short = False, write: Write = False
) -> None:
    """Start-up: from starting Python to the end of the first training step."""
    peers = installed(short)
    check_peers(peers, write)
    letter, rounds = ("N", 1) if short else ("B", rounds)
    # What this compiles, if anything, is in the cache for all that follow.
    _first_step("ours", letter, threads)
    times: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            times[peer].append(_first_step(peer, letter, threads))
    seconds = {peer: spread(each) for peer, each in times.items()}
    rows: list[Row] = [{"network": letter, "what": WARM, MEASURED: seconds}]
    if not short:
        compiling = [_with_empty_cache(letter, threads) for _ in range(2)]
        rows.append({"network": letter, "what": EMPTY, MEASURED: {"ours": spread(compiling)}})
    finish("startup", new_record(rows, with_versions(peers), threads), write)


def _first_step(
    peer: str, letter: str, threads: int, environment: Mapping[str, str] | None = None
) -> float:
    """Return the seconds until a fresh process has taken a step."""
    work = work_of(peer, "training_step", case=CASES[letter], batch=10, threads=threads)
    with Worker(work, environment) as worker:
        return worker.first()


def _with_empty_cache(letter: str, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _first_step("ours", letter, threads, {"NUMBA_CACHE_DIR": folder})


def section(record: Record) -> str:
    """Return the part of the page."""
    letter = record["rows"][0]["network"]
    return (
        "## Start-up\n\nFrom starting Python to the end of the first training step of network "
        f"{letter} with 10 images, in a fresh process.\n\n{about(record, 'Seconds')}\n"
        f"{compared(record, {'what': ''}, MEASURED)}"
    )


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    wanted = {
        WARM: ("seconds from starting Python to the first step's end", 1.5),
        EMPTY: ("the same on the first run, which compiles", 30),
    }
    return [
        Goal(what, most, most, row[MEASURED]["ours"][1], " s")
        for row in record["rows"]
        for what, most in [wanted[row["what"]]]
    ]
