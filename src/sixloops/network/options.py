"""What a network is made of, checked before it is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.checks import is_whole
from sixloops.errors import ConfigurationError, ShapeError, SixloopsError, wrong
from sixloops.layers import Sequential, Sigmoid, Softmax
from sixloops.layers.base import Array, Shape
from sixloops.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy


def checked_shape(given: Sequence[int]) -> Shape:
    """Return an input shape of whole numbers, each at least 1."""
    values = list(given) if isinstance(given, Sequence) else []
    if not values or not all(is_whole(value) and value >= 1 for value in values):
        raise ShapeError(
            "The 'input_shape' of Network must be whole numbers of at least 1, (channels, height, "
            f"width). Got {given!r}."
        )
    return tuple(int(v) for v in values)


def checked_loss(given: Loss | None) -> Loss:
    """Return a loss; cross-entropy of softmax for none."""
    loss = SoftmaxCrossEntropy() if given is None else given
    if not isinstance(loss, Loss):
        raise ConfigurationError(
            f"The 'loss' of Network must be a loss such as SoftmaxCrossEntropy(). Got {given!r}."
        )
    return loss


def checked_dtype(given: npt.DTypeLike) -> np.dtype[Any]:
    """Return single or double precision as NumPy's type."""
    try:
        # NumPy takes None for float64.
        dtype = np.dtype(object if given is None else given)
    except (TypeError, ValueError, SyntaxError):
        dtype = np.dtype(object)
    if dtype not in (np.float32, np.float64):
        raise ConfigurationError(
            f"The 'dtype' of Network must be np.float32 or np.float64. Got {given!r}."
        )
    return dtype


def checked_classes(given: Sequence[str] | None, output_shape: Shape) -> tuple[str, ...] | None:
    """Return one name for each output."""
    if given is None:
        return None
    given = given.tolist() if isinstance(given, np.ndarray) else given
    listed = isinstance(given, Sequence) and not isinstance(given, str)
    if not output_shape:
        raise ConfigurationError(
            "A network with 'classes' must have one output for each of them. Got outputs of shape "
            f"{output_shape}. Leave them out, or end with a Flatten and a Dense layer."
        )
    if not listed or len(given) != output_shape[0]:
        got = len(given) if listed else repr(given)
        raise ConfigurationError(
            f"The 'classes' of Network must be one name for each of the {output_shape[0]} outputs. "
            f"Got {got}. Change the last layer's units or the list."
        )
    names = tuple(str(name) for name in given)
    if not all(isinstance(n, str) or is_whole(n) for n in given) or len(set(names)) < len(names):
        raise ConfigurationError(wrong("classes", "Network", "be different names", list(given)))
    return names


def output_shape_of(root: Sequential, input_shape: Shape) -> Shape:
    """Return the shape that comes out, with a hint where channels stand last."""
    try:
        return root.output_shape(input_shape)
    except ShapeError as error:
        if len(input_shape) == 3 and input_shape[2] in (1, 3) and input_shape[0] > 3:
            rows, columns, channels = input_shape
            hint = f"Channels come first: is input_shape=({channels}, {rows}, {columns}) meant?"
            raise ShapeError(f"{error.message} {hint}", error.path) from error
        raise


def check_end(root: Sequential, loss: Loss) -> None:
    """Raise if the last layer does what the loss does itself."""
    last: Any = root
    while isinstance(last, Sequential) and last.layers:
        last = last.layers[-1]
    activation = getattr(last, "activation", None) or last
    for kind, applied in ((SoftmaxCrossEntropy, Softmax), (SigmoidCrossEntropy, Sigmoid)):
        if isinstance(loss, kind) and isinstance(activation, applied):
            raise ConfigurationError(
                f"The loss {kind.__name__} applies {applied.__name__.lower()} itself; leave it off "
                "the last layer."
            )


def drawn(
    root: Sequential, input_shape: Shape, random: np.random.Generator, dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return the initial parameters, unless they are more than there is memory for."""
    try:
        return root.initial_parameters(input_shape, random, dtype)
    except SixloopsError:
        raise
    # NumPy says by a ValueError that no memory of any machine holds such an array.
    except (MemoryError, OverflowError, ValueError) as error:
        raise ConfigurationError(
            f"The initial parameters of Network cannot be made: {error}. If there are too many "
            "of them, take fewer units or filters, smaller kernels, or pool before Flatten()."
        ) from error
