"""``python -m benchmarks doctor-runs`` and ``doctor-cost``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import doctor, records
from benchmarks.doctor import check_whole, table
from benchmarks.doctor_runs.cost import costs
from benchmarks.doctor_runs.table import figures, goals, page
from benchmarks.doctor_runs.trial import healthy_runs, sick_runs
from benchmarks.records import ROOT, Row
from sixloops.files import write_text

Seeds = Annotated[str, typer.Option(help="Seeds, such as 3,4; thresholds were set on 1 and 2.")]
Data = Annotated[str, typer.Option(help="Data sets, such as mnist,fashion_mnist.")]
Only = Annotated[str, typer.Option(help="Only faults and runs whose name has this in it.")]
Write = Annotated[bool, typer.Option("--write", help="Record results and the page.")]


def measure_runs(
    seeds: Seeds = "10,11",
    data: Data = "mnist,fashion_mnist",
    only: Only = "",
    out: Annotated[Path | None, typer.Option(help="A file for the runs, as JSON.")] = None,
    write: Write = False,
) -> None:
    """Plant every fault, run everything healthy, and count what the doctor says."""
    check_whole(only, write)
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    for name in data.split(","):
        for seed in map(int, seeds.split(",")):
            for some in (sick_runs(name, seed, only), healthy_runs(name, seed, only)):
                for row in some:
                    rows.append(row)
                    _say(row)
    typer.echo(goals(rows))
    typer.echo(table(figures(rows)))
    if out is not None:
        write_text(out, json.dumps(rows))
    if write:
        records.write("runs", records.new_record(rows), doctor.RESULTS)
        _write_page()


def measure_cost(rounds: int = 3, only: Only = "", write: Write = False) -> None:
    """Measure how much longer a training takes with the doctor, in turns."""
    check_whole(only, write)
    rows = []
    for row in costs(rounds, only):
        rows.append(row)
        spread = f"quartiles {row['low']:+.2%} and {row['high']:+.2%} of {row['rounds']} rounds"
        typer.echo(f"{row['case']:20} {row['seconds']:7.2f} s  {row['cost']:+.2%}, {spread}")
    if write:
        records.write("cost", records.new_record(rows), doctor.RESULTS)
        _write_page()


def _write_page() -> None:
    """Write the page anew from what is recorded."""
    runs, cost = (records.read(name, doctor.RESULTS) for name in ("runs", "cost"))
    if runs is not None:
        text = page(runs["rows"], None if cost is None else cost["rows"])
        write_text(ROOT / "docs" / "doctor-figures.md", text)


def _say(row: Row) -> None:
    verdict = row["name"] or ("unknown" if row["sick"] else "healthy")
    if row["kind"] == "fault":
        good = row["right"] if row["counts"] else True
        note = f"{row['twin']:.2f} → {row['accuracy']:.2f} → {row['after'] or 0:.2f}"
        note += "" if row["counts"] else " silent"
    else:
        good, note = not row["sick"], f"{row['accuracy']:.2f}"
    mark = " " if good else "*"
    line = f"{mark} {row['id']:22} {row['network']:10} {row['data']:6} {note:26} {verdict}"
    typer.echo(line)
