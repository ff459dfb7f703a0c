"""The doctor on code as people wrote it: each fault is seen and named, no twin is alarmed."""

import pytest

from doctor_cases.doctor_cases_registry import CASES, LATER_CASES, NOT_NAMED
from sixloops.doctor import check_layer

FAULTY = [case for case in (*CASES, *LATER_CASES) if case.fault is not None]
HEALTHY = [case for case in (*CASES, *LATER_CASES) if case.fault is None]


@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case.target)
def test_a_fault_is_seen_and_never_named_wrongly(case):
    verdict = check_layer(case.subject, **case.hints)
    assert not verdict.healthy, case.target
    assert verdict.findings
    assert case.is_named(verdict) == (case.target not in NOT_NAMED), str(verdict)
    assert case.is_right(verdict) or not case.is_named(verdict), str(verdict)


@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.target)
def test_a_mended_twin_is_not_alarmed(case):
    verdict = check_layer(case.subject, **case.hints)
    assert verdict.healthy, str(verdict)
    assert not verdict.diagnoses


def test_there_are_enough_cases():
    numbers = {case.fault for case in FAULTY}
    assert numbers >= {*range(1, 27), 29, 30, 31, 32}
    assert len(HEALTHY) >= 0.9 * len(FAULTY)


def test_few_cases_are_without_a_name():
    assert len(NOT_NAMED) <= 0.03 * len(FAULTY)
