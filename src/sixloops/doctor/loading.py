"""Taking a layer out of the file that the user names."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader
from pathlib import Path
from types import ModuleType
from typing import Any

from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.errors import ConfigurationError, FileError

USAGE = "my_cnn.py:MaxPool, my_cnn.py:conv_forward,conv_backward, or my_run.py:make"
PREFIX = "sixloops_doctor_"
"""Begins the names of modules that are made of the user's files."""


@contextmanager
def loaded_for_now() -> Iterator[None]:
    """Forget at the end what was loaded, and put the folders of imports back.

    Until then functions of a file may import what lies beside it.
    """
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        folders = {Path(folder).resolve() for folder in sys.path if folder not in path}
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if name.startswith(PREFIX) or _lies_in(sys.modules[name], folders):
                del sys.modules[name]


def _lies_in(module: Any, folders: set[Path]) -> bool:
    """Say whether a module is the user's own, from one of some folders."""
    file = getattr(module, "__file__", None)
    if not file or module.__name__.partition(".")[0] == "sixloops":
        return False
    parents = Path(file).resolve().parents
    # An environment with installed packages may lie in the same folder.
    installed = any(parent.name in ("site-packages", "dist-packages") for parent in parents)
    return not installed and not folders.isdisjoint(parents)


def load_subject(where: str, guard: Guard) -> Any:
    """Run a file, and return what it is asked for.

    The file's folder, and those that it adds itself, stay on ``sys.path``, as its functions may
    import from there when they are called; :func:`loaded_for_now` puts them back.

    Args:
        where: ``FILE.py:NAME`` or ``FILE.py:FORWARD,BACKWARD``; names may have dots. A
            function whose name has ``forward`` in it finds its partner by itself.
        guard: through which the file is run.

    Returns:
        An object, a class or a pair of functions.

    Raises:
        ConfigurationError: the words or the names are wrong.
        FileError: there is no such file, or it cannot be run.
    """
    path, colon, names = where.rpartition(":")
    if not colon or not names or not path:
        raise ConfigurationError(f"What is examined must be named as {USAGE}. Got {where!r}.")
    file = Path(path)
    if not file.is_file():
        raise FileError(f"There is no file {path}. Check the name.")
    module = _run(file, guard)
    wanted = [name.strip() for name in names.split(",")]
    if len(wanted) > 2:
        raise ConfigurationError(f"At most two names may follow the file: {USAGE}. Got {names!r}.")
    found = [_named(module, name, path) for name in wanted]
    if len(found) == 2:
        return tuple(found)
    partner = _partner(module, wanted[0])
    return (found[0], partner) if partner is not None else found[0]


def _run(file: Path, guard: Guard) -> ModuleType:
    """Run a file as a module that nobody else can import by mistake."""
    name = f"{PREFIX}{re.sub(r'[^a-zA-Z0-9]', '_', file.stem)}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise FileError(f"{file} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    kept = list(sys.path)
    sys.path.insert(0, str(file.resolve().parent))
    try:
        path = guard.call(exec_module, spec.loader, module)
    except Trouble as trouble:
        sys.path[:] = kept
        del sys.modules[name]
        lines = "".join(f"\n  {line}" for line in trouble.lines.splitlines())
        raise FileError(f"The file {file} cannot be run: {trouble.words}{lines}") from None
    sys.path[:] = [*path, *(each for each in kept if each not in path)]
    return module


def exec_module(loader: Loader, module: ModuleType) -> list[str]:
    """Run a module, and return the folders of imports as it leaves them."""
    loader.exec_module(module)
    return list(sys.path)


def _named(module: ModuleType, name: str, path: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            own = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            there = ", ".join(own[:12]) or "nothing"
            raise ConfigurationError(f"{path} has no '{name}'. It has {there}.")
        found = getattr(found, part)
    return found


def _partner(module: ModuleType, name: str) -> Any:
    """Return the backward function that belongs to a forward function, by its name."""
    for word, other in (("forward", "backward"), ("fprop", "bprop"), ("fwd", "bwd")):
        if word in name and callable(getattr(module, name.replace(word, other), None)):
            return getattr(module, name.replace(word, other))
    return next(
        (
            getattr(module, name + end)
            for end in ("_backward", "_prime", "_derivative", "_grad", "_deriv")
            if callable(getattr(module, name + end, None))
        ),
        None,
    )
