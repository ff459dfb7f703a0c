"""The whole examination of a case: a run, experiments, a verdict, and the proof."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.run.case import Case, Outcome
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.experiments import (
    PATIENCE,
    callbacks_spoil,
    separate,
    unwatched,
)
from sixloops.doctor.run.fixes import fixed
from sixloops.doctor.run.judged import falls_short, guess
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.own_answers import check_answers
from sixloops.doctor.run.own_gradients import check_gradients
from sixloops.doctor.run.own_updates import check_updates
from sixloops.doctor.run.rules import verdict_of
from sixloops.doctor.run.rules.base import times
from sixloops.doctor.run.rules.rates import rate_factor
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict

NOT_RUN = "could-not-run"
USUAL_FACTORS = {"rate-too-high": 0.1, "rate-too-low": 10.0}
"""Diagnoses whose fix is another rate, and by how much it is changed as a rule."""
LEAST = 20.0
"""Seconds that a loop has at the least to be run at a rate of 0, where it may never end."""
MANY_STEPS = 3000
"""A longer run is cut down to about so many steps, before anything else."""
RATES = (0.3, 0.1, 10.0)
"""So many times the rate are tried with a cure that changes what rate fits."""
RATE_FOLLOWS = {
    "saturated", "inputs-not-scaled", "inputs-scaled-twice", "weights-ignore-area",
    "weights-constant", "weights-zero", "weights-not-centred", "vanishing-gradients",
}  # fmt: skip
"""Cures after which everyone looks for the rate anew: slopes and curvatures are others."""


@dataclass(frozen=True)
class Proof:
    """The same run with and without the cure.

    Args:
        cure: the diagnosis whose cure was tried.
        before: accuracy without it.
        after: accuracy with it.
        rate: by what the rate was multiplied: besides, or as the cure itself.
        chance: the accuracy of always naming the most frequent class.
    """

    cure: str
    before: float
    after: float
    rate: float = 1.0
    chance: float = 0.0

    @property
    def helped(self) -> bool:
        """Whether the cure made the run better, and better than a guess."""
        return self.after > max(self.before, self.chance)

    def __str__(self) -> str:
        word = "With" if self.helped else "But even with"
        tried = "the fix" if self.rate == 1 else f"the fix, and {self.rate:g} times the rate,"
        if self.cure in USUAL_FACTORS:
            tried = f"{times(self.rate)} the rate"
        reached = f"the same run reaches {self.after:.1%}, without it {self.before:.1%}."
        if not min(self.before, self.after):
            reached += " A run whose numbers become infinite counts as 0 %."
        if self.before < self.after <= self.chance:
            reached += f" Always naming the most frequent class has {self.chance:.1%}."
        return f"{word} {tried} {reached}"


@dataclass(frozen=True)
class Examination:
    """What :func:`examine` found.

    Args:
        verdict: what is wrong, or that nothing is.
        evidence: what was seen; None where the code could not be run.
        outcome: of the first run; None where it could not be run.
        proof: the run with and without the fix; None where there is none to try.
    """

    verdict: Verdict
    evidence: Evidence | None = None
    outcome: Outcome | None = None
    proof: Proof | None = None

    def __str__(self) -> str:
        words = str(self.verdict)
        return words if self.proof is None else f"{words}\n\n{self.proof}"

    def to_json(self) -> dict[str, Any]:
        """Return verdict and proof in JSON's types."""
        proof = None if self.proof is None else asdict(self.proof)
        return {**self.verdict.to_json(), "proof": proof}


def examine(
    make: Callable[[], Case | Loop],
    *,
    experiments: bool = True,
    prove: bool = True,
    seconds: float = PATIENCE,
) -> Examination:
    """Run a case with the doctor looking on, and say what is wrong with it.

    Args:
        make: returns the case; called once.
        experiments: whether short runs shall separate what the signals leave open.
        prove: whether the run is repeated with the fix.
        seconds: how long any one run may take.
    """
    guard = Guard(seconds=seconds)
    try:
        case = guard.call(make)
        if not isinstance(case, Case | Loop):
            kind = type(case).__name__
            raise Trouble("no case", f"the function must return a Case or a Loop. Got {kind}.")
        whole, case = case, guard.call(_first, case)
        began = time.perf_counter()
        outcome = guard.call(case.run)
        took = time.perf_counter() - began
    except Trouble as trouble:
        return Examination(could_not_run(trouble))
    if experiments:
        separate(case, outcome, guard)
    if experiments and isinstance(case, Loop):
        _prove_parts(case, outcome.evidence, min(seconds, max(LEAST, 5 * took)))
    if case.steps != whole.steps:
        note = f"A part of the run was examined, {case.steps} of its {whole.steps} steps."
        outcome.evidence.notes.append(note)
    verdict = verdict_of(outcome.evidence)
    verdict = replace(verdict, notes=(*verdict.notes, *_left_out(whole, case, verdict)))
    if not verdict.sick or not prove:
        return Examination(verdict, outcome.evidence, outcome)
    return _prove(guard, case, outcome, verdict)


