"""Accuracies of loops that count in percent, turned into shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sixloops.doctor.run.evidence import Evidence, OutputSignals

ABOVE = 1.0001
"""A share is no larger, but for rounding."""
PERCENT = 0.01


def in_shares(e: Evidence) -> Evidence:
    """Return the evidence with all accuracies as shares from 0 to 1.

    Accuracies above 1 are taken for percent, unless a recount tells that they are something
    else: then the rules have a word to say. What can be neither is left out.
    """
    held = [each.accuracy for each in e.evaluations]
    some = [each for each in e.outputs if each.reported_accuracy is not None]
    told = [each.reported_accuracy for each in some]
    units = (
        _unit(e.hits, e.recounts, e.batch),
        _unit(held, [], 0),
        _unit(told, [each.accuracy for each in some], max([x.images for x in some], default=0)),
    )
    if units == (1.0, 1.0, 1.0):
        return e
    return replace(
        e,
        hits=[units[0] * each for each in e.hits] if units[0] else [],
        recounts=e.recounts if units[0] else [],
        evaluations=[
            replace(x, accuracy=units[1] * a if units[1] and a is not None else None)
            for x, a in zip(e.evaluations, held, strict=True)
        ],
        outputs=[_share(each, units[2]) for each in e.outputs],
        notes=[*e.notes, _note([*e.hits, *held, *told], None in units)],
    )


def _unit(told: Sequence[float | None], found: Sequence[float | None], images: int) -> float | None:
    """Return by what accuracies must be multiplied to be shares; None where by nothing.

    Args:
        told: the accuracies.
        found: the same, counted anew; empty or NaN where they were not.
        images: on how many.
    """
    given = np.array(told, dtype=np.float64)
    large = given > ABOVE
    if not large.any():
        return 1.0
    counted = np.array(found, dtype=np.float64) if len(found) == len(told) else given * np.nan
    known = large & np.isfinite(counted)
    if known.any():
        apart = np.abs(PERCENT * given[known] - counted[known])
        agree = (apart <= 0.01 + 1.01 / max(images, 1)).mean() >= 0.5
        return PERCENT if agree else 1.0
    finite = given[np.isfinite(given)]
    if not len(finite):
        return None
    return PERCENT if finite.min() >= 0 and finite.max() <= 100 else None


def _share(seen: OutputSignals, unit: float | None) -> OutputSignals:
    """Return the signals with their accuracy as a share, whichever of two is nearer."""
    told, found = seen.reported_accuracy, seen.accuracy
    if unit == 1 or told is None:
        return seen
    if unit is None:
        return replace(seen, reported_accuracy=None)
    share = told <= ABOVE and found is not None and abs(told - found) < abs(unit * told - found)
    return seen if share else replace(seen, reported_accuracy=unit * told)


def _note(told: Sequence[float | None], left_out: bool) -> str:
    largest = max(each for each in told if each is not None and not np.isnan(each))
    words = f"An accuracy is a share from 0 to 1; the loop reports up to {largest:g}."
    if left_out:
        return f"{words} What is no percentage either was left out."
    return f"{words} It was taken for percent."
