"""ReLU in place, both ways."""

from __future__ import annotations

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array


@kernel
def cut_off(y: Array) -> None:
    """Set what is negative to 0; NaN stays.

    Args:
        y: changed; (values,).
    """
    for i in range(y.shape[0]):
        y[i] = 0 if y[i] < 0 else y[i]


@kernel
def let_through(y: Array, error: Array) -> None:
    """Set the error to 0 where ReLU gave nothing.

    Args:
        y: what ReLU gave, (values,).
        error: changed; as y.
    """
    for i in range(y.shape[0]):
        error[i] = error[i] if y[i] > 0 else 0
