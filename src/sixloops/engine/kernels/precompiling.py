"""Kernels compiled by several processes side by side, into the cache.

Numba compiles one function at a time, whatever the number of threads. So a first run hands the
kernels that it needs to processes of their own, one after the other to whichever is free, and
then finds them in the cache. What goes wrong there does not matter: a kernel that is not in the
cache is compiled where it is needed.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from sixloops.engine.kernels.compiling import Instruction, tell_of_compilation

WORTH = 3
"""Kernels for which it is worth to start a process."""


def compile_side_by_side(
    instructions: Iterable[Instruction], dtype: np.dtype[Any], processes: int
) -> None:
    """Have kernels that the cache does not have compiled.

    Args:
        instructions: what will be needed.
        dtype: of the numbers.
        processes: how many may work at once.
    """
    missing = [each for each in dict.fromkeys(instructions) if not each.is_kept(dtype)]
    count = min(processes, len(missing) // WORTH)
    if count < 2 or not sys.executable:
        return
    waiting, lock = iter(missing), threading.Lock()
    with ThreadPoolExecutor(count) as pool:
        for _ in range(count):
            pool.submit(_hand_over, waiting, dtype.name, lock)


def _hand_over(waiting: Iterator[Instruction], dtype: str, lock: threading.Lock) -> None:
    """Have a process compile what waits, one after the other, until nothing does."""
    root = str(Path(__file__).parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    with (
        suppress(OSError),
        subprocess.Popen(  # noqa: S603  (this very file)
            [sys.executable, "-P", "-m", __name__],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        for instruction in waiting:
            module = instruction.function.__module__
            with lock:
                tell_of_compilation(module)
            print(module, instruction.name, dtype, file=process.stdin, flush=True)
            if not process.stdout or not process.stdout.readline():
                return


def _compile_what_is_asked_for() -> None:
    for line in sys.stdin:
        module, name, dtype = line.split()
        getattr(importlib.import_module(module), name).address(np.dtype(dtype))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _compile_what_is_asked_for()
