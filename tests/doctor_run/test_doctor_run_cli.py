from __future__ import annotations

import json
import sys

import pytest
import typer
from typer.testing import CliRunner

from sixloops.cli import doctor_run
from sixloops.doctor.faults.runs import FAULTS
from sixloops.errors import FileError

SOURCE = """
from sixloops import Network
from sixloops.doctor.run import Case
from sixloops.doctor.faults.runs.cases import part
from sixloops.layers import Dense, Flatten, Rescale
from sixloops.optimizers import SGD

def case(layers):
    data, held = part("mnist", 6, 600)
    def network(seed):
        return Network([*layers, Flatten(), Dense(30, activation="sigmoid"), Dense(10)],
                       (1, 28, 28), seed=seed)
    options = {"epochs": 5, "batch_size": 20, "optimizer": SGD(0.5), "threads": 1}
    return Case(network, data, held, options)

def well():
    return case([Rescale(1 / 255)])

def ill():
    return case([])

def broken():
    raise ValueError("no such data")

def brief():
    one = case([Rescale(1 / 255)])
    return Case(one.network, one.data.first(40), None, {**one.options, "epochs": 1})

number = 3
"""


LAZY = """
import sys
from pathlib import Path
sys.path.append(str(Path(__file__).parent / "more"))

def make():
    from helper_beside import well
    import helper_further
    return well()
"""


@pytest.fixture
def app():
    made = typer.Typer()
    made.command("run")(doctor_run.run)
    made.command("show")(doctor_run.show)
    return made


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


def call(app, *words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_healthy_is_0_and_sick_is_1(app, file):
    well, ill = call(app, "run", f"{file}:well"), call(app, "run", f"{file}:ill")
    assert (well.exit_code, ill.exit_code) == (0, 1)
    assert well.output.startswith("The run: healthy.")
    assert "Divide the pixels by 255" in ill.output
    assert "With the fix the same run reaches" in ill.output


def test_too_short_to_tell_is_3(app, file, tmp_path):
    brief = call(app, "run", f"{file}:brief", "--out", tmp_path / "report")
    assert brief.exit_code == 3
    assert brief.output.startswith("The run: not enough seen to tell.")
    assert "Train for longer" in brief.output
    assert "not enough seen to tell" in (tmp_path / "report" / "report.html").read_text()


def test_functions_may_import_what_lies_beside_their_file(app, file, tmp_path):
    file.rename(tmp_path / "helper_beside.py")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "helper_further.py").touch()
    (tmp_path / "lazy.py").write_text(LAZY)
    before = list(sys.path), "sixloops_doctor_lazy" in sys.modules
    done = call(app, "run", f"{tmp_path / 'lazy.py'}:make")
    assert done.exit_code == 0, done.output
    assert (list(sys.path), "sixloops_doctor_lazy" in sys.modules) == before


def test_what_lies_beside_a_file_is_forgotten_with_it(app, tmp_path):
    for number in (1, 2):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        (folder / "beside_it.py").write_text(f"NUMBER = {number}")
        (folder / "mine.py").write_text(
            "import beside_it\ndef make():\n    raise ValueError(f'number {beside_it.NUMBER}')\n"
        )
        assert f"number {number}" in call(app, "run", f"{folder / 'mine.py'}:make").output
    assert "beside_it" not in sys.modules


def test_json_and_a_report(app, file, tmp_path):
    done = call(app, "run", f"{file}:ill", "--json", "--out", tmp_path / "report")
    assert json.loads(done.output)["name"] == "inputs-not-scaled"
    page = (tmp_path / "report" / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page
    assert "Divide the pixels by 255" in page
    assert json.loads((tmp_path / "report" / "verdict.json").read_text())["proof"]


def test_a_report_that_cannot_be_written_is_told_before_anything_is_run(app, file, tmp_path):
    (tmp_path / "taken").write_text("mine")
    result = CliRunner().invoke(app, ["run", f"{file}:broken", "--out", str(tmp_path / "taken")])
    assert isinstance(result.exception, FileError)
    assert "no such data" not in result.output
    empty = CliRunner().invoke(app, ["run", f"{file}:broken", "--out", ""])
    assert "--out must name a folder" in str(empty.exception)


def test_code_that_raises_could_not_be_run(app, file):
    done = call(app, "run", f"{file}:broken")
    assert done.exit_code == 2
    assert done.output.startswith("The run: it could not be run.")
    assert "ValueError: no such data" in done.output
    assert "mine.py" in done.output


@pytest.mark.parametrize("where", ["nothing.py:make", "no-colon", "{file}:absent", "{file}:number"])
def test_bad_usage_is_an_error_of_the_library(app, file, where):
    done = call(app, "run", where.format(file=file))
    assert type(done.exception).__name__ in ("ConfigurationError", "FileError")


def test_show_lists_and_shows(app):
    listed = call(app, "show").output
    assert all(fault in listed for fault in FAULTS)
    shown = call(app, "show", "relu-on-logits").output
    assert "How it is planted here, in dense" in shown
    assert "(fault " not in listed + shown
    assert "ReLU()" in shown
    assert "with the fault  loss" in shown
    assert "Leave the activation off the last layer." in shown


def test_show_of_nothing_is_bad_usage(app):
    assert "must be one of" in str(call(app, "show", "nothing").exception)
    assert "mean 'kernel-not-turned'?" in str(call(app, "show", "kernel-not").exception)
    done = call(app, "show", "mean-pool-not-divided", "--network", "dense")
    assert "must be one of lenet-mean" in str(done.exception)
