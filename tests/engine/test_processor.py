"""How wide and how many a processor's registers are, and what follows for the kernels."""

import pytest

from sixloops.engine.kernels import processor
from sixloops.engine.kernels.vectors import lanes_of


@pytest.mark.parametrize(
    ("features", "machine", "expected"),
    [
        ("+sse2,+avx,+avx2,+avx512f,-avx512vp2intersect", "x86_64", (512, 32)),
        ("+sse2,+avx,+avx2,-avx512f", "x86_64", (256, 16)),
        ("+avx", "AMD64", (256, 16)),
        ("+sse2,-avx", "x86_64", (128, 16)),
        ("", "x86_64", (128, 16)),
        ("+neon", "aarch64", (128, 32)),
        ("", "arm64", (128, 32)),
    ],
)
def test_registers(features, machine, expected):
    assert processor.registers_of(features, machine) == expected


def test_a_vector_fills_a_register():
    assert lanes_of("float32") * 32 == lanes_of("float64") * 64 == processor.REGISTER_BITS
