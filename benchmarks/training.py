"""A training step: forward, backward, plain SGD."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.comparison import check_peers, works_of
from benchmarks.networks import ALL, POSTS
from benchmarks.options import Cases, Quick, Rounds, Short, Threads, Write, chosen, turns
from benchmarks.page import finish
from benchmarks.peers import installed, with_versions
from benchmarks.records import Record, new_record
from benchmarks.tables import (
    Goal,
    about,
    compared,
    compared_rows,
    geometric_mean,
    ratio,
)
from benchmarks.turns import in_turn
from sixloops.report.style import BLUE, INK, dress, inches, new_figure

MEASURED = "microseconds"


def measure(
    cases: Cases = ALL,
    threads: Threads = 2,
    rounds: Rounds = 9,
    short: Short = False,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Training steps: forward, backward, plain SGD."""
    peers = installed(short or quick)
    check_peers(peers, write)
    rounds, seconds = turns(rounds, short)
    rows = []
    for letter, case in chosen("A" if short else cases).items():
        for batch in case.batches[:1] if short else case.batches:
            works = works_of(peers, "training_step", case, batch=batch, threads=threads)
            times = in_turn(works, rounds, seconds, scale=1e6 / batch)
            rows.append({"case": letter, "batch": batch, MEASURED: times})
    finish("training", new_record(rows, with_versions(peers), threads), write)


def section(record: Record) -> str:
    """Return the part of the page."""
    table = compared(record, {"case": "network", "batch": "batch"}, MEASURED)
    blanks = "| " * len(record["peers"])
    means = "".join(
        f"| geometric mean of {', '.join(POSTS)} | {batch} {blanks}| {mean:.2f} |\n"
        for batch, mean in _means(record).items()
    )
    return f"## Training steps\n\n{about(record, 'Microseconds an image')}\n{table}{means}"


def _means(record: Record) -> dict[int, float]:
    """Return, by batch size, the mean ratio over the posts' networks, where all are there."""
    ratios: dict[int, list[float]] = {}
    for row in compared_rows(record, MEASURED):
        if row["case"] in POSTS:
            ratios.setdefault(row["batch"], []).append(ratio(row, MEASURED))
    return {
        batch: geometric_mean(each) for batch, each in ratios.items() if len(each) == len(POSTS)
    }


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    wanted = {10: (6, 10), 64: (3.5, 5.5), 256: (2.5, 4.5)}
    found = [
        Goal(f"A, B, C at batch {batch}: PyTorch's time / ours, mean", *wanted[batch], mean)
        for batch, mean in _means(record).items()
    ]
    for letters, what, required, aim in (
        (POSTS, "the worst single cell of these", 2.2, 4),
        ("D", "network D, the worse of its batches", 1.1, 1.5),
        ("R", "the residual network R, the worse of its batches", 1, 1.5),
    ):
        rows = [row for row in compared_rows(record, MEASURED) if row["case"] in letters]
        if rows:
            found.append(Goal(what, required, aim, min(ratio(row, MEASURED) for row in rows)))
    return found


def picture(record: Record) -> Figure:
    """Draw how many times our time PyTorch takes."""
    figure = new_figure(4.6, "Training steps", "how many times sixloops' time PyTorch takes")
    axes = inches(figure, 0.85, 0.75, 10.9, 2.8)
    rows = compared_rows(record, MEASURED)
    axes.bar(range(len(rows)), [ratio(row, MEASURED) for row in rows], 0.6, color=BLUE)
    axes.axhline(1, color=INK, linewidth=1)
    dress(axes, "", "network and batch", "PyTorch's time / ours")
    axes.set_xticks(range(len(rows)), [f"{row['case']}\n{row['batch']}" for row in rows])
    return figure
