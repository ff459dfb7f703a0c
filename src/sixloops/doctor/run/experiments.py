"""Decisive experiments: short runs from the same seed, in which one thing is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.run.callback import MOST_NOTES
from sixloops.doctor.run.case import Case, Outcome
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.judged import beats, falls_short, is_stuck, to_beat
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.rules import diagnoses_of
from sixloops.doctor.run.rules.base import percent, times
from sixloops.doctor.run.rules.data import input_ignored, labels_leak
from sixloops.doctor.run.rules.rates import rate_factor, update_ratio
from sixloops.doctor.verdict import Diagnosis
from sixloops.errors import ConfigurationError, DataError, FileError, SixloopsError

STEPS = 600
"""A longer run is shortened to about so many steps."""
HELD_OUT = 1000
"""Of more held-out images it is asked about so many."""
LADDER = 4
"""So many rates are tried in each direction, each ten times the one before."""
CLEAR = 0.9
"""Certainty that makes experiments needless."""
PATIENCE = 600.0
"""Seconds that one run may take, unless the user says otherwise."""


@dataclass
class Trials:
    """Runs in which something is changed; whatever the user's code does in one, the rest goes on.

    Args:
        guard: through which each run is made, which limits its time.
        evidence: in whose notes it is said what was not finished.
        base: the run in which nothing is changed.
    """

    guard: Guard
    evidence: Evidence
    base: Outcome
    _raised: bool = field(default=False, init=False)

    def done(self, what: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return what a function returns; None, and a note, where it raises or does not end."""
        try:
            return self.guard.call(function, *args)
        except Trouble as trouble:
            self._note(f"{what} was not finished: {trouble.words}.")
            return None

    def reached(self, case: Case | Loop, factor: float) -> float | None:
        """Return the accuracy at a multiple of the rate; None where the run was not finished.

        A run that raises where the user's own did not has diverged, as a rule: it counts as one
        that learnt nothing.
        """
        what = f"The run with {times(factor)} the rate"
        try:
            changed = self.guard.call(case.with_rate, factor)
            return self._accuracy(what, changed)
        except Trouble as trouble:
            self._note(f"{what} was not finished: {trouble.words}.")
            return None

    def _accuracy(self, what: str, case: Case | Loop) -> float:
        """Return the accuracy of a run, 0 where it raises in the user's own code."""

        def accuracy() -> float | SixloopsError:
            try:
                outcome = case.run(watched=False)
                self._hold_against_base(outcome)
                return outcome.accuracy
            except (ConfigurationError, DataError, FileError) as error:
                return error  # the run was refused, which says nothing of the rate

        try:
            told = self.guard.call(accuracy)
        except Trouble as trouble:
            if trouble.kind == "endless":
                raise
            if not self._raised:
                self._note(f"{what} counts as one that learnt nothing: {trouble.words}.")
            self._raised = True
            return 0.0
        if isinstance(told, SixloopsError):
            raise Trouble("refused", str(told).removesuffix("."))
        return float(told)

    def _hold_against_base(self, outcome: Outcome) -> None:
        """Keep by how much the losses depend on the rate, at the most."""
        apart, probes = _apart(self.base, outcome), self.evidence.probes
        most = np.maximum(probes.get("rate apart", 0.0), 1.0 if apart is None else apart)
        probes["rate apart"] = float(most)

    def _note(self, words: str) -> None:
        if len(self.evidence.notes) < MOST_NOTES:
            self.evidence.notes.append(words)


def unwatched(case: Case | Loop) -> Outcome:
    """Run a case without the doctor looking on."""
    return case.run(watched=False)


def separate(case: Case | Loop, outcome: Outcome, guard: Guard) -> None:
    """Do the experiments that separate the suspects that are left; results go to the evidence.

    Args:
        case: what was run.
        outcome: what came of it.
        guard: through which each experiment is made.
    """
    e = outcome.evidence
    said = diagnoses_of(e)
    clear = bool(said) and said[0].certainty >= CLEAR
    if clear and not _may_leak(said[0], e):
        return
    if not (said or e.broken or falls_short(e, 0.03)):
        return
    short, trials = case.alone().shortened(STEPS, HELD_OUT), Trials(guard, e, outcome)
    if case.alone() is not case or short.steps != case.steps:
        base = trials.done("The shortened run", unwatched, short)
        if base is None:
            return
        trials.base = base
    e.experiments["base"] = trials.base.accuracy
    e.notes += callbacks_spoil(case, outcome, trials.base)
    if (is_stuck(e) or _knows_by_heart(e)) and decided_by_zeros(short, trials):
        return
    if not clear:
        _try_changes(short, trials)


def _try_changes(short: Case | Loop, trials: Trials) -> None:
    """Try scaled inputs, other rates, and one batch, until something helps."""
    e, results = trials.evidence, trials.evidence.experiments
    if e.inputs is not None and e.inputs.factor != 1:
        _try_scaled(short, e.inputs.factor, trials)
        if beats(e, results.get("scaled", 0.0)):
            return
    _try_rates(short, trials)
    helped = any(beats(e, value) for name, value in results.items() if name not in ("zero", "base"))
    if falls_short(e) and not helped:
        again = trials.done(
            "The run with one batch, again and again,", unwatched, short.memorised()
        )
        if again is not None:
            results["memorised"] = again.accuracy
            e.probes["memorised moved"] = _moved(_losses(again))
    more = results.get("tenfold", 0.0)
    if beats(e, more, 0.2) and not diagnoses_of(e):
        words = f"{percent(more)}, not {percent(results['base'])}"
        rate = f"{times(rate_factor(e, 10.0))} the rate"
        e.notes.append(f"It learns, but slowly: at {rate} the same seed has {words}.")


