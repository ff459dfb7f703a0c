"""How long a search may go on: by the processor's time, so that a busy machine changes nothing."""

from __future__ import annotations

import time

WAITING = 4.0
"""How many times longer it may take by the clock, where the user's code waits for something."""


class Budget:
    """Time that is being used up from now on.

    Args:
        seconds: of this thread on the processor.

    Examples:
        >>> Budget(60.0).is_over(), Budget(0.0).is_over()
        (False, True)
    """

    def __init__(self, seconds: float) -> None:
        self._worked = time.thread_time() + seconds
        self._waited = time.monotonic() + WAITING * seconds

    def is_over(self) -> bool:
        """Say whether it is used up."""
        return time.thread_time() >= self._worked or time.monotonic() >= self._waited
