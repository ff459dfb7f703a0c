"""RESULTS.md, its pictures and the answers say what the records say; the answers' programs run."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from sixloops.recipes import RECIPES

ROOT = Path(__file__).parents[1]
ANSWERS = sorted((ROOT / "docs" / "answers").glob("*.md"))
PROGRAM = runpy.run_path(str(ROOT / "results" / "page.py"))


def test_the_page_is_made_of_the_records():
    page = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
    assert PROGRAM["page"]() == page
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        assert (ROOT / target).exists(), target


def test_records_are_of_whole_runs():
    paths = list((ROOT / "results" / "recipes").glob("*/*.json"))
    assert paths
    for path in paths:
        record = PROGRAM["read_record"](path)
        assert record["recipe"] == path.parent.name
        assert path.name == f"{record['experiment']}-seed{record['seed']}.json"
        assert record["short"] is False
        assert record["command"].startswith(f"sixloops reproduce {record['recipe']}")


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_an_answers_findings_are_those_of_the_records(path):
    text = path.read_text(encoding="utf-8")
    names = re.findall(r"<!-- findings of ([\w-]+) -->", text)
    assert names
    assert PROGRAM["answer"](text) == text
    prose = re.sub(r"(?s)```.*?```", "", text)
    for target in re.findall(r"\]\(([^)#:]+)\)", prose):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_an_answers_program_runs(path, tmp_path):
    """All Python blocks of a page form one program."""
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    assert not list(tmp_path.iterdir())


def test_each_recipe_with_an_answer_is_linked():
    stems = {path.stem for path in ANSWERS}
    for name in stems & RECIPES.keys():
        text = (ROOT / "docs" / "answers" / f"{name}.md").read_text(encoding="utf-8")
        assert f"<!-- findings of {name} -->" in text
