"""What a layer is: four questions and their answers.

A layer is a frozen dataclass that holds hyper-parameters and nothing else. In
its file it answers, in this order:

1. ``output_shape(input_shape)``: the shape rule, for one image, without the batch;
2. ``initial_parameters(input_shape, random, dtype)``: what it learns;
3. ``forward(x, parameters, context) -> (y, backward)``: the equation;
4. and in it ``backward(dy) -> (dx, gradients)``: the derivative, right under the
   formula that it differentiates. What it needs is caught in the closure.

E is the number that training makes small, the loss. ``dy`` is ∂E/∂y, an array of y's
shape; these files call it the *error* at y (elsewhere: δ, cotangent, upstream gradient).
Given it, ``backward`` returns ``dx`` = ∂E/∂x and ∂E/∂p for every parameter p. For a
function f, f′ is its Jacobian ∂f/∂x, and f′ᵀ the transpose; δ[k,j] is 1 for k = j and 0
otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sixloops.checks import is_whole
from sixloops.descriptions import Description
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.parameters import Array as Array

Shape: TypeAlias = tuple[int, ...]
Parameters: TypeAlias = Mapping[str, Array]
Gradients: TypeAlias = dict[str, Array]
Backward: TypeAlias = Callable[[Array], tuple[Array, Gradients]]

NO_PARAMETERS: Parameters = MappingProxyType({})


@dataclass
class Context:
    """What a forward pass knows besides its input and its parameters.

    Args:
        training: whether this pass is one of training (dropout drops, batch
            normalisation uses the batch).
        random: the generator that a layer draws from while training.
        state: what the layer remembers between steps without learning it, such
            as running means; read only.
        updates: filled by the pass with new values for ``state``.
    """

    training: bool = False
    random: np.random.Generator | None = None
    state: Mapping[str, Array] = field(default_factory=dict)
    updates: dict[str, Array] = field(default_factory=dict)


EVALUATION = Context()


@dataclass(frozen=True)
class Layer(Description):
    """Base of all layers; a layer of one's own derives from it.

    Only :meth:`forward` must be written. A layer that changes the shape writes
    :meth:`output_shape`, one that learns writes :meth:`initial_parameters`.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Square(Layer):
        ...     def forward(self, x, parameters=NO_PARAMETERS, context=EVALUATION):
        ...         y = x**2
        ...         def backward(dy):
        ...             return 2 * x * dy, {}
        ...         return y, backward
        >>> y, backward = Square().forward(np.array([[3.0]]))
        >>> backward(np.array([[1.0]]))[0]
        array([[6.]])
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the output's shape for one input of ``input_shape``, both without the batch.

        Raises:
            ShapeError: the layer cannot take such an input.
        """
        return input_shape

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return the parameters to begin with, by name; none unless the layer says so."""
        return {}

    def initial_state(self, input_shape: Shape, dtype: npt.DTypeLike) -> dict[str, Array]:
        """Return what the layer remembers without learning it, by name."""
        return {}

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        r"""Compute the output of a batch, and the function that carries an error back.

        Args:
            x: the batch, (batch, \*input_shape); to be left as it is, and so is backward's dy.
            parameters: by the names that :meth:`initial_parameters` gives them.
            context: training or not, random numbers, state.

        Returns:
            ``y``, (batch, \*output_shape), and ``backward(dy) -> (dx, gradients)``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, ...).")

    def couples_batch(self) -> bool:
        """Say whether, in training, the layer must see all images of a batch together.

        It must where one image's output depends on the others, or where it sets state.
        """
        return False

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return how many multiply-adds one image's forward pass takes."""
        return 0

    def parameter_count(self, input_shape: Shape) -> int:
        """Return how many numbers the layer learns."""
        sample = self.initial_parameters(input_shape, np.random.default_rng(0), np.float32)
        return sum(array.size for array in sample.values())

    def stored_count(self, input_shape: Shape) -> int:
        """Return how many numbers its parameters hold, those too that are never learnt."""
        return self.parameter_count(input_shape)


