"""Measuring in turn: ours, theirs, ours, theirs, each in a process of its own.

Two libraries in one process would fight over threads: those of one still spin while the
other works. So each has a process of its own, and while one measures, the other is stopped.
What disturbs the machine for a while disturbs both.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import statistics
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

SETTLE = 0.2
"""Seconds for which a measurement lasts at least."""


def measure(
    peers: list[str], case: str, batch: int, threads: int, rounds: int
) -> dict[str, list[float]]:
    """Return each peer's times, in seconds a step, of ``rounds`` turns."""
    context = multiprocessing.get_context("spawn")
    times: dict[str, list[float]] = {peer: [] for peer in peers}
    with ExitStack() as stack:
        lines = {}
        for peer in peers:
            line, other = context.Pipe()
            work = (other, peer, case, batch, threads)
            process = context.Process(target=_work, args=work, daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(_wake, process, line, False)
            line.recv()
            os.kill(process.pid, signal.SIGSTOP)
            lines[peer] = process, line
        for _ in range(rounds):
            for peer, (process, line) in lines.items():
                _wake(process, line, True)
                times[peer].append(line.recv())
                os.kill(process.pid, signal.SIGSTOP)
    return times


def _wake(process: SpawnProcess, line: Connection, measures: bool) -> None:
    """Let a stopped process go on: to measure, or to end."""
    os.kill(process.pid, signal.SIGCONT)
    line.send(measures)


def _work(line: Connection, peer: str, case: str, batch: int, threads: int) -> None:
    """Measure whenever asked to, until told to stop."""
    with ExitStack() as stack:
        module = importlib.import_module(f"benchmarks.{peer}")
        step = module.training_step(case, batch, threads, stack)
        began, steps = time.perf_counter(), 0
        while steps < 3 or time.perf_counter() - began < SETTLE:
            step()
            steps += 1
        line.send(True)
        while line.recv():
            began = time.perf_counter()
            for _ in range(steps):
                step()
            line.send((time.perf_counter() - began) / steps)


def spread(times: list[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile."""
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return low, middle, high
