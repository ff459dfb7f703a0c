"""Training by epochs, as most recipes do it, and what is read from it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from sixloops.data import Dataset
from sixloops.descriptions import to_data
from sixloops.engine import Plan
from sixloops.errors import FileError, NonFiniteError
from sixloops.layers import Layer
from sixloops.losses import Loss
from sixloops.network import Network
from sixloops.recipes.recipe import Measures, Results, Setting
from sixloops.report.charts import Chart, Curve
from sixloops.training import Callback, Checkpoint, EvaluateEvery, History, Settings, fit
from sixloops.training.checkpoint import LAST
from sixloops.training.fit import INTERRUPTED
from sixloops.training.run import Run, fingerprint

SHORT_TRAINING, SHORT_TEST = 600, 200
"""Images of a short run."""


def train(
    setting: Setting,
    layers: Sequence[Layer],
    loss: Loss,
    epochs: int,
    batch_size: int,
    subsets_every: int | None = None,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> Measures:
    """Train a network, and measure it after each epoch.

    Args:
        setting: of the experiment.
        layers: of the network.
        loss: which the posts call cost.
        epochs: passes over the data; one if the setting is short.
        batch_size: images a step.
        subsets_every: after how many steps it is measured on 1,000 random training images.
        callbacks: what happens besides.
        options: of :func:`sixloops.training.fit`.

    Returns:
        ``epochs``: for each, its ``epoch``, ``cost`` and ``accuracy`` while it learnt,
        ``test_cost`` and ``test_accuracy`` after it, and the ``seconds`` of training so far.
        ``subsets``: for each random subset ``step``, ``loss`` and ``accuracy``, if there are
        any. ``broken``: as :func:`fitted` says.
    """
    training, test = setting.training, setting.test
    if setting.short:
        training, test, epochs = training.first(SHORT_TRAINING), test.first(SHORT_TEST), 1
        some = max(SHORT_TRAINING // batch_size // 5, 1)  # so that there is a curve
        subsets_every = subsets_every and min(subsets_every, some)
    network = Network(
        layers, training.image_shape, loss=loss, classes=training.classes, seed=setting.seed
    )
    besides: list[Any] = [*callbacks, lambda run: setting.tell(_line(run, epochs))]
    if subsets_every is not None:
        besides.append(EvaluateEvery(subsets_every, training))
        options["also"] = {"subsets": training}
    history, measured = fitted(
        setting,
        network,
        training,
        epochs=epochs,
        batch_size=batch_size,
        validation=test,
        callbacks=besides,
        **options,
    )
    measured["epochs"] = [_measured(record) for record in history.epochs]
    if subsets_every is not None:
        measured["subsets"] = [_chosen(record) for record in history.of("evaluation")]
    return measured


def fitted(
    setting: Setting,
    network: Network,
    training: Dataset,
    also: Mapping[str, Dataset] | None = None,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> tuple[History, Measures]:
    """Train a network with a setting's seed and threads, once it is noted what is trained.

    Where the setting has a folder for it, the training is kept there, and one of the same
    description goes on from where it was.

    Args:
        setting: of the experiment.
        network: as it begins.
        training: the images to learn from.
        also: what else is measured with, by what for.
        callbacks: what happens besides; what they know of the past must be in the history.
        options: of :func:`sixloops.training.fit`.

    Returns:
        The history; and ``broken``: what the error said, if the numbers became infinite, nothing
        otherwise.

    Raises:
        KeyboardInterrupt: Ctrl-C has ended the training.
        FileError: what was kept of it is damaged, or nothing can be kept.
    """
    options["seed"] = setting.seed
    description = _description(network, training, also or {}, callbacks, options)
    setting.note(description)
    with Plan(network, options["batch_size"], threads=1) as plan:
        plan.prepare()  # what must be compiled is no training
    beginning = _Beginning(setting)
    besides, checkpoint = [beginning, *callbacks], None
    if setting.unfinished is not None:
        folder = setting.unfinished.place(description, setting.threads)
        besides.append(Checkpoint(folder, best=False))
        checkpoint = folder / LAST if (folder / LAST).exists() else None
    options |= {"callbacks": besides, "threads": setting.threads, "raise_interrupt": False}
    try:
        history = fit(network, training, resume=checkpoint, **options)
    except (FileError, NonFiniteError) as error:
        if checkpoint is not None and beginning.run is None:
            mend = f"Remove {checkpoint.parent}, to begin this training anew."
            raise FileError(f"{error} {mend}") from error
        if isinstance(error, FileError):
            raise
        history = History() if beginning.run is None else beginning.run.history
        return history, {"broken": str(error).partition(". ")[0]}
    if history.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    return history, {}


@dataclass
class Measuring(Callback):
    """Base of callbacks whose measures are records of the history, which a checkpoint carries.

    They must be finite numbers, or other values of JSON's types.

    Attributes:
        history: of the run, from its start on.
    """

    kind: ClassVar[str]
    """Of its records."""

    history: History = field(default_factory=History, init=False)

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Take the history, which has records already if the run goes on."""
        self.history = run.history

    @property
    def records(self) -> list[Measures]:
        """What was measured so far."""
        return [record for record in self.history.records if record["kind"] == self.kind]


@dataclass
class _Beginning(Callback):
    """Holds the run, once it has begun, should it break off, and tells from where it goes on."""

    setting: Setting
    run: Run | None = None

    def on_train_start(self, run: Run, plan: Plan) -> None:
        self.run = run
        if run.step and self.setting.unfinished is not None:
            self.setting.unfinished.taken_over.append(run.seconds)
            self.setting.tell(f"goes on after {run.step:,} of {run.total_steps:,} steps")


