"""The figures of the doctor of runs, and their table."""

from __future__ import annotations

from benchmarks.doctor_runs.published import TOOLS
from benchmarks.doctor_runs.trial import wilson
from benchmarks.records import Row

Figures = dict[str, tuple[int, int]]


def figures(rows: list[Row]) -> Figures:
    """Return hits and counts by what they are of."""
    faults = [r for r in rows if r["kind"] == "fault"]
    counted = [r for r in faults if r["counts"]]
    silent = [r for r in faults if not r["counts"]]
    healthy = [r for r in rows if r["kind"] == "healthy"]
    hard = [r for r in healthy if r["hard"]]
    tried = [r for r in counted if r["after"] is not None]
    found: Figures = {
        "sick runs detected": _share(counted, "sick"),
        "named rightly, first answer": _share(counted, "right"),
        "healthy runs alarmed": _share(healthy, "sick"),
        "of these the hard ones": _share(hard, "sick"),
        "the named fix restores the accuracy (of all sick)": _share(counted, "restored"),
        "the named fix restores the accuracy (where one can be tried)": _share(tried, "restored"),
        "silent faults named too": _share(silent, "right"),
        "callback beside fit: detected": _share(counted, "beside_sick"),
        "callback beside fit: named": _share(counted, "beside_right"),
        "callback beside fit: healthy alarmed": _share(healthy, "beside_sick"),
        "signals alone: detected": _share(counted, "signals_sick"),
        "signals alone: named": _share(counted, "signals_right"),
        "signals alone: healthy alarmed": _share(healthy, "signals_sick"),
    }
    for tool in TOOLS:
        found[f"{tool}: detected"] = (sum(bool(r["tools"][tool]) for r in counted), len(counted))
        found[f"{tool}: healthy alarmed"] = (
            sum(bool(r["tools"][tool]) for r in healthy), len(healthy)
        )  # fmt: skip
    return found


def _share(rows: list[Row], name: str) -> tuple[int, int]:
    return sum(bool(row[name]) for row in rows), len(rows)


def table(found: Figures) -> str:
    """Return the figures as a Markdown table, with Wilson's 95 % intervals."""
    lines = ["| figure | share | 95 % interval | runs |", "| --- | --- | --- | --- |"]
    for name, (hits, count) in found.items():
        low, high = wilson(hits, count)
        share = f"{hits / count:.3f}" if count else "–"
        lines.append(f"| {name} | {share} | {low:.3f}–{high:.3f} | {hits} of {count} |")
    return "\n".join(lines)


def by_fault(rows: list[Row]) -> str:
    """Return a Markdown table of the planted faults."""
    lines = [
        "| fault | no. | runs that suffer | detected | named | mended | silent runs |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    faults = {r["id"]: r["number"] for r in rows if r["kind"] == "fault"}
    for fault, number in sorted(faults.items(), key=lambda pair: (pair[1], pair[0])):
        every = [r for r in rows if r["id"] == fault and r["kind"] == "fault"]
        some = [r for r in every if r["counts"]]
        counts = [sum(bool(r[name]) for r in some) for name in ("sick", "right", "restored")]
        cells = [fault, number, len(some), *counts, len(every) - len(some)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def page(rows: list[Row]) -> str:
    """Return the whole page."""
    seeds = sorted({row["seed"] for row in rows})
    data = sorted({row["data"] for row in rows})
    return PAGE.format(
        seeds=", ".join(map(str, seeds)),
        data=", ".join(data),
        figures=table(figures(rows)),
        faults=by_fault(rows),
    )


PAGE = """# How well the doctor of runs does

Every fault of `sixloops doctor show` is planted in each of four small networks that it fits (dense,
LeNet with mean pooling, LeNet with max pooling, convolution with batch normalisation), beside
healthy runs, half of them hard ones that look sick. The thresholds were set on seeds 1 and 2; here
are seeds {seeds}, on {data}. A planted fault counts if the accuracy is more than 5 points below its
healthy twin's, or if it harms what is reported; the others are silent. A fix restores if the
accuracy comes within 3 points of the twin's. `python -m benchmarks doctor-runs --write` writes
this page.

"Signals alone" is without proofs about parts of the user's own and without experiments; "callback"
is `Doctor()` beside `fit`, with a hundredth of the time. The rules of other tools run on the same
evidence, and are only asked whether they alarm.

{figures}

## By fault

{faults}
"""
