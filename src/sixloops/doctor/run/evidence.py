"""Evidence: all that was seen of a run, which the rules read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sixloops.doctor.run.fingerprints import Fingerprint, classes_guessed, fingerprints
from sixloops.doctor.run.neighbours import Numbers
from sixloops.doctor.run.signals import InputSignals, LayerSignals, ParameterSignals, Start
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

LABELS = 20_000
"""So many labels are kept in the order in which they came."""


@dataclass
class Evaluated:
    """One evaluation outside training.

    Args:
        step: after which step.
        loss: mean loss; None where it is not known.
        accuracy: share of right answers; None where it is not known.
        images: on how many images; None where it is not known.
    """

    step: int
    loss: float | None
    accuracy: float | None
    images: int | None


@dataclass
class OutputSignals:
    """The network's outputs on a part of a batch.

    Args:
        step: when.
        low: smallest value.
        high: largest.
        zeros: share of values that are exactly 0.
        probabilities: whether every row is at least 0 and adds up to 1.
        constant: whether all images give the same.
        answers: how many different classes are answered.
        reported: the loss that was reported with them; None for none.
        recounted: what the usual losses make of them, by name.
        accuracy: the share of right answers, recounted.
        reported_accuracy: as it was reported.
        images: how many there were.
    """

    step: int
    low: float
    high: float
    zeros: float
    probabilities: bool
    constant: bool
    answers: int
    reported: float | None = None
    recounted: dict[str, float] = field(default_factory=dict)
    accuracy: float | None = None
    reported_accuracy: float | None = None
    images: int = 0


@dataclass
class Evidence:
    """What is known of a run.

    Attributes:
        classes: how many there are; None where it is not known.
        steps: numbers of the training steps.
        losses: loss of each of them.
        hits: training accuracy of each of them, where it is known.
        recounts: that accuracy counted anew, where outputs and labels were given; else NaN.
        rates: learning rate of each of them, where it is known.
        counts: how often each class came, (classes,).
        labels: labels in the order in which they came.
        batch: images a step.
        given: images that a loop of somebody's own was given; None where that is not known.
        held_out: images of the validation after each epoch, where there is one.
        held_out_chance: the share of the most frequent class among all held-out images; None where
            that is not known.
        outside: labels that are no class of the network, but for −1.
        minus_one: labels of −1, which some libraries leave out.
        inputs: what came to the first layer that learns.
        outputs: of the network, at some steps.
        layers: signals by layer, in the network's order.
        parameters: signals by parameter, in the network's order.
        evaluations: outside training.
        epochs: their records, as :class:`~sixloops.training.History` has them.
        redrawn: parameters that were replaced by others, by name: between which looks.
        broken: what became NaN or infinite first, in words; empty for nothing.
        facts: what has been proved about parts of the run, apart from its signals.
        doubts: what has been proved of its gradients, though it learns with them.
        starts: how weights began, by name, in the network's order.
        prepared: the way in which held-out images, as nearest neighbours tell, must be changed to
            be like the training's, and how often they find their label then; None for no other.
        numbers: the training's numbers of classes, and those of held-out labels; None where both
            are the same.
        answered: the numbers by which classes are answered, and those of the labels; None where
            both are the same.
        probes: measures on a fixed part of the data, by name, such as ``"neighbours"``.
        experiments: results of decisive experiments, by name.
        loss_kind: the loss's name; empty where it is not known.
        notes: what the doctor could not look at.
        by_hand: whether a loop of somebody's own told of it, of which no part is proved.
        proved: of how many parameters the gradients agree with slopes of the loss.
        penalised: whether gradients were seen to hold a penalty's.
        summed: at each look, whether a gradient was the batch's sum of the error of outputs
            whose mean loss was reported.
    """

    classes: int | None = None
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    recounts: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    counts: Array = field(default_factory=lambda: np.zeros(0))
    labels: list[Array] = field(default_factory=list)
    batch: int = 0
    given: int | None = None
    held_out: int | None = None
    held_out_chance: float | None = None
    outside: int = 0
    minus_one: int = 0
    inputs: InputSignals | None = None
    outputs: list[OutputSignals] = field(default_factory=list)
    layers: dict[str, list[LayerSignals]] = field(default_factory=dict)
    parameters: dict[str, list[ParameterSignals]] = field(default_factory=dict)
    evaluations: list[Evaluated] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    redrawn: dict[str, tuple[int, int]] = field(default_factory=dict)
    broken: str = ""
    facts: list[Diagnosis] = field(default_factory=list)
    doubts: list[Diagnosis] = field(default_factory=list)
    starts: dict[str, Start] = field(default_factory=dict)
    prepared: tuple[str, float] | None = None
    numbers: Numbers | None = None
    answered: Numbers | None = None
    probes: dict[str, float] = field(default_factory=dict)
    experiments: dict[str, float] = field(default_factory=dict)
    loss_kind: str = ""
    notes: list[str] = field(default_factory=list)
    by_hand: bool = False
    proved: int = 0
    penalised: bool = False
    summed: list[bool] = field(default_factory=list)
    _known: Array = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    """The losses as an array, for they are asked for again and again."""

    @property
    def shares(self) -> Array:
        """The classes' shares among the labels; empty where none were seen."""
        total = self.counts.sum()
        return np.asarray(self.counts / total if total else self.counts, dtype=np.float64)

    @property
    def chance(self) -> float | None:
        """The accuracy of always naming the most frequent class of the training."""
        if len(self.counts) and self.counts.sum():
            return float(self.shares.max())
        return None if not self.classes else 1 / self.classes

    @property
    def prints(self) -> list[Fingerprint]:
        """The values at which the usual losses stand still, for these classes."""
        shares = self.shares
        if not len(shares) and self.classes:
            shares = np.full(self.classes, 1 / self.classes)
        return fingerprints(shares) if len(shares) > 1 else []

    @property
    def constant_loss(self) -> float | None:
        """What this loss is for a network that says the same of every image."""
        kind = self.kind
        found = [each.loss for each in self.prints if each.kind == kind]
        return found[0] if found else None

    @property
    def guess(self) -> int | None:
        """Among how many classes a guess has the last loss; None where that is not known."""
        last = self.last_loss
        return None if self.kind or last is None else classes_guessed(last)

    @property
    def kind(self) -> str:
        """Which of the usual losses it is: given, or recognised from outputs; else empty."""
        if self.loss_kind:
            return self.loss_kind
        for seen in reversed(self.outputs):
            for name, value in seen.recounted.items():
                if seen.reported is not None and np.isclose(seen.reported, value, rtol=0.02):
                    return "squared error" if name == "squared error" else "softmax cross-entropy"
        return ""

    def part(self, first: float, last: float) -> Array:
        """Return the finite losses between two shares of the run, such as its last third."""
        if len(self._known) != len(self.losses):
            self._known = np.asarray(self.losses)
        losses = self._known
        some = losses[int(first * len(losses)) : max(int(np.ceil(last * len(losses))), 1)]
        return np.asarray(some[np.isfinite(some)])

    @property
    def first_loss(self) -> float | None:
        """The mean loss of the first tenth of the steps."""
        some = self.part(0, 0.1)
        return float(some.mean()) if len(some) else None

    @property
    def last_loss(self) -> float | None:
        """The mean loss of the last fifth of the steps."""
        some = self.part(0.8, 1)
        return float(some.mean()) if len(some) else None

    @property
    def accuracy(self) -> float | None:
        """The training accuracy of the last fifth of the steps, or of the last epoch."""
        if self.hits:
            return float(np.mean(self.hits[-max(1, len(self.hits) // 5) :]))
        if self.epochs and "accuracy" in self.epochs[-1]:
            return self.epochs[-1]["accuracy"]
        seen = [(x.step, x.accuracy) for x in self.outputs if x.accuracy is not None]
        # A mean with the accuracies of the first steps would say little of the last.
        late = [accuracy for step, accuracy in seen if 2 * step >= seen[-1][0]]
        return float(np.mean(late)) if late else None

    @property
    def validation(self) -> float | None:
        """The last accuracy outside training."""
        held = [
            each["validation_accuracy"] for each in self.epochs if "validation_accuracy" in each
        ]
        if held:
            return held[-1]
        seen = [each.accuracy for each in self.evaluations if each.accuracy is not None]
        return seen[-1] if seen else None

    @property
    def validation_images(self) -> int | None:
        """On how many images :attr:`validation` was counted; None where that is not known."""
        if any("validation_accuracy" in each for each in self.epochs):
            return self.held_out
        seen = [each.images for each in self.evaluations if each.accuracy is not None]
        return seen[-1] if seen else None

    @property
    def images(self) -> int:
        """How many images were trained on, repetitions included."""
        return len(self.steps) * max(self.batch, 1)

    def first_layers(self) -> dict[str, LayerSignals]:
        """Return the first signals of each layer."""
        return {name: seen[0] for name, seen in self.layers.items() if seen}

    def last_layers(self) -> dict[str, LayerSignals]:
        """Return the last signals of each layer."""
        return {name: seen[-1] for name, seen in self.layers.items() if seen}
