"""Writes the README's table from the recorded runs: ``make results``.

A recorded run is a folder here with the ``configuration.json``, ``evaluation.json`` and
``history.jsonl`` of its run folder.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

RESULTS = Path(__file__).parent
README = RESULTS.parent / "README.md"
MARKS = "<!-- results -->\n", "<!-- end of results -->\n"


def row(run: Path) -> str:
    """Return one recorded run as a line of the table."""
    configuration = json.loads((run / "configuration.json").read_text(encoding="utf-8"))
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    last = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    seconds = json.loads(last)["seconds"]
    command, machine = configuration["commands"][0], configuration["machine"]
    cores = machine["cores"]
    return (
        f"| `{command}` | {evaluation['accuracy']:.2%} | {seconds:.0f} s | "
        f"{machine['processor']}, {cores} cores |\n"
    )


def table() -> str:
    """Return the whole table, the best run first."""
    runs = [path.parent for path in RESULTS.glob("*/evaluation.json")]
    rows = sorted((row(run) for run in runs), key=lambda line: line.split("|")[2], reverse=True)
    head = "| command | test accuracy | training time | machine |\n| --- | --- | --- | --- |\n"
    return head + "".join(rows)


def updated(readme: str) -> str:
    """Return the README's text with the table as the recorded runs have it."""
    begin, end = MARKS
    return re.sub(f"(?s){begin}.*{end}", lambda _: begin + table() + end, readme)


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
