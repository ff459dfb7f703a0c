"""Descriptions: frozen hyper-parameters that are written as JSON and read back.

Layers, losses, initialisers, optimisers, schedules, regularisers and
augmentations are all *descriptions*: frozen dataclasses with nothing in them
but hyper-parameters. This module turns any of them into plain data and back.
Reading builds only the classes that the caller names: a file is data, never code.
"""

from __future__ import annotations

import math
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np

from sixloops.errors import ConfigurationError, did_you_mean


class UnknownKindError(ConfigurationError):
    """A file names a class that may not be built, perhaps one of the user's own.

    Args:
        message: as for every error.
        name: the class's name.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Description:
    """Base of everything that is described by its hyper-parameters alone."""


def to_data(value: Any) -> Any:
    """Turn a description, or a plain value in one, into JSON's types.

    Args:
        value: a description, a number, a string, None, or a tuple or list of these.

    Returns:
        The same as dictionaries, lists and plain values; a description becomes
        a dictionary with its class name under ``"type"``.

    Raises:
        ConfigurationError: a hyper-parameter of another type, or a class that is no dataclass.

    Examples:
        >>> from sixloops.layers import LeakyReLU
        >>> to_data(LeakyReLU(slope=0.1))
        {'type': 'LeakyReLU', 'slope': 0.1}
    """
    return _plain(value, "What is written to a file")


def _plain(value: Any, what: str) -> Any:
    """Do so; ``what`` begins the error."""
    if isinstance(value, Description):
        kind = type(value)
        _check_written_as_dataclass(kind)
        _check_names(kind)
        named = {
            field.name: _plain(getattr(value, field.name), f"The '{field.name}' of {kind.__name__}")
            for field in fields(value)
        }
        return {"type": kind.__name__, **named}
    if isinstance(value, tuple | list):
        return [_plain(item, what) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item(), what)
    finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, bool | int | float | str) and finite):
        return value
    raise ConfigurationError(
        f"{what} must be a finite number, a word, a description, None, or a tuple of these, as it "
        f"is kept in files. Got {reprlib.repr(value)}. An array that a layer needs is built in its "
        "methods, or is one of its initial parameters."
    )


def _check_written_as_dataclass(kind: type[Description]) -> None:
    """Raise for an ``__init__`` by hand: what it takes would be missing in the file."""
    if "__init__" in vars(kind) and "__dataclass_fields__" not in vars(kind):
        raise ConfigurationError(
            f"The class {kind.__name__} must be a dataclass, so that its hyper-parameters can be "
            "written to a file. Got one with an __init__ of its own. Write "
            "@dataclass(frozen=True) over it, and its hyper-parameters as fields."
        )


def _check_names(kind: type[Description]) -> None:
    """Raise for names that a file gives another meaning."""
    if "type" in (field.name for field in fields(kind)):
        raise ConfigurationError(
            f"The hyper-parameters of {kind.__name__} must have other names than 'type', under "
            "which a file has the class's own name. Rename it."
        )
    taken = any(each.__name__ == kind.__name__ for each in _ours(Description))
    if taken and not kind.__module__.startswith("sixloops."):
        raise ConfigurationError(
            f"The class {kind.__name__} of {kind.__module__} must have another name than "
            f"sixloops' own {kind.__name__}: reading the file again would build that one. "
            "Rename it."
        )


def _ours(kind: type[Description]) -> Iterator[type[Description]]:
    """Give the library's own classes that derive from one, but those of its doctor and recipes."""
    for each in kind.__subclasses__():
        package, _, rest = each.__module__.partition(".")
        if package == "sixloops" and rest.partition(".")[0] not in ("doctor", "recipes"):
            yield each
        yield from _ours(each)


def from_data(data: Any, kinds: Iterable[type[Description]]) -> Any:
    """Build a description from what :func:`to_data` made of it.

    Args:
        data: JSON's types.
        kinds: the classes that may be built.

    Returns:
        The description.

    Raises:
        ConfigurationError: a type that is not among ``kinds``, a missing or an
            unknown hyper-parameter, or one with a wrong value.

    Examples:
        >>> from sixloops.layers import LeakyReLU
        >>> from_data({"type": "LeakyReLU", "slope": 0.1}, [LeakyReLU])
        LeakyReLU(slope=0.1)
    """
    return _build(data, {kind.__name__: kind for kind in kinds})


def completed(data: Any) -> Any:
    """Add to data that an older version wrote the hyper-parameters that have come since.

    Their defaults mean what was done before there was a choice.

    Args:
        data: as :func:`to_data` made it, or with such data in it.

    Returns:
        The same with the defaults of all that lacks in sixloops' own descriptions; but those
        whose name says two things, such as ``Constant``, stay as they are.

    Examples:
        >>> from sixloops.layers import LeakyReLU
        >>> completed([{"type": "LeakyReLU"}, {"type": "Unknown"}])
        [{'type': 'LeakyReLU', 'slope': 0.01}, {'type': 'Unknown'}]
        >>> completed({"type": "Constant"})  # a schedule or an initialiser
        {'type': 'Constant'}
    """
    kinds = list(_ours(Description))
    names = Counter(kind.__name__ for kind in kinds)
    return _complete(data, {kind.__name__: kind for kind in kinds if names[kind.__name__] == 1})


def _complete(data: Any, kinds: Mapping[str, type[Description]]) -> Any:
    if isinstance(data, list):
        return [_complete(item, kinds) for item in data]
    if not isinstance(data, dict):
        return data
    given = {key: _complete(item, kinds) for key, item in data.items()}
    kind = kinds.get(str(data.get("type")))
    known = () if kind is None else fields(kind)
    lacking = [f for f in known if f.name not in given and f.default is not MISSING]
    return given | {f.name: to_data(f.default) for f in lacking}


def _build(data: Any, kinds: Mapping[str, type[Description]]) -> Any:
    if isinstance(data, list):
        return tuple(_build(item, kinds) for item in data)
    if not isinstance(data, dict):
        return data
    name = data.get("type")
    if not isinstance(name, str) or name not in kinds:
        known = ", ".join(sorted(kinds))
        own = " A class of your own must be named when reading: pass it in 'kinds'."
        message = (
            f"The 'type' of a description must be one of {known}. Got {name!r}."
            f"{did_you_mean(str(name), kinds) or own}"
        )
        if isinstance(name, str) and name.isidentifier():
            raise UnknownKindError(message, name)
        raise ConfigurationError(message)
    values = {key: _build(item, kinds) for key, item in data.items() if key != "type"}
    return _construct(kinds[name], values)


def _construct(kind: type[Description], values: dict[str, Any]) -> Description:
    accepted = [field.name for field in fields(kind)]
    for key in values:
        if key not in accepted:
            raise ConfigurationError(
                f"{kind.__name__} has no hyper-parameter {key!r}. It has: "
                f"{', '.join(accepted) or 'none'}.{did_you_mean(key, accepted)}"
            )
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigurationError(f"{kind.__name__} cannot be built: {error}.") from error
