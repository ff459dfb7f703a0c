"""Nielsen's ladder: from 97.8 % to 99.67 % on MNIST, one rung after the other.

Chapter 6 of "Neural Networks and Deep Learning" (M. Nielsen 2015) and its program ``network3.py``:
50,000 images to learn from, 10,000 to validate, 10,000 to test; batches of 10; convolutions of
5×5 with 2×2 max pooling, whose bias and activation come after the pooling; softmax outputs. Weights
are drawn from N(0, 1/n_out), with n_out a quarter of it where pooling follows, biases from N(0, 1),
and the outputs' layer begins at 0. L2's λ is divided by the number of batches in an epoch. Dropout
drops what goes into each dense layer. What counts is the test accuracy at the best validation
epoch. His program goes through the images in one order in every epoch; both ways are run here.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sixloops.data import Dataset, expand_by_shifts, load_mnist, steps_per_epoch
from sixloops.engine import Plan
from sixloops.layers import Layer
from sixloops.layers.base import Array
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.randomness import Streams
from sixloops.recipes.epochs import (
    SHORT_TEST,
    SHORT_TRAINING,
    Measuring,
    beside,
    ended,
    fitted,
    outcome,
    shown,
)
from sixloops.recipes.networks import nielsen
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.regularizers import L2
from sixloops.report.charts import Chart, Points
from sixloops.training.evaluate import outputs_of
from sixloops.training.run import Run

BATCH, VALIDATION = 10, 10_000


@dataclass
class BestEpoch(Measuring):
    """Measures validation and test after each epoch, and keeps what the best one says.

    Args:
        validation: by which the best epoch is chosen; of equal ones the last, as in the book.
        test: what is measured then.
        setting: told of each epoch.
    """

    kind: ClassVar[str] = "ladder"

    validation: Dataset
    test: Dataset
    setting: Setting

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Measure."""
        chosen = _predicted(plan, self.test)
        validation = _accuracy(_predicted(plan, self.validation), self.validation)
        measures = {
            "validation_accuracy": validation,
            "test_accuracy": _accuracy(chosen, self.test),
        }
        best = max((each["validation_accuracy"] for each in self.records), default=0.0)
        predicted = {"predicted": "".join(map(str, chosen))} if validation >= best else {}
        run.record(self.kind, epoch=run.epoch, **measures, **predicted)
        now = self.epochs[-1]
        self.setting.tell(
            f"epoch {now['epoch']}/{run.settings.epochs}  cost {now['cost']:.4f}  validation "
            f"{validation:.2%}  test {now['test_accuracy']:.2%}  {now['seconds']:.0f} s"
        )

    @property
    def epochs(self) -> list[Measures]:
        """What was measured after each epoch."""
        return [
            {
                "epoch": trained["epoch"],
                "cost": trained["loss"],
                "validation_accuracy": measured["validation_accuracy"],
                "test_accuracy": measured["test_accuracy"],
                "seconds": trained["seconds"],
            }
            for trained, measured in zip(self.history.epochs, self.records, strict=True)
        ]

    @property
    def predicted(self) -> str:
        """The classes that the best epoch took the test images for."""
        found = [each["predicted"] for each in self.records if "predicted" in each]
        return found[-1] if found else ""


def _predicted(plan: Plan, data: Dataset) -> Array:
    """Return the class that the network takes each image for."""
    return np.concatenate([outputs.argmax(axis=1) for outputs, _ in outputs_of(plan, data)])


def _accuracy(predicted: Array, data: Dataset) -> float:
    return float((predicted == data.labels).mean())


@dataclass(frozen=True)
class Rung:
    """One network of the ladder, and how it is trained.

    Args:
        about: what it is.
        reported: the book's test accuracy, in percent.
        layers: of the network.
        rate: η.
        strength: λ, of which each batch has its share.
        epochs: passes over the data.
        expanded: whether each image also comes shifted by a pixel in four directions.
        shuffled: whether each epoch has an order of its own.
        votes: whether the networks of all seeds vote.
        seeds: by how many it is run.
    """

    about: str
    reported: float
    layers: Sequence[Layer]
    rate: float = 0.03
    strength: float = 0.1
    epochs: int = 60
    expanded: bool = True
    shuffled: bool = True
    votes: bool = False
    seeds: int = 3

    def __call__(self, setting: Setting) -> Measures:
        """Train, and measure after each epoch."""
        training, validation, test = self._data(setting)
        network = Network(self.layers, training.image_shape, seed=setting.seed)
        batches = steps_per_epoch(len(training), BATCH)
        best = BestEpoch(validation, test, setting)
        _, measured = fitted(
            setting,
            network,
            training,
            {"choice": validation, "test": test},
            [best],
            epochs=1 if setting.short else self.epochs,
            batch_size=BATCH,
            optimizer=SGD(self.rate),
            regularizers=[L2(self.strength / batches)] if self.strength else [],
            shuffle=self.shuffled,
        )
        measured["epochs"] = best.epochs
        return measured | {"predicted": best.predicted} if self.votes else measured

    def _data(self, setting: Setting) -> tuple[Dataset, Dataset, Dataset]:
        """Return what is learnt from, validated with and tested with."""
        count = len(setting.training) - VALIDATION
        training, validation = setting.training.first(count), setting.training.last(VALIDATION)
        test = setting.test
        if setting.short:
            training, validation = training.first(SHORT_TRAINING), validation.first(SHORT_TEST)
            test = test.first(SHORT_TEST)
        if self.expanded:
            # The book's expanded file is in an order drawn once.
            training = expand_by_shifts(training)
            order = Streams(setting.seed).generator("shuffle", self.epochs)
            training = training.random_subset(len(training), order)
        return training, validation, test


