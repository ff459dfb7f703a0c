"""The errors of sixloops: one small tree, one way of wording.

Every message says where, what was expected, what came, and how to mend it. All
errors share the root :class:`SixloopsError`, so ``except SixloopsError`` catches
whatever this library says about the input that it was given.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SixloopsError(Exception):
    """Root of every error that sixloops raises about what it was given."""


class ConfigurationError(SixloopsError, ValueError):
    """A hyper-parameter or an option has a value that makes no sense."""


class ShapeError(SixloopsError, ValueError):
    """An array or a layer's input has the wrong shape.

    Args:
        message: what was expected, what came, how to mend it.
        path: where in the network, outermost part first; put before the message.

    Examples:
        >>> str(ShapeError("The input must be maps.").inside("0").inside("body"))
        'Layer body.0: The input must be maps.'
    """

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        where = f"Layer {'.'.join(path)}: " if path else ""
        super().__init__(where + message)
        self.message = message
        self.path = path

    def inside(self, name: str) -> ShapeError:
        """Return the same error as it is seen from a whole in which it lies in part ``name``."""
        return ShapeError(self.message, (name, *self.path))


class DataError(SixloopsError, ValueError):
    """Images, labels or targets that cannot be trained on."""


class FileError(SixloopsError):
    """A file that is missing, truncated, damaged or of another kind."""


class NonFiniteError(SixloopsError, ArithmeticError):
    """A value that is NaN or infinite came up; the message names where and when."""


def wrong(parameter: str, owner: str, expected: str, got: object, mend: str = "") -> str:
    """Word the message about one wrong value.

    Args:
        parameter: name of the parameter, as the user wrote it.
        owner: what it belongs to: a class, a layer's path, a command.
        expected: what it must be, to follow the word "must".
        got: what came instead.
        mend: a sentence that says how to mend it; may be empty.

    Returns:
        The message.

    Examples:
        >>> wrong("stride", "Conv2D", "be at least 1", 0, "Leave it out for stride 1.")
        "The 'stride' of Conv2D must be at least 1. Got 0. Leave it out for stride 1."
    """
    message = f"The '{parameter}' of {owner} must {expected}. Got {got!r}."
    return f"{message} {mend}" if mend else message


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return a sentence with the choice most like ``name``, or nothing.

    Examples:
        >>> did_you_mean("Conv2d", ["Conv2D", "Dense"])
        " Did you mean 'Conv2D'?"
    """
    near = difflib.get_close_matches(name, choices, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
