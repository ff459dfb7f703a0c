"""The monitor: fed by any training loop, it gathers signals and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sixloops.doctor.run.arrays import as_array, named_arrays, norm, some, words_for
from sixloops.doctor.run.evidence import LABELS, Evaluated, Evidence, OutputSignals
from sixloops.doctor.run.fingerprints import are_probabilities, mean_error, recount
from sixloops.doctor.run.rules import verdict_of
from sixloops.doctor.run.shares import in_shares
from sixloops.doctor.run.signals import Start, is_matrix, of_inputs, of_layer, of_parameter
from sixloops.doctor.verdict import Verdict
from sixloops.layers.base import Array

EVERY = 256
"""Steps between two looks once a run is under way."""
PART = 128
"""So many images of a batch are looked at."""
ENOUGH_WEIGHTS = 30
"""Of fewer weights the mean may be far from 0 by chance."""
ENOUGH_TO_COMPARE = 500
"""Of fewer weights two draws may be alike by chance."""
COMMON = 0.2
"""A smaller correlation of weights, before and after some steps, is of other weights."""
MOST_CLASSES = 1 << 20
"""A label as large as that is no class number."""


class Monitor:
    """Watches a training loop of any make: one run, and a new monitor for the next.

    The loop says after every step what it has: the loss alone is enough to begin with,
    and each array more lets the doctor tell more faults from each other. Arrays may be
    NumPy's or any that :func:`numpy.asarray` takes.

    Args:
        classes: how many there are; None to find it out.

    Examples:
        >>> monitor = Monitor(classes=10)
        >>> for step in range(40):
        ...     monitor.observe(loss=2.303, labels=np.arange(32) % 10)
        >>> verdict = monitor.verdict()
        >>> verdict.healthy, verdict.name
        (False, '')
    """

    def __init__(self, classes: int | None = None) -> None:
        self.evidence = Evidence(classes=classes)
        self._kept: dict[str, Array] = {}
        self._kept_step = -2
        self._labels = 0
        self._from = 1

    @property
    def step(self) -> int:
        """The number of the last training step that was observed."""
        return self.evidence.steps[-1] if self.evidence.steps else 0

    def due(self, step: int | None = None) -> bool:
        """Say whether the next step's arrays will be looked at, or only its loss and labels.

        A loop to which it is costly to hand over activations can do so only where this
        says yes: at the steps 1, 2, 4, 8, …, then every 256th. Where nothing is handed over then,
        it says yes until something is.

        Args:
            step: which step, from 1; None for the one after the last observed.
        """
        return (self.step + 1 if step is None else step) >= self._from

    def next_due(self, step: int) -> int:
        """Return when a look is due after one at this step."""
        return int(1 << step.bit_length()) if step < EVERY // 2 else (step // EVERY + 1) * EVERY

    def observe(
        self,
        loss: float,
        *,
        step: int | None = None,
        outputs: Any = None,
        labels: Any = None,
        inputs: Any = None,
        parameters: Any = None,
        gradients: Any = None,
        activations: Any = None,
        rate: float | None = None,
        accuracy: float | None = None,
        training: bool = True,
    ) -> None:
        """Take in one step of training, or one evaluation. It never raises.

        Args:
            loss: the mean loss of the batch.
            step: its number, from 1; None to count.
            outputs: of the network, (batch, classes).
            labels: class numbers (batch,), or one-hot rows (batch, classes).
            inputs: what the first layer was given, (batch, …).
            parameters: after the step: arrays by name, or one after the other; dictionaries and
                lists may hold others, and iterators will do.
            gradients: under the same names.
            activations: layers' outputs, (batch, …), in the layers' order, as parameters.
            rate: the learning rate.
            accuracy: of the batch, as the loop counts it: a share from 0 to 1.
            training: False for an evaluation on other images.
        """
        number = self.step + 1 if training else self.step
        self.evidence.by_hand = True
        try:
            number = number if step is None else int(step)
            due, given = self.due(number), (outputs, inputs, parameters, gradients, activations)
            answers, right = self._read(outputs, "outputs"), self._read(labels, "labels")
            self._observe(float(loss), number, answers, right, accuracy, training)
            if training and rate is not None:
                self.evidence.rates.append(float(rate))
            if training and (due or self.follows(number)):
                named = self._read_named(gradients, "gradients", "parameter")
                self._look_at_outputs_bias(named.values(), answers, right)
                self._look(number, inputs, parameters, named, activations, rate)
            if training and due and any(each is not None for each in given):
                self._from = self.next_due(number)
        except Exception as error:
            # Whatever it is that they hand over, their training goes on.
            words = " ".join(str(error).split())[:200] or type(error).__name__
            self._note(f"What came with step {number} could not be read: {words}")

    def _note(self, note: str) -> None:
        """Keep a note, once; of many the last."""
        if note not in self.evidence.notes:
            self.evidence.notes = [*self.evidence.notes[:4], note]

    def _read(self, given: Any, what: str) -> Array | None:
        """Return an array, and note where something else was given."""
        array = as_array(given)
        if given is not None and array is None:
            got = words_for(given)
            self._note(f"The {what} were left out: they must be an array of numbers. Got {got}.")
        return array

    def _read_named(self, given: Any, what: str, word: str) -> dict[str, Array]:
        """Return arrays by name, and note what is none."""
        arrays, left_out = named_arrays(given, word)
        if left_out:
            some = f"{', '.join(left_out[:3])}{', …' if len(left_out) > 3 else ''}"
            self._note(f"Of the {what} some were left out, which are no arrays of numbers: {some}.")
        return arrays

    def follows(self, step: int) -> bool:
        """Say whether the parameters of the step before were kept, to see how they change."""
        return self._kept_step == step - 1

    def see_outputs(
        self,
        step: int,
        outputs: Array,
        labels: Array | None,
        loss: float,
        accuracy: float | None = None,
    ) -> None:
        """Take the signals of the network's outputs, (batch, classes)."""
        self.evidence.outputs.append(_of_outputs(step, outputs, labels, loss, accuracy))

    def verdict(self) -> Verdict:
        """Say what is wrong with the run so far, or that nothing is."""
        return verdict_of(in_shares(self.evidence))

    def _observe(
        self,
        loss: float,
        step: int,
        outputs: Array | None,
        labels: Array | None,
        accuracy: float | None,
        training: bool,
    ) -> None:
        e = self.evidence
        labels = _as_numbers(labels)
        images = None if labels is None else len(labels)
        if training:
            e.steps.append(step)
            e.losses.append(loss)
            if not np.isfinite(loss) and not e.broken:
                e.broken = f"the loss of step {step} is {loss}"
        accuracy = None if accuracy is None else float(accuracy)
        if training:
            if labels is not None and _are_classes(labels, outputs):
                self._count(labels)
            if accuracy is not None:
                e.hits.append(accuracy)
                self._recount(outputs, labels)
        else:
            e.evaluations.append(Evaluated(step, loss, accuracy, images))
        if outputs is not None and (not training or self.due(step)):
            self.see_outputs(step, outputs, labels, loss, accuracy)
            if outputs.ndim == 2 and outputs.shape[1] > 1:
                e.classes = e.classes or outputs.shape[1]

    def _recount(self, outputs: Array | None, labels: Array | None) -> None:
        """Count the right answers, to hold them against what the loop says."""
        told = np.nan
        given = outputs is not None and labels is not None and outputs.ndim == 2
        if given and outputs.shape[1] > 1 and len(outputs) == len(labels):  # type: ignore[union-attr, arg-type]
            told = float((outputs.argmax(axis=1) == labels).mean())  # type: ignore[union-attr]
        self.evidence.recounts.append(told)

    def _count(self, labels: Array) -> None:
        """Count the classes of a batch."""
        e = self.evidence
        e.batch = max(e.batch, len(labels))
        inside = labels >= 0
        e.minus_one += int(np.count_nonzero(labels == -1))
        if e.classes:
            inside &= labels < e.classes
            e.outside += int(np.count_nonzero(~inside & (labels != -1)))
        labels = labels[inside]
        if len(labels) and labels.max() >= MOST_CLASSES:
            raise ValueError(f"a label of {labels.max()} is no class number")
        found = np.bincount(labels, minlength=max(e.classes or 0, len(e.counts)))
        found[: len(e.counts)] += e.counts.astype(found.dtype)
        e.counts = found
        if self._labels < LABELS:
            e.labels.append(labels.astype(np.int32))
            self._labels += len(labels)

    def _look(
        self,
        step: int,
        inputs: Any,
        parameters: Any,
        gradients: Mapping[str, Array],
        activations: Any,
        rate: Any,
    ) -> None:
        """Take the costly signals."""
        x = self._read(inputs, "inputs")
        if x is not None and self.due(step):
            self.evidence.inputs = of_inputs(x[:PART], str(x.dtype))
        if self.due(step):
            for name, y in self._read_named(activations, "activations", "layer").items():
                self.look_at_layer(step, name, y[:PART])
        now = self._read_named(parameters, "parameters", "parameter")
        self.look_at_parameters(step, now, gradients, rate)

    def _look_at_outputs_bias(
        self, gradients: Iterable[Array], outputs: Array | None, labels: Array | None
    ) -> None:
        """Hold gradients of the form of the outputs' bias against the outputs' mean error."""
        labels = _as_numbers(labels)
        if outputs is None or labels is None or outputs.ndim != 2 or len(outputs) < 2:
            return
        if labels.shape != outputs.shape[:1] or not np.isin(labels, range(outputs.shape[1])).all():
            return
        error = mean_error(outputs, labels, self.evidence.losses[-1])
        if error is None:
            return
        total = len(outputs) * error
        alike = [g for g in gradients if g.shape == error.shape]
        summed = [np.allclose(g, total, atol=1e-3 * np.abs(total).max()) for g in alike]
        self.evidence.summed += [any(summed)] if alike else []

    def look_at_layer(self, step: int, name: str, y: Array) -> None:
        """Take the signals of a layer's output, (batch, …)."""
        e = self.evidence
        if not np.isfinite(y).all():
            e.broken = e.broken or f"the output of {name} is not finite at step {step}"
            return
        e.layers.setdefault(name, []).append(of_layer(step, y))

    def look_at_parameters(
        self, step: int, now: dict[str, Array], gradients: Mapping[str, Array], rate: float | None
    ) -> None:
        """Take the signals of parameters; at the step after one that was due, of their change."""
        e, follows = self.evidence, self.follows(step)
        for name, w in now.items():
            if not np.isfinite(w).all():
                e.broken = e.broken or f"the parameter {name} is not finite after step {step}"
                continue
            if step == 1 and is_matrix(w):
                self._look_at_start(name, w)
            before = self._kept.get(name)
            if before is not None and self._are_others(name, before, w, step):
                e.redrawn.setdefault(name, (self._kept_step, step))
            before = before if follows else None
            change = None if before is None or before.shape != w.shape else w - before
            g = gradients.get(name)
            e.parameters.setdefault(name, []).append(of_parameter(step, w, g, change, rate))
        if self.due(step) and now:
            self._kept = {name: w.copy() for name, w in now.items()}
            self._kept_step, self._from = step, self.next_due(step)

    def _are_others(self, name: str, before: Array, w: Array, step: int) -> bool:
        """Say whether weights have nothing in common with those of the last look, but for chance.

        Weights that are drawn anew are as large as before, and farther away than the steps between
        the looks lead, if these are as long as those that were seen.
        """
        seen = [s.update for s in self.evidence.parameters.get(name, []) if s.update is not None]
        if not seen or before.shape != w.shape or w.size < ENOUGH_TO_COMPARE:
            return False
        steps = step - self._kept_step
        if steps < 2 or norm(w - before) < steps * max(seen[-2:]):
            return False
        one, other = (part - part.mean() for part in (some(before), some(w)))
        sizes = norm(one), norm(other)
        alike = 0 < max(sizes) < 2 * min(sizes)
        return alike and abs(float(one @ other)) < COMMON * sizes[0] * sizes[1]

    def see_step(
        self,
        step: int,
        now: dict[str, Array],
        gradients: Mapping[str, Array],
        moved: dict[str, Array],
        rate: float,
    ) -> None:
        """Take the signals of parameters whose last change is known."""
        for name, w in now.items():
            if np.isfinite(w).all() and np.isfinite(moved[name]).all():
                seen = of_parameter(step, w, gradients[name], moved[name], rate)
                self.evidence.parameters.setdefault(name, []).append(seen)

    def _look_at_start(self, name: str, w: Array) -> None:
        """Keep whether a weight was the same for all units, but for one step, at the start."""
        rows = w.reshape(len(w), -1)
        # Along an axis of length 1 all weights are equal, and that means nothing.
        spreads = [np.ptp(rows, axis=axis).max() for axis in (0, 1) if rows.shape[axis] > 1]
        equal = bool(spreads) and min(spreads) == 0
        mean = float(w.mean(dtype=np.float64))
        # Small weights may have gone to one side with the first step.
        told = w.size >= ENOUGH_WEIGHTS and abs(mean) * min(rows.shape) ** 0.5 > 1
        start = Start(
            spread=0.0 if equal else float(w.std(dtype=np.float64)),
            value=float(np.median(w)),
            mean=mean if told else None,
        )
        self.evidence.starts.setdefault(name, start)


