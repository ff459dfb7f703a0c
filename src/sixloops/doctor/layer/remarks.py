"""What a verdict says beside its diagnosis, and the verdict on code that did not return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sixloops.doctor.layer.arrays import arrays_of
from sixloops.doctor.layer.findings import convention, is_wrong, label
from sixloops.doctor.layer.guard import Trouble
from sixloops.doctor.layer.mistakes.base import POST_276213, about
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.plan import Plan, only_argument
from sixloops.doctor.layer.trials import Trial
from sixloops.doctor.layer.vocabulary import COTANGENT, plain
from sixloops.doctor.verdict import Finding, Verdict, place_of
from sixloops.layers import BatchNorm
from sixloops.layers.base import Shape


def remarks(trials: Sequence[Trial]) -> list[str]:
    """Return what a user should know that is no mistake."""
    notes = []
    ways = {convention(trial) for trial in trials}
    if "mean" in ways:
        notes.append(
            "The learnt gradients are divided by the batch's size. That is right if your loss "
            "hands on each image's own error; if the loss divides by the batch as well, it is "
            f"divided twice. See {place_of(SUM_OR_MEAN)}."
        )
    if "ascent" in ways:
        notes.append(
            "backward moves the weights along the error that it is given. That is right if the "
            "error is target − output, and wrong if it is output − target."
        )
    if trials[0].read_as:
        notes.append(
            "Arrays of one shape have their gradients in another order than forward takes them: "
            f"they were read in the order {', '.join(_order_read(trials[0]))}. Whoever calls "
            "backward must know that."
        )
    if trials[0].words == "softmax" and trials[0].setting.axes == "D":
        notes.append(
            "Softmax was examined on the scores of one image. If you give it a batch, say so with "
            "axes='ND' in Python, --axes ND on the command line."
        )
    if not trials[0].words:
        notes.append(
            "What forward computes was not recognised; the gradients were compared with slopes. If "
            "it is made of several layers, check each by itself: then ties are tried, and more "
            "mistakes have a name."
        )
    unlike = unlike_the_first(trials)
    if unlike:
        shapes = " and ".join(dict.fromkeys(trial.setting.input_words for trial in unlike))
        notes.append(
            f"What forward made of {trials[0].setting.shape} was {trials[0].words}; of {shapes} it "
            "made something else. There the gradients were compared with slopes."
        )
    model = trials[0].model
    if model is not None and isinstance(model.core.layer, BatchNorm):
        notes.append("Batch normalisation was examined in training mode.")
    return notes


def recognised_words(trials: Sequence[Trial]) -> str:
    """Say what forward computes; nothing where it is wrong on inputs where that is not so."""
    words = trials[0].words
    far = [t for t in trials if t.setting.scale != 1 and t.words != words]
    if any(map(is_wrong, (*unlike_the_first(trials), *far))):
        return ""
    return f"{words} of small inputs" if far else words


def unlike_the_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return those whose forward is not what it was recognised as in the first."""
    return [trial for trial in trials if trials[0].words and not trial.words]


def unread_lists(holder: Any) -> list[str]:
    """Say which lists are called like learnt arrays, but are none of floats."""
    kept = getattr(holder, "__dict__", {}).items()
    lists = [n for n, v in kept if isinstance(v, list) and v and plain(n) in LEARNT]
    return [
        f"{name} is a list that was not examined; make it an array of floats to have it looked at."
        for name in lists
        if not any(path.partition(".")[0] == name for path in arrays_of(holder))
    ]


def _order_read(trial: Trial) -> list[str]:
    """Return the gradients in the order in which backward returns them."""
    place_of = {name: trial.read_as.get(name, name) for name in trial.names}
    sources = trial.claimed.sources
    return [label(name) for name in sorted(trial.names, key=lambda n: _place(sources, place_of[n]))]


def _place(sources: Mapping[str, str], name: str) -> int:
    """Return at which place a gradient was returned."""
    number = sources.get(name, "").rpartition(" ")[2]
    return int(number) if number.isdigit() else 0


