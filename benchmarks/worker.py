"""A process of its own, in which one library does one thing again and again.

``python -m benchmarks.worker`` reads from its input, line by line: first, as JSON, what is to
be done; then the words of a request, each answered by a number. It loads nothing but the
library that is measured, so that a start and its memory are those of a user's program.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Do the work once, say when that was done, and then answer requests."""
    answers = _private_output()
    asked = json.loads(sys.stdin.readline())
    _keep_to(asked["arguments"]["threads"])
    with ExitStack() as stack:
        work = _prepared(asked, stack)
        work()
        _say(answers, time.time())
        for line in sys.stdin:
            _say(answers, _answer(line.split(), work))


def _private_output() -> TextIO:
    """Return the output for answers; what a library prints goes to the errors instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _keep_to(threads: int) -> None:
    """Leave this process as many cores as it shall have threads: some libraries only heed that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _prepared(asked: dict[str, Any], stack: ExitStack) -> Callable[[], object]:
    arguments = asked["arguments"]
    if "case" in arguments:
        from benchmarks.networks import Case

        arguments["case"] = Case(**arguments["case"])
    prepare = getattr(importlib.import_module(asked["module"]), asked["function"])
    prepared: Callable[[], object] = prepare(open_until=stack, **arguments)
    return prepared


def _say(answers: TextIO, number: float) -> None:
    print(number, file=answers, flush=True)


def _answer(request: list[str], work: Callable[[], object]) -> float:
    match request:
        case ["how-often", seconds]:
            return _how_often(work, float(seconds))
        case ["run", times]:
            return _seconds_each(work, round(float(times)))
        case ["memory"]:
            return peak_memory()
        case _:
            raise ValueError(f"A request must be 'how-often', 'run' or 'memory'. Got {request}.")


def _how_often(work: Callable[[], object], seconds: float) -> int:
    """Return how often the work is done in so many seconds; at least once."""
    began, times = time.perf_counter(), 0
    while not times or time.perf_counter() - began < seconds:
        work()
        times += 1
    return times


def _seconds_each(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def peak_memory() -> float:
    """Return the most memory, in MiB, that this process has had at a time (Linux).

    ``ru_maxrss`` would be wrong here: a process begins with the peak of the one that started
    it, and keeps that through ``exec``.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
