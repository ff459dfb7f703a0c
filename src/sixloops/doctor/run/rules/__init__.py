"""The rules, one file a family, and how a verdict is made of what they say."""

from __future__ import annotations

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import (
    ENOUGH_IMAGES,
    ENOUGH_STEPS,
    falls_short,
    guess,
    is_stuck,
    learns,
    long_enough,
    reached,
    still_falling,
)
from sixloops.doctor.run.rules import data, evaluation, outputs, rates, start, updates
from sixloops.doctor.run.rules.base import Rule, percent, times
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict

RULES: tuple[Rule, ...] = (
    *data.RULES,
    *outputs.RULES,
    *start.RULES,
    *evaluation.RULES,
    *updates.RULES,
    *rates.RULES,
)

SURE = 0.5
"""Certainty from which a diagnosis is spoken of."""
DIAGNOSES_TOLD = 3
"""So many diagnoses are told."""
NOT_SEEN = "not-enough-seen"
"""The id of what is said where nothing can be told."""
TOO_LITTLE = "not enough seen to tell"
OTHER_GRADIENTS = "it learns, but its gradients are not those of its loss"

__all__ = ["RULES", "SURE", "diagnoses_of", "verdict_of"]


def diagnoses_of(evidence: Evidence) -> list[Diagnosis]:
    """Return what the rules say, the surest first, each name once."""
    found = [*evidence.facts]
    found += [said for rule in RULES if (said := rule(evidence)) is not None]
    found.sort(key=lambda diagnosis: -diagnosis.certainty)
    names: dict[str, Diagnosis] = {}
    for diagnosis in found:
        if diagnosis.certainty >= SURE:
            names.setdefault(diagnosis.id, diagnosis)
    return list(names.values())


def verdict_of(evidence: Evidence) -> Verdict:
    """Return the verdict on a run."""
    diagnoses = diagnoses_of(evidence)
    sick = bool(diagnoses) or bool(evidence.broken) or is_stuck(evidence) or _poor(evidence)
    undecided = "" if sick else _undecided(evidence)
    if undecided:
        diagnoses = [_not_seen(evidence)] if undecided == TOO_LITTLE else evidence.doubts
    return Verdict(
        subject="The run",
        healthy=not sick and not undecided,
        undecided=undecided,
        findings=tuple(_findings(evidence)) if sick else (),
        diagnoses=tuple(diagnoses[:1]),
        alternatives=tuple(diagnoses[1:DIAGNOSES_TOLD]),
        notes=(
            *evidence.notes,
            *(f"{d.sentence} {d.fix}" for d in evidence.doubts if d not in diagnoses),
            *_only_the_loss(evidence),
            *(_not_proved(evidence) if not diagnoses else ()),
        ),
        examined=_examined(evidence) + (_told(evidence) if not sick else ""),
    )


def _undecided(evidence: Evidence) -> str:
    """Return why neither can be said of a run of which nothing is known to be wrong."""
    if not learns(evidence):
        return TOO_LITTLE
    if evidence.doubts:
        return OTHER_GRADIENTS
    return TOO_LITTLE if falls_short(evidence, 0.25) and not long_enough(evidence) else ""


def _poor(evidence: Evidence) -> bool:
    """Say whether it learns so little that something must be wrong, whatever it is."""
    if still_falling(evidence) and not is_stuck(evidence):
        return False
    return long_enough(evidence) and falls_short(evidence, 0.25)


def _not_seen(e: Evidence) -> Diagnosis:
    """Say what was seen of a run of which nothing can be told, and what would tell."""
    seen, accuracy = [_steps(e)], reached(e)
    if len(e.steps) > 1 and e.first_loss is not None and e.last_loss is not None:
        seen.append(f"a loss that went from {e.first_loss:.4g} to {e.last_loss:.4g}")
    if accuracy is not None and (chance := guess(e)) is not None:
        seen.append(f"{percent(accuracy)} right answers, where a guess has {percent(chance)}")
    least = f": {ENOUGH_STEPS} steps and {ENOUGH_IMAGES} images at the least"
    longer = f"Train for longer{'' if long_enough(e) else least}."
    if e.given is not None and e.batch and e.images < e.given:
        longer += (
            f" Of the {e.given:,} images that the loop was given it told of {e.images:,} at most: "
            "see that it goes through all of them."
        )
    return Diagnosis(NOT_SEEN, f"Seen: {'; '.join(seen)}.", fix=longer)


