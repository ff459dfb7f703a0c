"""The training loop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from types import FrameType
from typing import Never

import numpy as np

from sixloops.checks import is_number
from sixloops.clipping import clip_by_norm
from sixloops.data import Dataset, batches
from sixloops.data.augmentation import Augmentation
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.optimizers import SGD, Optimizer
from sixloops.regularizers import Regularizer
from sixloops.schedules import Constant, Schedule
from sixloops.training.averaging import averaged, keep_averages, move_averages
from sixloops.training.callbacks import AfterEpoch, Callback
from sixloops.training.checkpoint import restore_checkpoint
from sixloops.training.evaluate import evaluate_with
from sixloops.training.finite import check_arrays, check_evaluation, check_loss
from sixloops.training.history import History
from sixloops.training.metrics import correct
from sixloops.training.run import Run, Settings, Tally

INTERRUPTED = "interrupted"


def fit(
    network: Network,
    data: Dataset,
    *unnamed: Never,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Optimizer = SGD(),  # noqa: B008  (a frozen description)
    schedule: Schedule = Constant(),  # noqa: B008
    regularizers: Sequence[Regularizer] = (),
    augmentation: Augmentation | None = None,
    clip_norm: float | None = None,
    average: float | None = None,
    shuffle: bool = True,
    validation: Dataset | None = None,
    callbacks: Sequence[Callback | Callable[[Run], object]] = (),
    seed: int = 0,
    threads: int | None = None,
    record_every: int = 100,
    resume: str | os.PathLike[str] | None = None,
    raise_interrupt: bool = True,
) -> History:
    """Train a network; its parameters are changed in place.

    The same seed gives the same bits, for any number of threads, and with or without
    an interruption and ``resume``.

    Prints nothing; add :class:`sixloops.report.Progress` to ``callbacks`` to see how it goes.
    Calling it again trains on from the parameters as they are, with a fresh state of the
    optimiser. The command line trains with ``Adam`` and ``OneCycle`` instead of the
    defaults here.

    Ctrl-C ends the run cleanly after the current step: callbacks such as ``Checkpoint`` do
    what they do at a run's end, and the network holds what it has learnt so far. Then
    ``KeyboardInterrupt`` is raised, so that a script's next line does not save a half-trained
    network as the finished one. A second Ctrl-C ends at once.

    Args:
        network: what is trained.
        data: images and labels.
        unnamed: nothing; all else is given by name.
        epochs: passes over the data.
        batch_size: images a step.
        optimizer: how the gradients change the parameters, with the learning rate.
        schedule: by what the learning rate is multiplied as the run goes on.
        regularizers: penalties on the weights; they change the gradients, and are not
            in the losses that are reported.
        augmentation: how each batch of training images is varied.
        clip_norm: the largest norm of all gradients together; None for any.
        average: the decay, below 1, of a moving average of the parameters and running means;
            0.999 looks back over some thousand steps. It is what is validated, and what the
            network holds in the end; None for the last parameters themselves.
        shuffle: whether each epoch has an order of its own.
        validation: evaluated after each epoch.
        callbacks: what happens besides; a plain function is called with the run after
            each epoch.
        seed: of the streams ``shuffle``, ``dropout``, ``augment`` and ``evaluate``.
        threads: how many; None for all that the process may use.
        record_every: steps between two records of the training loss.
        resume: a checkpoint to go on from; everything else must be as it was, only
            ``epochs`` may grow.
        raise_interrupt: whether Ctrl-C, once the run has ended, is raised as
            ``KeyboardInterrupt``. With False the history is returned, and its ``stopped`` is
            "interrupted"; then look at it before you go on.

    Returns:
        The history; its ``stopped`` says why the run ended early, if it did.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the run, and ``raise_interrupt`` is True.
        ConfigurationError: an option makes no sense, or another one than when the
            checkpoint was written.
        DataError: the data does not fit the network.
        FileError: the checkpoint cannot be read.
        NonFiniteError: a parameter is NaN or infinite from the start; or a loss, gradient or
            parameter became so, and the error names the layer, the parameter and the step.
            A checkpoint keeps the last state in which all was finite.

    Examples:
        >>> import numpy as np
        >>> from sixloops.layers import Dense
        >>> images = np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1)
        >>> from sixloops.layers import Flatten
        >>> network = Network([Flatten(), Dense(4)], input_shape=(4, 1, 1))
        >>> data = Dataset(images, np.arange(4))
        >>> history = fit(network, data, epochs=50, batch_size=4, optimizer=SGD(1.0))
        >>> history.epochs[-1]["accuracy"]
        1.0
    """
    if unnamed:
        raise ConfigurationError(
            f"fit must be given a network and a data set, and all else by name. Got {len(unnamed)} "
            "more. Images and labels are one data set: fit(network, Dataset(images, labels))."
        )
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        regularizers=regularizers,  # type: ignore[arg-type]  # settings make a tuple of them
        augmentation=augmentation,
        clip_norm=clip_norm,
        average=average,
        shuffle=shuffle,
        seed=seed,
        record_every=record_every,
    )
    run = Run(network, data, validation, settings)
    if resume is not None:
        restore_checkpoint(run, resume)
    with Plan(network, batch_size, threads) as plan, _stops_on_interrupt(run) as caught:
        _train(run, plan, _in_order(callbacks))
        keep_averages(run)
    run.history.stopped = run.stop_reason
    if raise_interrupt and caught:
        raise KeyboardInterrupt(f"fit ended after {run.step:,} of {run.total_steps:,} steps")
    return run.history


def _in_order(given: Sequence[Callback | Callable[[Run], object]]) -> list[Callback]:
    """Return callbacks in the order in which they run."""
    if not isinstance(given, Sequence):
        raise ConfigurationError(
            f"The 'callbacks' of fit must be a list. Got {given!r}. Put brackets around it."
        )
    listed: list[Callback] = []
    for item in given:
        if isinstance(item, Callback):
            listed.append(item)
        elif callable(item) and not isinstance(item, type):
            listed.append(AfterEpoch(item))
        else:
            raise ConfigurationError(
                f"The 'callbacks' of fit must be Callback objects or functions. Got {item!r}."
            )
    return sorted(listed, key=lambda callback: callback.runs_last)


@contextmanager
def _stops_on_interrupt(run: Run) -> Iterator[list[int]]:
    """Let Ctrl-C end the run after the current step; a second one ends it at once.

    The list that is given holds a number once it has come.

    Only the main thread may set signal handlers; elsewhere Ctrl-C stays as it is. It also
    stays ignored where whoever began the process had it so, as for a job in the background.
    """
    caught: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield caught
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        run.stop_reason = INTERRUPTED

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, previous or signal.SIG_DFL)


def _train(run: Run, plan: Plan, callbacks: list[Callback]) -> None:
    with ExitStack() as ending:
        # Every callback gets its end, whatever fails; the stack unwinds from its top.
        for callback in reversed(callbacks):
            ending.callback(callback.on_train_end, run, plan)
        try:
            for callback in callbacks:
                callback.on_train_start(run, plan)
            while run.epoch < run.settings.epochs and not run.stop_reason:
                _epoch(run, plan, callbacks)
        except BaseException as error:
            run.failed, run.stop_reason = True, str(error)
            raise


def _epoch(run: Run, plan: Plan, callbacks: list[Callback]) -> None:
    """Do what is left of the current epoch, unless a callback stops the run."""
    settings = run.settings
    loader = batches(
        run.data,
        settings.batch_size,
        streams=run.streams,
        epoch=run.epoch,
        shuffle=settings.shuffle,
        augmentation=settings.augmentation,
        start=run.batch,
        dtype=run.network.dtype,
        threads=plan.threads,
    )
    with closing(loader):
        while run.batch < run.steps_per_epoch:
            began = time.perf_counter()
            images, targets = next(loader)
            _step(run, plan, images, targets)
            run.seconds += time.perf_counter() - began
            for callback in callbacks:
                callback.on_step_end(run, plan)
            if run.stop_reason:
                return
    _end_epoch(run, plan)
    for callback in callbacks:
        callback.on_epoch_end(run, plan)


def _step(run: Run, plan: Plan, images: Array, targets: Array) -> None:
    """Take one step down the gradient."""
    network, settings, number = run.network, run.settings, run.step
    run.rate = settings.optimizer.rate * _factor(run)

    def random() -> np.random.Generator:
        return run.streams.generator("dropout", number)

    step = plan.step(images, targets, random)
    check_loss(run, plan, step.loss, images)
    regularizers = settings.regularizers
    if settings.clip_norm is not None:
        plan.add_penalties(regularizers)
        regularizers = ()
        check_arrays(run, plan, "gradient", step.gradients)
        clip_by_norm(step.gradients, settings.clip_norm)
    state = run.optimizer_state
    broken = plan.update(settings.optimizer, state, run.rate, run.step + 1, regularizers)
    if broken:
        arrays = step.gradients if broken == "gradient" else network.parameters
        check_arrays(run, plan, broken, arrays)
    check_arrays(run, plan, "state", step.updates)
    network.state.update(step.updates)
    run.step += 1
    move_averages(run)
    _count(run, step.loss, correct(network.loss, step.outputs, targets), len(images))


def _factor(run: Run) -> float:
    """Return the schedule's factor, which may be one of the user's own."""
    schedule = run.settings.schedule
    factor = schedule.factor(run.clock)
    if not is_number(factor) or factor < 0:
        expected = "be a finite number of at least 0"
        owner = f"{type(schedule).__name__} in step {run.step + 1}"
        raise ConfigurationError(wrong("factor", owner, expected, factor))
    return factor


def _count(run: Run, loss: float, hits: int | None, images: int) -> None:
    """Add the batch to the tallies, and make a record every so many steps."""
    run.recent.add(loss, hits, images)
    run.current.add(loss, hits, images)
    if run.step % run.settings.record_every == 0:
        run.record("step", rate=run.rate, **run.recent.means())
        run.recent = Tally()


def _end_epoch(run: Run, plan: Plan) -> None:
    """Evaluate, make the epoch's record, and begin the next."""
    measures = run.current.means()
    if run.validation is not None:
        with averaged(run):
            result = evaluate_with(plan, run.validation)
        check_evaluation(run, result.loss, "the validation set")
        measures["validation_loss"] = result.loss
        if result.accuracy is not None:
            measures["validation_accuracy"] = result.accuracy
    run.record("epoch", rate=run.rate, **measures)
    run.current = Tally()
    run.epoch += 1