def _relu(*units: int, dropout: float = 0.0) -> Sequence[Layer]:
    return nielsen((20, 40), units, "relu", dropout=dropout)


SHUFFLED: dict[str, Rung] = {
    "dense": Rung(
        "dense 100, sigmoid", 97.80, nielsen((), (100,), "sigmoid"), 0.1, 0.0, expanded=False
    ),
    "one-convolution": Rung(
        "conv 20, dense 100, sigmoid",
        98.78,
        nielsen((20,), (100,), "sigmoid"),
        *(0.1, 0.0),
        expanded=False,
    ),
    "two-convolutions": Rung(
        "conv 20, conv 40, dense 100, sigmoid",
        99.06,
        nielsen((20, 40), (100,), "sigmoid"),
        *(0.1, 0.0),
        expanded=False,
    ),
    "relu": Rung("the same with ReLU and L2", 99.23, _relu(100), expanded=False),
    "expanded": Rung("the same, data expanded", 99.37, _relu(100)),
    "dense-300": Rung("dense 300, expanded", 99.46, _relu(300)),
    "dense-1000": Rung("dense 1000, expanded", 99.43, _relu(1000)),
    "two-dense-100": Rung("two dense of 100, expanded", 99.43, _relu(100, 100)),
    "two-dense-300": Rung("two dense of 300, expanded", 99.48, _relu(300, 300)),
    "two-dense-1000": Rung("two dense of 1000, expanded", 99.47, _relu(1000, 1000)),
    "dropout": Rung(
        "two dense of 1000, dropout, expanded",
        99.60,
        _relu(1000, 1000, dropout=0.5),
        strength=0.0,
        epochs=40,
        votes=True,
        seeds=5,
    ),
}

NAMES = {
    "dense": "dense",
    "one-convolution": "1 convolution",
    "two-convolutions": "2 convolutions",
    "relu": "ReLU",
    "expanded": "dense 100",
    "dense-300": "dense 300",
    "dense-1000": "dense 1000",
    "two-dense-100": "two of 100",
    "two-dense-300": "two of 300",
    "two-dense-1000": "two of 1000",
    "dropout": "dropout",
}
"""The rungs, on a picture's axis."""

APART = 0.2
"""How far from each other on that axis what is compared stands."""

VOTED = 99.67
IN_ORDER = "-in-order"

RUNGS: dict[str, Rung] = SHUFFLED | {
    name + IN_ORDER: replace(
        rung, about=f"{rung.about}; the same order in each epoch", shuffled=False
    )
    for name, rung in SHUFFLED.items()
}


def at_best_validation(runs: Sequence[Measures]) -> list[float]:
    """Return each seed's test accuracy at its best validation epoch, of equal ones the last."""
    return [_validated(run)["test_accuracy"] for run in runs]


def of_best_run(runs: Sequence[Measures]) -> float:
    """Return the test accuracy of the run that validated best, at that epoch."""
    best = max(range(len(runs)), key=lambda n: _validated(runs[n])["validation_accuracy"])
    return float(_validated(runs[best])["test_accuracy"])


def _validated(run: Measures) -> Measures:
    """Return a run's epoch that validated best, of equal ones the last."""
    found: Measures = max(
        run["epochs"], key=lambda each: (each["validation_accuracy"], each["epoch"])
    )
    return found


def vote(runs: Sequence[Measures], labels: Sequence[int]) -> float:
    """Return the share of images that a vote of the seeds' networks classifies right.

    Where classes have the same number of votes, the smaller one wins.
    """
    ballots = zip(*(run["predicted"] for run in runs), strict=True)
    counts = (Counter(map(int, ballot)) for ballot in ballots)
    chosen = [min(count, key=lambda digit: (-count[digit], digit)) for count in counts]
    return statistics.fmean(c == label for c, label in zip(chosen, labels, strict=True))