def callbacks_spoil(case: Case | Loop, outcome: Outcome, without: Outcome) -> list[str]:
    """Say what the run comes to without the user's own callbacks, if that is much more."""
    own = case.own_callbacks()
    if not own or without.accuracy <= outcome.accuracy + 0.1:
        return []
    reached = f"{percent(without.accuracy)}, with them {percent(outcome.accuracy)}"
    words = f"Without your own callbacks ({own}) the same run reaches {reached}: look at them."
    return [words] if words not in outcome.evidence.notes else []


def _may_leak(said: Diagnosis, e: Evidence) -> bool:
    """Say whether a test path is blamed, but nobody has seen what is otherwise on it."""
    known = e.prepared is not None
    return said.id == "prepared-otherwise" and not known and _knows_by_heart(e)


def _knows_by_heart(e: Evidence) -> bool:
    """Say whether it tells its training labels, and others not nearly as well."""
    learnt, held = e.accuracy, e.validation
    return learnt is not None and held is not None and learnt > held + 0.2


def decided_by_zeros(short: Case | Loop, trials: Trials) -> bool:
    """Train with zeros for images, and say whether it learns no less: then that decides it."""
    e = trials.evidence
    if e.chance is None:
        return False
    # Their loop need not bear images that nobody ever has.
    zero = trials.done("The run with zeros for all images", lambda: unwatched(short.zeroed()))
    if zero is None:
        return False
    learnt = _training_accuracy(zero)
    if learnt is not None:
        e.experiments["zero"] = learnt
    apart = _apart(trials.base, zero)
    if apart is not None:
        e.probes["zero apart"] = apart
    return input_ignored(e) is not None or labels_leak(e) is not None


def _apart(one: Outcome, other: Outcome) -> float | None:
    """Return by what part of their size the losses of two runs differ; None if of other lengths."""
    usual, changed = (np.asarray(_losses(each)) for each in (one, other))
    if not len(usual) == len(changed) > 0:
        return None
    with np.errstate(all="ignore"):
        size = max(float(np.abs(usual).max()), 1e-12)
        return float(np.abs(usual - changed).max()) / size


def _losses(outcome: Outcome) -> list[float]:
    """Return the losses of epochs, or of a loop's steps."""
    return [each["loss"] for each in outcome.history.epochs] or outcome.evidence.losses


def _training_accuracy(outcome: Outcome) -> float | None:
    epochs = outcome.history.epochs
    return epochs[-1].get("accuracy") if epochs else outcome.evidence.accuracy


def _try_scaled(short: Case | Loop, factor: float, trials: Trials) -> None:
    """Try inputs from 0 to 1; also at higher rates than bytes bear, at lower than tiny ones."""
    results, probes = trials.evidence.experiments, trials.evidence.probes
    case = short.scaled(factor)
    outcome = trials.done("The run with inputs from 0 to 1", unwatched, case)
    if outcome is None:
        return
    results["scaled"] = outcome.accuracy
    if not beats(trials.evidence, results["scaled"]):
        best = _climb(case, 10.0 if factor < 1 else 0.1, trials)
        if best is not None:
            probes["scaled rate"], results["scaled"] = best
        probes.pop("rate apart", None)  # these runs had other inputs, too


def _try_rates(case: Case | Loop, trials: Trials) -> None:
    """Try lower rates and higher ones, the likelier first, until it gets no better."""
    e, results = trials.evidence, trials.evidence.experiments
    ratio = update_ratio(e)
    likelier_high = bool(e.broken) or (ratio is not None and ratio > 3e-3)
    for name in ("tenth", "tenfold") if likelier_high else ("tenfold", "tenth"):
        best = _climb(case, 0.1 if name == "tenth" else 10.0, trials)
        if best is None:
            continue
        e.probes[f"{name} factor"], results[name] = best
        if beats(e, results[name]):
            return


def _climb(case: Case | Loop, by: float, trials: Trials) -> tuple[float, float] | None:
    """Multiply the rate again and again; return the factor that was best, and its accuracy.

    None is returned where not even the first run was finished.
    """
    best, factor = None, by
    base, least = trials.evidence.experiments["base"], to_beat(trials.evidence)
    for _ in range(LADDER):
        reached = trials.reached(case, factor)
        if reached is None:
            break
        best = best or (by, 0.0)
        # A rate far too low changes nothing at all at first, so that one step is no proof.
        over = reached <= best[1] + 0.01 and best[1] > least + 0.05
        best = max(best, (factor, reached), key=lambda pair: pair[1])
        if over or reached < base - 0.1:
            break
        factor *= by
    return best


def _moved(losses: list[float]) -> float:
    """Return by what part of its size the loss became another: bit by bit, or with one step."""
    if len(losses) < 2:
        return 1.0
    before, after = np.array_split(np.asarray(losses), 2)
    with np.errstate(all="ignore"):
        drift = abs(after.mean() - before.mean())
        # Batches of the same few images differ from each other, too, where they are shuffled.
        jump = abs(before[0] - after.mean()) - 6 * after.std()
        return float(np.maximum(drift, jump) / max(abs(before.mean()), 1e-12))
