"""A plan: how a network is run for batches of up to one size.

The layers are lowered into stages, and the stages write a program. The batch is cut into shares
by its size alone; a share goes forward and backward through all stages by itself, a chunk of
images at a time, and then the shares' gradients are added in the shares' order. So the bits do
not depend on how many threads share the work. All memory is allocated once and used again by
every step.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

import numpy as np

from sixloops import checks
from sixloops.data.images import as_array as plain_array
from sixloops.engine.kernels import team
from sixloops.engine.kernels.precompiling import compile_side_by_side
from sixloops.engine.loss import LossStage, check_targets, is_compiled, predicted
from sixloops.engine.lowering import stages_of
from sixloops.engine.places import places_of
from sixloops.engine.program import Factors, Program
from sixloops.engine.stages import Learned, Stage, Values
from sixloops.engine.stages.base import arranged, write_back
from sixloops.engine.stages.dense import products_of
from sixloops.engine.threads import Workers, available_threads
from sixloops.engine.update import INSTRUCTIONS, KINDS, PENALTIES, Update
from sixloops.errors import ConfigurationError
from sixloops.layers import Context
from sixloops.layers.base import Array, Gradients
from sixloops.losses.base import are_labels
from sixloops.network import Network, as_array
from sixloops.optimizers import Optimizer
from sixloops.regularizers import Regularizer

Random = Callable[[], np.random.Generator]

TRAINING = ("labels", "targets")
"""The purposes of programs for a training step: with class labels, and with other targets."""

SHARES = ((128, 8), (32, 4), (0, 2))
"""From how many images on a batch is cut into how many shares. Each costs some time of its
own; while they are worked on, threads beyond them have nothing to do."""

FEWEST_IMAGES, MOST_IMAGES, NEAR_CACHE = 4, 16, 1 << 19
"""Images that go through the stages together: so many that products are long, and so few that
what they leave behind (``NEAR_CACHE`` numbers) stays in the processor's caches."""


@dataclass(frozen=True)
class Step:
    r"""What one training step found out.

    Args:
        loss: the batch's mean loss, without regularisers.
        outputs: the network's outputs, (batch, \*output_shape).
        updates: new values of the network's state.
    """

    loss: float
    outputs: Array
    updates: Gradients
    _plan: Plan = field(repr=False)

    @property
    def gradients(self) -> Gradients:
        """∂loss/∂parameter by dotted name: :attr:`Plan.gradients`, the last step's."""
        return self._plan.gradients


@dataclass(frozen=True)
class _Written:
    """A program that the stages have written, and what goes into it and comes out.

    Args:
        draws: whether a stage draws random numbers.
        products: writes the gradients that the program leaves as factors; None where it has none.
    """

    program: Program
    images: Values
    outputs: Values
    loss: LossStage
    draws: bool
    products: Program | None = None


