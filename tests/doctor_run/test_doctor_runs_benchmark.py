from __future__ import annotations

import pytest

from benchmarks.doctor_runs.published import TOOLS
from benchmarks.doctor_runs.table import by_fault, figures, page, table
from benchmarks.doctor_runs.trial import healthy_runs, sick_runs, wilson
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.signals import LayerSignals


def test_wilson_is_the_textbooks_interval():
    assert wilson(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_a_fault_and_a_healthy_run_are_counted():
    rows = [next(sick_runs("mnist", 8, "relu-on-logits")), next(healthy_runs("mnist", 8, "plain"))]
    found = figures(rows)
    assert found["sick runs detected"] == (1, 1)
    assert found["named rightly, first answer"] == (1, 1)
    assert found["healthy runs alarmed"] == (0, 1)
    assert "| 1.000 |" in table(found)
    assert "relu-on-logits" in by_fault(rows)
    assert "seeds 8, on mnist" in page(rows)


def layer(**changed):
    given = {
        "step": 1, "mean": 0.1, "spread": 0.5, "zeros": 0.0, "dead": 0.0, "saturated": 0.0,
        "identical": 0.0, "constant": False, "low": 0.0, "high": 3.0, "images": 32,
    }  # fmt: skip
    return LayerSignals(**{**given, **changed})


def test_other_tools_alarm_where_their_rules_say():
    sparse = Evidence(layers={"a": [layer(zeros=0.75)], "b": [layer()]})
    assert TOOLS["AutoTrainer's rules"](sparse) == ["dying ReLU"]
    assert TOOLS["DeepDiagnosis' rules"](sparse) == ["dead node"]
    assert TOOLS["SageMaker Debugger's rules"](sparse) == []
    dead = Evidence(layers={"a": [layer(zeros=0.75, dead=0.6)]})
    assert TOOLS["SageMaker Debugger's rules"](dead) == ["dead ReLU"]