def called_words(plan: Plan, healthy: bool) -> str:
    """Say how backward was called where its only argument is not plainly dy; else nothing."""
    function = plan.function("backward", plan.owner)
    argument = "" if function is None else only_argument(function)
    if not argument or (plain(argument) in COTANGENT and not plan.is_slope):
        return ""
    name = f"{getattr(function, '__name__', 'backward')}({argument})"
    if plan.is_slope:
        what = {"x": "input", "y": "output"}[plan.ways[0]]
        return f"{name} was given forward's {what}, and what it returned was multiplied by dy."
    slope = (
        " If it is a slope f′, call its argument x where it takes forward's input, and y where it "
        "takes the output."
    )
    return f"{name} was given dy, the error from above.{'' if healthy else slope}"


def examined_words(trials: Sequence[Trial]) -> str:
    """Say what was compared with what."""
    shapes = list(dict.fromkeys(trial.setting.input_words for trial in trials))
    names = ", ".join(label(name) for name in trials[0].names)
    hows = dict.fromkeys("exact derivatives" if t.words else "slopes" for t in trials)
    how = " and ".join(hows)
    single = " in single precision" if trials[0].tolerance > 1e-4 else ""
    return f"{names} against {how}, random errors{single}, inputs {', '.join(shapes)}."


LEARNT = {"w", "weight", "weights", "b", "bias", "biases", "gamma", "beta"}
SUM_OR_MEAN = f"{POST_276213}#6-the-sum-over-a-batch-or-its-mean"
KINDS = {
    "raised": "raises",
    "stuck": "raises",
    "endless": "never-ends",
    "exited": "exits",
    "wrong return": "wrong-return",
}


def hidden_loss(plan: Plan, labels: str) -> Verdict:
    """Return the verdict on a loss whose forward takes no targets: nothing can be said."""
    called = getattr(plan.function("backward", plan.owner), "__name__", "backward")
    how = (
        f"{called} takes {labels}, targets and no error from above, and forward takes none: so "
        "it is not the derivative of what forward returns, but of a loss that is written nowhere. "
        f"Let forward compute the loss, forward(x, {labels}), or write a function for it, "
        f"loss(x, {labels}), and one for its gradient; and examine these two."
    )
    said = "a loss that cannot be examined in this form"
    return Verdict(plan.name, healthy=False, notes=(how,), undecided=said)


def misfit(plan: Plan, trouble: Trouble, given: Shape, other: Shape) -> Verdict:
    """Return the verdict on an input that does not fit, where another one does: none."""
    how = (
        f"forward raises {trouble.words} with the input of shape {given} that you said; of shape "
        f"{other} it takes one. Leave the input out, or say one that it takes."
    )
    return Verdict(plan.name, healthy=False, notes=(how,), undecided="the input does not fit")


def troubled(plan: Plan, trouble: Trouble, where: str, model: Model | None = None) -> Verdict:
    """Return the verdict on code that did not return."""
    where = trouble.where or where
    kind = KINDS.get(trouble.kind, "")
    fix = {
        "raises": "Mend the error. If the input was not right for the layer, say one: "
        "input_shape=(2, 3, 8, 6) in Python, --input 2,3,8,6 on the command line; and axes.",
        "never-ends": "If it is slow, give it longer or less to do: seconds=60 and input_shape in "
        "Python, --seconds 60 and --input on the command line. Else look for a loop whose "
        "condition never becomes false.",
        "exits": "A layer must not end the program.",
        "wrong-return": "Return what the docstring of sixloops.layers.Layer asks for.",
    }.get(kind, "Write one; or say which functions they are with sixloops.doctor.Adapter.")
    if trouble.kind == "stuck":
        fix = "Mend the error: what forward takes, backward must take, too."
    sentence = {
        "raises": f"{where} raises {trouble.words}",
        "never-ends": f"{where} does not end, or not soon: {trouble.words}.",
    }.get(kind, f"{where}: {trouble.words}.")
    return Verdict(
        plan.name,
        healthy=False,
        recognised=model.words if model else "",
        findings=(Finding(where, trouble.words),),
        diagnoses=(about(kind or "incomplete", sentence, "", fix),),
        traceback=trouble.lines,
    )
