"""The figures of the doctor of runs, and their table."""

from __future__ import annotations

from statistics import median

from benchmarks.doctor import Figures, share, table, wilson
from benchmarks.doctor_runs.published import TOOLS
from benchmarks.records import Row
from benchmarks.tables import Goal, lines_of


def figures(rows: list[Row]) -> Figures:
    """Return hits and counts by what they are of."""
    faults = [r for r in rows if r["kind"] == "fault"]
    counted = [r for r in faults if r["counts"]]
    silent = [r for r in faults if not r["counts"]]
    healthy = [r for r in rows if r["kind"] == "healthy"]
    hard = [r for r in healthy if r["hard"]]
    tried = [r for r in counted if r["after"] is not None]
    found: Figures = {
        "sick runs detected": share(counted, "sick"),
        "named rightly, first answer": share(counted, "right"),
        "healthy runs alarmed": share(healthy, "sick"),
        "of these the hard ones": share(hard, "sick"),
        "the named fix restores the accuracy (of all sick)": share(counted, "restored"),
        "the named fix restores the accuracy (where one can be tried)": share(tried, "restored"),
        "silent faults named too": share(silent, "right"),
        "callback beside fit: detected": share(counted, "beside_sick"),
        "callback beside fit: named": share(counted, "beside_right"),
        "callback beside fit: healthy alarmed": share(healthy, "beside_sick"),
        "signals alone: detected": share(counted, "signals_sick"),
        "signals alone: named": share(counted, "signals_right"),
        "signals alone: healthy alarmed": share(healthy, "signals_sick"),
    }
    for tool in TOOLS:
        found[f"{tool}: detected"] = (sum(bool(r["tools"][tool]) for r in counted), len(counted))
        found[f"{tool}: healthy alarmed"] = (
            sum(bool(r["tools"][tool]) for r in healthy), len(healthy)
        )  # fmt: skip
    return found


GOALS = (
    ("sick runs detected", 0.95, 0.98),
    ("healthy runs alarmed", 0.02, 0.005),
    ("named rightly, first answer", 0.75, 0.85),
    ("the named fix restores the accuracy (of all sick)", 0.75, 0.9),
)
"""Figures with what they must reach and what is aimed at."""
COST_GOALS = (("median", 0.02, 0.01), ("worst", 0.05, 0.03))
"""The same of what the doctor costs a training, over networks and lengths of runs."""


def goals(rows: list[Row], costs: list[Row] | None = None) -> str:
    """Return a Markdown table of what must be reached, beside what is."""
    lines = []
    found = figures(rows)
    for name, must, aim in GOALS:
        hits, count = found[name]
        low, high = wilson(hits, count)
        share_of = hits / max(count, 1)
        here = f"{share_of:.3f} ({low:.3f}–{high:.3f})" if count else "–"
        words = Goal(name, must, aim, share_of).words() if count else "not measured"
        sign = "≤" if must > aim else "≥"
        lines.append((name, f"{sign} {must}", f"{sign} {aim}", here, words))
    shares = sorted(row["cost"] for row in costs or ())
    for name, must, aim in COST_GOALS if shares else ():
        here = median(shares) if name == "median" else shares[-1]
        cost = Goal(f"cost in a training run, {name} of {len(shares)}", must, aim, here)
        bounds = f"≤ {must:.0%}", f"≤ {aim:.0%}"
        lines.append((cost.what, *bounds, f"{here:.1%}", cost.words()))
    return lines_of(("figure", "must reach", "aim", "here", ""), lines)


def cost_table(costs: list[Row]) -> str:
    """Return what the doctor costs as a Markdown table."""
    cells = []
    for row in costs:
        spread = f"{row['low']:+.2%} to {row['high']:+.2%}"
        times = f"{row['seconds']:.2f}", f"{row['cost']:+.2%}"
        cells.append((row["case"], *times, spread, row["rounds"]))
    head = "run", "seconds without, twice", "longer with the doctor", "quartiles", "rounds"
    return lines_of(head, cells)


def by_fault(rows: list[Row]) -> str:
    """Return a Markdown table of the planted faults."""
    lines = []
    faults = {r["id"]: r["number"] for r in rows if r["kind"] == "fault"}
    for fault, number in sorted(faults.items(), key=lambda pair: (pair[1], pair[0])):
        every = [r for r in rows if r["id"] == fault and r["kind"] == "fault"]
        some = [r for r in every if r["counts"]]
        counts = [sum(bool(r[name]) for r in some) for name in ("sick", "right", "restored")]
        lines.append((fault, number, len(some), *counts, len(every) - len(some)))
    head = "fault", "no.", "runs that suffer", "detected", "named", "mended", "silent runs"
    return lines_of(head, lines)


def page(rows: list[Row], costs: list[Row] | None = None) -> str:
    """Return the whole page, without the part on costs where these have not been measured."""
    seeds = sorted({row["seed"] for row in rows})
    data = sorted({row["data"] for row in rows})
    return PAGE.format(
        seeds=",".join(map(str, seeds)),
        data=",".join(data),
        figures=table(figures(rows)),
        faults=by_fault(rows),
        goals=goals(rows, costs),
        cost=COST.format(table=cost_table(costs)) if costs else "",
    )


PAGE = """# How well the doctor of runs does

Every fault of `sixloops doctor show` is planted in each of four small networks that it fits (dense,
LeNet with mean pooling, LeNet with max pooling, convolution with batch normalisation), beside
healthy runs, half of them hard ones that look sick. The thresholds were set on seeds 1 and 2, and
what seeds 3 to 8, 10, 11, 31 and 32 showed was mended too; here are
seeds {seeds}, on {data}. A planted fault counts if the accuracy is more than 5 points below its
healthy twin's, or if it harms what is reported; the others are silent. A fix restores if the
accuracy comes within 3 points of the twin's.
`python -m benchmarks doctor-runs --seeds {seeds} --data {data} --write` writes this page, and every
row is in [results/doctor/runs.json](../results/doctor/runs.json).

{goals}
"Signals alone" is without proofs about parts of the user's own and without experiments; "callback"
is `Doctor()` beside `fit`, held to its usual share of the time. The rules of other tools run on the
same evidence, and are only asked whether they alarm.

{figures}
## By fault

{faults}{cost}"""
COST = """
## What it costs a training

Trainings of MNIST on one thread, without the doctor, with it, with it and without, round by round;
the share by which the two with it take longer, as the median over rounds. The verdict at the end
is part of it. `python -m benchmarks doctor-cost --write` measures this.

{table}"""
