"""Prediction: how long one image takes, and how long each of many."""

from __future__ import annotations

from benchmarks.comparison import check_peers, works_of
from benchmarks.networks import POSTS
from benchmarks.options import Cases, Quick, Rounds, Short, Threads, Write, chosen, turns
from benchmarks.page import finish
from benchmarks.peers import installed, with_versions
from benchmarks.records import Record, new_record
from benchmarks.tables import Goal, about, compared, compared_rows, ratio
from benchmarks.turns import in_turn

MEASURED = "microseconds"
MANY = 1024


def measure(
    cases: Cases = POSTS,
    threads: Threads = 2,
    rounds: Rounds = 9,
    short: Short = False,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Prediction: of one image (latency) and of many (throughput)."""
    peers = installed(short or quick)
    check_peers(peers, write)
    rounds, seconds = turns(rounds, short)
    rows = []
    for letter, case in chosen("A" if short else cases).items():
        for images in (1,) if short else (1, MANY):
            works = works_of(peers, "prediction", case, images=images, threads=threads)
            times = in_turn(works, rounds, seconds, scale=1e6 / images)
            rows.append({"case": letter, "images": images, MEASURED: times})
    finish("prediction", new_record(rows, with_versions(peers), threads), write)


def section(record: Record) -> str:
    """Return the part of the page."""
    labels = {"case": "network", "images": "images at once"}
    return (
        "## Prediction\n\nFrom images to probabilities: ours through `Plan.predict`; with "
        "many images, all libraries take 256 at a time.\n\n"
        f"{about(record, 'Microseconds an image')}\n{compared(record, labels, MEASURED)}"
    )


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    rows = [
        row
        for row in compared_rows(record, MEASURED)
        if row["images"] == 1 and row["case"] in POSTS
    ]
    if not rows:
        return []
    what = "one image's prediction, the worst of A, B, C: PyTorch's time / ours"
    return [Goal(what, 5, 10, min(ratio(row, MEASURED) for row in rows))]
