"""A step of an optimiser as a program: gradients are checked, then parameters are updated.

A parameter is cut into pieces, so that threads share the work. What the optimisers do is defined
in :mod:`sixloops.optimizers`; one of the user's own does it itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sixloops.engine.kernels import optimizers as kernels
from sixloops.engine.program import Program
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

INSTRUCTIONS = kernels.check, kernels.update
"""What an update needs."""


class Update:
    """Updates parameters by their gradients, always the same arrays.

    Args:
        optimizer: one of :data:`KINDS`.
        parameters: changed at each step.
        gradients: by the same names.
        state: what the optimiser remembers; changed at each step.
        dtype: of all of them.
        threads: the most that will work.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: Mapping[str, Array],
        dtype: np.dtype[Any],
        threads: int,
    ) -> None:
        self._program = Program(dtype, 1, 1, chunk=1, training=True, threads=threads)
        self._optimizer, self._arrays = optimizer, [*parameters.values(), *state.values()]
        self._flags = np.zeros(2, np.int32)
        self._numbers = np.zeros((2, 8), dtype)
        for name, parameter in parameters.items():
            kept = [state[f"{name}.{each}"] for each in optimizer.memory]
            one, two = (*kept, parameter, parameter)[:2]
            numbers = self._numbers[int(self._decays(name))]
            arrays = parameter, gradients[name], one, two, self._flags, numbers
            kind = KINDS[type(optimizer)]
            for begin, end, where in self._program.cut(parameter.size, parameter.size):
                span = begin, end - begin
                self._program.before(
                    kernels.check, gradients[name], self._flags, *span, where=where
                )
                self._program.after(kernels.update, *arrays, kind, *span, where=where)
        self._program.assemble()

    def _decays(self, name: str) -> bool:
        """Say whether a parameter shrinks by itself."""
        optimizer = self._optimizer
        return isinstance(optimizer, AdamW) and (optimizer.biases or is_weight(name))

    def fits(self, optimizer: Optimizer, arrays: Sequence[Array]) -> bool:
        """Say whether this is for an optimiser, and for these parameters and memories."""
        same = optimizer == self._optimizer and len(arrays) == len(self._arrays)
        return same and all(a is b for a, b in zip(arrays, self._arrays, strict=True))

    def run(self, workers: Workers, rate: float, step: int) -> str | None:
        """Take one step.

        Args:
            workers: who does it.
            rate: η of this step.
            step: its number, from 1.

        Returns:
            ``"gradient"`` if one is not finite, and then nothing was changed; ``"parameter"``
            if one has become so; else None.
        """
        self._flags[:] = 0
        self._numbers[:] = self._hyper_parameters(rate, step)
        if isinstance(self._optimizer, AdamW):
            self._numbers[1, -1] = 1 - rate * self._optimizer.weight_decay
        workers.run(self._program, 1, 1)
        if self._flags[kernels.GRADIENT]:
            return "gradient"
        return "parameter" if self._flags[kernels.PARAMETER] else None

    def _hyper_parameters(self, rate: float, step: int) -> tuple[float, ...]:
        """Return the numbers that the kernel takes, in its order."""
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