def _only_the_loss(e: Evidence) -> list[str]:
    """Say that nothing but the loss is known, where it is so."""
    if not e.steps or e.epochs or e.layers or e.parameters or reached(e) is not None:
        return []
    return [
        "Of the network nothing but the loss was seen. monitor.observe(loss, outputs=…, labels=…) "
        "lets right answers be counted; with parameters=…, gradients=… and activations=… more "
        "mistakes have a name."
    ]


def _not_proved(e: Evidence) -> list[str]:
    """Say what a look at a loop of somebody's own cannot prove."""
    if not e.by_hand:
        return []
    if e.proved:
        which = "One parameter's gradient agrees"
        if e.proved > 1:
            which = f"The gradients of {e.proved} parameters agree"
        return [f"{which} with the slopes of your loss."]
    return [
        "A loop of your own is judged by what it hands over. A wrong backward may learn all the "
        "same: 'sixloops doctor layer FILE.py:NAME' proves each layer's."
    ]


def _told(e: Evidence) -> str:
    """Return how many answers were right, and how many are by looking up."""
    accuracy, neighbours = reached(e), e.probes.get("neighbours")
    if accuracy is None:
        return ""
    words = f"; {percent(accuracy)} of the answers were right"
    if neighbours is not None:
        words += f", where the nearest of the training images tells {percent(neighbours)}"
    return words


def _findings(e: Evidence) -> list[Finding]:
    """Return what was seen, in the order in which one would look."""
    found = []
    if e.broken:
        found.append(Finding("run", e.broken))
    if e.first_loss is not None and e.last_loss is not None:
        words = f"from {e.first_loss:.4g} to {e.last_loss:.4g} in {len(e.steps)} steps"
        near = [p for p in e.prints if abs(p.loss - e.last_loss) < 0.03 * p.loss]
        if near and is_stuck(e):
            words += f"; {near[0].loss:.3f} is {near[0].words}"
        elif is_stuck(e) and e.guess is not None:
            words += f"; ln {e.guess} is the cross-entropy of a guess among {e.guess} classes"
        found.append(Finding("loss", words))
    for what, value in (
        ("training accuracy", e.accuracy),
        ("accuracy on held-out images", e.validation),
    ):
        if value is not None:
            found.append(Finding(what, percent(value)))
    if "neighbours" in e.probes:
        words = (
            f"looking up the nearest of the training images tells {percent(e.probes['neighbours'])}"
        )
        found.append(Finding("yardstick", words))
    found += [
        Finding("experiment", f"{_experiment(e, name)}: {percent(value)}{_as_nothing(value)}")
        for name, value in e.experiments.items()
    ]
    found += [Finding(name, _layer_words(seen[-1])) for name, seen in e.layers.items() if seen]
    return found


def _as_nothing(accuracy: float) -> str:
    """Say what an accuracy of 0 stands for, which is less than a guess has."""
    return "" if accuracy else ", as a run counts whose numbers become infinite"


def _experiment(e: Evidence, name: str) -> str:
    """Return what was done in an experiment, with the factor of the rate as it was."""
    factor = e.probes.get(f"{name} factor")
    return _EXPERIMENTS.get(name, name) if factor is None else f"{times(factor)} the rate"


def _layer_words(seen: object) -> str:
    values = vars(seen)
    words = f"mean {values['mean']:.3g}, spread {values['spread']:.3g}"
    for name in ("zeros", "dead", "saturated", "identical"):
        if values[name] > 0.3:
            words += f", {percent(values[name])} {name}"
    return words + (", the same for all images" if values["constant"] else "")


_EXPERIMENTS = {
    "base": "the run itself, shortened",
    "tenth": "a tenth of the rate",
    "tenfold": "ten times the rate",
    "scaled": "inputs from 0 to 1",
    "zero": "zeros for all images, the training labels told",
    "memorised": "one batch, again and again",
}


def _examined(e: Evidence) -> str:
    if not e.steps:
        return "nothing yet"
    looks = max([len(seen) for seen in e.layers.values()] or [0])
    layers = f", {len(e.layers)} layers at {looks} of them" if looks else ""
    return f"{_steps(e)}{layers}"


def _steps(e: Evidence) -> str:
    return f"{len(e.steps)} step{'' if len(e.steps) == 1 else 's'}"
