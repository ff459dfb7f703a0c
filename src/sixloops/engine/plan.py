"""A plan: how a network is run for batches of up to one size.

The batch is cut into pieces by its size alone. Each piece goes forward and
backward through all stages by itself; then the pieces' gradients are added in the
pieces' order. So the bits do not depend on how many threads share the work. Where a
layer couples the batch (batch normalisation), the whole batch is one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import numpy as np

from sixloops.engine.stages import stages_of
from sixloops.engine.threads import Workers
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers import Context
from sixloops.layers.base import Array, Gradients
from sixloops.network import Network

Result = TypeVar("Result")

PIECE = 16
"""Images in a piece: enough for long products, few enough to stay in the cache."""


@dataclass(frozen=True)
class Step:
    r"""What one training step found out.

    Args:
        loss: the batch's mean loss, without regularisers.
        outputs: the network's outputs, (batch, \\*output_shape).
        gradients: ∂loss/∂parameter by dotted name; overwritten by the next step.
        updates: new values of the network's state.
    """

    loss: float
    outputs: Array
    gradients: Gradients
    updates: Gradients


@dataclass(frozen=True)
class _Part:
    """What one piece of the batch contributes."""

    losses: Array
    outputs: Array
    gradients: Gradients
    updates: Gradients


class Plan:
    """Runs a network; to be used in a ``with`` block, which holds its threads.

    Args:
        network: the network; its parameters are read at every step.
        batch_size: the largest batch that a step will be given.
        threads: how many; None for all that the process may use.

    Examples:
        >>> from sixloops.layers import Dense
        >>> network = Network([Dense(2)], input_shape=(3,))
        >>> with Plan(network, batch_size=4) as plan:
        ...     step = plan.step(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]))
        >>> sorted(step.gradients)
        ['0.bias', '0.weight']
    """

    def __init__(self, network: Network, batch_size: int, threads: int | None = None) -> None:
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            expected = "be a whole number of at least 1"
            raise ConfigurationError(wrong("batch_size", "a plan", expected, batch_size))
        self.network = network
        self.batch_size = int(batch_size)
        self.stages = stages_of(network)
        self._workers = Workers(threads)
        self._gradients = {name: np.empty_like(p) for name, p in network.parameters.items()}
        couples = network.root.couples_batch()
        self._training_piece = self.batch_size if couples else PIECE

    def __enter__(self) -> Plan:
        self._workers.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._workers.__exit__(kind, error, traceback)

    def outputs(self, images: Array) -> Array:
        """Return the outputs of a batch as they are outside training."""
        parts = self._workers.map(
            lambda piece: _quietly(self._evaluate, images[piece]), _pieces(len(images), PIECE)
        )
        return np.concatenate(parts)

    def _evaluate(self, images: Array) -> Array:
        context = Context(state=self.network.state)
        y = images.astype(self.network.dtype, copy=False)
        for stage in self.stages:
            y, _ = stage.forward(y, self.network.parameters, context)
        return y

    def step(
        self,
        images: Array,
        targets: Array,
        random: Callable[[int], np.random.Generator] | None = None,
    ) -> Step:
        r"""Go forward and backward with one batch; nothing of the network is changed.

        Args:
            images: (batch, \\*input_shape).
            targets: as the network's loss takes them.
            random: gives the generator from which a piece, by its number, draws.

        Returns:
            The loss, the outputs, the gradients and the state's new values.

        Raises:
            ConfigurationError: more images than the plan was made for; or a layer, of
                the user's own, that breaks its word about gradients or state.
        """
        if len(images) > self.batch_size:
            raise ConfigurationError(
                f"A step must be given at most {self.batch_size} images, for which its plan was "
                f"made. Got {len(images)}. Make the plan with a larger batch_size."
            )
        pieces = _pieces(len(images), self._training_piece)

        def work(number: int) -> _Part:
            piece = pieces[number]
            generator = None if random is None else random(number)
            return _quietly(self._train, images[piece], targets[piece], len(images), generator)

        parts = self._workers.map(work, range(len(pieces)))
        _check_updates(parts)
        losses = np.concatenate([part.losses for part in parts])
        return Step(
            loss=float(losses.mean(dtype=np.float64)),
            outputs=np.concatenate([part.outputs for part in parts]),
            gradients=self._sum([part.gradients for part in parts]),
            updates=parts[-1].updates,
        )

    def _train(
        self, images: Array, targets: Array, batch: int, random: np.random.Generator | None
    ) -> _Part:
        """Take one piece forward and backward; its loss counts 1/batch for each image."""
        context = Context(training=True, random=random, state=self.network.state)
        y = images.astype(self.network.dtype, copy=False)
        backwards = []
        for stage in self.stages:
            y, back = stage.forward(y, self.network.parameters, context)
            backwards.append(back)
        losses, loss_backward = self.network.loss.forward(y, targets)

        gradients: Gradients = {}
        dy = loss_backward(np.full_like(losses, 1 / batch))
        for back in reversed(backwards):
            dy, more = back(dy)
            gradients |= more
        return _Part(losses, y, gradients, context.updates)

    def _sum(self, parts: list[Gradients]) -> Gradients:
        """Add the pieces' gradients in the pieces' order."""
        for name, total in self._gradients.items():
            if name not in parts[0]:
                layer, got = name.rpartition(".")[0], ", ".join(parts[0]) or "nothing"
                raise ConfigurationError(
                    f"The backward of layer {layer} must return a gradient for its parameter "
                    f"'{name}'. Got gradients for: {got}."
                )
            total[...] = parts[0][name]
            for part in parts[1:]:
                total += part[name]
        return self._gradients


def _check_updates(parts: list[_Part]) -> None:
    """Raise where pieces of one batch each want to set the state: only one can."""
    updates = parts[-1].updates
    if len(parts) > 1 and updates:
        name = next(iter(updates))
        raise ConfigurationError(
            f"The couples_batch() of layer {name.rpartition('.')[0]} must return True, as it or a "
            f"layer in it sets the state '{name}', for which it must see the whole batch. Got "
            "False. A layer that holds others asks them."
        )


def _quietly(work: Callable[..., Result], *arguments: object) -> Result:
    """Run ``work`` without NumPy's warnings of overflow.

    Training checks the values themselves and says where one is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return work(*arguments)


def _pieces(count: int, size: int) -> list[slice]:
    """Cut ``count`` images into pieces of up to ``size``."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
