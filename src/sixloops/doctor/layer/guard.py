"""Calls of code that nobody has checked yet.

Whatever it does, raise, exit, print, warn, loop for ever, change the process's global
settings, comes out of :meth:`Guard.call` as a result or as :class:`Trouble`, and the
settings are put back.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from sixloops import checks
from sixloops.doctor.layer.watch import watched
from sixloops.errors import ConfigurationError, wrong

OURS = Path(__file__).parents[2]
PLANTED = OURS / "doctor" / "faults"
PATIENCE = 8.0
LAST_LINES = 6


class Trouble(Exception):  # noqa: N818  (it is theirs, not an error of this library)
    """What the user's code did instead of returning.

    Args:
        kind: ``"raised"``, ``"endless"``, ``"exited"``, ``"stuck"`` where backward raised what
            forward did not, or what was missing or of the wrong kind.
        words: what happened, in one line.
        lines: the traceback, shortened to the user's lines.
        where: in which of the user's functions; empty where the caller knows.
    """

    def __init__(self, kind: str, words: str, lines: str = "", where: str = "") -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.lines = lines
        self.where = where


class _OutOfTimeError(BaseException):
    """Raised by the clock inside the user's code; not for ``except Exception``."""


LONGEST = 1e6
"""Seconds that a call may be given; a system's clocks reach not much further."""


@dataclass
class Guard:
    """Calls the user's functions, and remembers which settings they changed.

    Args:
        seconds: how long one call may take, where a clock can interrupt it (in the main
            thread, on systems with ``setitimer``).
        changed: filled with the global settings that a call left changed.
        seed: where np.random stands when a call begins; None for where it is. Generators that
            are rewound begin there, too, and so does Python's own.
        left: where the last call left np.random, and Python's own generator.
    """

    seconds: float = PATIENCE
    changed: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    left: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        if not checks.is_number(self.seconds) or not 0 < self.seconds <= LONGEST:
            expected = f"be a number above 0 and at most {LONGEST:,.0f}"
            raise ConfigurationError(wrong("seconds", "doctor", expected, self.seconds))

    def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call ``function``.

        Raises:
            Trouble: it raised, exited or did not end.
        """
        before = _settings()
        try:
            with self._quiet(), watched(function), _clock(self.seconds):
                return function(*args, **named)
        except _OutOfTimeError as error:
            words = f"it was still running after {self.seconds:g} seconds"
            raise Trouble("endless", words, _user_lines(error)) from None
        except KeyboardInterrupt:
            raise
        except SystemExit as error:
            words = f"it ended the program: sys.exit({error.code!r})"
            raise Trouble("exited", words, _user_lines(error)) from None
        except BaseException as error:
            message = str(error) or "no message"
            words = f"{type(error).__name__}: {_shortened(message)}"
            raise Trouble("raised", words, _user_lines(error) or written_at(function)) from None
        finally:
            self._restore(before)

    def _restore(self, before: dict[str, Any]) -> None:
        after = _settings()
        for name, (value, put_back) in before.items():
            if name in after and after[name][0] != value:
                self.changed.setdefault(name, _change(value, after[name][0]))
                with contextlib.suppress(OSError, ValueError, TypeError):
                    put_back(value)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Swallow what is printed and warned of; leave the random numbers as they were."""
        state = np.random.get_state()  # noqa: NPY002  (the user's code may draw from it)
        own = random.getstate()
        if self.seed is not None:
            np.random.seed(self.seed)  # noqa: NPY002
            random.seed(self.seed)
        sink, stdout, stderr = io.StringIO(), sys.stdout, sys.stderr
        sys.stdout = sys.stderr = sink
        # With no limits of its own here, a change that stays is the user's.
        limits = np.seterr(all="ignore")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._take_back(sink, stdout, stderr, limits)
            left = np.random.get_state()[1].tobytes()  # type: ignore[index]  # noqa: NPY002
            self.left = left, random.getstate()
            np.random.set_state(state)  # noqa: NPY002
            random.setstate(own)

    @staticmethod
    def _take_back(sink: object, stdout: Any, stderr: Any, limits: Any) -> None:
        """Put back what this class has changed, but not what the user's code has."""
        if sys.stdout is sink:
            sys.stdout = stdout
        if sys.stderr is sink:
            sys.stderr = stderr
        if set(np.geterr().values()) == {"ignore"}:
            np.seterr(**limits)


def _change(before: Any, after: Any) -> str:
    """Say what has changed, and only that."""
    if not isinstance(before, dict):
        return f"from {before} to {after}"
    before, after = _decoded(before), _decoded(after)
    names = [n for n in {**before, **after} if before.get(n) != after.get(n)]
    return ", ".join(f"{n} from {before.get(n)} to {after.get(n)}" for n in names)


def _settings() -> dict[str, Any]:
    """Return the process's settings by name, each with the function that sets it."""
    settings: dict[str, Any] = {
        "np.seterr": (dict(np.geterr()), lambda value: np.seterr(**value)),
        "sys.setrecursionlimit": (sys.getrecursionlimit(), sys.setrecursionlimit),
        "sys.path": (tuple(sys.path), lambda value: sys.path.__setitem__(slice(None), value)),
        "sys.stdout": (sys.stdout, lambda value: setattr(sys, "stdout", value)),
        "sys.stderr": (sys.stderr, lambda value: setattr(sys, "stderr", value)),
        "os.environ": (_environment(), _set_environment),
    }
    with contextlib.suppress(OSError):
        settings["os.chdir"] = (str(Path.cwd()), os.chdir)
    return settings


def _environment() -> dict[Any, Any]:
    """Return the environment as it is kept, which is faster by far than to decode it each time."""
    return dict(vars(os.environ).get("_data", os.environ))


def _set_environment(value: dict[Any, Any]) -> None:
    os.environ.clear()
    os.environ.update(_decoded(value))


def _decoded(environment: dict[Any, Any]) -> dict[str, Any]:
    """Return names and values as text; what is no bytes stays."""
    return {_text(name): _text(each) for name, each in environment.items()}


def _text(each: Any) -> Any:
    return os.fsdecode(each) if isinstance(each, bytes) else each


@contextlib.contextmanager
def _clock(seconds: float) -> Iterator[None]:
    """Interrupt the block after ``seconds``, again and again, where that is possible."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _OutOfTimeError

    kept = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, kept)


def _shortened(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 200 else f"{line[:197]}..."


def _user_lines(error: BaseException) -> str:
    """Return the traceback without this library's lines, and without the libraries' below."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)
    ]
    shown = [f"{Path(f.filename).name}, line {f.lineno}, in {f.name}: {f.line}" for f in frames]
    if isinstance(error, SyntaxError) and error.filename and _is_theirs(error.filename):
        text = (error.text or "").strip()
        shown.append(f"{Path(error.filename).name}, line {error.lineno}: {text}")
    return "\n".join(shown[-LAST_LINES:])


def _is_theirs(filename: str) -> bool:
    """Say whether a file is the user's: not ours, no library's, not Python's machinery."""
    path = Path(filename)
    ours = path.is_relative_to(OURS) and not path.is_relative_to(PLANTED)
    return not (ours or "site-packages" in path.parts or filename.startswith("<frozen "))


def written_at(function: object) -> str:
    """Return where the user wrote a function, for errors that are raised before its first line."""
    code = getattr(function, "__code__", None)
    if code is None or not _is_theirs(code.co_filename):
        return ""
    return f"{Path(code.co_filename).name}, line {code.co_firstlineno}, in {code.co_name}"