def findings(results: Results) -> list[Finding]:
    """Return the book's figures and ours."""
    ladder = [
        Finding(
            rung.about,
            f"{rung.reported:.2f} %",
            f"{_found(results, name)}; in one order {_found(results, name + IN_ORDER)}",
        )
        for name, rung in SHUFFLED.items()
    ]
    voted, voted_in_order = (_vote(ended(results, "dropout" + way)) for way in ("", IN_ORDER))
    found = f"{voted}; in one order {voted_in_order}"
    return [*ladder, Finding("the last ones voting", f"{VOTED:.2f} % (5 networks)", found)]


def _found(results: Results, name: str) -> str:
    """Return the seeds' mean, and what the book gives: of its runs, the one that validated best."""
    runs, book = ended(results, name), RUNGS[name].reported / 100
    found = at_best_validation(runs)
    words = outcome(results, name, found)
    if len(runs) < 2:
        return words + beside(found, book)
    chosen = [of_best_run(runs)]
    return f"{words}; chosen {shown(chosen)}{beside(chosen, book)}"


def _vote(runs: Sequence[Measures]) -> str:
    """Return what the runs' networks reach together."""
    if len(runs) < 2:
        return "one network only" if runs else "not run yet"
    labels = load_mnist()[1].first(len(runs[0]["predicted"])).labels
    reached = vote(runs, [int(label) for label in labels])
    return f"{reached:.2%} ({len(runs)} voted){beside([reached], VOTED / 100)}"


def charts(results: Results) -> list[Chart]:
    """Return the ladder: the test accuracies of each rung, the book's and ours."""
    plain = [name for name, rung in SHUFFLED.items() if not rung.expanded]
    expanded = [name for name, rung in SHUFFLED.items() if rung.expanded]
    return [
        _chart(results, "50,000 images", plain),
        _chart(results, "The same, expanded to 250,000", expanded),
    ]


def _chart(results: Results, title: str, names: Sequence[str]) -> Chart:
    """Return some rungs: side by side the book's figure, and ours in either order."""
    numbers = [number + 1 for number in range(len(names))]
    book = [[SHUFFLED[name].reported / 100] for name in names]
    points = [Points("the book", [number - APART for number in numbers], book)]
    for aside, label, ending in (0, "here", ""), (APART, "here, in one order", IN_ORDER):
        found = [at_best_validation(ended(results, name + ending)) for name in names]
        run = [(number + aside, each) for number, each in zip(numbers, found, strict=True) if each]
        each_run = [x for x, _ in run], [each for _, each in run]
        points.append(Points(f"{label}: mean and range of the seeds", *each_run))
    words = "", "test accuracy, best validation epoch"
    named = [NAMES[name] for name in names]
    return Chart(title, *words, (), percent=True, x_names=named, points=points)


RECIPE = Recipe(
    name="nielsen-ladder",
    title="a book's ladder of networks, from 97.8 % to 99.67 %",
    source='M. Nielsen 2015, "Neural Networks and Deep Learning", chapter 6',
    experiments=[Experiment(name, rung.about, rung, rung.seeds) for name, rung in RUNGS.items()],
    findings=findings,
    charts=charts,
    setup="""\
50,000 images to learn from, 10,000 to validate with; batches of 10; 60 epochs, with dropout 40;
rate 0.1 with sigmoids, 0.03 with ReLU; L2 of 0.1 divided by the number of batches, not with the
sigmoids and with dropout: all of it the book's. What counts is the test accuracy at the best
validation epoch. The book's program keeps one order of the images; in the first figures here each
epoch has its own, and "in one order" stands before those of the book's way. Of three runs the book
gives the one that validated best. Here the mean of the seeds stands first, then what the book's
way of choosing gives, and how it differs from the book's figure. A seed takes 1 to 9 minutes on
one core, with expanded data 25 minutes to two hours where little else runs.""",
    remarks="""\
With dropout in one order, seed 1 stood at 11.35 %, the share of ones, for 38 of its 40 epochs. Its
cost came to that of guessing, 2.30, within 1,500 steps, and the doctor, beside these, found all
ReLUs of the second dense layer at 0 on each of 128 images: next to no gradient passed that layer.
In the last two epochs it learnt, to 98.89 %. Weights, biases and rate are the book's.

Two runs of the two convolutions and several of those with expanded data were paused while other
things were timed: their seconds hold the pauses. Those with expanded data and those with
convolutions in one order ran beside other work, which took some of their time. Where a figure of
the book is not reached, nothing else was tried than the two orders.""",
)