def _prove_parts(loop: Loop, e: Evidence, seconds: float) -> None:
    """Hold a loop's answers and gradients against its training, whatever it does at a rate of 0.

    One that learns may change its gradients on purpose: then nobody else can judge it.
    """
    try:
        answers = Guard(seconds=seconds).call(check_answers, loop, e)
        e.facts += [] if answers is None else [answers]
        said = Guard(seconds=seconds).call(_check_gradients, loop, e)
    except Trouble as trouble:
        e.notes.append(f"The gradients were not held against slopes: {trouble.words}.")
        return
    if said is not None and falls_short(e):
        e.facts.append(said)
    elif said is not None:
        e.doubts.append(said)


def _check_gradients(loop: Loop, e: Evidence) -> Diagnosis | None:
    return check_gradients(loop, e) or check_updates(loop, e)


def _first(case: Case | Loop) -> Case | Loop:
    """Return what is run first: the user's own, without what writes files, cut down if long."""
    if _is_long(case):
        return case.alone().shortened(MANY_STEPS)
    return case.without_files()


def _left_out(whole: Case | Loop, case: Case | Loop, verdict: Verdict) -> Iterator[str]:
    """Say where the user's own callbacks had no part, if that may matter."""
    own = whole.own_callbacks()
    if own and (verdict.sick or case.alone() is case):
        runs = "any run, as it was cut down" if case.alone() is case else "experiments and proof"
        yield f"Your own callbacks ({own}) had no part in {runs}: they may write files."


def _is_long(case: Case | Loop) -> bool:
    return case.steps > 1.2 * MANY_STEPS


def _prove(guard: Guard, case: Case | Loop, outcome: Outcome, verdict: Verdict) -> Examination:
    """Repeat the run with the fix of the first diagnosis."""
    proof = None
    try:
        bare = guard.call(case.alone)
        mended = guard.call(fixed, verdict.name, bare, outcome.evidence)
        if mended is not None:
            before = outcome if bare is case else guard.call(unwatched, bare)
            spoilt = callbacks_spoil(case, outcome, before)
            verdict = replace(verdict, notes=(*verdict.notes, *spoilt))
            proof = _tried(guard, verdict.name, mended, before.accuracy, outcome.evidence)
    except Trouble as trouble:
        note = f"The fix could not be tried: {trouble.words}"
        verdict = replace(verdict, notes=(*verdict.notes, note))
    return Examination(verdict, outcome.evidence, outcome, proof)


def _tried(guard: Guard, name: str, mended: Case | Loop, before: float, e: Evidence) -> Proof:
    """Run the mended case; where that falls short, also at the rates that may fit it better."""
    changed = rate_factor(e, USUAL_FACTORS[name]) if name in USUAL_FACTORS else 1.0
    chance = guess(e) or 0.0
    best = Proof(name, before, guard.call(unwatched, mended).accuracy, changed, chance)
    enough = e.probes.get("neighbours", before + 0.15) - 0.05
    for rate in RATES if name in RATE_FOLLOWS else ():
        if best.after >= enough:
            break
        with contextlib.suppress(Trouble):  # one rate more or less proves nothing else
            reached = guard.call(lambda rate=rate: unwatched(mended.with_rate(rate))).accuracy
            other = Proof(name, before, reached, rate, chance)
            best = max(best, other, key=lambda proof: proof.after)
    return best


def could_not_run(trouble: Trouble) -> Verdict:
    """Return the verdict on code that did something else than run."""
    said = Diagnosis(
        NOT_RUN,
        "There is nothing to say of the training yet.",
        fix="Mend what is said below. A function without arguments is called; it returns a Case or "
        "a Loop.",
        page="docs/doctor.md",
    )
    return Verdict(
        subject="The run",
        healthy=False,
        findings=(Finding("your code", f"{trouble.words}"),),
        diagnoses=(said,),
        traceback=trouble.lines,
        undecided="it could not be run",
    )
