"""``python -m benchmarks``: measures, and writes JSON and ``docs/performance.md``."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.networks import CASES
from benchmarks.turns import measure, spread
from sixloops.report.machine import machine, versions

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "performance" / "training.json"
PAGE = ROOT / "docs" / "performance.md"
MARKS = "<!-- training -->\n", "<!-- end of training -->\n"


def main(
    cases: Annotated[str, typer.Option(help="Which of the networks, such as ABC.")] = "ABCD",
    threads: Annotated[int, typer.Option(min=1, help="Threads of both.")] = 2,
    rounds: Annotated[int, typer.Option(min=2, help="Turns of each.")] = 9,
    write: Annotated[bool, typer.Option(help="Record the results and the page.")] = False,
) -> None:
    """Measure a training step, ours and theirs in turn."""
    peers = ["ours", *(["pytorch"] if importlib.util.find_spec("torch") else [])]
    unknown = set(cases) - set(CASES)
    if unknown:
        raise typer.BadParameter(f"There is no network {min(unknown)!r}, only {''.join(CASES)}.")
    if write and len(peers) < 2:
        raise typer.BadParameter("To record a comparison, install a peer: pip install torch.")
    rows = []
    for case in cases:
        for batch in CASES[case].batches:
            times = measure(peers, case, batch, threads, rounds)
            each = {peer: [t / batch * 1e6 for t in spread(times[peer])] for peer in peers}
            rows.append({"case": case, "batch": batch, "microseconds": each})
            typer.echo(f"{case} {batch}: " + ", ".join(_words(p, t) for p, t in each.items()))
    if not write:
        return
    names = {peer: importlib.import_module(f"benchmarks.{peer}").NAME for peer in peers}
    recorded = {
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(),
        "peers": names,
        "threads": threads,
        "rows": rows,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _words(peer: str, times: list[float]) -> str:
    low, middle, high = times
    return f"{peer} {middle:.0f} µs an image ({low:.0f} to {high:.0f})"


def table() -> str:
    """Return the recorded measurement as a table."""
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))
    about = recorded["machine"]
    lines = [
        f"`{recorded['command']}` on {about['processor']}, {about['cores']} cores, with "
        f"{recorded['threads']} threads each: {' and '.join(recorded['peers'].values())}. "
        "Microseconds an image, median (lower to upper quartile).\n",
        "| network | batch | sixloops | PyTorch | PyTorch / sixloops |",
        "| --- | --- | --- | --- | --- |",
    ]
    ratios: dict[int, list[float]] = {}
    for row in recorded["rows"]:
        times = row["microseconds"]
        ratio = times["pytorch"][1] / times["ours"][1]
        ratios.setdefault(row["batch"], []).append(ratio)
        cells = [f"{m:.0f} ({low:.0f}–{high:.0f})" for low, m, high in times.values()]
        lines.append(f"| {row['case']} | {row['batch']} | {' | '.join(cells)} | {ratio:.2f} |")
    for batch, each in ratios.items():
        if len(each) > 1:
            mean = math.prod(each) ** (1 / len(each))
            lines.append(f"| geometric mean | {batch} | | | {mean:.2f} |")
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """Return the page's text with the table as it is recorded."""
    begin, end = MARKS
    return page[: page.index(begin) + len(begin)] + table() + page[page.index(end) :]


if __name__ == "__main__":
    typer.run(main)