def _description(
    network: Network,
    training: Dataset,
    also: Mapping[str, Dataset],
    callbacks: Sequence[Any],
    options: Mapping[str, Any],
) -> Measures:
    """Describe a training by all that its bits depend on, in JSON's types."""
    settings = {each.name for each in fields(Settings)} & options.keys()
    data = {"training": training, "validation": options.get("validation"), **also}
    return {
        "network": network.about(),
        # Rounded, as it is drawn by way of logarithms, whose last bit is the platform's.
        "begins": {name: float(f"{p.flat[0]:.5g}") for name, p in network.parameters.items()},
        "settings": to_data(Settings(**{name: options[name] for name in settings})),
        "callbacks": [type(each).__name__ for each in callbacks if isinstance(each, Callback)],
        "data": {name: fingerprint(each) for name, each in data.items() if each is not None},
    }


def _measured(record: Any) -> Measures:
    return {
        "epoch": record["epoch"],
        "cost": record["loss"],
        "accuracy": record.get("accuracy"),
        "test_cost": record["validation_loss"],
        "test_accuracy": record.get("validation_accuracy"),
        "seconds": record["seconds"],
    }


def _chosen(record: Any) -> Measures:
    return {key: record[key] for key in ("step", "loss", "accuracy")}


def _line(run: Run, epochs: int) -> str:
    """Return one line of progress: epoch, cost and accuracy, as the posts print them."""
    record = _measured(run.history.epochs[-1])
    return (
        f"epoch {record['epoch']}/{epochs}  cost {record['cost']:.4f}  "
        f"test accuracy {record['test_accuracy']:.2%}  {record['seconds']:.0f} s"
    )


def values(results: Results, experiment: str, measure: str, epoch: int) -> list[float]:
    """Return a measure of each seed that came to its end, after an epoch, or its last if earlier.

    Args:
        results: of the recipe.
        experiment: its name.
        measure: such as ``test_accuracy``.
        epoch: from 1; -1 for the last.
    """
    runs = [each["epochs"] for each in ended(results, experiment)]
    return [run[epoch if epoch < 0 else min(epoch, len(run)) - 1][measure] for run in runs]


def ended(results: Results, experiment: str) -> list[Measures]:
    """Return the runs of an experiment that did not break off."""
    return [each for each in results.get(experiment, []) if "broken" not in each]


def outcome(
    results: Results, experiment: str, found: Sequence[float], form: str = ".2%", unit: str = ""
) -> str:
    """Return as :func:`shown` what an experiment's seeds reached, and how many broke off.

    Args:
        results: of the recipe.
        experiment: its name.
        found: one value for each seed that came to its end.
        form: how a value is written.
        unit: of the values.

    Examples:
        >>> results = {"learns": [{"epochs": []}, {"broken": "The loss is not finite"}]}
        >>> outcome(results, "learns", [0.981])
        '98.10%; 1 of 2 seeds broke off: The loss is not finite'
        >>> outcome(results, "learns", [])
        '1 of 2 seeds broke off: The loss is not finite'
        >>> outcome({}, "learns", [])
        'not run yet'
    """
    words = broke_off(results, experiment)
    if not words:
        return shown(found, form, unit)
    return f"{shown(found, form, unit)}; {words}" if found else words


def broke_off(results: Results, experiment: str) -> str:
    """Return how many of an experiment's seeds broke off, and why; nothing if none did.

    Args:
        results: of the recipe.
        experiment: its name.
    """
    runs = results.get(experiment, [])
    broken = [each["broken"] for each in runs if "broken" in each]
    return f"{len(broken)} of {len(runs)} seeds broke off: {broken[0]}" if broken else ""


def shown(found: Sequence[float], form: str = ".2%", unit: str = "") -> str:
    """Return the mean of some values, and how far they lie apart.

    Args:
        found: the values, one for each seed.
        form: how a value is written.
        unit: of the values.

    Examples:
        >>> shown([0.981, 0.983])
        '98.20% (98.10%–98.30%, 2 seeds)'
        >>> shown([4.61, 4.8], ".1f", " s")
        '4.7 s (4.6–4.8, 2 seeds)'
        >>> shown([])
        'not run yet'
    """
    if not found:
        return "not run yet"
    mean = f"{statistics.fmean(found):{form}}{unit}"
    if len(found) == 1:
        return mean
    return f"{mean} ({min(found):{form}}–{max(found):{form}}, {len(found)} seeds)"


def beside(found: Sequence[float], reported: float) -> str:
    """Return by how many points the mean differs from what was reported; nothing without values.

    Args:
        found: shares, one for each seed.
        reported: a share.

    Examples:
        >>> beside([0.9906, 0.9908], 0.9906)
        '; 0.01 points more'
    """
    if not found:
        return ""
    points = round(100 * (statistics.fmean(found) - reported), 2)
    if not points:
        return "; the same"
    return f"; {abs(points):.2f} points {'more' if points > 0 else 'less'}"


def chart(
    results: Results, labels: dict[str, str], measure: str, title: str, y_label: str, **look: Any
) -> Chart:
    """Return a measure's curves over the epochs, one for each seed.

    Args:
        results: of the recipe.
        labels: of the experiments by name; others are left out.
        measure: such as ``cost``.
        title: of the chart.
        y_label: what the measure is.
        look: further arguments of the chart.
    """
    curves = [
        Curve(label, [each["epoch"] for each in run["epochs"]], _of(run["epochs"], measure))
        for name, label in labels.items()
        for run in results.get(name, [])
    ]
    return Chart(title, "epoch", y_label, curves, **look)


def _of(epochs: Sequence[Measures], measure: str) -> list[float]:
    return [epoch[measure] for epoch in epochs]
