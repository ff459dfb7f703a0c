"""What the processor adds up in: how wide its registers for vectors are, and how many it has.

How many numbers a kernel works on at once, and how large its tiles of sums are, follows from that.
The bits of a result do not: each sum has its own lane, and its terms come one after the other.
"""

from __future__ import annotations

import platform

from numba.core import codegen, config


def registers_of(features: str, machine: str) -> tuple[int, int]:
    """Return the bits of a register for vectors, and how many there are.

    Args:
        features: of the processor as LLVM names them, such as ``+avx2,-avx512f``.
        machine: its family, as :func:`platform.machine` names it.
    """
    has = set(features.split(","))
    if "+avx512f" in has:
        return 512, 32
    if "+avx" in has:
        return 256, 16
    return 128, 32 if machine.lower() in ("aarch64", "arm64") else 16


_told = config.CPU_FEATURES  # type: ignore[attr-defined]
_features = codegen.get_host_cpu_features() if _told is None else _told

REGISTER_BITS, REGISTERS = registers_of(_features, platform.machine())
"""Bits of a register for vectors, and registers, of the processor that kernels are compiled for."""