def _are_classes(labels: Array, outputs: Array | None) -> bool:
    """Say whether whole numbers may be classes: with one output an image only 0 and 1 are."""
    several = outputs is None or outputs.size > len(labels)
    return several or bool(np.isin(labels, (0, 1)).all())


def _as_numbers(labels: Array | None) -> Array | None:
    """Return class numbers, also of one-hot rows."""
    if labels is None:
        return None
    if labels.ndim == 2 and labels.shape[1] > 1:
        return np.asarray(labels.argmax(axis=1))
    flat = labels.reshape(-1)
    if flat.dtype.kind == "f" and not (flat == np.round(flat)).all():
        return None
    return flat.astype(np.int64)


def _of_outputs(
    step: int, outputs: Array, labels: Array | None, loss: float, accuracy: float | None
) -> OutputSignals:
    z = outputs.reshape(len(outputs), -1).astype(np.float64)
    seen = OutputSignals(
        step=step,
        low=float(z.min()),
        high=float(z.max()),
        zeros=float((z == 0).mean()),
        probabilities=z.shape[1] > 1 and are_probabilities(z),
        constant=len(z) > 1 and bool(np.ptp(z, axis=0).max() <= 1e-6 * max(abs(z).max(), 1e-30)),
        answers=int(np.count_nonzero(np.bincount(z.argmax(axis=1)))),
        reported=loss,
        reported_accuracy=accuracy,
        images=len(z),
    )
    fits = labels is not None and len(labels) == len(z) and z.shape[1] > 1
    if fits and labels is not None and labels.min() >= 0 and labels.max() < z.shape[1]:
        seen.recounted = recount(z, labels)
        seen.accuracy = float((z.argmax(axis=1) == labels).mean())
    return seen
