"""What a terminal sees while something is at work, and what a pipe does not."""

import contextlib
import io
import os
import pty
import sys

import pytest

from sixloops.cli import waiting as room
from sixloops.cli.waiting import last_words, waiting

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


@contextlib.contextmanager
def terminal(monkeypatch):
    """Give the other end of a terminal that stands for the standard error output."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        patched.setattr(room, "STANDARD_ERROR", theirs)
        yield ours
    os.close(ours)


def seen(ours):
    """Return all that the terminal was sent so far."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            parts.append(os.read(ours, 1 << 16))
    return b"".join(parts).decode()


def test_a_terminal_is_told_what_is_done_and_left_as_it_was(monkeypatch, capfd):
    with terminal(monkeypatch) as ours:
        with waiting("net.py:Pool is being examined"):
            sys.stdout.write("of the layer")
        screen = seen(ours)
    assert "net.py:Pool is being examined" in screen
    assert "0:00:0" in screen
    assert screen.rfind(SHOWN) > screen.rfind(HIDDEN) >= 0
    assert capfd.readouterr().out == "of the layer"


def test_a_terminal_is_left_as_it_was_where_the_work_fails(monkeypatch):
    with terminal(monkeypatch) as ours:
        with pytest.raises(KeyboardInterrupt), waiting("…"):
            raise KeyboardInterrupt
        screen = seen(ours)
    assert screen.rfind(SHOWN) > screen.rfind(HIDDEN) >= 0


def test_a_pipe_is_told_nothing(monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with waiting("…"):
        pass
    assert not pipe.getvalue()


def test_the_last_words_show_the_cursor_of_a_terminal(monkeypatch):
    with terminal(monkeypatch) as ours:
        last_words("Error: it took too long.\n")
        screen = seen(ours)
    assert screen.startswith("\r\x1b[2K" + SHOWN + "Error: it took too long.")


def test_the_last_words_are_plain_in_a_pipe(capfd):
    last_words("Error: it took too long.\n")
    assert capfd.readouterr().err == "Error: it took too long.\n"
