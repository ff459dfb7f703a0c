"""One layer under the doctor's eyes, and what is counted of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.doctor_layers.silent import is_silent
from benchmarks.doctor_layers.subjects import Subject, subjects
from benchmarks.records import Row
from sixloops.doctor import check_layer

NUMBER_ONLY = "constant-factor"
"""The id of what says a number but no cause: it counts as no name."""


def rows(only: str = "") -> Iterator[Row]:
    """Show the doctor everything whose group and name have ``only`` in them."""
    for subject in subjects():
        if only in f"{subject.group} {subject.id}":
            yield _row(subject)


def _row(subject: Subject) -> Row:
    began = time.perf_counter()
    verdict = check_layer(subject.code, **subject.hints)
    seconds = time.perf_counter() - began
    faulty = subject.number is not None
    named = verdict.name not in ("", NUMBER_ONLY)
    right = faulty and named and subject.is_right(verdict)
    return {
        "group": subject.group,
        "kind": "fault" if faulty else "healthy",
        "id": subject.id,
        "number": subject.number,
        "counts": faulty and not is_silent(subject.code, subject.twin, subject.hints),
        "sick": not verdict.healthy,
        "name": verdict.name,
        "right": right,
        "wrong": faulty and named and not right,
        "recognised": verdict.recognised,
        "seconds": round(seconds, 4),
    }
