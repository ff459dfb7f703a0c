"""Peak memory of a process that trains."""

from __future__ import annotations

from benchmarks.comparison import check_peers
from benchmarks.options import Cases, Quick, Rounds, Short, Threads, Write, chosen
from benchmarks.page import finish
from benchmarks.peers import able, installed, with_versions
from benchmarks.records import Record, Row, new_record
from benchmarks.tables import Goal, about, compared, compared_rows, ratio
from benchmarks.turns import Work, Worker, spread, work_of

MEASURED = "mebibytes"
STEPS = 10


def measure(
    cases: Cases = "BD",
    threads: Threads = 2,
    rounds: Rounds = 3,
    short: Short = False,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Peak resident memory of a process that trains some steps."""
    peers = installed(short or quick)
    check_peers(peers, write)
    rows: list[Row] = []
    for letter, case in chosen("N" if short else cases).items():
        batch = case.batches[-1]
        arguments = {"case": case, "batch": batch, "threads": threads}
        works = {p: work_of(p, "training_step", **arguments) for p in able(peers, case)}
        peaks = {
            peer: spread([_peak(work) for _ in range(1 if short else rounds)])
            for peer, work in works.items()
        }
        rows.append({"case": letter, "batch": batch, MEASURED: peaks})
    finish("memory", new_record(rows, with_versions(peers), threads), write)


def _peak(work: Work) -> float:
    """Return the peak of a fresh process."""
    with Worker(work) as worker:
        worker.first()
        worker.ask(f"run {STEPS}")
        return worker.ask("memory")


def section(record: Record) -> str:
    """Return the part of the page."""
    return (
        f"## Memory\n\nThe peak resident memory of a process that trains {STEPS} steps: Python, "
        f"the library, and its arrays.\n\n{about(record, 'MiB')}\n"
        f"{compared(record, {'case': 'network', 'batch': 'batch'}, MEASURED)}"
    )


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    shares = [1 / ratio(row, MEASURED) for row in compared_rows(record, MEASURED)]
    what = "peak memory of a training process, the worse of B and D: ours / PyTorch's"
    return [Goal(what, 0.6, 0.3, max(shares))] if shares else []