def require_rank(layer: Layer, input_shape: Shape, rank: int) -> None:
    """Raise unless ``input_shape`` has ``rank`` axes: 3 for maps, 1 for a vector."""
    if len(input_shape) == rank:
        return
    wanted = {1: "a vector (features,)", 3: "maps (channels, height, width)"}[rank]
    mend = {
        1: "Put Flatten() before it.",
        3: "Images without a channel axis need one: images[:, np.newaxis].",
    }[rank]
    raise ShapeError(
        f"The input of {type(layer).__name__} must be {wanted}. Got shape {input_shape}. {mend}"
    )


def within(arrays: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return what stands under ``name.`` in a dictionary of dotted names, without the prefix."""
    start = f"{name}."
    return {key[len(start) :]: value for key, value in arrays.items() if key.startswith(start)}


def under(name: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Put ``name.`` before every name of a dictionary."""
    return {f"{name}.{key}": value for key, value in arrays.items()}


METHODS = {
    "output_shape": "input_shape",
    "initial_parameters": "input_shape, random, dtype",
    "initial_state": "input_shape, dtype",
    "forward": "x, parameters, context",
}
"""What a layer's methods are called with."""


def check_methods(layer: Layer, number: int) -> None:
    """Raise unless a layer, perhaps of the user's own, can be called as layers are.

    Raises:
        ConfigurationError: a method takes other arguments; the error names layer and method.
    """
    for method, arguments in METHODS.items():
        signature = inspect.signature(getattr(layer, method))
        try:
            signature.bind(*arguments.split(", "))
        except TypeError as error:
            got = ", ".join(["self", *map(str, signature.parameters.values())])
            raise ConfigurationError(
                f"The {method} of layer {number} ({type(layer).__name__}) must take "
                f"(self, {arguments}). Got ({got})."
            ) from error


def part_output_shape(layer: Layer, name: str, input_shape: Shape) -> Shape:
    """Return the output shape of ``layer`` as the part ``name`` of a larger whole.

    Raises:
        ShapeError: the layer cannot take such an input; the error names the part.
        ConfigurationError: the layer, of the user's own, returns something else than a shape.
    """
    try:
        given: Any = layer.output_shape(input_shape)
    except ShapeError as error:
        raise error.inside(name) from error
    if not isinstance(given, tuple) or not all(is_whole(v) and v >= 1 for v in given):
        raise ConfigurationError(
            f"The output_shape of layer {name} ({type(layer).__name__}) must return a tuple of "
            f"whole numbers of at least 1, without the batch. Got {given!r}."
        )
    return given


def initial_part_parameters(
    layer: Layer,
    name: str,
    input_shape: Shape,
    random: np.random.Generator,
    dtype: npt.DTypeLike,
) -> dict[str, Array]:
    """Return the initial parameters of ``layer`` under the names that they have in the whole.

    Raises:
        ConfigurationError: the layer, of the user's own, returns something else than it must.
    """
    given = layer.initial_parameters(input_shape, random, dtype)
    _check_initial(layer, name, "initial_parameters", given, dtype)
    return under(name, _own(given))


def initial_part_state(
    layer: Layer, name: str, input_shape: Shape, dtype: npt.DTypeLike
) -> dict[str, Array]:
    """Return the initial state of ``layer`` under the names that it has in the whole.

    Raises:
        ConfigurationError: the layer, of the user's own, returns something else than it must.
    """
    given = layer.initial_state(input_shape, dtype)
    _check_initial(layer, name, "initial_state", given, dtype)
    return under(name, _own(given))


def _own(given: Mapping[str, Array]) -> dict[str, Array]:
    """Return copies that lie row by row, as the engine reads them, and may be written to."""
    return {key: np.array(array, order="C") for key, array in given.items()}


def _check_initial(layer: Layer, name: str, method: str, given: Any, dtype: npt.DTypeLike) -> None:
    """Raise unless ``given`` is a dictionary of arrays of ``dtype``; a state may count, too."""
    expected = f"a dictionary of arrays of {np.dtype(dtype)}"
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise _broken_word(layer, name, method, expected, given)
    counts = "iub" if method == "initial_state" else ""
    for key, array in given.items():
        if not isinstance(array, np.ndarray):
            raise _broken_word(layer, name, method, f"{expected}, '{key}' too", array)
        if array.dtype != dtype and array.dtype.kind not in counts:
            raise ConfigurationError(
                f"The {method} of layer {name} ({type(layer).__name__}) must return arrays of "
                f"{np.dtype(dtype)}. Got {array.dtype} for '{key}'. Make it with the dtype that "
                "the method is given."
            )


def forward_part(
    layer: Layer, name: str, x: Array, parameters: Parameters, context: Context
) -> tuple[Array, Backward]:
    """Run ``layer`` as the part ``name`` of a larger whole with dotted names.

    Args:
        layer: the part.
        name: its name in the whole, such as ``"0"`` or ``"body"``.
        x: its input.
        parameters: the whole's parameters; those under ``name.`` are the part's.
        context: the whole's context.

    Returns:
        As :meth:`Layer.forward`, with the gradients under the whole's names.

    Raises:
        ConfigurationError: the layer, of the user's own, returns something else than it must.
    """
    inside = Context(context.training, context.random, within(context.state, name))
    given: Any = layer.forward(x, within(parameters, name), inside)
    if not (_is_pair(given) and callable(given[1])):
        raise _broken_word(layer, name, "forward", "(y, backward), an array and a function", given)
    y, backward = given
    _check_real(layer, name, "forward", y)
    context.updates.update(under(name, _checked_updates(layer, name, inside)))

    def backward_part(dy: Array) -> tuple[Array, Gradients]:
        given: Any = backward(dy)
        if not (_is_pair(given) and _are_arrays(given[1])):
            expected = "(dx, gradients), an array and a dictionary of arrays"
            raise _broken_word(layer, name, "backward", expected, given)
        dx, gradients = given
        _check_real(layer, name, "backward", dx, *gradients.values())
        return dx, under(name, gradients)

    return y, backward_part


def _is_pair(given: object) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], np.ndarray)


