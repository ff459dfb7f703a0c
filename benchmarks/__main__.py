"""``python -m benchmarks``: measures; with ``--write`` also records and writes the page."""

from __future__ import annotations

import typer

from benchmarks import page
from benchmarks.doctor_layers.measure import measure_layers
from benchmarks.doctor_runs.measure import measure_cost, measure_runs
from benchmarks.options import Short, Threads, Write

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def everything(
    context: typer.Context, threads: Threads = 2, short: Short = False, write: Write = False
) -> None:
    """Measure sixloops beside the peers that are installed: everything, or one command's part."""
    if context.invoked_subcommand is not None:
        return
    for name in page.MEASUREMENTS:
        page.measurement(name).measure(threads=threads, short=short, write=write)


for _name in page.MEASUREMENTS:
    app.command(_name)(page.measurement(_name).measure)


@app.command("doctor")
def measure_doctor(write: Write = False) -> None:
    """Measure the doctor: layers, what it costs a training, and runs, as on its pages."""
    measure_layers(write=write)
    measure_cost(write=write)
    measure_runs(write=write)


app.command("doctor-layers")(measure_layers)
app.command("doctor-runs")(measure_runs)
app.command("doctor-cost")(measure_cost)


@app.command("page")
def write_page() -> None:
    """Write docs/performance.md and its pictures anew from what is recorded."""
    page.update()


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
