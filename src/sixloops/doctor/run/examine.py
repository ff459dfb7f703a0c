"""The whole examination of a case: a run, experiments, a verdict, and the proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.run.case import Case, Outcome
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.experiments import separate, shortened, steps_of, trained
from sixloops.doctor.run.fixes import fixed
from sixloops.doctor.run.loop import Loop, fixed_loop
from sixloops.doctor.run.rules import verdict_of
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict

NOT_RUN = "could-not-run"
PATIENCE = 600.0
LONG = 3000
"""A longer run is cut down to about so many steps, before anything else."""
RATES = (0.3, 0.1, 10.0)
"""So many times the rate are tried with a cure that changes what rate fits."""
RATE_FOLLOWS = {
    "saturated", "inputs-not-scaled", "weights-ignore-area", "weights-constant", "weights-zero",
    "vanishing-gradients",
}  # fmt: skip
"""Cures after which everyone looks for the rate anew: slopes and curvatures are others."""


@dataclass(frozen=True)
class Proof:
    """The same run with and without the cure.

    Args:
        cure: the diagnosis whose cure was tried.
        before: accuracy without it.
        after: accuracy with it.
        rate: by what the rate was multiplied besides.
    """

    cure: str
    before: float
    after: float
    rate: float = 1.0

    @property
    def helped(self) -> bool:
        """Whether the cure made the run better."""
        return self.after > self.before

    def __str__(self) -> str:
        word = "With" if self.helped else "But even with"
        rate = "" if self.rate == 1 else f", and {self.rate:g} times the rate,"
        reached = f"the same run reaches {self.after:.1%}, without it {self.before:.1%}."
        return f"{word} the fix{rate} {reached}"


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
        whole, case = case, guard.call(shortened, case, LONG) if _is_long(case) else case
        outcome = guard.call(trained, case, watched=True)
        if experiments:
            guard.call(separate, case, outcome)
    except Trouble as trouble:
        return Examination(could_not_run(trouble))
    if case is not whole:
        note = f"A part of the run was examined, {steps_of(case)} of its {steps_of(whole)} steps."
        outcome.evidence.notes.append(note)
    verdict = verdict_of(outcome.evidence)
    if not verdict.sick or not prove:
        return Examination(verdict, outcome.evidence, outcome)
    return _prove(guard, case, outcome, verdict)


def _is_long(case: Case | Loop) -> bool:
    return steps_of(case) > 1.2 * LONG


def _prove(guard: Guard, case: Case | Loop, outcome: Outcome, verdict: Verdict) -> Examination:
    """Repeat the run with the fix of the first diagnosis."""
    proof = None
    try:
        cure = fixed_loop if isinstance(case, Loop) else fixed
        mended = guard.call(cure, verdict.name, case, outcome.evidence)
        if mended is not None:
            proof = _tried(guard, verdict.name, mended, outcome)
    except Trouble as trouble:
        note = f"The fix could not be tried: {trouble.words}"
        verdict = replace(verdict, notes=(*verdict.notes, note))
    return Examination(verdict, outcome.evidence, outcome, proof)


def _tried(guard: Guard, name: str, mended: Case | Loop, outcome: Outcome) -> Proof:
    """Run the mended case; where that falls short, also at the rates that may fit it better."""
    before = outcome.accuracy
    best = Proof(name, before, guard.call(trained, mended).accuracy)
    enough = outcome.evidence.probes.get("neighbours", before + 0.15) - 0.05
    for rate in RATES if name in RATE_FOLLOWS else ():
        if best.after >= enough:
            break
        reached = guard.call(trained, mended.with_rate(rate)).accuracy
        best = max(best, Proof(name, before, reached, rate), key=lambda proof: proof.after)
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
