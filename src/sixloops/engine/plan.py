"""A plan: how a network is run for batches of up to one size.

The layers are lowered into stages. The batch is cut into shares by its size alone, and a
share goes forward and backward through all stages by itself, a chunk of images at a time;
then the shares' gradients are added in the shares' order. So the bits do not depend on how
many threads share the work. Where a layer couples the batch (batch normalisation), the
whole batch is one chunk. All memory is allocated once and used again by every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from sixloops.engine.loss import are_checked_labels, losses_and_error
from sixloops.engine.lowering import stages_of
from sixloops.engine.threads import Workers
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers import Context
from sixloops.layers.base import Array, Gradients
from sixloops.network import Network

Random = Callable[[int], np.random.Generator]
Result = TypeVar("Result")

CHUNK = 16
"""Images that go through the stages together: long products, yet little memory."""

SHARES = ((128, 8), (32, 4), (0, 2))
"""From how many images on a batch is cut into how many shares. Each costs some time of its
own; threads beyond them have nothing to do."""


SHARED_FINISH = 32
"""From how many images on it pays to spread what remains of a batch over threads."""


@dataclass(frozen=True)
class Step:
    r"""What one training step found out.

    Args:
        loss: the batch's mean loss, without regularisers.
        outputs: the network's outputs, (batch, \*output_shape).
        gradients: ∂loss/∂parameter by dotted name; overwritten by the next step.
        updates: new values of the network's state.
    """

    loss: float
    outputs: Array
    gradients: Gradients
    updates: Gradients


@dataclass
class _Lane:
    """Where one share is worked on: a memory for each stage."""

    memories: list[Any]
    gradients: Gradients = field(default_factory=dict)
    updates: Gradients = field(default_factory=dict)


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
        self.stages = stages_of(network, self.batch_size)
        self._workers = Workers(threads)
        self._gradients = {name: np.empty_like(p) for name, p in network.parameters.items()}
        self._couples = network.root.couples_batch()
        self._draws = any(stage.draws for stage in self.stages)
        # Before the first stage that learns, nobody asks for an error.
        self._first = next((i for i, stage in enumerate(self.stages) if stage.learns), 0)
        whole = {name for stage in self.stages for name in stage.writes}
        self._summed = [name for name in network.parameters if name not in whole]
        self._lanes: list[_Lane] = []

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
        outputs = np.empty((len(images), *self.network.output_shape), self.network.dtype)
        shares = self._begin(_shares(len(images)))

        def work(number: int) -> None:
            lane, context = self._lanes[number], Context(state=self.network.state)
            for chunk in _chunks(shares[number], CHUNK):
                outputs[chunk] = self._forward(lane, images[chunk], context)

        self._workers.map(_quietly(work), range(len(shares)))
        return outputs

    def step(self, images: Array, targets: Array, random: Random | None = None) -> Step:
        r"""Go forward and backward with one batch; nothing of the network is changed.

        Args:
            images: (batch, \*input_shape).
            targets: as the network's loss takes them.
            random: gives the generator from which a share, by its number, draws.

        Returns:
            The loss, the outputs, the gradients and the state's new values.

        Raises:
            ConfigurationError: more images than the plan was made for; or a layer, of
                the user's own, that breaks its word about gradients or state.
            DataError: labels that are no classes.
        """
        if len(images) > self.batch_size:
            raise ConfigurationError(
                f"A step must be given at most {self.batch_size} images, for which its plan was "
                f"made. Got {len(images)}. Make the plan with a larger batch_size."
            )
        compiled = are_checked_labels(self.network.loss, targets, self.network.output_shape)
        outputs = np.empty((len(images), *self.network.output_shape), self.network.dtype)
        losses = np.empty(len(images), self.network.dtype)
        whole = [slice(0, len(images))]
        shares = self._begin(whole if self._couples else _shares(len(images)))

        def work(number: int) -> None:
            lane = self._lanes[number]
            generator = random(number) if random is not None and self._draws else None
            context = Context(training=True, random=generator, state=self.network.state)
            for chunk in _chunks(shares[number], self._capacity()):
                outputs[chunk] = y = self._forward(lane, images[chunk], context)
                losses[chunk], dy = losses_and_error(
                    self.network.loss, y, targets[chunk], 1 / len(images), compiled
                )
                self._backward(lane, dy)
            lane.updates = context.updates
            lane.gradients = {}
            for stage, memory in zip(self.stages, lane.memories, strict=True):
                lane.gradients |= stage.end(memory)

        self._workers.map(_quietly(work), range(len(shares)))
        used = self._lanes[: len(shares)]
        _check_updates(used)
        self._finish(used, len(images))
        loss = float(losses.mean(dtype=np.float64))
        return Step(loss, outputs, self._gradients, used[-1].updates)

    def _capacity(self) -> int:
        """Return how many images a chunk of training has at most."""
        return max(CHUNK, self.batch_size) if self._couples else CHUNK

    def _begin(self, shares: list[slice]) -> list[slice]:
        """Prepare the stages, and have a lane ready for every share."""
        for stage in self.stages:
            stage.prepare(self.network.parameters)
        while len(self._lanes) < len(shares):
            self._lanes.append(_Lane([stage.memory(self._capacity()) for stage in self.stages]))
        for share, lane in zip(shares, self._lanes, strict=False):
            for stage, memory in zip(self.stages, lane.memories, strict=True):
                stage.begin(memory, share.start)
        return shares

    def _forward(self, lane: _Lane, images: Array, context: Context) -> Array:
        y = images.astype(self.network.dtype, copy=False)
        for stage, memory in zip(self.stages, lane.memories, strict=True):
            y = stage.forward(memory, y, context)
        return y

    def _backward(self, lane: _Lane, dy: Array) -> None:
        for number in range(len(self.stages) - 1, self._first - 1, -1):
            stage, memory = self.stages[number], lane.memories[number]
            dy = stage.backward(memory, dy, number > self._first)

    def _finish(self, lanes: list[_Lane], images: int) -> None:
        """Write the batch's gradients: whole, or the shares' sums in the shares' order."""
        work = [task for stage in self.stages for task in stage.finish(self._gradients, images)]
        for name in self._summed:
            if name not in lanes[0].gradients:
                layer, got = name.rpartition(".")[0], ", ".join(lanes[0].gradients) or "nothing"
                raise ConfigurationError(
                    f"The backward of layer {layer} must return a gradient for its parameter "
                    f"'{name}'. Got gradients for: {got}."
                )
            work.append(partial(_add, self._gradients[name], name, lanes))
        if images < SHARED_FINISH:
            for task in work:
                task()
        else:
            self._workers.map(lambda task: task(), work)


