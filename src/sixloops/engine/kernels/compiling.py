"""How kernels are compiled.

Numba turns a kernel into machine code when it is first called with arrays of a type, and
keeps the code in a cache, so that later runs start at once. Kernels run without Python's
global lock, so that several threads run them side by side.

The compiler must do each operation as it is written: no sum in another order, and no product
fused with a sum but where a kernel says so. What it would make of such a freedom depends on the
processor, and on whether the code was compiled just now or came from the cache; so would the bits.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
import numba.extending
import numpy as np
from numba.core import event, types

from sixloops.engine.kernels.processor import TARGET

PACKAGE = "sixloops.engine.kernels"


def _base_folder() -> Path:
    """Return a folder for compiled code that can be written to.

    Numba refuses to compile where neither the package's own folder nor the user's cache can
    be written to, as with a read-only home; the system's temporary folder then serves.
    """
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sixloops"
        folder = Path(os.environ.get("NUMBA_CACHE_DIR") or base)
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    # A user whom the system does not know has no home: that is a RuntimeError.
    except (OSError, RuntimeError):
        folder = _temporary_folder()
    return folder


def _temporary_folder() -> Path:
    """Return a folder of the user's own among the system's temporary ones.

    Code that is kept is code that is run: where somebody else made the folder, or may write to
    it, this process has a fresh one.
    """
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = Path(tempfile.gettempdir()) / f"sixloops-{'user' if user is None else user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    own = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022
    if user is None or (own and found.st_uid == user):
        return folder
    return Path(tempfile.mkdtemp(prefix="sixloops-"))


BASE = _base_folder()


@functools.cache
def _sources(module: str) -> frozenset[str]:
    """Return the files of a kernel's module and of all kernels that it uses."""
    path = Path(__file__).parent / f"{module}.py"
    text = path.read_text("utf-8")
    used = re.findall(rf"^from {PACKAGE}(?:\.| import )(\w+)", text, re.MULTILINE)
    return frozenset({str(path)}.union(*(_sources(name) for name in used)))


def _folder(function: Callable[..., Any], dtype: str = "") -> Path:
    """Return where the code of ``function`` is kept: where only code of the same sources is.

    Numba compiles a function anew when its own file has changed, but not when a function that
    it calls has. Code for other types of numbers and other processors is elsewhere: of two
    processes that write to one list of a function's codes at once, one could get the other's.

    Args:
        function: what is compiled.
        dtype: the type of numbers that it is compiled for, if for one only.
    """
    digest = hashlib.sha256(" ".join((dtype, *TARGET)).encode())
    for path in sorted(_sources(function.__module__.rpartition(".")[2])):
        digest.update(Path(path).read_bytes())
    return BASE / f"kernels-{digest.hexdigest()[:16]}"


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Have Numba keep in a folder what is compiled in the block."""
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


_told: list[Callable[[str], None]] = []


def tell_of_compilation(module: str) -> None:
    """Tell whoever wants to know that a function of one of our modules is compiled."""
    package, _, name = module.rpartition(".")
    if package == PACKAGE:
        for tell in _told:
            tell(name)


class _Compilations(event.Listener):
    """Tells of each function that this process compiles; not of those that the cache has."""

    def on_start(self, event: event.Event) -> None:
        tell_of_compilation(event.data["dispatcher"].py_func.__module__)

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Compilations())


@contextmanager
def told_of_compilations(tell: Callable[[str], None]) -> Iterator[None]:
    """Have ``tell`` called, within the block, whenever something must be compiled.

    Args:
        tell: takes the name of the kernels' file, such as ``convolution``.
    """
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is first called; its arrays must not overlap."""
    return numba.njit(**_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile ``function`` into the kernels that call it.

    An array is handed to a function in seven pieces, which takes longer than a short function
    works.
    """
    return numba.njit(forceinline=True, **_OPTIONS)(function)


def entry(function: Callable[..., Any]) -> Any:
    """Compile ``function``, which Python calls, with all kernels in it; kept for later runs."""
    with _kept_in(_folder(function)):
        return numba.njit(cache=True, **_OPTIONS)(function)


_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def intrinsic(function: Callable[..., Any]) -> Any:
    """Have ``function`` say in LLVM's terms what a call of it does.

    It takes Numba's typing context and the arguments' types (whole numbers that are known when
    a kernel is compiled, as such), and returns the types of result and arguments, and the
    function that writes the code.
    """
    return numba.extending.intrinsic(prefer_literal=True)(function)


class Instruction:
    """A kernel that a program can call by its address; compiled when it is first asked for.

    Args:
        function: takes where its row is, the first image, how many images, into how many
            shares the batch is cut, how much each image's loss counts, and a pointer of the
            type of the numbers.
    """

    def __init__(self, function: Callable[[int, int, int, int, float, Any], None]) -> None:
        self.function, self.name = function, function.__name__
        self._compiled: dict[str, Any] = {}

    def address(self, dtype: np.dtype[Any]) -> int:
        """Return where the machine code for numbers of a type is."""
        if dtype.name not in self._compiled:
            element = {"float32": types.float32, "float64": types.float64}[dtype.name]
            whole = types.int64
            taken = (whole, whole, whole, whole, types.float64, types.CPointer(element))
            with _kept_in(_folder(self.function, dtype.name)):
                made = numba.cfunc(types.void(*taken), cache=True, **_OPTIONS)(self.function)
            self._compiled[dtype.name] = made
        return int(self._compiled[dtype.name].address)

    def is_kept(self, dtype: np.dtype[Any]) -> bool:
        """Say whether the code for numbers of a type is here, or seems to be in the cache."""
        kept = _folder(self.function, dtype.name).rglob(f"*.{self.name}-*.nbi")
        return dtype.name in self._compiled or any(kept)
