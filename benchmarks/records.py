"""What was measured, as JSON in a folder of ``results/``, one file a measurement."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, TypeAlias

from sixloops.files import write_text
from sixloops.report.machine import machine, versions

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "performance"

Row: TypeAlias = dict[str, Any]
Record: TypeAlias = dict[str, Any]
"""``command``, ``machine``, ``versions``, ``peers`` (name and version), ``threads``, ``rows``."""


def new_record(
    rows: list[Row], peers: dict[str, str] | None = None, threads: int | None = None
) -> Record:
    """Return what was measured with what must be known about it.

    Args:
        rows: the measurements, in JSON's types.
        peers: by the key that they have in the rows, what people call them, with the version;
            None where none are compared.
        threads: of every library; None where it is each run's own.
    """
    compared = {} if peers is None else {"peers": peers, "threads": threads}
    return {
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(),
        **compared,
        "rows": rows,
    }


def read(name: str, folder: Path | None = None) -> Record | None:
    """Return a measurement's record; None if it has not been recorded."""
    path = (folder or RESULTS) / f"{name}.json"
    if not path.exists():
        return None
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def write(name: str, record: Record, folder: Path | None = None) -> None:
    """Keep a measurement's record, whole or not at all."""
    write_text((folder or RESULTS) / f"{name}.json", json.dumps(record, indent=1) + "\n")
