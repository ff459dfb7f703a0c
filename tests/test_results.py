"""RESULTS.md, its pictures and the answers say what the records say; the answers' programs run."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from sixloops.data import load_mnist
from sixloops.descriptions import completed
from sixloops.errors import FileError
from sixloops.recipes import RECIPES
from sixloops.recipes.recipe import Setting
from sixloops.recipes.records import first_training, read_record, read_results

ROOT = Path(__file__).parents[1]
ANSWERS = sorted((ROOT / "docs" / "answers").glob("*.md"))
PROGRAM = runpy.run_path(str(ROOT / "results" / "page.py"))


def test_the_page_is_made_of_the_records():
    page = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
    assert PROGRAM["page"]() == page
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        assert (ROOT / target).exists(), target


RECORDS = sorted((ROOT / "results" / "recipes").glob("*/*.json"))


def names_of(paths):
    return [f"{path.parent.name}/{path.stem}" for path in paths]


@pytest.mark.parametrize("path", RECORDS, ids=names_of(RECORDS))
def test_a_record_is_of_a_whole_run(path):
    record = read_record(path)
    experiments = {each.name for each in RECIPES[path.parent.name].experiments}
    assert record["recipe"] == path.parent.name
    assert record["experiment"] in experiments
    assert record["short"] is False
    assert record["command"].startswith(f"sixloops reproduce {record['recipe']}")
    assert "--short" not in record["command"]
    assert {"sixloops", "python", "numpy"} <= record["versions"].keys()
    epochs = [epoch["epoch"] for epoch in record["measured"].get("epochs", [])]
    assert epochs == list(range(1, len(epochs) + 1))
    if epochs and "broken" not in record["measured"]:
        assert len(epochs) == record["trained"][0]["settings"]["epochs"]


def check_again(experiment, record):
    """Do again what trains nothing, which takes a second; but not what a clock has measured."""
    if experiment.name != "times":
        noted = []
        measured = experiment.run(Setting(*load_mnist(), record["seed"], note=noted.append))
        assert completed(record["trained"]) == json.loads(json.dumps(noted))
        recorded = dict(numbers_in(record["measured"]))
        # What is 0 but for rounding is as small on any machine.
        assert dict(numbers_in(measured)) == pytest.approx(recorded, rel=1e-4, abs=1e-6)


def numbers_in(node, path=""):
    """Yield all numbers in nested dictionaries and lists, by their paths."""
    if isinstance(node, dict | list):
        for name, part in node.items() if isinstance(node, dict) else enumerate(node):
            yield from numbers_in(part, f"{path}/{name}")
    else:
        yield path, node


@pytest.mark.parametrize("path", RECORDS, ids=names_of(RECORDS))
def test_a_record_is_of_what_the_recipe_is_now(path):
    """A rate that is changed in a recipe makes its records those of something else."""
    record = read_record(path)
    experiments = {each.name: each for each in RECIPES[path.parent.name].experiments}
    experiment = experiments[record["experiment"]]
    recorded = next(iter(completed(record["trained"])), {})
    if "settings" not in recorded:
        check_again(experiment, record)
        return
    try:
        data = experiment.load(None, False)
    except FileError:  # this data set is not here: all but the data can be compared
        data = load_mnist()
        recorded["data"] = recorded["network"]["classes"] = None
    now = first_training(experiment, Setting(*data, record["seed"]))
    if recorded["data"] is None:
        now["data"] = now["network"]["classes"] = None
    assert recorded == json.loads(json.dumps(now))


@pytest.mark.parametrize("recipe", PROGRAM["recorded"](), ids=lambda recipe: recipe.name)
def test_a_picture_shows_the_records(recipe):
    charts = recipe.charts(read_results(ROOT / "results" / "recipes" / recipe.name, recipe))
    with Image.open(ROOT / "docs" / "results" / f"{recipe.name}.png") as picture:
        assert picture.text["Source"] == PROGRAM["digest"](charts)


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
