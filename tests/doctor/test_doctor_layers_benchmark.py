"""The benchmark of layer mode: what is counted, what is silent, what is written."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from benchmarks import doctor, records
from benchmarks.__main__ import app
from benchmarks.doctor_layers import measure, trial
from benchmarks.doctor_layers.silent import is_silent
from benchmarks.doctor_layers.subjects import Subject, subjects
from benchmarks.doctor_layers.table import figures, left_open, page, silent
from benchmarks.doctor_layers.trial import rows
from doctor_cases.doctor_cases_registry import LATER_CASES
from sixloops.doctor.faults.layers import activations, convolution, pooling


def test_a_fault_and_its_twin_are_counted():
    found = figures([*rows("DenseReturnsInput"), *rows("planted Conv3x3")])
    assert found["all: faults detected"] == (2, 2)
    assert found["all: named rightly, first answer"] == (2, 2)
    assert found["all: named wrongly"] == (0, 2)
    assert found["all: healthy alarmed"] == (0, 1)


def test_every_group_is_shown():
    groups = {}
    for subject in subjects():
        groups.setdefault(subject.group, []).append(subject)
    assert set(groups) == {"planted", "independent", "own"}
    assert len(groups["independent"]) > 200
    assert all(s.number is None for s in groups["own"])
    faulty = [s for some in groups.values() for s in some if s.number is not None]
    assert all(s.twin is not None for s in faulty)


def test_what_does_the_same_is_silent():
    assert is_silent(pooling.MaxPool, pooling.MaxPool, {})


@pytest.mark.parametrize(
    ("faulty", "sound"),
    [
        (pooling.MaxPoolEveryTie, pooling.MaxPool),  # on ties alone
        (activations.ReLUInPlace, activations.ReLU),  # in the input alone
        (convolution.ConvAccumulates, convolution.ConvAccumulatesAndClears),  # the second time
        (convolution.ConvReturnsNothing, convolution.Conv),  # by what is missing
    ],
)
def test_what_harms_somewhere_is_not_silent(faulty, sound):
    assert not is_silent(faulty, sound, {})


def row(**changed):
    given = {
        "group": "planted", "kind": "fault", "id": "A|B", "number": 3, "counts": True,
        "sick": True, "name": "sign", "right": True, "wrong": False, "seconds": 0.25,
    }  # fmt: skip
    return {**given, **changed}


def test_silent_faults_do_not_count():
    some = [row(), row(counts=False, right=False, sick=False)]
    assert figures(some)["all: faults detected"] == (1, 1)
    assert len(silent(some)) == 1


def test_everything_that_went_wrong_is_listed():
    assert left_open([row()]) == "Nothing."
    listed = left_open(
        [
            row(right=False, sick=False, name=""),
            row(right=False, name=""),
            row(right=False, wrong=True, name="slope-twice"),
            row(kind="healthy", number=None, counts=False, right=False),
        ]
    )
    for words in ("not detected", "not named", "named wrongly, slope-twice", "but alarmed: sign"):
        assert words in listed


def test_a_wrong_name_is_counted_as_wrong(monkeypatch):
    liar = Subject("planted", "liar", pooling.MeanPoolNotDivided, 7, {}, pooling.MeanPool)
    monkeypatch.setattr(trial, "subjects", lambda: iter([liar]))
    (found,) = rows()
    assert (found["sick"], found["right"], found["wrong"]) == (True, False, True)


def test_the_page_has_the_figures_and_the_held_out_draws():
    text = page([row(), row(kind="healthy", number=None, counts=False, sick=False, right=False)])
    assert "| all: named rightly, first answer | 1.000 |" in text
    assert "| 3 | every tied winner gets the error | 1 | 1 | 1 | 0 | 0 |" in text
    assert "| all | 0.25 s | 0.25 s | `A\\|B` |" in text
    assert "before mending" in text
    assert "| 1 | 68 | 45 | 2 |" in text
    assert "Named rightly, all draws: 0.64 (0.56–0.71)." in text


def test_the_command_records_and_writes(monkeypatch, tmp_path):
    draws = (doctor.RESULTS / "held-out-draws.json").read_text(encoding="utf-8")
    (tmp_path / "held-out-draws.json").write_text(draws, encoding="utf-8")
    monkeypatch.setattr(doctor, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(measure, "trials", lambda only: trial.rows("SwishMinus"))
    result = CliRunner().invoke(app, ["doctor-layers", "--write"])
    assert result.exit_code == 0, result.output
    assert "sign" in result.output
    record = json.loads((tmp_path / "layers.json").read_text(encoding="utf-8"))
    assert record["machine"]
    assert [r["name"] for r in record["rows"]] == ["sign"]
    assert "doctor-layers --write" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_nothing_to_show_is_said():
    result = CliRunner().invoke(app, ["doctor-layers", "--only", "no such layer"])
    assert result.exit_code == 2


@pytest.mark.parametrize("name", ["conv_forward_naive,", "max_pool_forward_naive,"])
def test_a_fault_that_shows_with_other_windows_alone_is_not_silent(name):
    case = next(each for each in LATER_CASES if f"cases_sixth:{name}" in each.target and each.twin)
    assert not is_silent(case.subject, case.mended, case.hints)
    assert is_silent(case.mended, case.mended, case.hints)


@pytest.mark.parametrize("command", ["doctor-layers", "doctor-runs", "doctor-cost"])
def test_a_part_is_not_recorded(command):
    result = CliRunner().invoke(app, [command, "--only", "x", "--write"])
    assert result.exit_code == 2
    assert "A part is not recorded" in result.output


def test_the_page_is_what_was_recorded():
    record = records.read("layers", doctor.RESULTS)
    assert page(record["rows"]) == measure.PAGE.read_text(encoding="utf-8")
