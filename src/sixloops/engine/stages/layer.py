"""A layer that runs by its own definition: NumPy forward and backward, the user's own too.

Python calls it once for the whole batch, between two phases of the program.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Learned, Stage, Values, arranged
from sixloops.errors import ConfigurationError
from sixloops.layers import LAYERS
from sixloops.layers.base import Array


class LayerStage(Stage):
    """Runs one layer as it is written.

    Args:
        place: the layer at its place in the network.
        learned: the network's parameters and gradients.
    """

    def __init__(self, place: Place, learned: Learned) -> None:
        self._place, self._learned = place, learned
        self.name = f"{place.path} {type(place.layer).__name__}: its own NumPy"
        self._own = [name for name in learned.parameters if name.startswith(f"{place.path}.")]
        self.learns = bool(self._own)
        self.draws = type(place.layer) not in LAYERS.values()
        self._watched = {"forward", "backward"} if self.draws else set()

    def forward(self, program: Program, x: Values) -> Values:
        """Write a call of the layer's forward."""
        x = arranged(program, x, channels_last=False)
        shape = self._place.output_shape
        y = Values(program.buffer(math.prod(shape), whole=True), shape)
        x.buffer.whole = True

        def call(images: int) -> None:
            given = x.buffer.view(images, x.shape)
            with self._left_as_it_is("forward", "x", given):
                made, self._backward = self._place.forward(
                    given, self._learned.parameters, program.context
                )
            np.copyto(y.buffer.view(images, shape), made)

        program.call(call, self.draws)
        return y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write a call of the layer's backward."""
        dy = arranged(program, dy, channels_last=False)
        dx = Values(
            program.buffer(math.prod(self._place.input_shape), whole=True), self._place.input_shape
        )
        dy.buffer.whole = True

        def call(images: int) -> None:
            error = dy.buffer.view(images, dy.shape)
            with self._left_as_it_is("backward", "dy", error):
                given, gradients = self._backward(error)
            for name in self._own:
                if name not in gradients:
                    raise self._missing(name, list(gradients))
                np.copyto(self._learned.gradients[name], gradients[name])
            np.copyto(dx.buffer.view(images, dx.shape), given)

        program.call(call)
        return dx

    @contextmanager
    def _left_as_it_is(self, method: str, name: str, array: Array) -> Iterator[None]:
        """Raise where a layer of the user's own changes what it was given, at its first call.

        The layer before it has its slopes from what it gave, and a block's other branch takes the
        same error: their gradients would be wrong, and nothing would tell.
        """
        if method not in self._watched:
            yield
            return
        before = array.copy()
        yield
        self._watched.discard(method)
        if not np.array_equal(before, array, equal_nan=True):
            raise ConfigurationError(
                f"The {method} of layer {self._place.path}, {type(self._place.layer).__name__}, "
                f"must leave {name} as it is, for other layers need it. Got another {name} after "
                f"the call. Begin with a copy: {name} = {name}.copy()."
            )

    def _missing(self, name: str, got: list[str]) -> ConfigurationError:
        return ConfigurationError(
            f"The backward of layer {self._place.path} must return a gradient for its parameter "
            f"'{name}'. Got gradients for: {', '.join(got) or 'nothing'}."
        )
