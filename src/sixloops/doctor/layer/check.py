"""The examination of a layer, from the first call to the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.axes import reorder
from sixloops.doctor.layer.guard import PATIENCE, Guard, Trouble
from sixloops.doctor.layer.habits import bad_habits
from sixloops.doctor.layer.mistakes.base import JAVA, POST_276213, POST_316354, about
from sixloops.doctor.layer.mistakes.losses import name_loss
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.naming import (
    Evidence,
    Numbers,
    name_mistakes,
    name_numbers,
    name_ratios,
)
from sixloops.doctor.layer.plan import Adapter, Plan, plan_for
from sixloops.doctor.layer.settings import Setting, others, settings, variations
from sixloops.doctor.layer.trials import (
    Laboratory,
    Trial,
    first_working,
    known_parameter,
    problem_of,
)
from sixloops.doctor.layer.vocabulary import plain
from sixloops.doctor.layer.where import constant_ratio, describe, differences
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict
from sixloops.errors import ConfigurationError
from sixloops.layers import BatchNorm
from sixloops.layers.base import Array

SEARCHING_SECONDS = 1.0
MANY = 400

FORWARD_FAULTS = {
    "softmax-twice": about(
        "softmax-twice",
        "Softmax is applied twice: the outputs are nearly equal, and with ten classes the "
        "cross-entropy cannot fall below 1.461.",
        "p = softmax(z), once",
        "Hand the logits on: many losses have the softmax inside.",
        f"{JAVA}#6-all-of-it-together",
        21,
    ),
    "pool-axes": about(
        "pool-axes",
        "forward pools over pixels that lie apart, not over windows: after the reshape it takes "
        "the wrong axes.",
        "x.reshape(N, C, H/k, k, W/k, k), and the maximum or mean over axes 3 and 5",
        "Write H // k before k in the reshape.",
        "docs/answers/numpy-pooling.md",
        6,
    ),
    "every-pair": about(
        "every-pair",
        "Every output is compared with every target: (n, 1) against (n,) makes an n × n array.",
        "e_i = x_i − t_i, one for each image",
        "Bring both into one shape first: t.reshape(x.shape); and check that they have the same.",
        f"{POST_276213}#6-the-sum-over-a-batch-or-its-mean",
        30,
    ),
    "softmax-of-all": about(
        "softmax-of-all",
        "Softmax is taken over all images at once: an image's probabilities depend on the other "
        "images of its batch, and do not sum to 1.",
        "p_ni = exp(z_ni) / Σ_j exp(z_nj): the sum runs over the scores of image n alone",
        "np.exp(z) / np.exp(z).sum(axis=1, keepdims=True).",
        f"{JAVA}#6-all-of-it-together",
        12,
    ),
    "im2col-order": about(
        "im2col-order",
        "forward computes the right numbers and puts them in the wrong places: the product's axes "
        "are reshaped where they must be moved.",
        "W · P has its axes in the order (filter, image, row, column) or so; y needs (image, "
        "filter, row, column)",
        "reshape to the order in which the numbers are, then transpose(…) to the order wanted.",
        f"{POST_316354}#2-convolutions-error-back",
        11,
    ),
}
NEVER_UPDATED = about(
    "bias-never-updated",
    "backward updates the weights but not the bias.",
    "b ← b − η · db",
    "Update the bias too.",
    f"{POST_276213}#3-update-the-biases-too",
    15,
)
NO_DX = about(
    "returns-none",
    "backward returns nothing: the layers before get no error. (For the first layer of a network "
    "that is all right.)",
    "dx_i = Σ_o dy_o · ∂y_o/∂x_i",
    "Return dX.",
    f"{JAVA}#the-one-rule",
    26,
)
NO_GRADIENT = about(
    "missing-gradient",
    "backward gives no gradient for a learnt array.",
    "∂E/∂w for every learnt w",
    "Return it, or store it beside the array: self.dW for self.W.",
    f"{JAVA}#the-one-rule",
)
NOT_FINITE = about(
    "not-finite",
    "There are NaN or infinite numbers on ordinary inputs.",
    "",
    "Look for a division by 0, a logarithm of 0, or an exponential of a large number.",
)
WRONG_SHAPE = about(
    "wrong-shape",
    "A gradient has another shape than what it is the gradient of.",
    "the gradient of an array has its shape",
    "Keep the axes; sum only over those along which the array is shared.",
)


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
        ConfigurationError: it has no forward, or needs a setting of unknown meaning.

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
    axes = _checked_axes(axes)
    plan = plan_for(subject, arguments or {})
    laboratory = Laboratory(plan, Guard(seconds))
    shape = None if input_shape is None else tuple(int(n) for n in input_shape)
    try:
        found = _begin(laboratory, shape, axes)
    except Trouble as trouble:
        return _troubled(plan, trouble, "making it")
    if isinstance(found, Trouble):
        return _troubled(plan, found, "forward")
    try:
        return _examined(laboratory, *found)
    except Trouble as trouble:
        return _troubled(plan, trouble, "backward", found[1])


def _checked_axes(axes: str | None) -> str | None:
    if axes is None:
        return None
    letters = axes.upper()
    if not letters or set(letters) - set("NCHWD") or len(set(letters)) != len(letters):
        raise ConfigurationError(
            "The 'axes' must be different letters of N (image), C (channel), H (row), W (column), "
            f"D (feature), such as NCHW, NHWC, ND or DN. Got {axes!r}."
        )
    return letters


def _begin(
    laboratory: Laboratory, shape: tuple[int, ...] | None, axes: str | None
) -> tuple[Setting, Model | None] | Trouble:
    plan = laboratory.plan
    holder = laboratory.holder(plan.arguments)
    tried = islice(settings(plan, holder, shape, axes), MANY)
    return first_working(laboratory, list(tried), SEARCHING_SECONDS)


def _examined(laboratory: Laboratory, setting: Setting, model: Model | None) -> Verdict:
    base = laboratory.trial(setting, 0, model)
    trials, other = _more_trials(laboratory, base)
    findings = _findings(trials)
    diagnoses, alternatives = _named(trials)
    habits = list(bad_habits(laboratory, base, other))
    findings += [habit.finding for habit in habits]
    # An overwritten array spoils the gradients as well: then it is the cause, and comes first.
    first = [h.diagnosis for h in habits if h.diagnosis.id in ("input-overwritten", "images-mixed")]
    rest = [h.diagnosis for h in habits if h.diagnosis not in first]
    structural = [d for d in _structural(trials) if d is not WRONG_SHAPE or not diagnoses]
    if NEVER_UPDATED in structural:
        diagnoses = [d for d in diagnoses if d.id != "zero-gradient"]
    return Verdict(
        subject=laboratory.plan.name,
        healthy=not findings,
        recognised=base.words,
        findings=tuple(findings),
        diagnoses=(*structural, *first, *diagnoses, *rest),
        alternatives=tuple(alternatives),
        notes=tuple(_notes(trials)),
        examined=_examined_words(trials),
    )


def _more_trials(laboratory: Laboratory, base: Trial) -> tuple[list[Trial], Setting | None]:
    """Examine on another size, on a single image, and with other windows, where they work."""
    trials, other = [base], None
    for setting in others(base.setting):
        trial = _try(laboratory, setting, 1, base.model)
        if trial is not None:
            trials.append(trial)
            other = setting
            break
    if "N" in base.setting.axes and base.setting.sizes["N"] > 1:
        trials.append(_try(laboratory, base.setting.with_sizes(N=1), 2, base.model))  # type: ignore[arg-type]
    for number, setting in enumerate(variations(laboratory.plan, base.setting)):
        trials.append(_try(laboratory, setting, 3 + number, base.model))  # type: ignore[arg-type]
    return [trial for trial in trials if trial is not None], other


def _try(laboratory: Laboratory, setting: Setting, seed: int, model: Model | None) -> Trial | None:
    try:
        trial = laboratory.trial(setting, seed, model)
    except Trouble as trouble:
        if trouble.kind == "endless":
            raise
        return None
    lost = model is not None and trial.model is None
    return None if lost or not trial.y.size else trial


def label(name: str) -> str:
    """Return how a gradient is called.

    Examples:
        >>> label("x"), label("params.W"), label("bias")
        ('dX', 'dW', 'db')
    """
    leaf = name.rpartition(".")[2]
    word = plain(leaf)
    if name == "x":
        return "dX"
    if word in words.BIAS:
        return "db"
    return "dW" if word in words.WEIGHT else f"d{leaf}"


def _findings(trials: Sequence[Trial]) -> list[Finding]:
    """Say of each gradient what is wrong, as the first trial shows it that does."""
    found: dict[str, Finding] = {}
    for trial in trials:
        if not np.isfinite(trial.y).all():
            found.setdefault("y", Finding("y", "NaN or infinite on an ordinary input"))
        for name in trial.names:
            words_ = _wrong_words(trial, name)
            if words_ and name not in found:
                where = f" (input {trial.setting.shape})" if trial is not trials[0] else ""
                found[name] = Finding(label(name), words_ + where)
    if trials[0].forward_fault:
        found["forward"] = Finding("forward", trials[0].words)
    if _only_in_batches(trials, set(found)):
        found["batch"] = Finding("batch", "with a single image all gradients are right")
    return list(found.values())


def _wrong_words(trial: Trial, name: str) -> str:
    value = trial.claimed.arrays.get(name)
    if value is None:
        if name == "x":
            return "backward neither returns nor stores it"
        return "there is no gradient for it" if _needs(trial, name) else ""
    problem = problem_of(value, trial.arrays[name].shape)
    if problem:
        return problem
    claimed, truth = trial.gradient(name), trial.truth.get(name)
    if claimed is None or truth is None or _by_convention(trial, name):
        return ""
    if not differences(claimed, truth, trial.tolerance).any():
        return ""
    return describe(claimed, truth, _axes_of(trial, name), trial.tolerance)


def _needs(trial: Trial, name: str) -> bool:
    return known_parameter(name)


def _axes_of(trial: Trial, name: str) -> str:
    """Name the axes of an array with a letter each."""
    rank = trial.arrays[name].ndim
    if name == "x":
        axes = trial.setting.axes
        return axes if len(axes) == rank else "." * rank
    for own, axes in (trial.model.places if trial.model else {}).values():
        if own == name:
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
    return bool(wrong & set(trials[0].names)) and any(
        not any(_wrong_words(trial, name) for name in trial.names) for trial in single
    )


def _by_convention(trial: Trial, name: str) -> bool:
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


def _structural(trials: Sequence[Trial]) -> list[Diagnosis]:
    """Name what needs no comparison of numbers."""
    base, found = trials[0], []
    if base.forward_fault:
        found.append(FORWARD_FAULTS[base.forward_fault])
    if base.claimed.arrays.get("x") is None:
        found.append(NO_DX)
    missing = [n for n in base.names if n != "x" and _needs(base, n)]
    missing = [n for n in missing if base.claimed.arrays.get(n) is None]
    if missing:
        found.append(NO_GRADIENT)
    still = [n for n, a in base.claimed.moved.items() if not np.any(a) and known_parameter(n)]
    if still and any(np.any(a) for a in base.claimed.moved.values()):
        found.append(NEVER_UPDATED)
    problems = [
        problem_of(a, base.arrays[n].shape) for n, a in base.claimed.arrays.items() if a is not None
    ]
    if any("NaN" in problem for problem in problems) or not np.isfinite(base.y).all():
        found.append(NOT_FINITE)
    if any("shape" in problem for problem in problems):
        found.append(WRONG_SHAPE)
    return found


def _named(trials: Sequence[Trial]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    if trials[0].loss is not None:
        return _named_loss(trials), []
    if trials[0].model is None:
        return [*name_ratios(list(_ratios(trials))), *_by_numbers(trials)], []
    evidence = [_evidence(trial) for trial in trials if trial.case is not None]
    if not evidence or not any(each.wrong() for each in evidence):
        return [], []
    return name_mistakes(evidence)


def _named_loss(trials: Sequence[Trial]) -> list[Diagnosis]:
    if trials[0].forward_fault or not any(_wrong_words(trial, "x") for trial in trials):
        return []
    claims = ((trial.loss, trial.gradient("x"), trial.tolerance) for trial in trials)
    return name_loss([(c, g, tol) for c, g, tol in claims if c is not None and g is not None])


def _by_numbers(trials: Sequence[Trial]) -> Iterator[Diagnosis]:
    """Name what the numbers show of a layer that was not recognised."""
    for name in trials[0].names:
        wrong = [trial for trial in trials if _wrong_words(trial, name)]
        if any(trial.gradient(name) is None for trial in wrong):
            continue
        measured = [t for t in wrong if name in t.truth and not np.isnan(t.truth[name]).any()]
        seen = [
            Numbers(gradient, t.truth[name], t.arrays["x"], t.y, t.dy, t.tolerance)
            for t in measured
            if (gradient := t.gradient(name)) is not None
        ]
        yield from name_numbers(label(name), seen)


def _ratios(trials: Sequence[Trial]) -> Iterator[tuple[str, int, float | None]]:
    """Yield the ratio of each wrong gradient to the measured slopes, where there are all."""
    for trial in trials:
        for name, truth in trial.truth.items():
            claimed = trial.gradient(name)
            if claimed is None or not _wrong_words(trial, name):
                continue
            whole = not np.isnan(truth).any()
            ratio = constant_ratio(claimed, truth, trial.tolerance) if whole else None
            yield label(name), trial.setting.sizes.get("N", 1), ratio


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
        if gradient is not None and not _by_convention(trial, name):
            claimed[role] = reorder(gradient, axes, model.axes_inside(role))
    return Evidence(case, claimed, trial.tolerance)


def _notes(trials: Sequence[Trial]) -> list[str]:
    notes = []
    ways = {convention(trial) for trial in trials}
    if "mean" in ways:
        notes.append(
            "The learnt gradients are divided by the batch's size. That is right if your loss "
            "hands on each image's own error; if the loss divides by the batch as well, it is "
            "divided twice. See docs/answers/post-276213.md#6-the-sum-over-a-batch-or-its-mean."
        )
    if "ascent" in ways:
        notes.append(
            "backward moves the weights along the error that it is given. That is right if the "
            "error is target − output, and wrong if it is output − target."
        )
    if trials[0].words == "softmax" and trials[0].setting.axes == "D":
        notes.append(
            "Softmax was examined on the scores of one image. If you give it a batch, say so with "
            "axes='ND' in Python, --axes ND on the command line."
        )
    if not trials[0].words:
        notes.append(
            "What forward computes was not recognised; the gradients were compared with slopes."
        )
    model = trials[0].model
    if model is not None and isinstance(model.core.layer, BatchNorm):
        notes.append("Batch normalisation was examined in training mode.")
    return notes


def _examined_words(trials: Sequence[Trial]) -> str:
    shapes = list(dict.fromkeys(str(trial.setting.shape) for trial in trials))
    names = ", ".join(label(name) for name in trials[0].names)
    how = "exact derivatives" if trials[0].words else "slopes"
    single = " in single precision" if trials[0].tolerance > 1e-4 else ""
    return f"{names} against {how}, random errors{single}, inputs {', '.join(shapes)}."


def _troubled(plan: Plan, trouble: Trouble, where: str, model: Model | None = None) -> Verdict:
    """Return the verdict on code that did not return."""
    kind = {"raised": "raises", "endless": "never-ends", "exited": "exits"}.get(trouble.kind, "")
    fix = {
        "raises": "Mend the error. If the input was not right for the layer, say one: "
        "input_shape=(2, 3, 8, 6) in Python, --input 2,3,8,6 on the command line; and axes.",
        "never-ends": "Look for a loop whose condition never becomes false.",
        "exits": "A layer must not end the program.",
    }.get(kind, "Write one; or say which functions they are with sixloops.doctor.Adapter.")
    sentence = {
        "raises": f"{where} raises {trouble.words}",
        "never-ends": f"{where} does not end: {trouble.words}.",
    }.get(kind, f"{where}: {trouble.words}.")
    return Verdict(
        plan.name,
        healthy=False,
        recognised=model.words if model else "",
        findings=(Finding(where, trouble.words),),
        diagnoses=(replace(about(kind or "incomplete", sentence, "", fix)),),
        traceback=trouble.lines,
    )


def unloadable(where: str, trouble: Trouble) -> Verdict:
    """Return the verdict on a file that cannot be run."""
    plan = Plan(where, lambda *_: None, "forward", None)
    return _troubled(plan, trouble, "the file")
