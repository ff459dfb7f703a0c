"""What a run was made with: versions and machine, with nothing that names a person."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numba
import numpy as np
from threadpoolctl import threadpool_info

from sixloops.engine.threads import available_threads


def versions() -> dict[str, Any]:
    """Return the versions of what a result may depend on."""
    # SciPy's BLAS is a library of its own, which is there once something has needed it.
    import scipy.linalg

    blas = [
        f"{pool['internal_api']} {pool['version']}"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return {
        "sixloops": _own_version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "blas": sorted(set(blas)),
        "numba": numba.__version__,
        "llvmlite": metadata.version("llvmlite"),
    }


def _own_version() -> str:
    try:
        return metadata.version("sixloops")
    except metadata.PackageNotFoundError:
        return "not installed"


def machine() -> dict[str, Any]:
    """Return the processor, its cores, and the system; no host's or user's name."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "usable_threads": available_threads(),
        "system": platform.system(),
    }


def _processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        listed = ""
    named = re.search(r"^model name\s*:\s*(.+)$", listed, flags=re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()
