"""Threads: workers that take part in a program, and no pool inside a pool.

The kernels' own threads share the work, so the BLAS beneath NumPy, which a user's layer may
call, gets one thread: many-threaded products may round differently from one-threaded ones, and
with both pools at full width they fight.
"""

from __future__ import annotations

import os
import threading
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from sixloops import checks
from sixloops.engine.kernels import team
from sixloops.engine.program import Program
from sixloops.errors import ConfigurationError


def available_threads() -> int:
    """Return how many threads this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """The thread that enters the ``with`` block, and some more that help it.

    Outside a block each program begins its helpers and ends them, so that its bits are the same.
    So it does in a process forked within a block: of the threads only the forking one lives on.

    Args:
        threads: how many in all; None for as many as the process may use.

    Raises:
        ConfigurationError: a number of threads under 1, or over 256.
    """

    def __init__(self, threads: int | None = None) -> None:
        count = available_threads() if threads is None else threads
        self.threads = checks.whole_number("threads", "a plan", count, maximum=team.MOST_WORKERS)
        self._control = np.zeros(team.size(self.threads), np.int64)
        self._entered_by: int | None = None
        self._limits: list[Any] = []

    def __enter__(self) -> Workers:
        if self._entered_by == os.getpid():
            raise ConfigurationError(
                "A plan's with block must be left before it is entered again. Got a second with "
                "inside the first. Use the plan that the first one gives."
            )
        # No helper is there yet. What an earlier block left, such as a job that one of its
        # helpers did not notice before it went home, must not be taken up.
        self._control[:] = 0
        self._control[team.WORKERS] = self.threads - 1
        # A job without phases: what must be compiled is compiled here, by one thread.
        team.take_part(self._control, team.LEADER)
        # By now Numba has loaded SciPy's BLAS, too.
        self._limits.append(ThreadpoolController().limit(limits=1, user_api="blas"))
        self._bells = [threading.Semaphore(0) for _ in range(self.threads - 1)]
        self._helpers: list[threading.Thread] = []
        for number in range(self.threads - 1):
            name = f"sixloops_{number}"
            helper = threading.Thread(target=self._help, args=(number,), name=name, daemon=True)
            helper.start()
            self._helpers.append(helper)
        self._entered_by = os.getpid()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._control[team.STOP] = 1
        for bell in self._bells:
            bell.release()
        for helper in self._helpers:
            helper.join()
        self._entered_by = None
        self._limits.pop().restore_original_limits()

    def _help(self, number: int) -> None:
        """Take part in all jobs, and sleep while there are none."""
        next_thing = team.AGAIN
        while next_thing != team.HOME:
            if next_thing == team.SLEEP:
                self._bells[number].acquire()
            elif next_thing == team.MOVE:
                self._leave_to_others()
            next_thing = team.take_part(self._control, number)

    def _leave_to_others(self) -> None:
        """Move the calling thread to a core that none of the team was last seen on.

        After a pause the system may wake a worker on the leader's core, and leave both there.
        """
        places = range(team.CORES, team.CORES + team.LINE * self.threads, team.LINE)
        allowed = os.sched_getaffinity(0)
        free = allowed - {int(self._control[place]) for place in places}
        if free:
            with suppress(OSError):  # where a process may not choose: it only costs time
                os.sched_setaffinity(0, free)
                os.sched_setaffinity(0, allowed)

    def run(self, program: Program, images: int, shares: int) -> None:
        """Do all of a program for a batch.

        Args:
            program: assembled.
            images: how many the batch has.
            shares: into how many shares it is cut.
        """
        with nullcontext() if self._entered_by == os.getpid() else self:
            self._do_all(program, images, shares)

    def _do_all(self, program: Program, images: int, shares: int) -> None:
        """Do a program's parts one after the other."""
        for part in program.runs:
            if callable(part):
                part(images)
            else:
                self._do(program, *part, images, shares)

    def _do(self, program: Program, first: int, last: int, images: int, shares: int) -> None:
        """Do some phases in a row."""
        if team.begin(self._control, first, last, images, shares, *program.addresses):
            for number, bell in enumerate(self._bells):
                if self._control[team.ASLEEP + team.LINE * number]:
                    bell.release()
        team.take_part(self._control, team.LEADER)
