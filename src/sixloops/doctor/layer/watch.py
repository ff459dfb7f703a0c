"""The last resort: what happens where not even a signal interrupts a call of the user's code."""

from __future__ import annotations

import contextlib
import faulthandler
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator

BEAT = 0.25
STANDARD_ERROR = 2
LAST_WORDS = 5.0
"""Seconds behind the limit, after which Python's own watch ends the process: compiled code may
keep all threads waiting."""


class Watch:
    """Looks at a clock while a call runs.

    Args:
        limit: seconds after which a call is given up.
        give_up: what is done then, with the name of what was called.
    """

    def __init__(self, limit: float, give_up: Callable[[str], None]) -> None:
        self._limit = limit
        self._give_up = give_up
        self._until = math.inf
        self._name = ""
        self._over = threading.Event()

    @contextlib.contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Watch one call."""
        before = self._until, self._name
        self._name, self._until = name, time.monotonic() + self._limit
        try:
            yield
        finally:
            self._until, self._name = before

    def run(self) -> None:
        """Look at the clock until the end."""
        while not self._over.wait(BEAT):
            self.hold_on()
            if time.monotonic() > self._until:
                self._give_up(self._name)
        with contextlib.suppress(RuntimeError):
            faulthandler.cancel_dump_traceback_later()

    def end(self) -> None:
        """Look no longer."""
        self._over.set()

    def hold_on(self) -> None:
        """Put Python's own watch off, which ends the process with code 1 where this one is stuck.

        That is so where compiled code keeps all other threads waiting.
        """
        # Within a call sys.stderr is another one; and there may be none to write to.
        with contextlib.suppress(RuntimeError, ValueError, OSError):
            faulthandler.dump_traceback_later(
                self._limit + LAST_WORDS, exit=True, file=sys.__stderr__ or STANDARD_ERROR
            )


_watches: list[Watch] = []


@contextlib.contextmanager
def last_resort(limit: float, give_up: Callable[[str], None]) -> Iterator[None]:
    """Watch every guarded call in the block.

    Args:
        limit: seconds after which a call is given up.
        give_up: what is done then, with the name of what was called.
    """
    watch = Watch(limit, give_up)
    watch.hold_on()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)
        watch.end()
        thread.join()


def watched(function: object) -> contextlib.AbstractContextManager[None]:
    """Return what watches one call, where anybody wants that."""
    if not _watches:
        return contextlib.nullcontext()
    return _watches[-1].on(getattr(function, "__name__", "the call"))
