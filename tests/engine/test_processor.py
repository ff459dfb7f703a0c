"""How wide and how many a processor's registers are, and what follows for the kernels."""

import numpy as np
import pytest

from sixloops.engine.kernels import processor
from sixloops.engine.kernels.compiling import kernel
from sixloops.engine.kernels.vectors import lanes, lanes_of


@pytest.mark.parametrize(
    ("features", "machine", "expected"),
    [
        ("+sse2,+avx,+avx2,+avx512f,-avx512vp2intersect", "x86_64", (512, 32)),
        ("+sse2,+avx,+avx2,-avx512f", "x86_64", (256, 16)),
        ("+avx", "AMD64", (256, 16)),
        ("+sse2,-avx", "x86_64", (128, 16)),
        ("", "x86_64", (128, 16)),
        ("+avx,+avx512f,-avx512f", "x86_64", (256, 16)),
        ("+neon", "aarch64", (128, 32)),
        ("", "arm64", (128, 32)),
    ],
)
def test_registers(features, machine, expected):
    assert processor.registers_of(features, machine) == expected


@kernel
def lanes_in(array):
    return lanes(array)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_and_stages_agree_how_long_a_vector_is(dtype):
    array = np.zeros(1, dtype)
    assert lanes_in(array) == lanes_of(dtype) == processor.REGISTER_BITS // (8 * array.itemsize)
