"""A step of an optimiser as a program: gradients are checked, then parameters are updated.

A parameter is cut into pieces, so that threads share the work. Of a gradient that was left as
factors each piece computes some rows at a time, and updates their weights at once. What the
optimisers and penalties do is defined in :mod:`sixloops.optimizers` and
:mod:`sixloops.regularizers`; one of the user's own does it itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sixloops.engine.kernels import optimizers as kernels
from sixloops.engine.program import Factors, Program
from sixloops.engine.threads import Workers
from sixloops.layers.base import Array
from sixloops.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
)
from sixloops.parameters import is_weight
from sixloops.regularizers import L1, L2, Regularizer

KINDS: dict[type[Optimizer], int] = {
    SGD: kernels.SGD,
    Momentum: kernels.MOMENTUM,
    Nesterov: kernels.NESTEROV,
    AdaGrad: kernels.ADAGRAD,
    RMSProp: kernels.RMSPROP,
    Adam: kernels.ADAM,
    AdamW: kernels.ADAM,
}
"""The optimisers that have a kernel."""

PENALTIES: tuple[type[L1 | L2], ...] = L2, L1
"""The penalties that the kernel adds, in its order."""

ROOM, FEWEST_ROWS = 1 << 13, 4
"""Numbers of a product that are computed together, and rows at the least: a tile's."""

INSTRUCTIONS = kernels.check, kernels.update, kernels.update_by_factors
"""What an update needs."""


class Update:
    """Updates parameters by their gradients, always the same arrays.

    Args:
        optimizer: one of :data:`KINDS`.
        parameters: changed at each step.
        gradients: by the same names; left as they are.
        regularizers: the penalties, each of one of :data:`PENALTIES`.
        state: what the optimiser remembers; changed at each step.
        dtype: of all of them.
        threads: the most that will work.
        factored: gradients that are taken from their factors, of which no product may be other
            than finite.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        regularizers: Sequence[Regularizer],
        state: Mapping[str, Array],
        dtype: np.dtype[Any],
        threads: int,
        factored: Sequence[Factors] = (),
    ) -> None:
        self._program = Program(dtype, 1, 1, chunk=1, training=True, threads=threads)
        self._factored = factored
        self._optimizer, self._regularizers = optimizer, tuple(regularizers)
        self._arrays = [*parameters.values(), *state.values()]
        self._decaying = [number for number, name in enumerate(parameters) if self._decays(name)]
        self._flags = np.zeros(2, np.int32)
        self._numbers = np.zeros((len(parameters), 8 + len(PENALTIES)), dtype)
        self._kind = KINDS[type(optimizer)]
        by_name = {factors.name: factors for factors in factored}
        for (name, parameter), numbers in zip(parameters.items(), self._numbers, strict=True):
            numbers[8:] = self._strengths(name)
            kept = [state[f"{name}.{each}"] for each in optimizer.memory]
            one, two = (*kept, parameter, parameter)[:2]
            if name in by_name:
                self._note_factors(by_name[name], parameter, one, two, numbers)
            else:
                self._note(gradients[name], parameter, one, two, numbers)
        self._program.assemble()

    def _note(
        self, gradient: Array, parameter: Array, one: Array, two: Array, numbers: Array
    ) -> None:
        """Note what is done to a parameter, a piece at a time."""
        for begin, end, where in self._program.cut(parameter.size, parameter.size):
            span, room = (begin, end - begin), np.zeros(kernels.BLOCK, gradient.dtype)
            self._program.before(kernels.check, gradient, self._flags, *span, where=where)
            arrays = parameter, gradient, one, two, room, self._flags, numbers
            self._program.after(kernels.update, *arrays, self._kind, *span, where=where)

    def _note_factors(
        self, factors: Factors, parameter: Array, one: Array, two: Array, numbers: Array
    ) -> None:
        """Note the same where a gradient comes from factors, some rows at a time."""
        units, features = factors.units, factors.features
        error, x = factors.arrays()
        for begin, end, where in self._program.cut(units, parameter.size):
            rows = min(max(FEWEST_ROWS, ROOM // features), end - begin)
            room = np.zeros(rows * features, parameter.dtype)
            arrays = parameter, error, one, two, room, self._flags, numbers
            product = self._kind, begin, end - begin, x, units, features, rows
            self._program.after(kernels.update_by_factors, *arrays, *product, where=where)

    def _decays(self, name: str) -> bool:
        """Say whether a parameter shrinks by itself."""
        optimizer = self._optimizer
        return isinstance(optimizer, AdamW) and (optimizer.biases or is_weight(name))

    def _strengths(self, name: str) -> list[float]:
        """Return each kind of penalty's λ for a parameter."""
        kept = [r for r in self._regularizers if isinstance(r, PENALTIES)]
        reaching = [r for r in kept if is_weight(name) or r.biases]
        return [sum(r.strength for r in reaching if isinstance(r, kind)) for kind in PENALTIES]

    def fits(
        self, optimizer: Optimizer, regularizers: Sequence[Regularizer], arrays: Sequence[Array]
    ) -> bool:
        """Say whether this is for an optimiser, penalties, and these parameters and memories.

        Arrays that may not be written to never fit.
        """
        same = optimizer == self._optimizer and tuple(regularizers) == self._regularizers
        same = same and len(arrays) == len(self._arrays)
        pairs = zip(arrays, self._arrays, strict=same)
        return same and all(a is b and a.flags.writeable for a, b in pairs)

    def run(self, workers: Workers, rate: float, step: int, images: int) -> str | None:
        """Take one step.

        Args:
            workers: who does it.
            rate: η of this step.
            step: its number, from 1.
            images: of how many the factors are.

        Returns:
            ``"gradient"`` if one of the batch is not finite, and then nothing was changed;
            ``"parameter"`` if a parameter has become so; else None.
        """
        self._flags[:] = 0
        self._numbers[:, :8] = self._hyper_parameters(rate, step)
        if isinstance(self._optimizer, AdamW):
            self._numbers[self._decaying, 7] = 1 - rate * self._optimizer.weight_decay
        workers.run(self._program, images, 1)
        if self._flags[kernels.GRADIENT]:
            return "gradient"
        return "parameter" if self._flags[kernels.PARAMETER] else None

    def _hyper_parameters(self, rate: float, step: int) -> tuple[float, ...]:
        """Return the numbers that the kernel takes first, in its order."""
        optimizer = self._optimizer
        if isinstance(optimizer, Adam):
            one, two = optimizer.beta1, optimizer.beta2
            root = math.sqrt(1 - two**step)
            return (rate / (1 - one**step), one, 1 - one, two, 1 - two, optimizer.epsilon, root, 1)
        if isinstance(optimizer, Momentum):
            return (rate, optimizer.momentum, 0, 0, 0, 0, 1, 1)
        if isinstance(optimizer, RMSProp):
            return (rate, optimizer.decay, 1 - optimizer.decay, 0, 0, optimizer.epsilon, 1, 1)
        if isinstance(optimizer, AdaGrad):
            return (rate, 1, 1, 0, 0, optimizer.epsilon, 1, 1)
        return (rate, 0, 0, 0, 0, 0, 1, 1)
