"""Where a verdict sends its reader."""

import importlib
from pathlib import Path

from sixloops.doctor import verdict as verdicts
from sixloops.doctor.layer.mistakes.normalisation import PAGE
from sixloops.doctor.verdict import Diagnosis, Verdict

ROOT = Path(__file__).parents[2]


def printed(page):
    said = Diagnosis("a", "It is wrong.", page=page)
    return str(Verdict("It", healthy=False, diagnoses=(said,)))


def test_a_module_is_named_as_it_is_imported():
    assert "read: the module sixloops.layers.batch_normalization" in printed(PAGE)
    assert importlib.import_module("sixloops.layers.batch_normalization")


def test_a_page_is_a_path_in_a_clone_and_else_of_the_project(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert printed("docs/doctor.md#a").endswith("read: docs/doctor.md#a")
    monkeypatch.chdir(tmp_path)
    assert "".join(printed("docs/doctor.md#a").split()).endswith(f"read:{ROOT}/docs/doctor.md#a")
    monkeypatch.setattr(verdicts, "PROJECT", Path("/nowhere"))
    assert printed("docs/doctor.md#a").endswith("read: docs/doctor.md#a of the project")
