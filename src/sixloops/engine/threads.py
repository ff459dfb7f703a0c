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
from typing import Any, cast

import numpy as np
from threadpoolctl import ThreadpoolController

from sixloops import checks
from sixloops.engine.kernels import team
from sixloops.engine.program import Program
from sixloops.errors import ConfigurationError
from sixloops.layers.base import Array


def available_threads() -> int:
    """Return how many threads this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _OneBlasThread:
    """NumPy's and SciPy's BLAS have one thread as long as there is any team.

    Teams of several threads of the user's may overlap: the first limits, and the last gives back.
    """

    def __init__(self) -> None:
        self._lock, self._teams, self._limit = threading.Lock(), 0, cast(Any, None)

    def hold(self) -> None:
        """Begin a team."""
        with self._lock:
            if not self._teams:
                self._limit = ThreadpoolController().limit(limits=1, user_api="blas")
            self._teams += 1

    def release(self) -> None:
        """End a team."""
        with self._lock:
            self._teams -= 1
            if not self._teams:
                self._limit.restore_original_limits()


_ONE_BLAS_THREAD = _OneBlasThread()


class Workers:
    """The thread that enters the ``with`` block, and some more that help it.

    Outside a block each program begins its helpers and ends them, so that its bits are the same.
    So it does in a process forked within a block: of the threads only the forking one lives on.

    Args:
        threads: how many in all, up to 256; None for as many as the process may use.

    Raises:
        ConfigurationError: a number of threads under 1, or over 256.
    """

    def __init__(self, threads: int | None = None) -> None:
        count = min(available_threads(), team.MOST_WORKERS) if threads is None else threads
        self.threads = checks.whole_number("threads", "a plan", count, maximum=team.MOST_WORKERS)
        self._control = np.zeros(team.size(self.threads), np.int64)
        self._entered_by: int | None = None
        self._blocks = 0  # two where a process that was forked within one begins its own

    def __enter__(self) -> Workers:
        if self._entered_by == os.getpid():
            raise ConfigurationError(
                "A plan's with block must be left before it is entered again. Got a second with "
                "inside the first. Use the plan that the first one gives."
            )
        # What an earlier block left, such as a job that one of its helpers did not notice before
        # it went home, or a helper whose end Ctrl-C has prevented, has the old one.
        self._control = np.zeros_like(self._control)
        self._control[team.WORKERS] = self.threads - 1
        # A job without phases: what must be compiled is compiled here, by one thread.
        team.take_part(self._control, team.LEADER)
        self._bells = [threading.Semaphore(0) for _ in range(self.threads - 1)]
        self._helpers: list[threading.Thread] = []
        # By now Numba has loaded SciPy's BLAS, too.
        _ONE_BLAS_THREAD.hold()
        try:
            self._begin_helpers()
        except BaseException:
            self._end()
            raise
        self._entered_by, self._blocks = os.getpid(), self._blocks + 1
        return self

    def _begin_helpers(self) -> None:
        for number, bell in enumerate(self._bells):
            given, name = (self._control, bell, number), f"sixloops_{number}"
            helper = threading.Thread(target=self._help, args=given, name=name, daemon=True)
            helper.start()
            self._helpers.append(helper)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered_by = None
        if self._blocks:
            self._blocks -= 1
            self._end()

    def _end(self) -> None:
        """Send all helpers home, and let BLAS have its threads again."""
        self._control[team.STOP] = 1
        for bell in self._bells:
            bell.release()
        for helper in self._helpers:
            helper.join()
        _ONE_BLAS_THREAD.release()

    def _help(self, control: Array, bell: threading.Semaphore, number: int) -> None:
        """Take part in all jobs, and sleep while there are none."""
        next_thing = team.AGAIN
        while next_thing != team.HOME:
            if next_thing == team.SLEEP:
                bell.acquire()
            elif next_thing == team.MOVE:
                self._leave_to_others(control)
            next_thing = team.take_part(control, number)

    def _leave_to_others(self, control: Array) -> None:
        """Move the calling thread to a core that none of the team was last seen on.

        After a pause the system may wake a worker on the leader's core, and leave both there.
        """
        places = range(team.CORES, team.CORES + team.LINE * self.threads, team.LINE)
        allowed = os.sched_getaffinity(0)
        free = allowed - {int(control[place]) for place in places}
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
        before = int(self._control[team.GENERATION])
        try:
            if team.begin(self._control, first, last, images, shares, *program.addresses):
                for number, bell in enumerate(self._bells):
                    if self._control[team.ASLEEP + team.LINE * number]:
                        bell.release()
            team.take_part(self._control, team.LEADER)
        except BaseException:
            self._end_interrupted(before)
            raise

    def _end_interrupted(self, before: int) -> None:
        """Have a job done to its end that Ctrl-C has interrupted, between two steps of Python's.

        The next job would wait for ever for a worker who sleeps through this one.

        Args:
            before: the last job's number before this one.
        """
        if self._control[team.GENERATION] > before:
            for bell in self._bells:
                bell.release()
            team.take_part(self._control, team.LEADER)