class Plan:
    """Runs a network; to be used in a ``with`` block, which holds its threads.

    Outside a block every call begins the threads and ends them again: the same bits, slower.
    Threads of your own may share a plan for predictions: one call waits for the other.

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
        self.network = network
        # What a step and a prediction work in is the plan's, so that they come one by one.
        self._in_turn = threading.RLock()
        self.batch_size = checks.whole_number("batch_size", "a plan", batch_size)
        self._workers = Workers(threads)
        self._gradients = {name: np.empty_like(p) for name, p in network.parameters.items()}
        self._seen: dict[str, Array] = {}
        self._state_shapes = {name: array.shape for name, array in network.state.items()}
        self._left: _Written | None = None
        self._images = 0
        self._penalised = False
        self._updates: dict[int, Update] = {}
        self._written: dict[str, _Written] = {}

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

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages into which the network's layers are lowered."""
        return stages_of(self.network, Learned(self.network.parameters, self._gradients))

    @property
    def gradients(self) -> Gradients:
        """The last step's gradients, by the parameters' names.

        They are the loss's alone, unless they are :attr:`penalised`. Some are computed only when
        somebody asks, so ask anew after every step: the next one overwrites some of these arrays.
        An update goes by what is changed in them between asking and updating.

        Raises:
            ConfigurationError: there was no step yet, or the last one failed.
        """
        if not self._images:
            raise ConfigurationError(
                "A plan has gradients after a step. Got none: there was no step yet, or the last "
                "one failed. Take a step first."
            )
        with self._in_turn:
            if self._left is not None and self._left.products is not None:
                self._workers.run(self._left.products, self._images, 1)
            self._left = None
        return self._gradients

    @property
    def penalised(self) -> bool:
        """Whether Python has added the gradients of penalties to those of the last step.

        It does so where an update's kernels cannot: for penalties or an optimiser of the user's
        own, and before clipping.
        """
        return self._penalised

    @property
    def shares(self) -> int:
        """Into how many shares a full batch is cut: how many threads can work at them at once."""
        return _shares(self.batch_size)

    @property
    def threads(self) -> int:
        """How many threads there are."""
        return self._workers.threads

    def memory(self) -> int:
        """Return the bytes that steps with class labels work in, without parameters and updates."""
        gradients = sum(array.nbytes for array in self._gradients.values())
        return gradients + self._draft("labels").program.memory()

    def prepare(self, training: bool = True) -> None:
        """Compile, if the cache does not have them, the kernels that the network needs.

        Args:
            training: whether for steps with class labels too, or for outputs alone.
        """
        team.begin(np.zeros(team.size(1), np.int64), *[0] * 11)
        for purpose in ("labels", "outputs") if training else ("outputs",):
            self._ready(purpose)
        for instruction in INSTRUCTIONS if training else ():
            instruction.address(self.network.dtype)

    def outputs(self, images: Array) -> Array:
        """Return the outputs of a batch as they are outside training.

        Raises:
            ConfigurationError: parameters have been replaced, and do not fit.
            DataError: images of another shape.
        """
        return self._results("outputs", as_array(images))

    def predict(self, images: Array) -> Array:
        r"""Return what the network says of images: for classes, their probabilities.

        The same as :meth:`sixloops.Network.predict`, which computes it by the layers' definitions,
        but for rounding. For one image after the other, a plan for one image answers soonest.

        Args:
            images: (n, \*input_shape), of any number type and any length.

        Returns:
            (n, \*output_shape); see the loss's ``predictions``.

        Raises:
            DataError: images of another shape.

        Examples:
            >>> from sixloops.layers import Dense
            >>> network = Network([Dense(2)], input_shape=(3,))
            >>> with Plan(network, batch_size=1, threads=1) as plan:
            ...     probabilities = plan.predict(np.zeros((1, 3)))
            >>> probabilities
            array([[0.5, 0.5]], dtype=float32)
        """
        return self._results("predictions", as_array(images))

    def _results(self, purpose: str, images: Array) -> Array:
        """Run the program for a purpose, with as many images at a time as the plan is for."""
        self.network.check_images(images)
        results = np.empty((len(images), *self.network.output_shape), self.network.dtype)
        with self._in_turn:
            made = self._ready(purpose)
            for begin in range(0, len(images), self.batch_size):
                some = images[begin : begin + self.batch_size]
                made.program.context = Context(state=self.network.state)
                self._run(made, some)
                results[begin : begin + len(some)] = _view(made.outputs, len(some))
        return results

    def step(self, images: Array, targets: Array, random: Random | None = None) -> Step:
        r"""Go forward and backward with one batch; nothing of the network is changed.

        Args:
            images: (batch, \*input_shape).
            targets: as the network's loss takes them.
            random: gives the generator from which layers draw.

        Returns:
            The loss, the outputs, the gradients and the state's new values.

        Raises:
            ConfigurationError: more images than the plan was made for; or a layer, of
                the user's own, that breaks its word about gradients; or parameters that have
                been replaced, and do not fit.
            DataError: images of another shape, or targets that the loss cannot take.
        """
        images, targets = as_array(images), plain_array(targets, "targets")
        self.network.check_images(images)
        if not 1 <= len(images) <= self.batch_size:
            raise ConfigurationError(
                f"A step must be given 1 to {self.batch_size} images, for which its plan was "
                f"made. Got {len(images)}. For more, make the plan with a larger batch_size."
            )
        with self._in_turn:
            return self._step(images, targets, random)

    def _step(self, images: Array, targets: Array, random: Random | None) -> Step:
        """Go forward and backward with a batch that the plan is large enough for."""
        made = self._ready(self._purpose(targets, len(images)))
        generator = random() if random is not None and made.draws else None
        context = Context(training=True, random=generator, state=self.network.state)
        made.program.context = context
        losses = made.loss.take(targets, len(images))
        # From here on the last step's factors are written over.
        self._left, self._images, self._penalised = None, 0, False
        made.program.too_large[0] = 0
        self._run(made, images)
        self._left, self._images = made, len(images)
        loss = float(losses.sum(dtype=np.float64)) / len(losses)
        outputs = _view(made.outputs, len(images)).copy()
        return Step(loss, outputs, context.updates, self)

    def _purpose(self, targets: Array, images: int) -> str:
        """Return which program a step takes, after a look at the targets."""
        loss, outputs = self.network.loss, self.network.output_shape
        if is_compiled(loss):
            check_targets(loss, targets, images, outputs)
        return "labels" if is_compiled(loss) and are_labels(targets, outputs) else "targets"

    def _run(self, made: _Written, images: Array) -> None:
        np.copyto(_view(made.images, len(images)), images)
        # Training checks the values themselves, and says where one is not finite.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            self._workers.run(made.program, len(images), _shares(len(images)))

    def update(
        self,
        optimizer: Optimizer,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        regularizers: Sequence[Regularizer] = (),
    ) -> str | None:
        """Change the network's parameters by the last step's gradients.

        Args:
            optimizer: how.
            state: what it remembers; changed.
            rate: the learning rate of this step.
            step: its number, from 1.
            regularizers: penalties, whose gradients are added to the last step's first; where
                kernels do it, to copies.

        Returns:
            ``"gradient"`` if one of the batch is not finite, and then nothing was changed;
            ``"parameter"`` if a parameter has become so; else None.

        Raises:
            ConfigurationError: a state of other parameters; parameters that have been replaced,
                and do not fit; or no gradients, as the last step failed.
        """
        with self._in_turn:
            return self._update(optimizer, state, rate, step, regularizers)

    def _update(
        self,
        optimizer: Optimizer,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        regularizers: Sequence[Regularizer],
    ) -> str | None:
        parameters = self.network.parameters
        kinds = {type(regularizer) for regularizer in regularizers}
        if type(optimizer) not in KINDS or not kinds <= {*PENALTIES}:
            self.add_penalties(regularizers)
            regularizers = ()
        if type(optimizer) not in KINDS:
            if not _all_finite(self.gradients):
                return "gradient"
            optimizer.update(parameters, self.gradients, state, rate, step)
            return None if _all_finite(parameters) else "parameter"
        factored = self._factored()
        gradients = self._gradients if factored else self.gradients
        arrays = [*parameters.values(), *state.values()]
        # An update holds its factors, so that no others have their id while it is kept.
        kind = id(factored) if factored else 0
        update = self._updates.get(kind)
        if update is None or not update.fits(optimizer, regularizers, arrays):
            self.network.check_forms()
            optimizer.check_state(parameters, state, step)
            all_of_it = optimizer, parameters, gradients, regularizers, state
            how = self.network.dtype, self._workers.threads, factored
            update = self._updates[kind] = Update(*all_of_it, *how)
        return update.run(self._workers, rate, step, self._images)

    def _factored(self) -> Sequence[Factors]:
        """Return the last step's gradients that an update may take from their factors.

        Nothing if somebody has asked for the gradients, and so may have changed them; or if a
        product may not be finite, which shows only once all of it is written.
        """
        if self._left is None or self._left.program.too_large[0]:
            return ()
        return self._left.program.factored

    def add_penalties(self, regularizers: Sequence[Regularizer]) -> None:
        """Add the gradients of penalties to the last step's, where an update is not to do it."""
        for regularizer in regularizers:
            # One of the user's own may put new arrays in the place of those that it was given.
            gradients = dict(self.gradients)
            regularizer.add_gradients(self.network.parameters, gradients)
            for name, array in self.gradients.items():
                if gradients[name] is not array:
                    np.copyto(array, gradients[name])
            self._penalised = True

    def _ready(self, purpose: str) -> _Written:
        """Return the program for a purpose, for the network's parameters as they are."""
        parameters = self.network.parameters
        if any(parameters.get(name) is not array for name, array in self._seen.items()):
            self._written.clear()
            self._updates.clear()
        state = self.network.state
        if any(np.shape(state.get(name, ())) != s for name, s in self._state_shapes.items()):
            self.network.check_forms()
        if not self._written:
            self.network.check_forms()
            self._seen = dict(parameters)
        if purpose not in self._written:
            self._written[purpose] = self._write(purpose)
        return self._written[purpose]

    def _write(self, purpose: str) -> _Written:
        """Have the stages write a program and find places for all that it needs."""
        made = self._draft(purpose)
        needed = [*made.program.instructions(), *(INSTRUCTIONS if purpose in TRAINING else ())]
        compile_side_by_side(needed, self.network.dtype, available_threads())
        made.program.assemble()
        if made.program.factored:
            made = replace(made, products=products_of(made.program, self._workers.threads))
        return made

    def _draft(self, purpose: str) -> _Written:
        """Have the stages write a program: for results alone, or for a training step."""
        training, shares = purpose in TRAINING, _shares(self.batch_size)
        threads, chunk = self._workers.threads, min(_chunk(self.network), self.batch_size)
        program = Program(self.network.dtype, self.batch_size, shares, chunk, training, threads)
        shape, stages = self.network.input_shape, self.stages
        images = y = Values(program.buffer(math.prod(shape), whole=True), shape)
        for stage in stages:
            y = stage.forward(program, y)
        outputs = arranged(program, y, channels_last=False)
        loss = LossStage(self.network.loss, labels=purpose == "labels")
        if training:
            write_back(program, stages, loss.backward(program, outputs), needs_dx=False)
        elif purpose == "predictions":
            outputs = predicted(program, self.network.loss, outputs)
        outputs.buffer.whole = True
        draws = any(stage.draws for stage in stages)
        return _Written(program, images, outputs, loss, draws)


def _view(values: Values, images: int) -> Array:
    return values.buffer.view(images, values.shape)


def _chunk(network: Network) -> int:
    """Return how many images go through the stages together: fewer where an image is large."""
    size = sum(math.prod(place.output_shape) for place in places_of(network))
    return max(FEWEST_IMAGES, min(MOST_IMAGES, NEAR_CACHE // max(size, 1)))


def _shares(images: int) -> int:
    """Return into how many shares a batch is cut."""
    return min(images, next(shares for least, shares in SHARES if images >= least))


def _all_finite(arrays: Mapping[str, Array]) -> bool:
    return all(np.isfinite(array).all() for array in arrays.values())
