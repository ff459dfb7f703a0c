"""The doctor on code as people wrote it: each fault is seen, none is named wrongly."""

import re

import pytest

from doctor_cases.doctor_cases_registry import CASES, LATER_CASES, NOT_NAMED
from sixloops.doctor import check_layer

FAULTY = [case for case in (*CASES, *LATER_CASES) if case.fault is not None]
HEALTHY = [case for case in (*CASES, *LATER_CASES) if case.fault is None]


def _is_named(case):
    verdict = check_layer(case.subject, **case.hints)
    assert not verdict.healthy, case.target
    assert verdict.findings
    if verdict.name in ("", "constant-factor"):  # the latter says a number, but no cause
        return False
    assert re.search(case.words, verdict.diagnoses[0].sentence, re.S), str(verdict)
    return True


@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case.target)
def test_a_fault_is_seen_and_never_named_wrongly(case):
    assert _is_named(case) == (case.target not in NOT_NAMED)


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
    assert len(NOT_NAMED) <= 0.1 * len(FAULTY)
