"""Measuring in turn: ours, theirs, ours, theirs, each in a process of its own.

Two libraries in one process would fight over threads: those of one still spin while the
other works. So each has a process of its own, and while one measures, the other is stopped.
What disturbs the machine for a while disturbs both.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.networks import Case
from benchmarks.records import ROOT

Spread = list[float]
"""Lower quartile, median and upper quartile."""


@dataclass(frozen=True)
class Work:
    """What a worker does: ``module.function(open_until=…, **arguments)`` returns it.

    Args:
        module: where the function is.
        function: its name; it returns a function without arguments, which is timed.
        arguments: JSON's types, and ``case``, a :class:`Case`; ``threads`` must be among them.
    """

    module: str
    function: str
    arguments: Mapping[str, Any]

    def as_line(self) -> str:
        """Return this as one line of JSON."""
        arguments = {
            name: dataclasses.asdict(value) if isinstance(value, Case) else value
            for name, value in self.arguments.items()
        }
        return json.dumps(dataclasses.asdict(self) | {"arguments": arguments})


def work_of(peer: str, function: str, **arguments: Any) -> Work:
    """Return what a peer's file does."""
    return Work(f"benchmarks.peers.{peer}", function, arguments)


class Worker:
    """A process that does some work when asked, and is stopped otherwise.

    To be used in a ``with`` block, at whose end the process has ended.

    Args:
        work: what it does.
        environment: variables that it sees besides this process's own.

    Raises:
        RuntimeError: from its methods; the process ended by itself.
    """

    def __init__(self, work: Work, environment: Mapping[str, str] | None = None) -> None:
        self._began = time.time()
        self._name = f"{work.function} of {work.module}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._tell(work.as_line())

    def first(self) -> float:
        """Wait until the work has been done once; return the seconds since starting Python."""
        return self._answer() - self._began

    def ask(self, request: str) -> float:
        """Return the answer to a request; see :mod:`benchmarks.worker`."""
        self._process.send_signal(signal.SIGCONT)
        self._tell(request)
        return self._answer()

    def _tell(self, line: str) -> None:
        print(line, file=self._process.stdin, flush=True)

    def _answer(self) -> float:
        """Wait for an answer, and stop the process."""
        stdout = self._process.stdout
        answer = stdout.readline() if stdout else ""
        if not answer:
            raise RuntimeError(f"The worker for {self._name} ended; its error stands above.")
        self._process.send_signal(signal.SIGSTOP)
        return float(answer)

    def close(self) -> None:
        """End the process."""
        self._process.send_signal(signal.SIGCONT)
        self._process.communicate()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_turn(
    works: Mapping[str, Work], rounds: int, seconds: float, scale: float = 1.0
) -> dict[str, Spread]:
    """Return how long each work takes.

    Args:
        works: by name.
        rounds: turns of each.
        seconds: that a turn lasts about, if a single call does not last longer.
        scale: by what the seconds are multiplied.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(work)) for name, work in works.items()}
        # Side by side, as nothing is measured yet; who has done it once is stopped.
        for worker in workers.values():
            worker.first()
        often = {name: worker.ask(f"how-often {seconds}") for name, worker in workers.items()}
        for _ in range(rounds):
            for name, worker in workers.items():
                times[name].append(worker.ask(f"run {often[name]}"))
    return {name: spread(each, scale) for name, each in times.items()}


def spread(times: list[float], scale: float = 1.0) -> Spread:
    """Return lower quartile, median and upper quartile, each multiplied by ``scale``."""
    return [scale * float(value) for value in np.percentile(times, (25, 50, 75))]
