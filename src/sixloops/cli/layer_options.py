"""What the command line says of a layer's settings and input, read."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from sixloops.errors import ConfigurationError


def read_arguments(given: Sequence[str]) -> dict[str, Any]:
    """Read settings as the command line gives them.

    Raises:
        ConfigurationError: one has no ``=``.

    Examples:
        >>> read_arguments(["size=2", "mode=max", "shape=(3, 8, 6)"])
        {'size': 2, 'mode': 'max', 'shape': (3, 8, 6)}
    """
    read: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.isidentifier():
            raise ConfigurationError(f"--argument must be NAME=VALUE, as in size=2. Got {each!r}.")
        read[name] = _value(value)
    return read


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read_shape(text: str | None) -> tuple[int, ...] | None:
    """Read a shape such as ``2,3,8,6``.

    Raises:
        ConfigurationError: it is no row of whole numbers of at least 1.
    """
    if text is None:
        return None
    parts = re.split(r"[,x×\s]+", text.strip(" ()"))
    if not all(part.isdecimal() and int(part) >= 1 for part in parts):
        raise ConfigurationError(
            f"--input must be whole numbers of at least 1, as in 2,3,8,6. Got {text!r}."
        )
    return tuple(int(part) for part in parts)
