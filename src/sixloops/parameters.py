"""Parameters by name: what can be told from the dotted name of one, and of its array.

Parameters, gradients and state are dictionaries of arrays under dotted names,
such as ``"0.weight"``: the path of the layer, then the layer's own name for it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def is_weight(name: str) -> bool:
    """Say whether the parameter ``name`` is a weight: its last name is ``weight``.

    Weights are what regularisers and weight decay pull to 0 unless told otherwise.
    Biases and the like are few and only shift: pulling at them costs fit and
    gains little (Goodfellow, Bengio & Courville 2016, section 7.1).

    Examples:
        >>> is_weight("3.body.0.weight"), is_weight("0.bias")
        (True, False)
    """
    return name.rpartition(".")[2] == "weight"


def other_form(array: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """Return what ``array`` is instead of a writeable array of a type and a shape, row by row.

    Examples:
        >>> other_form(np.zeros((2, 3)), np.dtype(np.float64), (2, 3))
        ''
        >>> other_form(np.zeros(3), np.dtype(np.float64), (2, 3))
        'float64 of shape (3,)'
    """
    if array is None:
        return "nothing"
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    if (array.dtype, array.shape) != (dtype, shape):
        return f"{array.dtype} of shape {array.shape}"
    if not array.flags.writeable:
        return "one that may not be written to"
    return "" if array.flags.c_contiguous else "one in another order"
