"""The examination of a layer, from the first call to the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sixloops.checks import is_whole, items
from sixloops.doctor.layer.blame import blame
from sixloops.doctor.layer.findings import find_wrong, is_wrong
from sixloops.doctor.layer.guard import PATIENCE, Guard, Trouble
from sixloops.doctor.layer.habits import bad_habits, overflow_note, seeding_note
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.plan import Adapter, Plan, hidden_labels, plan_for
from sixloops.doctor.layer.remarks import (
    called_words,
    examined_words,
    hidden_loss,
    misfit,
    recognised_words,
    remarks,
    troubled,
    unread_lists,
)
from sixloops.doctor.layer.search import begin
from sixloops.doctor.layer.settings import Setting, others, variations
from sixloops.doctor.layer.structural import NEVER_UPDATED, WRONG_SHAPE, structural_mistakes
from sixloops.doctor.layer.trials import Laboratory, Trial
from sixloops.doctor.verdict import Verdict
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers.base import Shape

FAR_OUT = 20.0
"""So many times as large an input is looked at where a function may have a bound."""
UNBOUNDED = "ReLU", "leaky ReLU", "identity"


def check_layer(
    subject: Any,
    *,
    input_shape: Sequence[int] | None = None,
    axes: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    seconds: float = PATIENCE,
) -> Verdict:
    """Find out whether a layer's backward is right, and if not, what was done.

    Args:
        subject: a layer of this library; an object or a class with a forward and a
            backward; a pair of functions (forward, backward); an :class:`Adapter`.
        input_shape: an input that it takes; found by trying where it is not given.
        axes: the order of the input's axes, such as ``"NHWC"`` or ``"DN"``: N image,
            C channel, H row, W column, D feature.
        arguments: settings by name, for its constructor or its calls.
        seconds: how long one call may take.

    Returns:
        The verdict; its ``str`` is for reading.

    Raises:
        ConfigurationError: it has no forward, or needs a setting of unknown meaning; an argument
            that is none.

    Examples:
        >>> def halves(x):
        ...     return x[:, :, ::2, ::2] / 2 + x[:, :, 1::2, 1::2] / 2
        >>> def halves_backward(dy):
        ...     return dy.repeat(2, axis=2).repeat(2, axis=3) / 2
        >>> check_layer((halves, halves_backward)).healthy
        False
        >>> from sixloops.layers import MaxPool2D
        >>> print(check_layer(MaxPool2D(2)))  # doctest: +ELLIPSIS
        MaxPool2D: healthy. It computes max pooling 2×2.
        ...
    """
    if isinstance(subject, Adapter):
        axes, input_shape = axes or subject.axes, input_shape or subject.input_shape
    axes, shape = _checked_axes(axes), _checked_shape(input_shape)
    if not isinstance(arguments, Mapping | None):
        expected = "be settings by name, such as {'size': 2}"
        raise ConfigurationError(wrong("arguments", "check_layer", expected, arguments))
    plan = plan_for(subject, arguments or {})
    said = []
    for way in plan.ways:
        verdict = _checked(replace(plan, ways=(way,)), shape, axes, seconds)
        if verdict.healthy:
            return verdict
        said.append(verdict)
    labels = hidden_labels(plan)
    if labels and not any(map(_stops_early, said)):
        return hidden_loss(plan, labels)
    # Where each way of calling it is wrong, the one that explains the most is likeliest meant.
    return max(said, key=lambda verdict: verdict.name not in ("", "raises", "wrong-shape"))


def _stops_early(verdict: Verdict) -> bool:
    """Say whether the constructor or forward raised, so that backward does not matter."""
    return bool(verdict.traceback) and verdict.findings[0].what != "backward"


def _checked(plan: Plan, shape: Shape | None, axes: str | None, seconds: float) -> Verdict:
    """Examine with one way of calling backward."""
    laboratory = Laboratory(plan, Guard(seconds))
    try:
        found = begin(laboratory, shape, axes)
    except Trouble as trouble:
        return troubled(plan, trouble, "making it")
    if isinstance(found, Trouble):
        if shape and found.kind == "raised" and (other := _other_input(plan, axes, seconds)):
            return misfit(plan, found, shape, other)
        return troubled(plan, found, "forward")
    try:
        return _examined(laboratory, *found)
    except Trouble as trouble:
        return troubled(plan, trouble, "backward", found[1])


def _other_input(plan: Plan, axes: str | None, seconds: float) -> Shape | None:
    """Return an input that the subject takes, if one is found."""
    laboratory = Laboratory(plan, Guard(seconds))
    found = begin(laboratory, None, axes)
    return None if isinstance(found, Trouble) else laboratory.input(found[0], 0).shape


def _checked_shape(input_shape: Sequence[int] | None) -> Shape | None:
    if input_shape is None:
        return None
    sizes = items(input_shape)
    if not sizes or not all(is_whole(n) and n >= 1 for n in sizes):
        expected = "be whole numbers of at least 1, such as (2, 3, 8, 6)"
        raise ConfigurationError(wrong("input_shape", "check_layer", expected, input_shape))
    return tuple(int(n) for n in sizes)


def _checked_axes(axes: str | None) -> str | None:
    if axes is None:
        return None
    letters = axes.upper() if isinstance(axes, str) else ""
    if not letters or set(letters) - set("NCHWD") or len(set(letters)) != len(letters):
        raise ConfigurationError(
            "The 'axes' must be different letters of N (image), C (channel), H (row), W (column), "
            f"D (feature), such as NCHW, NHWC, ND or DN. Got {axes!r}."
        )
    if "D" in letters and set(letters) - set("ND"):
        raise ConfigurationError(
            "The 'axes' may have D (feature) beside N (image) alone: what has rows or channels is "
            f"written with C, H and W, in any order. Got {axes!r}."
        )
    return letters


def _examined(laboratory: Laboratory, setting: Setting, model: Model | None) -> Verdict:
    base = laboratory.trial(setting, 0, model)
    trials, other = _more_trials(laboratory, base)
    findings = find_wrong(trials)
    if laboratory.stuck and not findings:
        return troubled(laboratory.plan, laboratory.stuck[0], "backward", model)
    diagnoses, alternatives = blame(trials)
    habits = list(bad_habits(laboratory, base, other))
    findings += [habit.finding for habit in habits]
    # An overwritten array spoils the gradients as well: then it is the cause, and comes first.
    first = [h.diagnosis for h in habits if h.diagnosis.id in ("input-overwritten", "images-mixed")]
    rest = [h.diagnosis for h in habits if h.diagnosis not in first]
    structural = [d for d in structural_mistakes(trials) if d is not WRONG_SHAPE or not diagnoses]
    if NEVER_UPDATED in structural:
        diagnoses = [d for d in diagnoses if d.id != "zero-gradient"]
    lists = unread_lists(laboratory.holder(base.setting.arguments))
    called = called_words(laboratory.plan, not findings)
    own = overflow_note(laboratory, base), seeding_note(laboratory, base)
    notes = (*remarks(trials), *lists, called, *own)
    return Verdict(
        subject=laboratory.plan.name,
        healthy=not findings,
        recognised=recognised_words(trials),
        findings=tuple(findings),
        diagnoses=(*structural, *first, *diagnoses, *rest),
        alternatives=tuple(alternatives),
        notes=tuple(filter(None, notes)),
        examined=examined_words(trials),
    )


def _more_trials(laboratory: Laboratory, base: Trial) -> tuple[list[Trial], Setting | None]:
    """Examine on another size, on a single image, and with other windows, where they work."""
    doubted = [_try(laboratory, setting, 0, base.model) for setting in laboratory.doubted]
    trials: list[Trial | None] = [base, *doubted]
    other = None
    for setting in others(base.setting):
        trial = _try(laboratory, setting, 1, base.model)
        if trial is not None:
            trials.append(trial)
            other = setting
            break
    if "N" in base.setting.axes and base.setting.sizes["N"] > 1:
        trials.append(_try(laboratory, base.setting.with_sizes(N=1), 2, base.model))
    if base.words.startswith(UNBOUNDED):
        far = replace(base.setting, scale=FAR_OUT)
        trials.append(_try(laboratory, far, 3, base.model))
    usual = [trial for trial in trials if trial is not None]
    # Code for one image may take several by chance, and not every layer need have all windows.
    stuck = [] if base.setting.sizes.get("N") == 1 else [*laboratory.stuck]
    tried = enumerate(variations(laboratory.plan, base.setting))
    varied = [_try(laboratory, setting, 3 + number, base.model) for number, setting in tried]
    found = [trial for trial in varied if trial is not None]
    laboratory.stuck = stuck
    return [*usual, *found, *_once_more(laboratory, usual, found, other)], other


def _once_more(
    laboratory: Laboratory, usual: list[Trial], varied: list[Trial], other: Setting | None
) -> list[Trial]:
    """Examine what a single window or padding shows on another size: one case names nothing."""
    wrong = [trial for trial in varied if is_wrong(trial)]
    if other is None or len(wrong) != 1 or any(map(is_wrong, usual)):
        return []
    setting = other.with_arguments(wrong[0].setting.arguments)
    again = _try(laboratory, setting, 3 + len(varied), usual[0].model)
    return [] if again is None else [again]


def _try(laboratory: Laboratory, setting: Setting, seed: int, model: Model | None) -> Trial | None:
    try:
        trial = laboratory.trial(setting, seed, model)
    except Trouble as trouble:
        if trouble.kind == "endless":
            raise
        if trouble.kind == "raised" and trouble.where == "backward":
            trouble.kind, trouble.words = "stuck", f"{trouble.words} (input {setting.shape})"
            laboratory.stuck.append(trouble)
        return None
    return trial if trial.y.size else None