def _are_arrays(given: object) -> bool:
    # The sum over a whole array, the gradient of a single number, is a NumPy scalar.
    return isinstance(given, dict) and all(
        isinstance(array, np.ndarray | np.generic) for array in given.values()
    )


def _checked_updates(layer: Layer, name: str, context: Context) -> dict[str, Array]:
    """Return the new values of the state, of the names and forms of the old."""
    updates = {key: np.asarray(value) for key, value in context.updates.items()}
    for key, new in updates.items():
        old = context.state.get(key)
        if old is None or (new.dtype, new.shape) != (old.dtype, old.shape):
            raise ConfigurationError(
                f"The context.updates of layer {name} ({type(layer).__name__}) must be its state's "
                f"names and forms. Got {new.dtype} of shape {new.shape} for '{key}'."
            )
    return updates


def _check_real(layer: Layer, name: str, method: str, *arrays: Array) -> None:
    for array in arrays:
        if array.dtype.kind != "f":
            raise ConfigurationError(
                f"The {method} of layer {name} ({type(layer).__name__}) must return arrays of "
                f"floats. Got {array.dtype}. Compute in the type of the input: x.dtype."
            )


def _broken_word(
    layer: Layer, name: str, method: str, expected: str, given: object
) -> ConfigurationError:
    parts = given if isinstance(given, tuple) else (given,)
    got = ", ".join(type(part).__name__ for part in parts)
    return ConfigurationError(
        f"The {method} of layer {name} ({type(layer).__name__}) must return {expected}. Got {got}."
    )
