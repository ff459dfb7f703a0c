"""The processor's registers for vectors: how wide they are, and how many.

How many numbers a kernel works on at once, and how large its tiles of sums are, follows from that.
The bits of a result do not: the terms of a sum come one after the other in one lane, or, where it
has several lanes, these are eight on all processors.
"""

from __future__ import annotations

import platform

from llvmlite import binding
from numba.core import codegen, config


def registers_of(features: str, machine: str) -> tuple[int, int]:
    """Return the bits of a register for vectors, and how many there are.

    Args:
        features: all of the processor's as LLVM names them, such as ``+avx,+avx2,-avx512f``; of
            several entries for one the last counts.
        machine: its family, as :func:`platform.machine` names it.
    """
    has = {feature[1:]: feature[0] == "+" for feature in features.split(",") if feature}
    if has.get("avx512f"):
        return 512, 32
    if has.get("avx"):
        return 256, 16
    return 128, 32 if machine.lower() in ("aarch64", "arm64") else 16


def _target() -> tuple[str, str]:
    """Return name and features of the processor that Numba compiles for: this one, or as told."""
    name, features = config.CPU_NAME, config.CPU_FEATURES  # type: ignore[attr-defined]
    return (
        binding.get_host_cpu_name() if name is None else name,
        codegen.get_host_cpu_features() if features is None else features,
    )


TARGET = _target()
"""Name and features of the processor that kernels are compiled for."""

REGISTER_BITS, REGISTERS = registers_of(TARGET[1], platform.machine())
"""Bits of its registers for vectors, and how many it has."""
