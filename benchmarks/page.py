"""``docs/performance.md``: what was recorded, between markers; the text around is by hand."""

from __future__ import annotations

import importlib
from types import ModuleType

import typer

from benchmarks import records
from benchmarks.networks import CASES
from benchmarks.records import ROOT, Record
from benchmarks.tables import lines_of
from sixloops.files import write_text
from sixloops.report.style import save_figure

MEASUREMENTS = (
    "training",
    "epoch",
    "prediction",
    "startup",
    "memory",
    "growth",
    "pooling",
    "accuracy",
    "product",
)
"""Each is a file here with ``measure``, which is a command, ``section(record)``, which returns
Markdown, ``goals(record)``, and perhaps ``picture(record)``, a figure."""

PAGE = ROOT / "docs" / "performance.md"


def measurement(name: str) -> ModuleType:
    """Return a measurement's file."""
    return importlib.import_module(f"benchmarks.{name}")


def finish(name: str, record: Record, write: bool) -> None:
    """Show what was measured, and keep it if that is asked for."""
    typer.echo(measurement(name).section(record))
    if write:
        records.write(name, record)
        update()


def recorded() -> dict[str, Record]:
    """Return the records of all measurements that have one."""
    found = {name: records.read(name) for name in MEASUREMENTS}
    return {name: record for name, record in found.items() if record is not None}


def update() -> None:
    """Write the page and its pictures anew from what is recorded."""
    for name, record in recorded().items():
        module = measurement(name)
        if hasattr(module, "picture"):
            save_figure(module.picture(record), PAGE.parent / picture_name(name))
    write_text(PAGE, updated(PAGE.read_text(encoding="utf-8")))


def picture_name(name: str) -> str:
    """Return the name of a measurement's picture, beside the page."""
    return f"performance-{name}.png"


def updated(page: str) -> str:
    """Return the page's text with all tables as they are recorded."""
    parts = {"networks": networks(), "summary": summary()}
    parts |= dict.fromkeys(MEASUREMENTS, "")
    parts |= {name: _part(name, record) for name, record in recorded().items()}
    for name, text in parts.items():
        page = _between_marks(page, name, text)
    return page


def _part(name: str, record: Record) -> str:
    """Return a measurement's part of the page."""
    module = measurement(name)
    text: str = module.section(record)
    if not hasattr(module, "picture"):
        return text
    first_line = str(module.__doc__).partition("\n")[0]
    return f"{text}\n![{first_line}]({picture_name(name)})\n"


def _between_marks(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return page[: page.index(begin) + len(begin)] + text + page[page.index(end) :]


def networks() -> str:
    """Return the table that says what the networks are."""
    rows = (
        (letter, case.about, "×".join(map(str, case.input_shape))) for letter, case in CASES.items()
    )
    return lines_of(("network", "what it is", "images"), rows)


def summary() -> str:
    """Return the table of what is to be reached and what is."""
    goals = [
        goal for name, record in recorded().items() for goal in measurement(name).goals(record)
    ]
    head = "what, with PyTorch in eager mode", "must be", "aim", "is", ""
    return lines_of(head, (goal.cells() for goal in goals))
