"""The doctor beside a training with :func:`sixloops.training.fit`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from operator import sub, truediv
from typing import Any

import numpy as np

from sixloops.doctor.run import probe
from sixloops.doctor.run.evidence import Evaluated
from sixloops.doctor.run.judged import falls_short, told_worse
from sixloops.doctor.run.monitor import Monitor
from sixloops.doctor.run.parts import check_parts
from sixloops.doctor.verdict import Verdict
from sixloops.engine import Plan
from sixloops.layers import BatchNorm
from sixloops.layers.base import Array
from sixloops.losses.base import are_class_numbers, are_labels
from sixloops.training import Callback
from sixloops.training.run import Run

IMAGES = 16
"""So many images are sent through the layers at a look."""
LOOKING_UP = 0.1
"""Seconds that comparing images with each other takes about."""
GUESS = 6
"""So many steps a look takes about."""
IMAGES_AT_THE_END = 128
"""So many are looked at when a run that falls short has ended."""
OUTPUT_IMAGES = 32
"""Of so many the outputs are looked at when any run has ended."""
MOST_NOTES = 5


def _safely(
    hook: Callable[[Doctor, Run, Plan], None],
) -> Callable[[Doctor, Run, Plan], None]:
    """Let nothing that goes wrong in looking on reach the training."""

    @wraps(hook)
    def looking(self: Doctor, run: Run, plan: Plan) -> None:
        try:
            hook(self, run, plan)
        except Exception as error:
            words = " ".join(str(error).split())[:200]
            notes = self.monitor.evidence.notes
            if len(notes) < MOST_NOTES:
                notes.append(f"The doctor could not look: {type(error).__name__}: {words}")

    return looking


class Doctor(Callback):
    """Watches a training, and says at its end what is wrong with it, or that nothing is.

    It changes nothing of the run. All that costs time waits until its share of the training's
    time allows it; only a run that falls short is looked at thoroughly, at its end. In a second
    run it begins anew.

    Args:
        share: of the training's time that it may take; None for no limit.

    Attributes:
        monitor: what it has seen.
        seconds: how long it took.

    Examples:
        >>> from sixloops import Network, fit
        >>> from sixloops.data import Dataset
        >>> from sixloops.layers import Dense, Flatten
        >>> network = Network([Flatten(), Dense(2)], input_shape=(1, 2, 2))
        >>> data = Dataset(np.eye(4, dtype=np.float32).reshape(4, 1, 2, 2), [0, 1, 0, 1])
        >>> doctor = Doctor()
        >>> history = fit(network, data, epochs=2, batch_size=2, callbacks=[doctor])
        >>> print(doctor.verdict().state)  # after four steps
        not enough seen to tell
    """

    runs_last = True

    def __init__(self, share: float | None = 0.005) -> None:
        self.share = share
        self._begin()

    def _begin(self) -> None:
        """Know nothing of any run."""
        self.monitor = Monitor()
        self.seconds = 0.0
        self._sums: list[tuple[int, float, int | None, int]] = []
        self._next = 1
        self._cost = 0.0
        self._images: Array | None = None
        self._verdict: Verdict | None = None

    def verdict(self) -> Verdict:
        """Return what is wrong with the run, or that nothing is."""
        return self.monitor.verdict() if self._verdict is None else self._verdict

    @_safely
    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Look at the settings, the labels and the initial weights."""
        self._begin()
        began = time.perf_counter()
        evidence, labels = self.monitor.evidence, run.data.labels
        evidence.batch = min(run.settings.batch_size, len(run.data))
        if run.validation is not None:
            evidence.held_out = len(run.validation)
            evidence.held_out_chance = probe.chance_of(run.validation)
        evidence.loss_kind = probe.kind_of_loss(run.network)
        if are_class_numbers(labels):
            evidence.classes = run.network.output_shape[0]
            evidence.counts = np.bincount(labels, minlength=evidence.classes)
            if not run.settings.shuffle:
                evidence.labels.append(labels[:20_000])
        if run.step == 0:
            probe.weights_at_the_start(self.monitor, run.network)
        bound = probe.bounds_of_outputs(run.network)
        if bound is not None:
            evidence.probes["bounded output"] = bound
        if self.share is None:
            self._images, _ = probe.part_of(run.data, IMAGES)
            probe.look(self.monitor, run.network, 0, self._images)
        self.seconds += time.perf_counter() - began

    def on_step_end(self, run: Run, plan: Plan) -> None:
        """Take the loss; from time to time look at layers and parameters."""
        # This runs at every step of every training, so nothing else is done here.
        now, step = run.current, run.step
        self._sums.append((step, now.loss, now.correct, now.images))
        if step >= self._next:
            self._look_if_due(run, plan)

    def _look_if_due(self, run: Run, plan: Plan) -> None:
        step, began = run.step, time.perf_counter()
        if self.monitor.due(step) and self._affordable(run):
            self._look(run, plan)
            self._cost = time.perf_counter() - began
        elif self.monitor.follows(step):
            self._look_at_parameters(run, plan)
        follows = self.monitor.follows(step + 1)
        self._next = step + 1 if follows else self.monitor.next_due(step)
        self.seconds += time.perf_counter() - began

    def _affordable(self, run: Run, cost: float = 0.0) -> bool:
        if self.share is None:
            return True
        # Before the first look its cost is guessed by that of a step.
        cost = cost or self._cost or GUESS * run.seconds / max(run.step, 1)
        return self.seconds + 1.5 * cost <= self.share * run.seconds

    @_safely
    def _look(self, run: Run, plan: Plan) -> None:
        if self._images is None:
            self._images, _ = probe.part_of(run.data, IMAGES)
        probe.look(self.monitor, run.network, run.step, self._images)
        self._look_at_parameters(run, plan)

    @_safely
    def _look_at_parameters(self, run: Run, plan: Plan) -> None:
        gradients = _downhill(run, plan)
        self.monitor.look_at_parameters(run.step, dict(run.network.parameters), gradients, run.rate)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Take the epoch's record."""
        self._take_losses()

    def _take_losses(self) -> None:
        """Turn the sums of an epoch, which grow from step to step, into each step's loss."""
        if not self._sums:
            return
        e = self.monitor.evidence
        steps, losses, correct, images = zip(*self._sums, strict=True)
        counts = _grown(images)
        e.steps += steps
        e.losses += map(truediv, _grown(losses), counts)
        if None not in correct:
            e.hits += map(truediv, _grown(correct), counts)
        self._sums = []

    @_safely
    def on_train_end(self, run: Run, plan: Plan) -> None:
        """Judge the run; where it falls short, look for the reason."""
        began = time.perf_counter()
        self._take_losses()
        evidence = self.monitor.evidence
        evidence.epochs = run.history.epochs
        evidence.evaluations += [
            Evaluated(r["step"], r["loss"], r.get("accuracy"), r["images"])
            for r in run.history.of("evaluation")
        ]
        if run.failed and run.stop_reason:
            evidence.broken = run.stop_reason
        check_parts(self.monitor, run)
        self._see_outputs(run, plan)
        if told_worse(evidence):
            probe.compare_spreads(self.monitor, run.data, run.validation)
        self._compare_modes(run)
        if self.share is None or falls_short(evidence, 0.02) or self._thin(run):
            examine_end(self.monitor, run)
            self._take_one_more_step(run, plan)
        self._verdict = self.monitor.verdict()
        self.seconds += time.perf_counter() - began

    def _thin(self, run: Run) -> bool:
        """Say whether a run ended so low that it is worth the time to ask for more."""
        e = self.monitor.evidence
        reached = e.validation if e.validation is not None else e.accuracy
        if reached is None or len(e.steps) < 20:
            return False
        return reached < 0.7 or (reached < 0.95 and self._affordable(run, LOOKING_UP))

    def _see_outputs(self, run: Run, plan: Plan) -> None:
        """Take the signals of the outputs of some images, as they are in the end."""
        images, labels = probe.part_of(run.data, OUTPUT_IMAGES)
        if run.failed or not are_labels(labels, run.network.output_shape):
            return
        outputs = plan.outputs(images)
        if np.isfinite(outputs).all():
            losses, _ = run.network.loss.forward(outputs, labels)
            self.monitor.see_outputs(run.step, outputs, labels, float(losses.mean()))

    def _take_one_more_step(self, run: Run, plan: Plan) -> None:
        """See how far the last gradients would move the parameters, on copies of all."""
        if not run.step or run.failed:
            return
        optimizer, gradients = run.settings.optimizer, _downhill(run, plan)
        now = {name: w.copy() for name, w in run.network.parameters.items()}
        state = {name: kept.copy() for name, kept in run.optimizer_state.items()}
        if now.keys() != gradients.keys():
            return
        rate = optimizer.rate  # a schedule may have ended near 0
        with np.errstate(all="ignore"):
            optimizer.update(now, gradients, state, rate, run.step + 1)
        moved = {name: w - run.network.parameters[name] for name, w in now.items()}
        self.monitor.see_step(run.step, dict(run.network.parameters), gradients, moved, rate)

    def _compare_modes(self, run: Run) -> None:
        """Tell the same images in training mode, where the layers act otherwise in it."""
        if not run.network.state or run.failed or not are_class_numbers(run.data.labels):
            return
        e = self.monitor.evidence
        held, told = e.validation, e.accuracy
        if held is not None and told is not None and held > told - 0.1 and self.share is not None:
            return
        images, labels = probe.part_of(run.data, 2 * IMAGES_AT_THE_END)
        batch = probe.accuracy_of(run.network, images, labels, training=True)
        running = probe.accuracy_of(run.network, images, labels)
        if batch is not None and running is not None:
            names = ("running_mean", "running_variance")
            e.probes["training mode"], e.probes["evaluation mode"] = batch, running
            moments = [x.momentum for x in run.network.layers if isinstance(x, BatchNorm)]
            e.probes["lag"] = 1 / (1 - max(moments, default=0.0))
            e.probes["has statistics"] = float(any(n.endswith(names) for n in run.network.state))


def _downhill(run: Run, plan: Plan) -> Mapping[str, Array]:
    """Return the gradients against which the last step went: with those of the penalties."""
    penalties = run.settings.regularizers
    if plan.penalised or not penalties:
        return plan.gradients
    gradients = {name: gradient.copy() for name, gradient in plan.gradients.items()}
    for penalty in penalties:
        penalty.add_gradients(run.network.parameters, gradients)
    return gradients


def _grown(sums: tuple[Any, ...]) -> list[Any]:
    """Return by how much a sum grew at each step, from 0 on."""
    return list(map(sub, sums, (0, *sums)))


def examine_end(monitor: Monitor, run: Run) -> None:
    """Look thoroughly at a run that is over."""
    e, network = monitor.evidence, run.network
    images, labels = probe.part_of(run.data, IMAGES_AT_THE_END)
    probe.look(monitor, network, run.step, images)
    if not are_class_numbers(labels):
        return
    told = probe.accuracy_of(network, images, labels)
    if told is not None:
        e.probes["training part"] = told
    probe.look_up(monitor, run.data, run.validation)
