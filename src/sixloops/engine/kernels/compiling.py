"""How kernels are compiled.

Numba turns a kernel into machine code when it is first called with arrays of a type, and
keeps the code in a cache, so that later runs start at once. Kernels run without Python's
global lock, so that several threads run them side by side.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., None])

FAST = {"contract", "nsz"}
"""Sums may use fused multiply-adds; their order, NaN and infinity stay as written."""


def _cache_folder() -> str:
    """Return a folder for compiled code that can be written to.

    Numba refuses to compile where neither the package's own folder nor the user's cache can
    be written to, as with a read-only home; the system's temporary folder then serves.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or base / "sixloops") / _version()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
        folder = Path(tempfile.gettempdir()) / f"sixloops-{user}" / _version()
    return str(folder)


def _version() -> str:
    """Return a name for the kernels as they are now.

    Numba compiles a kernel anew when its own file has changed, but not when a kernel that
    it calls has; so code of different kernels goes into different folders.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return f"kernels-{digest.hexdigest()[:16]}"


def compiled_before() -> bool:
    """Say whether an earlier run has left compiled kernels; else the first steps take longer."""
    return any(Path(numba.config.CACHE_DIR).rglob("*.nbc"))  # type: ignore[attr-defined]


numba.config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]


def kernel(function: Function) -> Function:
    """Compile ``function`` when it is first called; its arrays must not overlap."""
    compiled = numba.njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")(function)
    return cast(Function, compiled)
