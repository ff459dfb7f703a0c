"""Seeing whether the function that a loop returns is the one that it trains.

Pixels that are divided by 255 in training and not in the function that answers, or images that are
turned in one of the two: a network of ReLUs may tell such images nearly as well, for ReLU(c·x) =
c·ReLU(x), and then nobody notices. At a rate of 0 the network stays as it is, so that the outputs
which the loop told of its images must be what the function answers to the same images. Where they
are not, but are what it answers to changed ones, to the last digits, that shows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sixloops.doctor.run.arrays import as_array
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.loop import Loop, Predict
from sixloops.doctor.run.neighbours import WAYS
from sixloops.doctor.run.own_gradients import DIFFERENT, Handed, close
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array


def check_answers(loop: Loop, e: Evidence) -> Diagnosis | None:
    """Hold the outputs that a loop told against those that its function answers.

    Args:
        loop: as it was run; it is run once more, for one batch at a rate of 0.
        e: what was seen of it.
    """
    some = np.arange(min(DIFFERENT, max(e.batch, 1), len(loop.data)))
    images, labels = loop.data.take(some)
    rows = np.resize(some, max(e.batch, 1))
    handed = Handed(loop.data.class_count)
    with np.errstate(all="ignore"):
        predict = loop.train(images[rows], labels[rows], 0.0, loop.seed, handed)
        outputs = as_array(handed.told[1])
        if outputs is None or outputs.ndim != 2 or close(outputs, outputs[:1]).all():
            return None
        if _tells(predict, images, outputs):
            return None
        ways = _ways(images, as_array(handed.inputs))
        how = next((way for way, changed in ways if _tells(predict, changed, outputs)), None)
    return None if how is None else _said(how)


def _tells(predict: Predict, images: Array, outputs: Array) -> bool:
    """Say whether all outputs are among the answers to some images."""
    answers = as_array(predict(images.copy()))
    if answers is None or answers.ndim != 2 or answers.shape[1] != outputs.shape[1]:
        return False
    same = close(outputs[:, None], answers).all(axis=2)
    return bool(np.all(np.any(same, axis=1)))


def _ways(images: Array, inputs: Array | None) -> Iterator[tuple[str, Array]]:
    """Yield how images may be changed before they are asked about, and these."""
    real = images.astype(np.float64)
    yield "divided by 255", real / 255
    yield "multiplied by 255", real * 255
    for name, way in WAYS.items():
        changed = way(images, images)
        if changed.shape == images.shape:
            yield name, np.ascontiguousarray(changed)
    if inputs is not None and inputs[0].size == images[0].size:
        prepared = inputs.reshape(-1, *images.shape[1:]).astype(np.float64)
        for each in (prepared, prepared * 255):  # their function may divide by 255 itself
            yield "made what the first layer is given in training", each


def _said(how: str) -> Diagnosis:
    return Diagnosis(
        id="prepared-otherwise",
        sentence="The function that is returned answers to images that are prepared otherwise than "
        f"in training: its outputs are those of the training if images are first {how}.",
        mathematics="A network knows only images made as those that it learnt from. Answers may "
        "stay nearly as they are, as ReLU(c·x) = c·ReLU(x); probabilities and losses do not.",
        fix="Prepare training, test and new images by one and the same function.",
        number=37,
        certainty=0.97,
    )
