"""One run under the doctor's eyes, and what is counted of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from benchmarks.doctor_runs.published import TOOLS
from benchmarks.records import Row
from sixloops.doctor.faults.runs import FAULTS, RunFault, healthy
from sixloops.doctor.faults.runs.lookalikes import LOOKALIKES
from sixloops.doctor.run import examine
from sixloops.doctor.run.case import Case
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.rules import verdict_of

SUFFERS = 0.05
"""A fault counts if the accuracy is so far below the healthy twin's."""
SHARE = 0.005
"""Of the training's time, for the doctor as a callback beside it."""
EXPERIMENTS = {"tenth factor", "tenfold factor", "scaled rate", "zero apart"}
"""Probes that come from experiments."""
RESTORED = 0.03
"""A fix restores if the accuracy is no further below the healthy twin's."""


def sick_runs(data: str, seed: int, only: str = "") -> Iterator[Row]:
    """Plant each fault in each network that it fits."""
    twins: dict[tuple[str, object], float] = {}
    for fault in FAULTS.values():
        for network in fault.networks if only in fault.id else ():
            case = healthy(network, data, seed)
            key = network, fault.id if fault.twin else None
            if key not in twins:
                twin = fault.twin(case) if fault.twin else case
                twins[key] = twin.run(watched=False).accuracy
            row = _trial(partial(fault.plant, case))
            yield {
                "kind": "fault", "id": fault.id, "number": fault.number, "network": network,
                "data": data, "seed": seed, "twin": twins[key], **row,
                **_judged(fault, row, twins[key]),
            }  # fmt: skip


def healthy_runs(data: str, seed: int, only: str = "") -> Iterator[Row]:
    """Run everything that is healthy, easy and hard."""
    for each in LOOKALIKES.values():
        for network in each.networks if only in each.id else ():
            case = each.change(healthy(network, data, seed))
            yield {
                "kind": "healthy", "id": each.id, "hard": each.hard, "network": network,
                "data": data, "seed": seed, **_trial(partial(_same, case)),
            }  # fmt: skip


def _same(case: Case) -> Case:
    return case


def _judged(fault: RunFault, row: Row, twin: float) -> Row:
    right = row["name"] in fault.names
    after = row["after"]
    return {
        "counts": fault.reported or row["accuracy"] < twin - SUFFERS,
        "right": right,
        "signals_right": row["signals_name"] in fault.names,
        "beside_right": row["beside_name"] in fault.names,
        "restored": after is not None and after >= twin - RESTORED,
    }


def _trial(make: Callable[[], Case]) -> Row:
    began = time.perf_counter()
    found = examine(make)
    seconds = time.perf_counter() - began
    if found.evidence is None or found.outcome is None:
        raise RuntimeError(f"The run could not be done: {found.verdict}")
    alone = verdict_of(only_signals(found.evidence))
    beside = verdict_of(make().run(share=SHARE).evidence)
    return {
        "accuracy": found.outcome.accuracy,
        "sick": found.verdict.sick,
        "name": found.verdict.name,
        "alternatives": [d.id for d in found.verdict.alternatives],
        "after": None if found.proof is None else found.proof.after,
        "signals_sick": alone.sick,
        "signals_name": alone.name,
        "beside_sick": beside.sick,
        "beside_name": beside.name,
        "tools": {name: sorted(set(rules(found.evidence))) for name, rules in TOOLS.items()},
        "seconds": seconds,
    }


def only_signals(evidence: Evidence) -> Evidence:
    """Return the evidence without proofs about parts and without experiments."""
    probes = {n: v for n, v in evidence.probes.items() if n not in EXPERIMENTS}
    return replace(evidence, facts=[], experiments={}, probes=probes)
