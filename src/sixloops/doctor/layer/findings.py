"""What is wrong, and where, by comparison of the claimed gradients with the true ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.trials import Trial, known_parameter, problem_of
from sixloops.doctor.layer.vocabulary import own_name, plain
from sixloops.doctor.layer.where import describe, differences
from sixloops.doctor.verdict import Finding


def label(name: str) -> str:
    """Return how a gradient is called.

    Examples:
        >>> label("x"), label("params.W"), label("bias"), label("weight.data")
        ('dX', 'dW', 'db', 'dW')
    """
    leaf = own_name(name)
    word = plain(leaf)
    if name == "x":
        return "dX"
    if word in words.BIAS:
        return "db"
    return "dW" if word in words.WEIGHT else f"d{leaf}"


def find_wrong(trials: Sequence[Trial]) -> list[Finding]:
    """Say of each gradient what is wrong, as the first trial shows it that does."""
    found: dict[str, Finding] = {}
    for trial in trials:
        if not np.isfinite(trial.y).all():
            found.setdefault("y", Finding("y", "NaN or infinite on an ordinary input"))
        for name in trial.names:
            words_ = wrong_words(trial, name)
            if words_ and name not in found:
                where = f" (input {trial.setting.input_words})" if trial is not trials[0] else ""
                found[name] = Finding(label(name), words_ + where)
    if trials[0].forward_fault:
        found["forward"] = Finding("forward", trials[0].words)
    if _only_in_batches(trials, set(found)):
        found["batch"] = Finding("batch", "with a single image all gradients are right")
    return list(found.values())


def is_wrong(trial: Trial) -> bool:
    """Say whether any gradient of a trial is wrong."""
    return any(wrong_words(trial, name) for name in trial.names)


def wrong_words(trial: Trial, name: str) -> str:
    """Say what is wrong with one gradient of one trial; empty for a right one."""
    value = trial.claimed.arrays.get(name)
    if value is None:
        if name == "x":
            return "backward neither returns nor stores it"
        return "there is no gradient for it" if known_parameter(name) else ""
    problem = problem_of(value, trial.arrays[name].shape)
    if problem:
        return problem
    claimed, truth = trial.gradient(name), trial.truth.get(name)
    if claimed is None or by_convention(trial, name):
        return ""
    if truth is None or not differences(claimed, truth, trial.tolerance).any():
        return _apart_words(trial.apart.get(name, 0.0))
    return describe(claimed, truth, _axes_of(trial, name), trial.tolerance)


def _apart_words(apart: float) -> str:
    """Say that a gradient is wrong somewhere; empty where nothing shows that."""
    if not apart:
        return ""
    return (
        f"along random directions it differs from the slopes by {apart:.2g} of its size; there was "
        "no time to see in which numbers"
    )


def _axes_of(trial: Trial, name: str) -> str:
    """Name the axes of an array with a letter each."""
    rank = trial.arrays[name].ndim
    if name == "x":
        axes = trial.setting.axes
        return axes if len(axes) == rank else "." * rank
    for own, axes in (trial.model.places if trial.model else {}).values():
        if own == name and len(axes) == rank:
            return axes.replace("O", "F")
    return "." * rank


def _only_in_batches(trials: Sequence[Trial], wrong: set[str]) -> bool:
    """Say whether everything is right with a single image."""
    single = [
        trial
        for trial in trials
        if trial.setting.sizes.get("N") == 1
        and "N" in trial.setting.axes
        and all(name in trial.truth for name in trial.claimed.arrays)
    ]
    # What only another window or padding shows says nothing of batches.
    at_first = {name for name in trials[0].names if wrong_words(trials[0], name)}
    return bool(wrong & at_first) and any(
        not any(wrong_words(trial, name) for name in trial.names) for trial in single
    )


def by_convention(trial: Trial, name: str) -> bool:
    """Say whether a gradient is right for a cost that is the batch's mean, or for w += rate · dw.

    Where all learnt gradients are divided by the batch's size and dX is not, the errors
    are meant to come from a cost that the loss has not divided. Where all changes that
    backward makes have the other sign, the errors are meant to be target − output.
    """
    return bool(name != "x" and convention(trial))


def convention(trial: Trial) -> str:
    """Return in which way all learnt gradients differ from the true ones alike."""
    learnt = [n for n in trial.names if n != "x" and n in trial.truth]
    dx = trial.gradient("x")
    right = (
        dx is not None
        and "x" in trial.truth
        and not differences(dx, trial.truth["x"], trial.tolerance).any()
    )
    if not learnt or not right or any(trial.gradient(n) is None for n in learnt):
        return ""
    batch = trial.setting.sizes.get("N", 1) if "N" in trial.setting.axes else 1
    if batch > 1 and _all_times(trial, learnt, 1 / batch):
        return "mean"
    moved = all(trial.claimed.sources.get(n) == "the change of the parameter" for n in learnt)
    return "ascent" if moved and _all_times(trial, learnt, -1.0) else ""


def _all_times(trial: Trial, names: list[str], factor: float) -> bool:
    return all(
        not differences(trial.gradient(n), factor * trial.truth[n], trial.tolerance).any()  # type: ignore[arg-type]
        for n in names
    )
