"""The figures of the doctor of layers, and their page."""

from __future__ import annotations

import json
from statistics import median

from benchmarks import doctor
from benchmarks.doctor import Figures, share, table
from benchmarks.records import Row
from benchmarks.tables import lines_of

GROUPS = {
    "": "all",
    "planted": "planted in the library",
    "independent": "strangers' code",
    "own": "layers of sixloops",
}
"""What the rows are of, by their group; the first is all of them."""


LONGEST = 80
"""Characters of a name in a table."""


def figures(rows: list[Row]) -> Figures:
    """Return hits and counts by what they are of, in total and for each group."""
    found: Figures = {}
    for group, words in GROUPS.items():
        some = [row for row in rows if row["group"] == group or not group]
        counted = [row for row in some if row["counts"]]
        if counted:
            found[f"{words}: faults detected"] = share(counted, "sick")
            found[f"{words}: named rightly, first answer"] = share(counted, "right")
            found[f"{words}: named wrongly"] = share(counted, "wrong")
        healthy = [row for row in some if row["kind"] == "healthy"]
        if healthy:
            found[f"{words}: healthy alarmed"] = share(healthy, "sick")
    return found


def silent(rows: list[Row]) -> list[Row]:
    """Return the faults that do nothing."""
    return [row for row in rows if row["kind"] == "fault" and not row["counts"]]


def times(rows: list[Row]) -> str:
    """Return a Markdown table of the seconds that one layer takes."""
    cells = []
    for group, words in GROUPS.items():
        some = [row for row in rows if row["group"] == group or not group]
        if not some:
            continue
        middle, worst = median(row["seconds"] for row in some), max(some, key=_seconds)
        seconds = f"{middle:.2f} s", f"{worst['seconds']:.2f} s"
        cells.append((words, *seconds, _cell(worst["id"])))
    return lines_of(("layers", "median", "worst", "which"), cells)


def _seconds(row: Row) -> float:
    return float(row["seconds"])


def _cell(words: str) -> str:
    """Return words as code in a table; of a layer of layers, the beginning."""
    short = words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
    return f"`{short}`".replace("|", "\\|")


def by_fault(rows: list[Row]) -> str:
    """Return a Markdown table of the faults by their number in the list of fifty."""
    lines = []
    faults = [row for row in rows if row["kind"] == "fault"]
    for number in sorted({row["number"] for row in faults}, key=lambda n: n or LAST):
        every = [row for row in faults if row["number"] == number]
        some = [row for row in every if row["counts"]]
        counts = [share(some, name)[0] for name in ("sick", "right", "wrong")]
        lines.append((number or "–", TITLES[number], len(some), *counts, len(every) - len(some)))
    head = "no.", "fault", "layers", "detected", "named", "wrongly", "silent"
    return lines_of(head, lines)


def left_open(rows: list[Row]) -> str:
    """Return a Markdown list of all that the doctor did not get right."""
    lines = [f"- {_cell(row['id'])}: {_fate(row)}" for row in rows if _fate(row)]
    return "\n".join(lines) or "Nothing."


def _fate(row: Row) -> str:
    if row["kind"] == "healthy":
        return f"healthy, but alarmed: {row['name'] or 'without a name'}" if row["sick"] else ""
    if not row["counts"]:
        return "silent: it does what its sound twin does"
    if not row["sick"]:
        return "not detected"
    if row["right"]:
        return ""
    return f"named wrongly, {row['name']}" if row["wrong"] else "detected, but not named"


def draws() -> str:
    """Return a Markdown table of what the doctor said of code that was new to it."""
    path = doctor.RESULTS / "held-out-draws.json"
    every = json.loads(path.read_text(encoding="utf-8"))["draws"]
    keys = "draw", "faulty", "named", "named_wrongly", "undetected", "twins_alarmed"
    cells = [["?" if draw[key] is None else draw[key] for key in keys] for draw in every]
    head = "draw", "faults", "named rightly", "named wrongly", "not detected", "twins alarmed"
    named, faults = (sum(draw[key] for draw in every) for key in ("named", "faulty"))
    low, high = doctor.wilson(named, faults)
    total = f"Named rightly, all draws: {named / faults:.2f} ({low:.2f}–{high:.2f})."
    remarks = {draw["remark"]: None for draw in every}
    listed = "\n".join(f"- {remark}." for remark in remarks if remark)
    return f"{lines_of(head, cells)}\n{total}\n\n{listed}"


def page(rows: list[Row]) -> str:
    """Return the whole page."""
    return PAGE.format(
        layers=len(rows),
        silent=len(silent(rows)),
        figures=table(figures(rows), "layers"),
        times=times(rows),
        faults=by_fault(rows),
        open=left_open(rows),
        draws=draws(),
    )


LAST = 99
"""After which number those come that are not in the list."""
TITLES = {
    0: "not in the list of fifty",
    1: "mean pooling not divided by the window's area",
    2: "overlapping windows assigned, not added",
    3: "every tied winner gets the error",
    4: "a return, or an array made anew, inside the loop",
    5: "switches without the batch's index",
    6: "wrong axes after a reshape",
    7: "kernel not turned in dX",
    8: "dW turned",
    9: "wrong channel",
    10: "padding of the wrong side",
    11: "patches in a wrong order",
    12: "images or positions mixed",
    13: "gradient of the last image or position alone",
    14: "db summed over every axis",
    15: "bias never updated",
    16: "the error from above dropped",
    17: "slope at the wrong place, or twice",
    18: "slope forgotten",
    19: "weights updated before they are used",
    20: "softmax: the diagonal alone",
    21: "softmax twice",
    22: "sum for a mean, or a mean for a sum",
    23: "sign",
    24: "normalisation: mean or variance held constant",
    25: "an array overwritten in place",
    26: "something else returned",
    29: "gradients not cleared",
    30: "(n, 1) against (n,)",
    31: "softmax shifted by the maximum of all",
    32: "logarithm of 0",
}
"""The faults that layers can have, by their number."""

PAGE = """# How well the doctor of layers does

`sixloops doctor layer` looks at {layers} layers: faults that are planted in the library, each with
its sound twin; code that shares nothing with the library, written as users write it, each piece
faulty and mended; and the layers of sixloops themselves. A fault is detected if the verdict is not
"healthy". It is named rightly if the *first* answer says what was done; a bare number without a
cause is no name. A fault counts if it does anything: the same calls go to the faulty code and to
its twin, on ordinary inputs, on ties, on far and sure scores, twice each, and outputs, gradients
and the arrays handed over are compared. Silent faults, which do not count: {silent}.

`python -m benchmarks doctor-layers --write` measures all this and writes this page; every row is
in [results/doctor/layers.json](../results/doctor/layers.json).

The bounds: detected at least 0.99, healthy ones alarmed 0, named at least 0.9, 2 seconds a layer.

{figures}
## Time

Of one layer, checked and named, with everything that happens between.

{times}
## By fault

{faults}
## What is left

{open}

## Code that was new to the doctor

The figures above are of code whose mistakes the doctor has met, if only after it was written. This
is what it said the first time, before anything was mended. Counted once, before mending.

{draws}
"""
