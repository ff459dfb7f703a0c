"""Rules of the last layer and the loss."""

from __future__ import annotations

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import is_stuck
from sixloops.doctor.run.rules.base import percent
from sixloops.doctor.verdict import Diagnosis


def relu_on_logits(e: Evidence) -> Diagnosis | None:
    """Recognise logits that are never below 0, and often exactly 0."""
    seen = [each for each in e.outputs if not each.probabilities]
    if not seen or "entropy" not in e.kind or any(each.low < 0 for each in seen):
        return None
    zeros = max(each.zeros for each in seen)
    if zeros < 0.02:
        return None
    return Diagnosis(
        id="relu-on-logits",
        sentence=f"The outputs were never below 0, and up to {percent(zeros)} of them exactly 0.",
        mathematics="Softmax needs logits of either sign. Where ReLU cuts one off, its slope is 0 "
        "too, and its class gets no error any more.",
        fix="Leave the activation off the last layer.",
        number=42,
        certainty=0.95,
    )


def softmax_twice(e: Evidence) -> Diagnosis | None:
    """Recognise that the outputs are probabilities, and the loss takes them for logits."""
    for seen in e.outputs:
        if not seen.probabilities or seen.reported is None or not seen.recounted:
            continue
        twice = seen.recounted["cross-entropy of logits"]
        once = seen.recounted.get("cross-entropy of probabilities", twice)
        known = e.loss_kind == "softmax cross-entropy"
        apart = abs(once - seen.reported) > 0.02 * once
        if abs(twice - seen.reported) < 0.01 * twice and (known or apart):
            return Diagnosis(
                id="softmax-twice",
                sentence=f"The outputs are probabilities already (every row adds up to 1), and the "
                f"loss of {seen.reported:.3f} is what softmax makes of them once more; their own "
                f"cross-entropy is {once:.3f}.",
                mathematics="Softmax of numbers from 0 to 1 is nearly flat: for ten classes the "
                "cross-entropy cannot fall below −ln(e/(e+9)) = 1.461.",
                fix="Take the softmax out of the network, and give the loss its logits.",
                number=21,
                certainty=0.97,
            )
    return None


def bounded_logits(e: Evidence) -> Diagnosis | None:
    """Recognise softmax of outputs that cannot leave [0, 1] or [−1, 1]."""
    last = e.probes.get("bounded output")
    if last is None:
        return None
    return Diagnosis(
        id="output-does-not-fit",
        sentence="The last layer ends with a function whose values lie within "
        f"{'[−1, 1]' if last < 0 else '[0, 1]'}, and the loss takes softmax of them.",
        mathematics="Differences of logits are ln(p_i/p_j): within [0, 1] no class gets more than "
        "e/(e + K − 1), 0.23 of ten.",
        fix="Leave the activation off the last layer; or take a loss that fits it.",
        number=45,
        certainty=0.93,
    )


def constant_outputs(e: Evidence) -> Diagnosis | None:
    """Recognise that all images give the same output, from a certain layer on."""
    if not is_stuck(e) or not e.outputs or not e.outputs[-1].constant:
        return None
    layers = e.last_layers()
    begins = next((name for name, seen in layers.items() if seen.constant), "the outputs")
    return Diagnosis(
        id="nothing-passes",
        sentence=f"All images give the same output; from {begins} on nothing tells them apart.",
        mathematics="If y does not depend on x, the best that a loss can reach is that of a "
        "constant.",
        fix=f"Look at {begins}: its weights, its activation, what it is given.",
        certainty=0.52,
    )


RULES = (relu_on_logits, softmax_twice, bounded_logits, constant_outputs)
