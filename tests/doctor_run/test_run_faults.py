from __future__ import annotations

import pytest

from sixloops.doctor.faults.runs import FAULTS, NETWORKS, healthy
from sixloops.doctor.run.fixes import CHANGES, FIXES


def test_ids_and_networks():
    assert all(set(fault.networks) <= set(NETWORKS) for fault in FAULTS.values())
    assert all(1 <= fault.number <= 50 and fault.names for fault in FAULTS.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_the_case_and_leaves_the_healthy_one(fault):
    planted = FAULTS[fault]
    case = healthy(planted.networks[0])
    before = case.network(0).layers, dict(case.options), case.data, case.accuracy
    changed = planted.plant(case)
    assert changed != case
    after = case.network(0).layers, dict(case.options), case.data, case.accuracy
    assert after == before
    assert planted.source().strip()


def test_every_fault_that_no_layer_explains_has_a_fix():
    names = {name for fault in FAULTS.values() for name in fault.names if fault.number > 26}
    layers = {"softmax-diagonal", "dropout-scale"}
    assert names - layers <= {*CHANGES, *FIXES}
