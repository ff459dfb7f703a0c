"""Whole numbers that several threads share: read, written and counted up undivided."""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import ExternalFunction

from sixloops.engine.kernels.compiling import intrinsic
from sixloops.engine.kernels.vectors import pointer_to

ORDER = "seq_cst"


@intrinsic
def load(_: Any, array: Any, index: Any) -> Any:
    """Return a number as it is now."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = pointer_to(builder, context, array, *values)
        return builder.load_atomic(place, ORDER, 8)

    return types.int64(array, types.intp), generate


@intrinsic
def store(_: Any, array: Any, index: Any, value: Any) -> Any:
    """Set a number; all that was written before is seen by whoever loads it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = pointer_to(builder, context, array, *values[:2])
        builder.store_atomic(values[2], place, ORDER, 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def count_up(_: Any, array: Any, index: Any) -> Any:
    """Add 1 to a number; return what it was."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = pointer_to(builder, context, array, *values)
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), ORDER)

    return types.int64(array, types.intp), generate


YIELDS = ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)
"""Lets another thread have the processor, if one waits for it."""

TELLS_CORES = sys.platform == "linux"
"""Whether the system tells on which core a thread runs."""

CORE = ExternalFunction("sched_getcpu", types.int32())
"""Returns the number of the core that the thread is on just now, where the system tells it."""
