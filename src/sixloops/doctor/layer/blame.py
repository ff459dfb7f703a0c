"""From the examinations to names: what each way of naming must be given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sixloops.doctor.layer.axes import reorder
from sixloops.doctor.layer.findings import by_convention, label, wrong_words
from sixloops.doctor.layer.mistakes.losses import name_loss
from sixloops.doctor.layer.naming import (
    Evidence,
    Numbers,
    Size,
    name_mistakes,
    name_numbers,
    name_ratios,
)
from sixloops.doctor.layer.trials import Trial
from sixloops.doctor.layer.where import constant_ratio
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array


def blame(trials: Sequence[Trial]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Return the mistakes that explain what is wrong, and what could be said as well."""
    if trials[0].loss is not None:
        return _named_loss(trials), []
    if trials[0].model is None:
        found = [*_by_parts(trials), *name_ratios(list(_ratios(trials))), *_by_numbers(trials)]
        return list({each.id: each for each in found}.values()), []
    evidence = [_evidence(trial) for trial in trials if trial.case is not None]
    if any(each.wrong() for each in evidence):
        return name_mistakes(evidence)
    # What is wrong is wrong only where it was something else than what was recognised.
    return list(_by_numbers([trial for trial in trials if trial.model is None])), []


def _named_loss(trials: Sequence[Trial]) -> list[Diagnosis]:
    if trials[0].forward_fault or not any(wrong_words(trial, "x") for trial in trials):
        return []
    claims = ((trial.loss, trial.gradient("x"), trial.tolerance) for trial in trials)
    return name_loss([(c, g, tol) for c, g, tol in claims if c is not None and g is not None])


def _by_parts(trials: Sequence[Trial]) -> Iterator[Diagnosis]:
    """Name what is the right gradient of another error, where all wrong trials agree on it."""
    for name in trials[0].names:
        wrong = [trial for trial in trials if name in trial.partial]
        found = [trial.partial[name] for trial in wrong]
        several = [each for trial, each in zip(wrong, found, strict=True) if _has_images(trial)]
        if len(wrong) > 1 and found[0] is not None and len({id(e) for e in several}) == 1:
            said = found[0].sentence.replace("{what}", label(name))
            yield replace(found[0], sentence=said)


def _has_images(trial: Trial) -> bool:
    """Say whether there are several images, so that one of them is a part."""
    return trial.setting.sizes.get("N", 1) > 1 or "N" not in trial.setting.axes


def _by_numbers(trials: Sequence[Trial]) -> Iterator[Diagnosis]:
    """Name what the numbers show of a layer that was not recognised."""
    for name in trials[0].names if trials else ():
        wrong = [trial for trial in trials if wrong_words(trial, name)]
        if any(trial.gradient(name) is None for trial in wrong):
            continue
        measured = [t for t in wrong if name in t.truth and not np.isnan(t.truth[name]).all()]
        seen = [
            _numbers(t, name, gradient)
            for t in measured
            if (gradient := t.gradient(name)) is not None
        ]
        yield from name_numbers(label(name), seen)


def _numbers(trial: Trial, name: str, gradient: Array) -> Numbers:
    own = (trial.slopes, trial.slopes_at_output) if name == "x" else (None, None)
    x, y, dy = trial.arrays["x"], trial.y, trial.dy
    return Numbers(gradient, trial.truth[name], x, y, dy, trial.tolerance, *own)


def _size_of(trial: Trial) -> Size:
    sizes, axes = trial.setting.sizes, trial.setting.axes
    extent = [sizes[letter] for letter in "HW" if letter in axes]
    return Size(sizes.get("N", 1), int(np.prod(extent)) if extent else None)


def _ratios(trials: Sequence[Trial]) -> Iterator[tuple[str, Size, float | None]]:
    """Yield the ratio of each wrong gradient to the measured slopes, where there are all."""
    for trial in trials:
        for name, truth in trial.truth.items():
            claimed = trial.gradient(name)
            if claimed is None or not wrong_words(trial, name):
                continue
            whole = not np.isnan(truth).any()
            ratio = constant_ratio(claimed, truth, trial.tolerance) if whole else None
            yield label(name), _size_of(trial), ratio


def _evidence(trial: Trial) -> Evidence:
    """Bring what was claimed into the inner order."""
    model = trial.model
    case = trial.case
    if model is None or case is None:
        raise ValueError("only a recognised layer has a case")
    claimed: dict[str, Array] = {}
    dx = trial.gradient("x")
    if dx is not None:
        claimed["x"] = reorder(dx, model.x_axes, model.inner)
    for role, (name, axes) in model.places.items():
        gradient = trial.gradient(name)
        if gradient is not None and not by_convention(trial, name):
            claimed[role] = reorder(gradient, axes, model.axes_inside(role))
    return Evidence(case, claimed, trial.tolerance)
