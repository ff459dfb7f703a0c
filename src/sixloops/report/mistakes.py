"""The worst mistakes: images that the network is most sure of, and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sixloops.checks import whole_number
from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.errors import DataError
from sixloops.layers.base import Array
from sixloops.losses.base import are_labels
from sixloops.network import Network
from sixloops.report.style import GREEN, MUTED, TEXT, Look, gallery, label, new_figure, show_image
from sixloops.report.words import class_name, class_names
from sixloops.training.evaluate import check_data, outputs_of
from sixloops.training.metrics import may_be_probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH = 256
COLUMNS = 5
TITLE = "The worst mistakes"


@dataclass(frozen=True)
class Mistakes:
    """What a network took for something else in a data set, the surest first.

    Args:
        indices: of the images in the data set, (n,).
        labels: their right classes, (n,).
        predicted: the classes that they were taken for, (n,).
        confidence: what the network gave the wrong class, (n,); for a loss of
            classes its probability.
        probable: whether ``confidence`` holds probabilities.
        images: how many images were looked at.
    """

    indices: Array
    labels: Array
    predicted: Array
    confidence: Array
    probable: bool
    images: int


def find_mistakes(network: Network, data: Dataset, *, threads: int | None = None) -> Mistakes:
    """Find all images of a data set that the network takes for another class.

    Args:
        network: the network.
        data: images and labels.
        threads: how many; None for all that the process may use.

    Raises:
        DataError: the data does not fit the network, or has no classes.
    """
    check_data(network, data, "data")
    if not are_labels(data.labels, network.output_shape):
        raise DataError(
            "The labels must be classes, whole numbers (images,), for mistakes to be found. Got "
            f"{data.labels.dtype} of shape {data.labels.shape}."
        )
    with Plan(network, BATCH, threads) as plan:
        parts = [network.loss.predictions(outputs) for outputs, _ in outputs_of(plan, data, BATCH)]
    predictions, labels = np.concatenate(parts), data.labels
    predicted = predictions.argmax(axis=1)
    indices = np.flatnonzero(predicted != labels)
    confidence = predictions[indices, predicted[indices]]
    order = np.argsort(-confidence, kind="stable")
    indices = indices[order]
    return Mistakes(
        indices=indices,
        labels=labels[indices],
        predicted=predicted[indices],
        confidence=confidence[order],
        probable=may_be_probabilities(predictions),
        images=len(data),
    )


def plot_mistakes(
    network: Network, data: Dataset, count: int = 25, *, threads: int | None = None
) -> Figure:
    """Draw the images that the network is most sure of, and wrong.

    Args:
        network: the network.
        data: images and labels that it was not trained on.
        count: how many at most.
        threads: how many; None for all that the process may use.

    Returns:
        The figure, with axes for each image; with none where there is no mistake.

    Raises:
        ConfigurationError: a count under 1.
        DataError: the data does not fit the network, or has no classes.
    """
    count = whole_number("count", "plot_mistakes", count)
    found = find_mistakes(network, data, threads=threads)
    if len(found.indices) == 0:
        return _perfect(found.images)
    shown = min(count, len(found.indices))
    share = f"{len(found.indices):,} of {found.images:,} images are taken for another class"
    subtitle = f"{share}; these {shown} with the most confidence" if shown > 1 else share
    figure, squares = gallery(shown, COLUMNS, TITLE, subtitle, side=1.5, pitch=2.3, above=0.42)
    images, _ = data.take(found.indices[:shown])
    classes = class_names(network, data)
    for number, axes in enumerate(squares):
        show_image(axes, images[number])
        label(axes, _words(found, number, classes))
    return figure


def _words(found: Mistakes, number: int, classes: tuple[str, ...] | None) -> str:
    right = class_name(classes, int(found.labels[number]))
    taken = class_name(classes, int(found.predicted[number]))
    confidence = found.confidence[number]
    # Losses of numbers give no probabilities, but outputs of any size.
    sure = f"{confidence:.1%}" if found.probable else f"output {confidence:.3g}"
    return f"is {right}\ntaken for {taken}: {sure}"


def _perfect(images: int) -> Figure:
    """Return the picture of no mistake."""
    figure = new_figure(3.0, TITLE)
    middle: Look = {"x": 0.5, "ha": "center", "va": "center"}
    figure.text(y=0.5, s="There are none.", size=22, color=GREEN, **middle)
    text = f"The network classified all {images:,} images right."
    figure.text(y=0.32, s=text, size=TEXT, color=MUTED, **middle)
    return figure