def _add(total: Array, name: str, lanes: list[_Lane]) -> None:
    np.copyto(total, lanes[0].gradients[name])
    for lane in lanes[1:]:
        total += lane.gradients[name]


def _check_updates(lanes: list[_Lane]) -> None:
    """Raise where shares of one batch each want to set the state: only one can."""
    updates = lanes[-1].updates
    if len(lanes) > 1 and updates:
        name = next(iter(updates))
        raise ConfigurationError(
            f"The couples_batch() of layer {name.rpartition('.')[0]} must return True, as it or a "
            f"layer in it sets the state '{name}', for which it must see the whole batch. Got "
            "False. A layer that holds others asks them."
        )


def _quietly(work: Callable[[int], Result]) -> Callable[[int], Result]:
    """Return ``work`` without NumPy's warnings of overflow.

    Training checks the values themselves and says where one is not finite.
    """

    def quiet(number: int) -> Result:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return work(number)

    return quiet


def _shares(count: int) -> list[slice]:
    """Cut ``count`` images into shares as equal as can be."""
    shares = next(shares for least, shares in SHARES if count >= least)
    edges = [count * number // shares for number in range(shares + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def _chunks(share: slice, size: int) -> list[slice]:
    """Cut a share into chunks of up to ``size`` images."""
    starts = range(share.start, share.stop, size)
    return [slice(start, min(start + size, share.stop)) for start in starts]
