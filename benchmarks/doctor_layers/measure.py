"""``python -m benchmarks doctor-layers``."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from benchmarks import doctor, records
from benchmarks.doctor import check_whole, table
from benchmarks.doctor_layers.table import figures, page, silent, times
from benchmarks.doctor_layers.trial import rows as trials
from benchmarks.records import ROOT, Row
from sixloops.files import write_text

PAGE = ROOT / "docs" / "doctor-layer-figures.md"

Only = Annotated[str, typer.Option(help="Only what has this in its group or name.")]
Write = Annotated[bool, typer.Option("--write", help="Record results and the page.")]


def measure_layers(only: Only = "", write: Write = False) -> None:
    """Show the doctor faulty and healthy layers, and count what it says."""
    check_whole(only, write)
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    for row in trials(only):
        rows.append(row)
        _say(row)
    if not rows:
        raise typer.BadParameter(f"No layer has {only!r} in its group or name.")
    typer.echo(f"\n{table(figures(rows), 'layers')}\n{times(rows)}")
    typer.echo(f"Silent faults, which do not count: {len(silent(rows))}")
    if write:
        records.write("layers", records.new_record(rows), doctor.RESULTS)
        write_text(PAGE, page(rows))


def _say(row: Row) -> None:
    good = not row["sick"] if row["kind"] == "healthy" else row["right"] or not row["counts"]
    verdict = row["name"] or ("unknown" if row["sick"] else "healthy")
    note = " (silent)" if row["kind"] == "fault" and not row["counts"] else ""
    mark = " " if good else "*"
    typer.echo(f"{mark} {row['seconds']:5.2f} s  {row['id'][:70]:70} {verdict}{note}")
