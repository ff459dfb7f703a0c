"""Training by epochs, as most recipes do it, and what is read from it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from sixloops.engine import Plan
from sixloops.errors import NonFiniteError
from sixloops.layers import Layer
from sixloops.losses import Loss
from sixloops.network import Network
from sixloops.recipes.recipe import Measures, Results, Setting
from sixloops.report.charts import Chart, Curve
from sixloops.training import Callback, EvaluateEvery, fit
from sixloops.training.fit import INTERRUPTED
from sixloops.training.run import Run

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
        any. ``broken``: what the error said, if the numbers became infinite.
    """
    training, test = setting.training, setting.test
    if setting.short:
        training, test, epochs = training.first(SHORT_TRAINING), test.first(SHORT_TEST), 1
    network = Network(
        layers, training.image_shape, loss=loss, classes=training.classes, seed=setting.seed
    )
    with Plan(network, batch_size, threads=1) as plan:
        plan.prepare()  # what must be compiled is no training
    besides: list[Any] = [*callbacks, lambda run: setting.tell(_line(run, epochs))]
    if subsets_every is not None:
        besides.append(EvaluateEvery(subsets_every, training))
    measured: Measures = {"epochs": []}
    try:
        history = fit(
            network,
            training,
            epochs=epochs,
            batch_size=batch_size,
            validation=test,
            seed=setting.seed,
            threads=setting.threads,
            callbacks=besides,
            **options,
        )
    except NonFiniteError as error:
        return measured | {"broken": str(error).partition(". ")[0]}
    if history.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    measured["epochs"] = [_measured(record) for record in history.epochs]
    if subsets_every is not None:
        measured["subsets"] = [_chosen(record) for record in history.of("evaluation")]
    return measured


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
    """Return a measure of each seed after an epoch, or its last if there are fewer.

    Args:
        results: of the recipe.
        experiment: its name.
        measure: such as ``test_accuracy``.
        epoch: from 1; -1 for the last.
    """
    runs = [each["epochs"] for each in results.get(experiment, [])]
    return [run[epoch if epoch < 0 else min(epoch, len(run)) - 1][measure] for run in runs if run]


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
