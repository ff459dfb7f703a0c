from __future__ import annotations

import pytest

from benchmarks import doctor, records
from benchmarks.doctor import table, wilson
from benchmarks.doctor_runs.cost import summary
from benchmarks.doctor_runs.published import TOOLS
from benchmarks.doctor_runs.table import by_fault, figures, goals, page
from benchmarks.doctor_runs.trial import healthy_runs, sick_runs
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.signals import LayerSignals, ParameterSignals


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


def parameter(**changed):
    given = {"norm": 1.0, "spread": 0.1, "gradient": 0.1, "update": 0.001, "scale": 1.0,
             "still": 0.1, "pull": 1e-3}  # fmt: skip
    return ParameterSignals(1, **{**given, **changed})


def evidence(layers=(), **weights):
    return Evidence(
        layers={str(number): [each] for number, each in enumerate(layers)},
        parameters={f"{name}.weight": [each] for name, each in weights.items()},
    )


AUTO, DEEP, SAGE = TOOLS
QUIET = evidence([layer(), layer(zeros=0.4)], a=parameter(), b=parameter())


@pytest.mark.parametrize("tool", TOOLS)
def test_other_tools_are_quiet_about_what_is_well(tool):
    assert TOOLS[tool](QUIET) == []


@pytest.mark.parametrize(
    ("seen", "alarms"),
    [
        (evidence([layer(zeros=0.75)]), {DEEP: ["dead node"]}),
        (evidence([layer(zeros=0.69)]), {}),
        (evidence([layer(zeros=0.4, dead=0.6)]), {SAGE: ["dead ReLU"]}),
        (evidence([layer(zeros=0.4)], a=parameter(still=0.7)), {AUTO: ["dying ReLU"]}),
        (evidence([layer()], a=parameter(still=0.9)), {}),
        (evidence([layer(saturated=0.9, far=0.4)]), {}),
        (evidence([layer(saturated=0.9, far=0.6)]), {DEEP: ["saturated activation"]}),
        (evidence([layer(spread=4.0)]), {DEEP: ["out of range"]}),
        (evidence(a=parameter(pull=9e-8)), {DEEP: ["vanishing gradient"],
                                            SAGE: ["vanishing gradient"]}),
        (evidence(a=parameter(gradient=9e-8)), {}),
        (evidence(a=parameter(update=0.2)), {DEEP: ["weights' change"]}),
        (evidence(a=parameter(update=0.2, scale=10.0)), {}),
        (evidence(a=parameter(update=11.0, scale=1000.0)), {SAGE: ["weight update ratio"]}),
        (evidence(a=parameter(gradient=9e-5), b=parameter(gradient=0.1)),
         {AUTO: ["vanishing gradient"]}),
        (evidence(a=parameter(gradient=2e-4), b=parameter(gradient=1.0)), {}),
        (evidence(a=parameter(gradient=7.1), b=parameter(gradient=0.1)),
         {AUTO: ["exploding gradient"]}),
    ],
)  # fmt: skip
def test_other_tools_alarm_where_their_rules_say(seen, alarms):
    assert {name: said for name, rules in TOOLS.items() if (said := rules(seen))} == alarms


@pytest.mark.parametrize(
    ("accuracies", "alarms"),
    [
        ([0.5, 0.8, 0.9, 0.92], []),
        ([0.5, 0.8, 0.7, 0.9], ["oscillating loss"]),
        ([0.3, 0.5, 0.505], ["slow convergence", "not converging"]),
        ([0.3, 0.59], ["not converging"]),
    ],
)
def test_autotrainers_rules_of_accuracies(accuracies, alarms):
    assert TOOLS[AUTO](Evidence(epochs=[{"accuracy": a} for a in accuracies])) == alarms


@pytest.mark.parametrize(("falls", "alarms"), [(0.998, []), (0.9995, ["loss not decreasing"])])
def test_sagemakers_rule_of_losses(falls, alarms):
    assert TOOLS[SAGE](Evidence(losses=[falls ** (step / 10) for step in range(25)])) == alarms


def test_goals_stand_beside_what_was_measured():
    rows = [next(sick_runs("mnist", 8, "relu-on-logits")), next(healthy_runs("mnist", 8, "plain"))]
    costs = [{"cost": cost, "case": "x", "seconds": 1.0, "low": 0.0, "high": 0.02, "rounds": 3}
             for cost in (0.004, 0.015, 0.06)]  # fmt: skip
    found = goals(rows, costs)
    assert "| sick runs detected | ≥ 0.95 | ≥ 0.98 | 1.000" in found
    assert "| healthy runs alarmed | ≤ 0.02 | ≤ 0.005 | 0.000" in found
    assert "| cost in a training run, median of 3 | ≤ 2% | ≤ 1% | 1.5% | reached |" in found
    assert "| cost in a training run, worst of 3 | ≤ 5% | ≤ 3% | 6.0% | not yet |" in found
    assert "| x | 1.00 | +6.00% | +0.00% to +2.00% | 3 |" in page(rows, costs)
    assert "costs a training" not in page(rows)
    assert "| healthy runs alarmed | ≤ 0.02 | ≤ 0.005 | – | not measured |" in goals(rows[:1])


def test_what_a_training_costs_is_measured_in_turns():
    rounds = [(1.0, 1.01, 0.004), (1.0, 1.5, 0.004), (2.0, 2.02, 0.008)]
    found = summary(rounds)
    assert found["cost"] == pytest.approx(0.01)
    assert found["own"] == pytest.approx(0.004)
    assert found["low"] <= found["cost"] <= found["high"]


def test_the_page_is_what_was_recorded():
    runs, costs = (records.read(name, doctor.RESULTS) for name in ("runs", "cost"))
    text = (records.ROOT / "docs" / "doctor-figures.md").read_text(encoding="utf-8")
    assert page(runs["rows"], costs and costs["rows"]) == text
