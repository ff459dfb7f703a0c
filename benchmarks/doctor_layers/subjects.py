"""What the doctor is shown: planted faults, strangers' code from ``tests/``, our own layers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from benchmarks.records import ROOT
from sixloops.doctor.faults.layers import LAYER_FAULTS, SOUND_LAYERS
from sixloops.doctor.verdict import Verdict

TESTS = str(ROOT / "tests")


@dataclass(frozen=True)
class Subject:
    """One piece of code, and what is known of it.

    Args:
        group: ``"planted"``, ``"independent"`` or ``"own"``.
        id: how it is called.
        code: as :func:`sixloops.doctor.check_layer` takes it.
        number: of its fault in the list of fifty, 0 for one that is not there; None if healthy.
        hints: what check_layer must be told.
        twin: the sound twin of a faulty one.
        is_right: whether the first name of a verdict is right.
    """

    group: str
    id: str
    code: Any
    number: int | None = None
    hints: Mapping[str, Any] = field(default_factory=dict)
    twin: Any = None
    is_right: Callable[[Verdict], bool] = lambda verdict: False


def subjects() -> Iterator[Subject]:
    """Yield everything, group by group."""
    yield from _planted()
    yield from _independent()
    yield from _own()


def _planted() -> Iterator[Subject]:
    """Yield the library's own faults and their sound twins."""
    for fault in LAYER_FAULTS:
        right = _has_name(fault.names)
        name = f"{_name(fault.faulty)}: {fault.title}"
        number = fault.number or 0
        yield Subject("planted", name, fault.faulty, number, {}, fault.sound, right)
    for sound in SOUND_LAYERS:
        yield Subject("planted", _name(sound), sound)


def _has_name(names: tuple[str, ...]) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.name in names


def _name(code: Any) -> str:
    parts = code if isinstance(code, tuple) else (code,)
    return ", ".join(part.__name__ for part in parts)


def _independent() -> Iterator[Subject]:
    """Yield the cases that share nothing with the library, faulty and mended."""
    registry = _from_tests("doctor_cases.doctor_cases_registry")
    for case in (*registry.CASES, *registry.LATER_CASES):
        twin = case.mended if case.twin else None
        given = case.target, case.subject, case.fault, case.hints, twin, case.is_right
        yield Subject("independent", *given)


def _own() -> Iterator[Subject]:
    """Yield the layers of this library, in all configurations that its tests have."""
    for row in _from_tests("layer_descriptors").LAYER_ROWS:
        hints = {"input_shape": (row.batch, *row.input_shape)}
        yield Subject("own", str(row), row.layer, hints=hints)


def _from_tests(name: str) -> Any:
    """Import a module of ``tests/``, which is no package; the benchmarks run beside it."""
    if TESTS not in sys.path:
        sys.path.append(TESTS)
    return import_module(name)
